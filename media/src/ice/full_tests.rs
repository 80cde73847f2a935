//! Two agents and a network between them.

use super::*;
use crate::ice::IceAgent;
use crate::plan::{IceCredentials, RemoteCandidate};

const TICK: Duration = Duration::from_millis(20);

struct Side {
    agent: IceAgent,
    address: SocketAddr,
    moved: Option<SocketAddr>,
    /// Checks that it sent.
    asked: usize,
}

fn at(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 4_000))
}

fn credentials(name: &str) -> IceCredentials {
    IceCredentials { ufrag: name.into(), pwd: format!("{name} and twenty-two more octets") }
}

fn candidate(host: u8, priority: u32) -> RemoteCandidate {
    RemoteCandidate { address: at(host), priority }
}

fn full(role: IceRole, tie_breaker: u64, candidates: Vec<RemoteCandidate>) -> Option<FullIce> {
    Some(FullIce { role, tie_breaker, candidates })
}

impl Side {
    fn new(host: u8, own: &str, theirs: &str, full: Option<FullIce>) -> Self {
        let plan = IcePlan { local: credentials(own), remote: credentials(theirs), full };
        Self { agent: IceAgent::new(&plan, [0, 0, 0, host]), address: at(host), moved: None, asked: 0 }
    }

    fn take(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Option<Vec<u8>> {
        let checked = self.agent.handle_datagram(datagram, from, now);
        self.moved = checked.moved.or(self.moved);
        checked.reply.map(|reply| reply.as_slice().to_vec())
    }
}

/// Lets both talk. `passes`: whether a datagram from one host to another arrives.
fn talk(sides: &mut [Side; 2], start: Instant, time: Duration, passes: impl Fn(SocketAddr, SocketAddr) -> bool) {
    let mut now = start;
    while now < start + time {
        for turn in 0..2 {
            let [one, other] = sides;
            let (from, to) = if turn == 0 { (one, other) } else { (other, one) };
            while let Some((target, check)) = from.agent.poll_check(now) {
                from.asked += 1;
                if target != to.address || !passes(from.address, to.address) {
                    continue;
                }
                let Some(reply) = to.take(check.as_slice(), from.address, now) else { continue };
                if passes(to.address, from.address) {
                    assert_eq!(from.take(&reply, to.address, now), None, "a response is not answered");
                }
            }
        }
        now += TICK;
    }
}

#[test]
fn two_full_agents_find_each_other() {
    let now = Instant::now();
    let mut sides = [
        Side::new(1, "ones", "twos", full(IceRole::Controlling, 1, vec![candidate(9, 300), candidate(2, 200)])),
        Side::new(2, "twos", "ones", full(IceRole::Controlled, 2, vec![candidate(1, 100)])),
    ];
    talk(&mut sides, now, Duration::from_secs(2), |_, _| true);
    assert_eq!((sides[0].agent.peer(), sides[1].agent.peer()), (Some(at(2)), Some(at(1))));
    assert_eq!((sides[0].moved, sides[1].moved), (Some(at(2)), Some(at(1))));
    assert!(!sides[0].agent.admits(at(9)));
    // The path may have been found from one side alone: the other's candidates are then revealed by its checks.
    let mut sides = [
        Side::new(1, "ones", "twos", full(IceRole::Controlling, 1, vec![])),
        Side::new(2, "twos", "ones", full(IceRole::Controlled, 2, vec![candidate(1, 100)])),
    ];
    talk(&mut sides, now, Duration::from_secs(2), |_, _| true);
    assert_eq!((sides[0].agent.peer(), sides[1].agent.peer()), (Some(at(2)), Some(at(1))));
}

#[test]
fn a_lite_peer_is_found_and_told() {
    let now = Instant::now();
    let mut sides = [
        Side::new(1, "ones", "twos", full(IceRole::Controlling, 1, vec![candidate(2, 200)])),
        Side::new(2, "twos", "ones", None),
    ];
    talk(&mut sides, now, Duration::from_secs(1), |_, _| true);
    assert_eq!((sides[0].agent.peer(), sides[1].agent.peer()), (Some(at(2)), Some(at(1))));
    assert_eq!(sides[1].asked, 0);
}

/// RFC 8445 §7.3.1.1 and §7.2.5.1: whoever has the larger number controls.
#[test]
fn a_conflict_of_roles_is_settled() {
    let now = Instant::now();
    for role in [IceRole::Controlling, IceRole::Controlled] {
        for ties in [[1, 2], [2, 1]] {
            let mut sides = [
                Side::new(1, "ones", "twos", full(role, ties[0], vec![candidate(2, 200)])),
                Side::new(2, "twos", "ones", full(role, ties[1], vec![candidate(1, 200)])),
            ];
            talk(&mut sides, now, Duration::from_secs(3), |_, _| true);
            assert_eq!((sides[0].agent.peer(), sides[1].agent.peer()), (Some(at(2)), Some(at(1))), "{role:?} {ties:?}");
        }
    }
}

/// RFC 7675 §5.1: the peer falls silent, and within 30 s nothing is sent any more.
#[test]
fn consent_is_asked_for_and_ends() {
    let now = Instant::now();
    let mut sides = [
        Side::new(1, "ones", "twos", full(IceRole::Controlling, 1, vec![candidate(2, 200)])),
        Side::new(2, "twos", "ones", None),
    ];
    talk(&mut sides, now, Duration::from_secs(60), |_, _| true);
    let asked = sides[0].asked;
    assert!((10..=20).contains(&asked), "every five seconds: {asked}");
    let later = now + Duration::from_secs(60);
    assert!(sides[0].agent.has_consent(Duration::ZERO, later));
    talk(&mut sides, later, Duration::from_secs(60), |from, _| from == at(1));
    assert!(sides[0].agent.has_consent(Duration::ZERO, later + Duration::from_secs(23)));
    assert!(!sides[0].agent.has_consent(Duration::ZERO, later + Duration::from_secs(30)));
    let asked = sides[0].asked;
    talk(&mut sides, later + Duration::from_secs(60), Duration::from_secs(60), |_, _| true);
    assert_eq!(sides[0].asked, asked, "who does not agree is not asked either");
}

/// RFC 8445 §19.5.1: a description cannot have us send much to others.
#[test]
fn addresses_that_do_not_answer_are_asked_seldom() {
    let now = Instant::now();
    let candidates = (10..40).map(|host| candidate(host, u32::from(host))).collect();
    let mut sides =
        [Side::new(1, "ones", "twos", full(IceRole::Controlling, 1, candidates)), Side::new(2, "twos", "ones", None)];
    talk(&mut sides, now, Duration::from_secs(120), |_, _| true);
    assert_eq!((sides[0].asked, sides[0].agent.peer()), (PAIRS * usize::from(SENDS), None));
}

#[test]
fn forged_answers_prove_nothing() {
    let now = Instant::now();
    let mut side = Side::new(1, "ones", "twos", full(IceRole::Controlling, 1, vec![candidate(2, 200)]));
    let (_, check) = side.agent.poll_check(now).expect("a check");
    let message = Message::parse(check.as_slice()).expect("well made");
    let honest = message.success(at(1), &key(&credentials("twos").pwd));
    let forged = message.success(at(1), &key("another password, as long"));
    assert_eq!(side.agent.handle_datagram(forged.as_slice(), at(2), now).fault, Some(CheckFault::Forged));
    // Sealed as it should be, from where nobody was asked.
    side.take(honest.as_slice(), at(7), now);
    assert!(!side.agent.admits(at(2)) && !side.agent.admits(at(7)));
}

#[test]
fn a_restart_keeps_the_peer_until_another_pair_is_nominated() {
    let now = Instant::now();
    let mut sides = [
        Side::new(1, "ones", "twos", full(IceRole::Controlling, 1, vec![candidate(2, 200)])),
        Side::new(2, "twos", "ones", None),
    ];
    talk(&mut sides, now, Duration::from_secs(1), |_, _| true);
    let mut after = [
        Side::new(1, "ones-new", "twos-new", full(IceRole::Controlling, 1, vec![candidate(3, 200)])),
        Side::new(3, "twos-new", "ones-new", None),
    ];
    after[0].agent.restart(&sides[0].agent);
    let later = now + Duration::from_secs(1);
    assert!(after[0].agent.peer() == Some(at(2)) && after[0].agent.has_consent(Duration::ZERO, later));
    talk(&mut after, later, Duration::from_secs(1), |_, _| true);
    assert_eq!(after[0].agent.peer(), Some(at(3)));
}
