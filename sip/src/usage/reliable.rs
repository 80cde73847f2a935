//! Reliable provisional responses of ours: RFC 3262 §3. Each is repeated until its PRACK, one at a time.
//!
//! Only a caller that requires them gets them; one that merely supports them is spared the round trip.

use std::collections::VecDeque;
use std::time::Instant;

use crate::message::{Header, HeaderName, Method, Request, Response};
use crate::transaction::{Resend, Timing};

#[derive(Debug)]
pub struct Reliable {
    required: bool,
    timing: Timing,
    invite_cseq: u32,
    /// The number of the next response: 1 to 2³¹−1 at first, then one more each time.
    next_rseq: u32,
    unacknowledged: Option<Unacknowledged>,
    /// Later ones wait until the one before is acknowledged.
    waiting: VecDeque<(Response, bool)>,
}

#[derive(Debug)]
struct Unacknowledged {
    response: Box<Response>,
    rseq: u32,
    /// It carries our answer, so that no 2xx may overtake it.
    answers: bool,
    resend: Resend,
    give_up_at: Instant,
}

#[derive(Debug)]
pub enum Due {
    Nothing,
    Repeat(Box<Response>),
    GiveUp,
}

impl Reliable {
    /// `chance` begins the numbering.
    pub fn new(invite: &Request, timing: Timing, chance: u64) -> Self {
        let required = invite.headers.option_tags(&HeaderName::Require).iter().any(|tag| tag == "100rel");
        let invite_cseq = invite.headers.cseq().map_or(0, |cseq| cseq.number);
        let next_rseq = u32::try_from(chance % (1 << 16)).unwrap_or_default() + 1;
        Self { required, timing, invite_cseq, next_rseq, unacknowledged: None, waiting: VecDeque::new() }
    }

    pub fn is_required(&self) -> bool {
        self.required
    }

    /// The response to send now, numbered; None when it has to wait. `answers`: with a session description.
    pub fn send(&mut self, response: Response, answers: bool, now: Instant) -> Option<Response> {
        self.waiting.push_back((response, answers));
        self.next(now)
    }

    /// The next of those that wait, once nothing is unacknowledged.
    pub fn next(&mut self, now: Instant) -> Option<Response> {
        if self.unacknowledged.is_some() {
            return None;
        }
        let (mut response, answers) = self.waiting.pop_front()?;
        let rseq = self.next_rseq;
        self.next_rseq += 1;
        response.headers.set(Header::new(HeaderName::Require, "100rel"));
        response.headers.set(Header::new(HeaderName::RSeq, rseq.to_string()));
        self.unacknowledged = Some(Unacknowledged {
            response: Box::new(response.clone()),
            rseq,
            answers,
            resend: Resend::doubling(&self.timing, now),
            give_up_at: now + self.timing.patience(),
        });
        Some(response)
    }

    /// Whether the PRACK is for the response that waits for one; any other gets 481.
    pub fn handle_prack(&mut self, prack: &Request) -> bool {
        let rack = prack.headers.get(&HeaderName::RAck).unwrap_or_default();
        let mut words = rack.split_ascii_whitespace();
        let numbers =
            (words.next().and_then(|word| word.parse().ok()), words.next().and_then(|word| word.parse().ok()));
        let invite = words.next() == Some(Method::Invite.as_str());
        let matching = |waiting: &mut Unacknowledged| invite && numbers == (Some(waiting.rseq), Some(self.invite_cseq));
        self.unacknowledged.take_if(matching).is_some()
    }

    /// A 2xx has to wait for the PRACK of a response that carries our answer.
    pub fn holds_back_answer(&self) -> bool {
        self.unacknowledged.as_ref().is_some_and(|waiting| waiting.answers)
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Due {
        let Some(waiting) = &mut self.unacknowledged else { return Due::Nothing };
        if waiting.give_up_at <= now {
            self.unacknowledged = None;
            return Due::GiveUp;
        }
        if !waiting.resend.is_due(now) {
            return Due::Nothing;
        }
        waiting.resend = waiting.resend.next(now);
        Due::Repeat(waiting.response.clone())
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.unacknowledged.as_ref().map(|waiting| waiting.resend.at.min(waiting.give_up_at))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dialog::testing::invite;
    use crate::message::StatusCode;

    fn required() -> (Reliable, Request) {
        let mut invite = invite();
        invite.headers.push(Header::new(HeaderName::Require, "100rel"));
        (Reliable::new(&invite, Timing::default(), 41), invite)
    }

    fn prack(rack: &str) -> Request {
        let mut prack = invite();
        prack.method = Method::Prack;
        prack.headers.set(Header::new(HeaderName::RAck, rack));
        prack
    }

    #[test]
    fn the_next_goes_out_when_the_one_before_is_acknowledged() {
        let now = Instant::now();
        let (mut reliable, invite) = required();
        let ringing = invite.response(StatusCode::RINGING, Some("a"));
        let first = reliable.send(ringing.clone(), false, now).expect("nothing else is out");
        assert_eq!(first.headers.get(&HeaderName::RSeq).as_deref(), Some("42"));
        assert_eq!(first.headers.option_tags(&HeaderName::Require), ["100rel"]);
        assert!(reliable.send(ringing, false, now).is_none());
        assert!(!reliable.handle_prack(&prack("41 1 INVITE")));
        assert!(!reliable.handle_prack(&prack("42 2 INVITE")));
        assert!(reliable.handle_prack(&prack("42 1 INVITE")));
        let second = reliable.next(now).expect("it waited");
        assert_eq!(second.headers.get(&HeaderName::RSeq).as_deref(), Some("43"));
    }

    #[test]
    fn unacknowledged_it_is_repeated_and_then_given_up() {
        let start = Instant::now();
        let (mut reliable, invite) = required();
        reliable.send(invite.response(StatusCode::RINGING, Some("a")), true, start);
        assert!(reliable.holds_back_answer());
        let mut seconds = Vec::new();
        while let Some(at) = reliable.poll_timeout() {
            seconds.push((at - start).as_secs_f32());
            reliable.handle_timeout(at);
        }
        assert_eq!(seconds, [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 32.0]);
        assert!(matches!(reliable.handle_timeout(start + Duration::from_secs(33)), Due::Nothing));
    }
}
