//! One person, several phones: all ring, the first answer wins, and the best refusal tells why nobody answered.
//!
//! RFC 3261 §16.7 (choosing the best response), for a B2BUA that forks by calls of its own.

use plenary_sip::endpoint::{CallId, Ending};

/// What became of the attempt to reach the person, after a piece of news.
#[derive(Debug)]
pub enum Verdict {
    /// Others may still answer.
    Waiting,
    /// Nobody is left: the most telling of the refusals.
    Nobody(Ending),
}

#[derive(Debug, Default)]
pub struct Fork {
    ringing: Vec<CallId>,
    best: Option<Ending>,
}

impl Fork {
    pub fn begin(&mut self, call: CallId) {
        self.ringing.push(call);
    }

    /// This phone answered. Gives the others, which are to be cancelled.
    pub fn handle_answer(&mut self, winner: CallId) -> Vec<CallId> {
        std::mem::take(&mut self.ringing).into_iter().filter(|call| *call != winner).collect()
    }

    /// This phone will not answer any more.
    pub fn handle_ending(&mut self, call: CallId, ending: Ending) -> Verdict {
        self.ringing.retain(|other| *other != call);
        self.note(ending);
        if self.ringing.is_empty() {
            self.best.take().map_or(Verdict::Waiting, Verdict::Nobody)
        } else {
            Verdict::Waiting
        }
    }

    /// A contact that could not even be called.
    pub fn note(&mut self, ending: Ending) {
        if self.best.as_ref().is_none_or(|best| weight(&ending) < weight(best)) {
            self.best = Some(ending);
        }
    }

    pub fn calls(&self) -> &[CallId] {
        &self.ringing
    }
}

/// Lower tells more: a global refusal, then what a person did, then what a phone said, then silence.
fn weight(ending: &Ending) -> u16 {
    match ending {
        Ending::Refused { status, response } => match (status.as_u16(), response) {
            (600..=699, _) => 0,
            (486, _) => 1,
            (480, _) => 2,
            (_, None) => 900,
            (status, Some(_)) => status,
        },
        Ending::HungUp { .. } | Ending::Cancelled { .. } => 3,
        Ending::Lost { .. } => 800,
        Ending::ByUs => 999,
    }
}

#[cfg(test)]
mod tests {
    use plenary_sip::message::StatusCode;

    use super::*;

    fn refused(status: u16) -> Ending {
        Ending::Refused { status: StatusCode::new(status).expect("a status"), response: None }
    }

    #[test]
    fn the_first_answer_cancels_the_others() {
        let mut fork = Fork::default();
        [1, 2, 3].into_iter().for_each(|n| fork.begin(CallId(n)));
        assert_eq!(fork.handle_answer(CallId(2)), [CallId(1), CallId(3)]);
        assert!(fork.calls().is_empty());
    }

    #[test]
    fn a_busy_phone_tells_more_than_one_that_is_switched_off() {
        let mut fork = Fork::default();
        [1, 2].into_iter().for_each(|n| fork.begin(CallId(n)));
        assert!(matches!(fork.handle_ending(CallId(1), refused(486)), Verdict::Waiting));
        match fork.handle_ending(CallId(2), refused(408)) {
            Verdict::Nobody(Ending::Refused { status, .. }) => assert_eq!(status.as_u16(), 486),
            other => panic!("{other:?}"),
        }
    }
}
