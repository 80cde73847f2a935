//! Who has an offer open in a confirmed dialog: RFC 3261 §14, RFC 3311 §5, RFC 6141.
//!
//! ```text
//!              ┌── wanted, due ──▶ Ours ───2xx, refusal──┐
//!   Stable ────┤                    └─491: wanted later──┼──▶ Stable       their offer meanwhile:
//!              └── their offer ──▶ Theirs ──our answer───┘                 Ours: 491, Theirs: 500 Retry-After
//! ```
//!
//! Beside it stands a 2xx of ours that waits for its ACK. If it carries our offer, that is open until the ACK;
//! if not, a further request of the peer shows that it has the 2xx (RFC 5407 §3.1.4).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::confirming::Confirming;
use crate::dialog::Role;
use crate::endpoint::{Body, Rng};
use crate::message::{Request, Response, StatusCode};
use crate::net_types::Source;
use crate::transaction::TransactionId;

/// An INVITE transaction waits without end once it has heard 100. Somebody may have to be asked at the other
/// side, but not for longer than this (Timer C has the same length, RFC 3261 §16.6).
const LONGEST_ANSWER: Duration = Duration::from_secs(180);

/// Glare that many times in a row is a peer that does not want.
const MOST_TRIES: u32 = 8;

/// A Retry-After beyond the ten seconds of §14.2 says something else than "just now busy".
const LONGEST_RETRY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Exchange {
    role: Role,
    state: State,
    confirming: Option<Confirming>,
    wanted: Option<Wanted>,
}

#[derive(Debug)]
enum State {
    Stable,
    Ours { offer: Offer, tries: u32, give_up_at: Instant },
    Theirs(Theirs),
}

/// The peer's re-INVITE or UPDATE that waits for the user's answer.
#[derive(Debug)]
pub struct Theirs {
    pub transaction: TransactionId,
    pub request: Arc<Request>,
    pub source: Source,
}

/// An offer of ours, and whether the user knows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    pub body: Body,
    /// Says again what stands, to keep the session alive (RFC 4028 §7.2).
    pub is_refresh: bool,
}

#[derive(Debug)]
struct Wanted {
    offer: Offer,
    tries: u32,
    not_before: Instant,
}

/// What a final response to our re-INVITE means.
#[derive(Debug, PartialEq)]
pub enum Resolution {
    Accepted(Offer),
    /// The session stands as before.
    Refused(Offer),
    /// We try again by ourselves.
    Later,
    /// No offer of ours is open: a repetition.
    Unasked,
}

impl Exchange {
    pub fn new(role: Role) -> Self {
        Self { role, state: State::Stable, confirming: None, wanted: None }
    }

    /// Offers as soon as nothing else is open, and not before that time. Returns a wish that this one displaces.
    pub fn want(&mut self, offer: Offer, not_before: Instant) -> Option<Offer> {
        self.wanted.replace(Wanted { offer, tries: 0, not_before }).map(|wanted| wanted.offer)
    }

    /// As [`Self::want`], but gives way to anything else.
    pub fn want_if_idle(&mut self, offer: Offer, not_before: Instant) {
        if self.wanted.is_none() && matches!(self.state, State::Stable) {
            self.want(offer, not_before);
        }
    }

    /// The offer whose time has come; it is open from now on.
    pub fn next_offer(&mut self, now: Instant) -> Option<Offer> {
        let quiet = matches!(self.state, State::Stable) && self.confirming.is_none();
        let due = self.wanted.take_if(|wanted| quiet && wanted.not_before <= now)?;
        self.state = State::Ours { offer: due.offer.clone(), tries: due.tries + 1, give_up_at: now + LONGEST_ANSWER };
        Some(due.offer)
    }

    /// Whether the peer may offer now; else the status that says why not. 500 wants a Retry-After.
    pub fn admit(&self) -> Result<(), StatusCode> {
        match (&self.state, &self.confirming) {
            (State::Ours { .. }, _) => Err(StatusCode::REQUEST_PENDING),
            (State::Theirs(_), _) => Err(StatusCode::SERVER_INTERNAL_ERROR),
            (State::Stable, Some(confirming)) if confirming.offered => Err(StatusCode::REQUEST_PENDING),
            (State::Stable, _) => Ok(()),
        }
    }

    /// The peer's offer, or its request for one, waits for the user.
    pub fn open_theirs(&mut self, theirs: Theirs) {
        self.state = State::Theirs(theirs);
    }

    pub fn theirs(&self) -> Option<&Theirs> {
        match &self.state {
            State::Theirs(theirs) => Some(theirs),
            State::Stable | State::Ours { .. } => None,
        }
    }

    /// The request that the user's answer answers.
    pub fn close_theirs(&mut self) -> Option<Theirs> {
        match std::mem::replace(&mut self.state, State::Stable) {
            State::Theirs(theirs) => Some(theirs),
            state => {
                self.state = state;
                None
            }
        }
    }

    /// The final response to our re-INVITE.
    pub fn resolve(&mut self, response: &Response, rng: &mut Rng, now: Instant) -> Resolution {
        match std::mem::replace(&mut self.state, State::Stable) {
            State::Ours { offer, .. } if response.status.is_success() => Resolution::Accepted(offer),
            State::Ours { offer, tries, .. } => match self.retry_after(response, rng) {
                Some(pause) if tries < MOST_TRIES && self.wanted.is_none() => {
                    self.wanted = Some(Wanted { offer, tries, not_before: now + pause });
                    Resolution::Later
                }
                _ => Resolution::Refused(offer),
            },
            state => {
                self.state = state;
                Resolution::Unasked
            }
        }
    }

    /// Our re-INVITE had no final response.
    pub fn abandon(&mut self) -> Option<Offer> {
        match std::mem::replace(&mut self.state, State::Stable) {
            State::Ours { offer, .. } => Some(offer),
            state => {
                self.state = state;
                None
            }
        }
    }

    /// Our 2xx is out.
    pub fn confirm(&mut self, confirming: Confirming) {
        self.confirming = Some(confirming);
    }

    pub fn confirming(&mut self) -> Option<&mut Confirming> {
        self.confirming.as_mut()
    }

    /// The ACK for it, or what stands for one, came; or nothing will come any more.
    pub fn confirmed(&mut self) -> Option<Confirming> {
        self.confirming.take()
    }

    /// Whether our re-INVITE has waited too long for its final response.
    pub fn is_overdue(&self, now: Instant) -> bool {
        self.poll_ours().is_some_and(|at| at <= now)
    }

    /// When our re-INVITE is given up.
    pub fn poll_ours(&self) -> Option<Instant> {
        match self.state {
            State::Ours { give_up_at, .. } => Some(give_up_at),
            State::Stable | State::Theirs(_) => None,
        }
    }

    /// When the 2xx that waits for its ACK is due again.
    pub fn poll_confirming(&self) -> Option<Instant> {
        self.confirming.as_ref().map(Confirming::poll_timeout)
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let confirming = self.poll_confirming();
        let quiet = matches!(self.state, State::Stable) && confirming.is_none();
        let wanted = self.wanted.as_ref().filter(|_| quiet).map(|wanted| wanted.not_before);
        confirming.or(wanted).into_iter().chain(self.poll_ours()).min()
    }

    /// §14.1: who owns the Call-ID waits longer, so that the other side comes first.
    fn retry_after(&self, response: &Response, rng: &mut Rng) -> Option<Duration> {
        match response.status {
            StatusCode::REQUEST_PENDING => Some(rng.duration(match self.role {
                Role::Uac => Duration::from_millis(2100)..=Duration::from_secs(4),
                Role::Uas => Duration::ZERO..=Duration::from_secs(2),
            })),
            StatusCode::SERVER_INTERNAL_ERROR => response.headers.retry_after().filter(|pause| *pause <= LONGEST_RETRY),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::testing::{invite, source};
    use crate::message::{Header, HeaderName};

    fn offer(text: &'static str) -> Offer {
        Offer { body: Body::sdp(text), is_refresh: false }
    }

    fn theirs() -> Theirs {
        let request = Arc::new(invite());
        Theirs { transaction: TransactionId(1), request, source: source("192.0.2.1:5060") }
    }

    fn refusal(status: StatusCode) -> Response {
        invite().response(status, Some("a"))
    }

    fn offering(role: Role, now: Instant) -> Exchange {
        let mut exchange = Exchange::new(role);
        exchange.want(offer("v=0"), now);
        assert_eq!(exchange.next_offer(now), Some(offer("v=0")));
        exchange
    }

    #[test]
    fn an_offer_of_the_peer_meets_491_while_ours_is_open_and_500_while_its_own_is() {
        let now = Instant::now();
        assert_eq!(offering(Role::Uas, now).admit(), Err(StatusCode::REQUEST_PENDING));
        let mut exchange = Exchange::new(Role::Uas);
        exchange.open_theirs(theirs());
        assert_eq!(exchange.admit(), Err(StatusCode::SERVER_INTERNAL_ERROR));
        assert!(exchange.close_theirs().is_some());
        assert_eq!(exchange.admit(), Ok(()));
    }

    /// RFC 3261 §14.1.
    #[test]
    fn after_glare_the_owner_of_the_call_id_waits_longer() {
        let now = Instant::now();
        let windows = [(Role::Uac, 2100..=4000), (Role::Uas, 0..=2000)];
        for (role, window) in windows {
            for seed in 0..50 {
                let mut exchange = offering(role, now);
                let resolution =
                    exchange.resolve(&refusal(StatusCode::REQUEST_PENDING), &mut Rng::new([seed; 32]), now);
                assert_eq!(resolution, Resolution::Later);
                let at = exchange.poll_timeout().expect("a retry is due");
                assert!(window.contains(&(at - now).as_millis()), "{role:?} retries after {:?}", at - now);
                assert_eq!(exchange.admit(), Ok(()), "the other side may come first");
            }
        }
    }

    #[test]
    fn busy_is_retried_when_told_and_refused_else() {
        let now = Instant::now();
        let mut rng = Rng::new([0; 32]);
        let mut busy = refusal(StatusCode::SERVER_INTERNAL_ERROR);
        assert!(matches!(offering(Role::Uac, now).resolve(&busy, &mut rng, now), Resolution::Refused(_)));
        busy.headers.set(Header::new(HeaderName::RetryAfter, "7"));
        let mut exchange = offering(Role::Uac, now);
        assert_eq!(exchange.resolve(&busy, &mut rng, now), Resolution::Later);
        assert_eq!(exchange.poll_timeout(), Some(now + Duration::from_secs(7)));
    }

    #[test]
    fn endless_glare_ends() {
        let mut now = Instant::now();
        let mut rng = Rng::new([0; 32]);
        let mut exchange = offering(Role::Uac, now);
        for _ in 1..MOST_TRIES {
            exchange.resolve(&refusal(StatusCode::REQUEST_PENDING), &mut rng, now);
            now = exchange.poll_timeout().expect("a retry is due");
            exchange.next_offer(now).expect("the offer again");
        }
        let last = exchange.resolve(&refusal(StatusCode::REQUEST_PENDING), &mut rng, now);
        assert_eq!(last, Resolution::Refused(offer("v=0")));
    }

    #[test]
    fn a_newer_wish_displaces_one_that_waits() {
        let now = Instant::now();
        let mut exchange = Exchange::new(Role::Uac);
        exchange.open_theirs(theirs());
        assert_eq!(exchange.want(offer("one"), now), None);
        assert_eq!(exchange.want(offer("two"), now), Some(offer("one")));
        assert_eq!(exchange.next_offer(now), None);
        exchange.close_theirs();
        assert_eq!(exchange.next_offer(now), Some(offer("two")));
    }
}
