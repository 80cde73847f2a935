use super::*;
use crate::ice::checks::{PASSWORD, request};
use crate::plan::IceCredentials;

const RTP: [u8; 12] = [0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7];
const HELLO: [u8; 14] = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 9], port))
}

fn guest(leg: u64, shard: usize, ours: &str) -> Box<Guest> {
    let credentials = |ufrag: &str| IceCredentials { ufrag: ufrag.into(), pwd: PASSWORD.into() };
    Box::new(Guest::new(LegId(leg), shard, &IcePlan::lite(credentials(ours), credentials("peer"))))
}

fn check(ours: &str) -> Vec<u8> {
    request(&format!("{ours}:peer"), PASSWORD, &[])
}

#[test]
fn a_check_goes_by_its_fragment_and_the_rest_by_its_source() {
    let mut table = MuxTable::new(8);
    assert!(table.expect(guest(1, 0, "one1")).is_none() && table.expect(guest(2, 3, "two2")).is_none());
    assert_eq!(table.route(&RTP, at(1)), Err(Refused));
    assert_eq!(table.route(&HELLO, at(1)), Err(Refused));
    assert_eq!(table.route(&check("one1"), at(1)), Ok((LegId(1), 0)));
    assert_eq!(table.route(&check("two2"), at(2)), Ok((LegId(2), 3)));
    assert_eq!(table.route(&check("three"), at(3)), Err(Refused));
    for datagram in [&RTP[..], &HELLO[..]] {
        assert_eq!(table.route(datagram, at(1)), Ok((LegId(1), 0)));
        assert_eq!(table.route(datagram, at(2)), Ok((LegId(2), 3)));
        assert_eq!(table.route(datagram, at(3)), Err(Refused));
    }
    table.move_to(LegId(2), 0);
    assert_eq!(table.route(&RTP, at(2)), Ok((LegId(2), 0)));
}

/// The leg answers it with 401, and its sender stays a stranger.
#[test]
fn a_forged_check_proves_nothing() {
    let mut table = MuxTable::new(8);
    table.expect(guest(1, 0, "one1"));
    assert_eq!(table.route(&request("one1:peer", "guess", &[]), at(1)), Ok((LegId(1), 0)));
    assert_eq!(table.route(&RTP, at(1)), Err(Refused));
}

#[test]
fn a_leg_that_leaves_leaves_nothing_behind() {
    let mut table = MuxTable::new(8);
    table.expect(guest(1, 0, "one1"));
    for port in 1..=20 {
        table.route(&check("one1"), at(port)).expect("known");
    }
    assert_eq!(table.by_source.len(), 8, "the oldest gave way");
    assert!(table.forget(LegId(1)).is_some() && table.forget(LegId(1)).is_none());
    assert!(
        table.is_empty() && table.by_fragment.is_empty() && table.by_asker.is_empty() && table.by_source.is_empty()
    );
}

#[test]
fn a_restart_keeps_who_was_proven() {
    let mut table = MuxTable::new(8);
    table.expect(guest(1, 0, "one1"));
    table.route(&check("one1"), at(1)).expect("known");
    assert!(table.expect(guest(1, 0, "new1")).is_some(), "the old one goes back");
    assert_eq!(table.route(&RTP, at(1)), Ok((LegId(1), 0)));
    assert_eq!(table.route(&check("one1"), at(1)), Err(Refused));
    assert_eq!(table.route(&check("new1"), at(2)), Ok((LegId(1), 0)));
}

/// Another leg's fragment is not to be had, and a full house takes nobody in.
#[test]
fn nobody_takes_anothers_place() {
    let mut table = MuxTable::new(2);
    table.expect(guest(1, 0, "one1"));
    assert!(table.expect(guest(2, 0, "one1")).is_some());
    assert!(table.expect(guest(2, 0, "two2")).is_none());
    assert!(table.expect(guest(3, 0, "three")).is_some());
    assert_eq!(table.route(&check("one1"), at(1)), Ok((LegId(1), 0)));
}

/// `cargo test -p plenary-media --lib mux -- --ignored --nocapture`: the figures of decision 0014.
#[test]
#[ignore = "measures, and proves nothing"]
fn what_a_datagram_costs() {
    use super::super::ring::feeds;
    use std::time::Instant;
    const LEGS: u64 = 1_000;
    const ROUNDS: u64 = 500;
    let mut table = MuxTable::new(4_096);
    let source = |leg: u64| SocketAddr::from(([192, 0, (leg >> 8) as u8, leg as u8], 4_000));
    for leg in 0..LEGS {
        let ours = format!("leg{leg:04}");
        table.expect(guest(leg, 0, &ours));
        table.route(&check(&ours), source(leg)).expect("known");
    }
    let packet = [0x80; 172];
    let each = |what: &str, work: &mut dyn FnMut(u64)| {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| (0..LEGS).for_each(&mut *work));
        println!("{what}: {} ns", start.elapsed().as_nanos() / u128::from(ROUNDS * LEGS));
    };
    each("a packet of a leg", &mut |leg| {
        table.route(&packet, source(leg)).expect("known");
    });
    each("a packet of a stranger", &mut |leg| assert!(table.route(&packet, source(leg + LEGS)).is_err()));
    let known = check("leg0001");
    each("a check", &mut |_| {
        table.route(&known, source(1)).expect("known");
    });
    let (mut to, mut from) = feeds(2);
    let now = Instant::now();
    each("through the ring", &mut |leg| {
        assert!(to[0].send(LegId(leg), source(leg), now, &packet));
        from[0].receive(|_, datagram, _, _| assert_eq!(datagram.len(), 172));
    });
}
