//! A full agent with one address of its own: it checks the peer's candidates, and asks for consent as long as it sends.
//!
//! RFC 8445 §6.1.4 (pacing), §7.2 (checks), §7.3 (answering), §8.1.1 (nomination); RFC 7675 §5.1 (consent).
//!
//! ```text
//!   Waiting ──Ta──▶ InProgress ──success──▶ Succeeded ──controlling: asked again with USE-CANDIDATE─┐
//!      ▲                │ └─ no answer to seven ─▶ Failed ◀─ error                                  ▼
//!      └── 487: the other role, or a check of the peer's (triggered)        controlled: the peer asked so ─▶ nominated
//! ```
//!
//! Left out: freezing, since there is one component and one base; gathering; aggressive nomination.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;

use super::checked::{CheckFault, Checked};
use super::stun::{Check, Kind, Message, Transaction, key};
use super::valid_pairs::ValidPairs;
use crate::plan::{FullIce, IcePlan, IceRole};
use crate::random::Random;

/// Between two checks (RFC 8445 §14.2).
const TA: Duration = Duration::from_millis(50);
/// RFC 8489 §6.2.1.
const RTO: Duration = Duration::from_millis(500);
const SENDS: u8 = 7;
/// The peer's candidates, and those that its checks reveal. Nobody can have us ask more addresses than that (§19.5.1).
pub(crate) const PAIRS: usize = 8;
/// From the first success on better pairs have so long to succeed too.
const PATIENCE: Duration = Duration::from_millis(300);
/// RFC 7675 §5.1: after this without an answer nothing is sent any more.
const CONSENT: Duration = Duration::from_secs(30);
/// Between two questions for it; from 0.8 to 1.2 of that.
const CONSENT_EVERY: Duration = Duration::from_secs(5);
/// Type preference 110: what a check reveals is peer-reflexive (§5.1.2.1).
const REFLEXIVE_PRIORITY: u32 = (110 << 24) + (65_535 << 8) + 255;

#[derive(Clone, Debug)]
pub struct IceFull {
    /// What the peer's checks say, and ours.
    username: String,
    own_username: String,
    local: hmac::Key,
    remote: hmac::Key,
    role: IceRole,
    tie_breaker: u64,
    asker: [u8; 4],
    random: Random,
    pairs: [Option<Pair>; PAIRS],
    valid: ValidPairs,
    first_success_at: Option<Instant>,
    /// A pair is nominated; others are checked only where the peer checks them.
    is_concluded: bool,
    next_check_at: Option<Instant>,
    consent: Option<Consent>,
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    remote: SocketAddr,
    priority: u32,
    state: State,
    /// Once it succeeds it is nominated: the peer asked so, or we do.
    nominates: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    InProgress { transaction: Transaction, sent: u8, resend_at: Instant },
    Succeeded,
    Failed,
}

#[derive(Clone, Copy, Debug)]
struct Consent {
    expires_at: Instant,
    ask_at: Instant,
    /// The last question.
    transaction: Option<Transaction>,
}

impl IceFull {
    /// `asker`: stands in our transactions, so that answers find their way where many agents share a port.
    pub fn new(plan: &IcePlan, full: &FullIce, asker: [u8; 4]) -> Self {
        let mut pairs = [None; PAIRS];
        for (place, candidate) in pairs.iter_mut().zip(&full.candidates) {
            let (remote, priority) = (candidate.address, candidate.priority);
            *place = Some(Pair { remote, priority, state: State::Waiting, nominates: false });
        }
        Self {
            username: plan.username(),
            own_username: format!("{}:{}", plan.remote.ufrag, plan.local.ufrag),
            local: key(&plan.local.pwd),
            remote: key(&plan.remote.pwd),
            role: full.role,
            tie_breaker: full.tie_breaker,
            asker,
            random: Random::from_seed(full.tie_breaker),
            pairs,
            valid: ValidPairs::default(),
            first_success_at: None,
            is_concluded: false,
            next_check_at: None,
            consent: None,
        }
    }

    /// After a restart the peer is met where it was, until a new pair is nominated (RFC 8839 §4.4.1.1.1).
    pub(super) fn restart(&mut self, valid: ValidPairs, consent_until: Option<Instant>) {
        self.valid = valid;
        self.consent = consent_until.map(|at| Consent { expires_at: at, ask_at: at, transaction: None });
    }

    pub(super) fn valid(&self) -> ValidPairs {
        self.valid
    }

    pub fn consent_until(&self) -> Option<Instant> {
        self.consent.map(|consent| consent.expires_at)
    }

    pub fn peer(&self) -> Option<SocketAddr> {
        self.valid.nominated()
    }

    pub fn admits(&self, from: SocketAddr) -> bool {
        self.valid.contain(from)
    }

    /// Whether the peer still agrees to be sent to.
    pub fn has_consent(&self, now: Instant) -> bool {
        self.consent.is_some_and(|consent| now < consent.expires_at)
    }

    pub fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Checked {
        let Some(message) = Message::parse(datagram) else { return Checked::faulty(CheckFault::Malformed) };
        match message.kind {
            Kind::Request => self.handle_request(&message, from, now),
            Kind::Indication if self.admits(from) => Checked::default(),
            Kind::Response if message.verifies(&self.remote) => self.handle_response(&message, from, now),
            Kind::Indication | Kind::Response => Checked::faulty(CheckFault::Forged),
        }
    }

    /// What to send now: where to, and the check. Call it until there is nothing.
    pub fn poll_check(&mut self, now: Instant) -> Option<(SocketAddr, Check)> {
        self.ask_for_consent(now).or_else(|| {
            if self.next_check_at.is_some_and(|at| now < at) {
                return None;
            }
            self.nominate_the_best(now);
            let check = self.next_check(now);
            self.next_check_at = check.is_some().then_some(now + TA);
            check
        })
    }

    fn handle_request(&mut self, message: &Message<'_>, from: SocketAddr, now: Instant) -> Checked {
        if let Some(refusal) = Checked::refusal(message, &self.username, &self.local) {
            return refusal;
        }
        if let Some((role, theirs)) = message.role.filter(|(role, _)| *role == self.role) {
            // §7.3.1.1: the larger one controls.
            let stays = match role {
                IceRole::Controlling => self.tie_breaker >= theirs,
                IceRole::Controlled => self.tie_breaker < theirs,
            };
            if stays {
                return Checked::replied(message.error(487, "Role Conflict", Some(&self.local)));
            }
            self.role = self.role.other();
        }
        let moved = self.trigger(message, from, now);
        Checked { moved, ..Checked::replied(message.success(from, &self.local)) }
    }

    /// The peer's check has us check the same pair (§7.3.1.4), and maybe nominates it (§7.3.1.5).
    fn trigger(&mut self, message: &Message<'_>, from: SocketAddr, now: Instant) -> Option<SocketAddr> {
        let asked = message.use_candidate && self.role == IceRole::Controlled;
        let priority = message.priority.unwrap_or(REFLEXIVE_PRIORITY);
        // Whoever knows the password may be heard; where to send is settled by checks of our own.
        self.valid.remember(from);
        let pair = self.pair_with(from, priority)?;
        pair.nominates |= asked;
        match pair.state {
            State::Succeeded if asked => {
                pair.nominates = false;
                return self.nominate(from, now);
            }
            State::Succeeded | State::InProgress { .. } => {}
            State::Waiting | State::Failed => {
                pair.state = State::Waiting;
                self.next_check_at = None;
            }
        }
        None
    }

    fn handle_response(&mut self, message: &Message<'_>, from: SocketAddr, now: Instant) -> Checked {
        if let Some(consent) = &mut self.consent
            && consent.transaction == Some(message.transaction)
        {
            if self.valid.nominated() == Some(from) && message.error_code.is_none() {
                consent.expires_at = now + CONSENT;
            }
            return Checked::default();
        }
        let asked = |pair: &&mut Pair| matches!(pair.state, State::InProgress { transaction, .. } if transaction == message.transaction);
        let Some(pair) = self.pairs.iter_mut().flatten().find(asked) else { return Checked::default() };
        match message.error_code {
            // §7.2.5.1: the peer has our role; we take the other, and ask again.
            Some(487) => {
                pair.state = State::Waiting;
                self.role = self.role.other();
                return Checked::default();
            }
            // §7.2.5.2.1: the answer is to come from where the question went.
            None if pair.remote == from => pair.state = State::Succeeded,
            _ => {
                (pair.state, pair.nominates) = (State::Failed, false);
                return Checked::default();
            }
        }
        let nominates = std::mem::take(&mut pair.nominates);
        self.valid.remember(from);
        self.first_success_at.get_or_insert(now);
        Checked { moved: if nominates { self.nominate(from, now) } else { None }, ..Checked::default() }
    }

    fn nominate(&mut self, peer: SocketAddr, now: Instant) -> Option<SocketAddr> {
        for pair in self.pairs.iter_mut().flatten().filter(|pair| pair.state != State::Succeeded) {
            (pair.state, pair.nominates) = (State::Failed, false);
        }
        self.is_concluded = true;
        let ask_at = now + CONSENT_EVERY;
        self.consent = Some(Consent { expires_at: now + CONSENT, ask_at, transaction: None });
        self.valid.nominate(peer).then_some(peer)
    }

    /// The controlling side settles for the best pair that succeeded, once no better one may still do so soon.
    fn nominate_the_best(&mut self, now: Instant) {
        let under_way = self.pairs.iter().flatten().any(|pair| pair.nominates);
        if self.role != IceRole::Controlling || self.is_concluded || under_way {
            return;
        }
        let waited = self.first_success_at.is_some_and(|at| now >= at + PATIENCE);
        let succeeded = |pair: &&mut Pair| pair.state == State::Succeeded;
        let open = |pair: &Pair| matches!(pair.state, State::Waiting | State::InProgress { .. });
        let best_open = self.pairs.iter().flatten().filter(|pair| open(pair)).map(|pair| pair.priority).max();
        let Some(best) = self.pairs.iter_mut().flatten().filter(succeeded).max_by_key(|pair| pair.priority) else {
            return;
        };
        if waited || best_open.is_none_or(|open| open <= best.priority) {
            best.nominates = true;
            best.state = State::Waiting;
        }
    }

    /// What is to be sent again, then what waits, the best first.
    fn next_check(&mut self, now: Instant) -> Option<(SocketAddr, Check)> {
        for pair in self.pairs.iter_mut().flatten() {
            if let State::InProgress { sent, resend_at, .. } = pair.state
                && now >= resend_at
                && sent >= SENDS
            {
                (pair.state, pair.nominates) = (State::Failed, false);
            }
        }
        let due = |pair: &Pair| match pair.state {
            State::InProgress { resend_at, .. } => now >= resend_at,
            State::Waiting => true,
            State::Succeeded | State::Failed => false,
        };
        let transaction = self.transaction();
        let controlling = self.role == IceRole::Controlling;
        let pairs = self.pairs.iter_mut().flatten();
        let pair = pairs.filter(|pair| due(pair)).max_by_key(|pair| (pair.nominates, pair.priority))?;
        let (transaction, sent) = match pair.state {
            State::InProgress { transaction, sent, .. } => (transaction, sent),
            _ => (transaction, 0),
        };
        let resend_at = now + RTO * (1 << sent.min(SENDS));
        pair.state = State::InProgress { transaction, sent: sent + 1, resend_at };
        let (to, nominates) = (pair.remote, pair.nominates && controlling);
        Some((to, self.check(transaction, nominates)))
    }

    fn ask_for_consent(&mut self, now: Instant) -> Option<(SocketAddr, Check)> {
        let peer = self.valid.nominated()?;
        let consent = self.consent.filter(|consent| now >= consent.ask_at && now < consent.expires_at)?;
        let transaction = self.transaction();
        let ask_at = now + CONSENT_EVERY.mul_f64(0.8 + 0.4 * self.random.fraction());
        self.consent = Some(Consent { ask_at, transaction: Some(transaction), ..consent });
        Some((peer, self.check(transaction, false)))
    }

    fn check(&self, transaction: Transaction, nominates: bool) -> Check {
        let role = (self.role, self.tie_breaker);
        Check::request(transaction, &self.own_username, REFLEXIVE_PRIORITY, role, nominates, &self.remote)
    }

    /// Answers are authenticated, so chance need not be secret here.
    fn transaction(&mut self) -> Transaction {
        let mut transaction = [0; 12];
        transaction[..4].copy_from_slice(&self.asker);
        transaction[4..].copy_from_slice(&self.random.next_u64().to_be_bytes());
        transaction
    }

    /// The pair with this address; a new one takes an empty place, or that of one that failed.
    fn pair_with(&mut self, remote: SocketAddr, priority: u32) -> Option<&mut Pair> {
        let position = |of: &dyn Fn(&Pair) -> bool| self.pairs.iter().position(|pair| pair.as_ref().is_some_and(of));
        let known = position(&|pair| pair.remote == remote);
        let free = self.pairs.iter().position(Option::is_none).or(position(&|pair| pair.state == State::Failed));
        let place = self.pairs.get_mut(known.or(free)?)?;
        if known.is_none() {
            *place = Some(Pair { remote, priority, state: State::Waiting, nominates: false });
        }
        place.as_mut()
    }
}

#[cfg(test)]
#[path = "full_tests.rs"]
mod tests;
