//! One person, several phones: who rings when, whose answer counts, and which refusal is told when nobody answers.
//!
//! ```text
//!   q=1.0  desk, softphone ──ring together──▶ 200: the others are cancelled
//!              │ all refused, or 20 s          6xx: all are, and nobody else rings
//!   q=0.5  mobile ──rings──▶ …                 nobody left: the best refusal
//! ```
//!
//! RFC 3261 §16.6 (by q, equals together) and §16.7 (the best response), RFC 5393 §5.3.3 (Max-Breadth: not more at once;
//! the rest follows as the first refuse), for a B2BUA that forks by calls of its own. A redirection is not followed.

use std::collections::VecDeque;

use plenary_sip::endpoint::{CallId, Ending};
use plenary_sip::message::StatusCode;

use crate::call::placing::way::Way;

#[derive(Debug)]
pub(in crate::call) struct Fork {
    /// By q, the highest first.
    waiting: VecDeque<Way>,
    ringing: Vec<(CallId, u16)>,
    /// How many may ring at once.
    breadth: usize,
    best: Option<Ending>,
}

impl Fork {
    /// `ways`: the preferred ones first.
    pub fn new(ways: VecDeque<Way>, breadth: usize) -> Self {
        Self { waiting: ways, ringing: Vec::new(), breadth: breadth.max(1), best: None }
    }

    /// Who is to ring now, beside those that ring already.
    pub fn poll_way(&mut self) -> Option<Way> {
        let q = self.waiting.front()?.target.q_thousandths;
        let in_turn = self.ringing.iter().all(|(_, ringing)| *ringing == q);
        if in_turn && self.ringing.len() < self.breadth { self.waiting.pop_front() } else { None }
    }

    /// Somebody else is to ring when these do not answer.
    pub fn has_more(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub fn begin(&mut self, call: CallId, way: &Way) {
        self.ringing.push((call, way.target.q_thousandths));
    }

    /// This phone answered. Gives the others, which are to be cancelled.
    pub fn handle_answer(&mut self, winner: CallId) -> Vec<CallId> {
        self.waiting.clear();
        let others = std::mem::take(&mut self.ringing).into_iter().map(|(call, _)| call);
        others.filter(|call| *call != winner).collect()
    }

    /// This phone will not answer any more. Gives those that are to be cancelled for it: all, after a 6xx.
    pub fn handle_ending(&mut self, call: CallId, ending: Ending) -> Vec<CallId> {
        self.ringing.retain(|(other, _)| *other != call);
        let for_all = is_for_all(&ending);
        self.note(ending);
        if !for_all {
            return Vec::new();
        }
        self.waiting.clear();
        self.calls().collect()
    }

    /// A contact that could not even be called.
    pub fn note(&mut self, ending: Ending) {
        if self.best.as_ref().is_none_or(|best| weight(&ending) < weight(best)) {
            self.best = Some(ending);
        }
    }

    /// The most telling of the refusals, once nobody is left.
    pub fn poll_nobody(&mut self) -> Option<Ending> {
        let is_over = self.ringing.is_empty() && self.waiting.is_empty();
        is_over.then(|| self.best.take().unwrap_or(Ending::ByUs))
    }

    /// Nobody else rings; those that do are to be cancelled.
    pub fn call_off(&mut self) -> Vec<CallId> {
        self.waiting.clear();
        self.calls().collect()
    }

    pub fn is_ringing(&self) -> bool {
        !self.ringing.is_empty()
    }

    fn calls(&self) -> impl Iterator<Item = CallId> {
        self.ringing.iter().map(|(call, _)| *call)
    }
}

/// What the caller is told of the best refusal; `None` where it would mislead him.
///
/// A redirection that is not followed, a challenge that was meant for us, a flow that failed (RFC 5626 §11.5), and a
/// phone's own 503, which a caller takes for the whole server's (§16.7 step 6), are not his.
pub fn told(status: StatusCode) -> Option<StatusCode> {
    match status.as_u16() {
        300..=399 | 401 | 407 | 430 => None,
        503 => Some(StatusCode::SERVER_INTERNAL_ERROR),
        _ => Some(status),
    }
}

/// The way to the phone is gone, whoever is there: RFC 5626 §5.3. Silence and a broken connection are our own findings.
pub fn is_flow_failed(ending: &Ending) -> bool {
    matches!(ending, Ending::Refused { status, response } if match status.as_u16() {
        430 => true,
        408 | 503 => response.is_none(),
        _ => false,
    })
}

fn is_for_all(ending: &Ending) -> bool {
    matches!(ending, Ending::Refused { status, response: Some(_) } if (600..=699).contains(&status.as_u16()))
}

/// Lower tells more: a global refusal, then what a person did, then what a phone said, then silence.
fn weight(ending: &Ending) -> u16 {
    match ending {
        Ending::Refused { status, response } => match (status.as_u16(), response) {
            (600..=699, _) => 0,
            (486, _) => 1,
            (480, _) => 2,
            (_, None) => 900,
            (300..=399 | 401 | 407 | 430, _) => 700,
            (503, _) => 750,
            (status, Some(_)) => status,
        },
        Ending::HungUp { .. } | Ending::Cancelled { .. } => 3,
        Ending::Lost { .. } => 800,
        Ending::ByUs => 999,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plenary_sip::message::{NameAddr, Response, Uri};

    use super::*;
    use crate::registrar::Target;

    fn refused(status: u16) -> Ending {
        let status = StatusCode::new(status).expect("a status");
        let response =
            Response { status, reason: String::new(), headers: Default::default(), body: Default::default() };
        Ending::Refused { status, response: Some(Arc::new(response)) }
    }

    fn phone(user: &str, q_thousandths: u16) -> Way {
        let uri: Uri = format!("sip:{user}@h").parse().expect("a URI");
        let to = NameAddr::new(uri.clone());
        Way { target: Target { q_thousandths, ..Target::of_uri(uri) }, to, through: None }
    }

    fn fork<const N: usize>(ways: [Way; N], breadth: usize) -> Fork {
        Fork::new(ways.into(), breadth)
    }

    /// Rings whoever is to ring; calls are numbered in their order.
    fn ring(fork: &mut Fork, next: &mut u64) -> Vec<String> {
        let mut rung = Vec::new();
        while let Some(way) = fork.poll_way() {
            *next += 1;
            fork.begin(CallId(*next), &way);
            rung.push(way.target.uri.to_string());
        }
        rung
    }

    fn status_of(ending: Option<Ending>) -> Option<u16> {
        match ending {
            Some(Ending::Refused { status, .. }) => Some(status.as_u16()),
            _ => None,
        }
    }

    #[test]
    fn the_first_answer_cancels_the_others_and_who_waits_never_rings() {
        let mut fork = fork([phone("a", 1000), phone("b", 1000), phone("c", 500)], 9);
        assert_eq!(ring(&mut fork, &mut 0), ["sip:a@h", "sip:b@h"]);
        assert_eq!(fork.handle_answer(CallId(2)), [CallId(1)]);
        assert!(!fork.is_ringing() && !fork.has_more());
    }

    #[test]
    fn a_lower_q_rings_once_all_of_the_higher_have_ended() {
        let mut fork = fork([phone("a", 1000), phone("b", 1000), phone("c", 500)], 9);
        let mut next = 0;
        ring(&mut fork, &mut next);
        assert!(fork.handle_ending(CallId(1), refused(486)).is_empty());
        assert!(ring(&mut fork, &mut next).is_empty());
        fork.handle_ending(CallId(2), refused(480));
        assert_eq!(status_of(fork.poll_nobody()), None);
        assert_eq!(ring(&mut fork, &mut next), ["sip:c@h"]);
        fork.handle_ending(CallId(3), refused(404));
        assert_eq!(status_of(fork.poll_nobody()), Some(486));
    }

    /// RFC 5393 §5.3.3: the rest is tried one after another.
    #[test]
    fn no_more_ring_at_once_than_the_breadth_allows() {
        let mut fork = Fork::new(["a", "b", "c", "d"].map(|user| phone(user, 1000)).into(), 2);
        let mut next = 0;
        assert_eq!(ring(&mut fork, &mut next), ["sip:a@h", "sip:b@h"]);
        fork.handle_ending(CallId(1), refused(486));
        assert_eq!(ring(&mut fork, &mut next), ["sip:c@h"]);
        fork.handle_ending(CallId(2), refused(486));
        assert_eq!(ring(&mut fork, &mut next), ["sip:d@h"]);
        assert!(!fork.has_more());
    }

    #[test]
    fn a_6xx_ends_all_and_is_what_the_caller_hears() {
        let mut fork = fork([phone("a", 1000), phone("b", 1000), phone("c", 500)], 9);
        let mut next = 0;
        ring(&mut fork, &mut next);
        assert_eq!(fork.handle_ending(CallId(1), refused(603)), [CallId(2)]);
        assert_eq!(status_of(fork.poll_nobody()), None, "the other must end first");
        assert!(fork.handle_ending(CallId(2), refused(487)).is_empty());
        assert!(ring(&mut fork, &mut next).is_empty());
        assert_eq!(status_of(fork.poll_nobody()), Some(603));
    }

    #[test]
    fn what_a_person_did_tells_more_than_a_diversion_or_a_phone_that_is_switched_off() {
        let best = |statuses: [u16; 2]| {
            let mut fork = fork([phone("a", 1000), phone("b", 1000)], 9);
            ring(&mut fork, &mut 0);
            fork.handle_ending(CallId(1), refused(statuses[0]));
            fork.handle_ending(CallId(2), refused(statuses[1]));
            status_of(fork.poll_nobody())
        };
        assert_eq!(best([302, 486]), Some(486));
        assert_eq!(best([408, 486]), Some(486));
        assert_eq!(best([503, 404]), Some(404));
        assert_eq!(best([401, 480]), Some(480));
        let told = |status| told(StatusCode::new(status).expect("a status")).map(|status| status.as_u16());
        assert_eq!([told(302), told(407), told(503), told(486)], [None, None, Some(500), Some(486)]);
    }
}
