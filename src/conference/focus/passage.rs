//! Who comes and goes is heard by everybody, where the conference wants it so.

use std::time::{Duration, Instant};

use super::{Focus, Output};

/// A crowd that comes at once is one sound.
const BETWEEN_TONES: Duration = Duration::from_millis(500);

/// Through the door, either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    In,
    Out,
}

impl Focus {
    pub(super) fn sound(&mut self, passage: Passage, now: Instant) {
        let is_late = |last| now.saturating_duration_since(last) >= BETWEEN_TONES;
        if self.plan.tones && self.toned_at.is_none_or(is_late) {
            self.toned_at = Some(now);
            self.outputs.push_back(Output::Tone(passage));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::LegNews;
    use super::super::tests::{caller, connect, focus, operator, outputs, plan};
    use super::*;
    use crate::conference::admission::Join;
    use crate::conference::plan::Plan;
    use crate::conference::roster::Cause;
    use crate::store::Access;

    /// S-22: nobody comes or goes unheard, and a crowd is one sound.
    #[test]
    fn a_tone_says_that_somebody_came_or_went() {
        let now = Instant::now();
        let mut focus = focus(Plan { tones: true, ..plan(Access::Open, &[]) }, now);
        let second = Duration::from_secs(1);
        let tones = |focus: &mut Focus| {
            let tone = |output| if let Output::Tone(passage) = output { Some(passage) } else { None };
            outputs(focus).into_iter().filter_map(tone).collect::<Vec<_>>()
        };
        let (alice, attempt) = focus.handle_join(caller(Some("alice")), now).expect("let in");
        assert_eq!(tones(&mut focus), [], "not before the call is answered");
        connect(&mut focus, &alice, attempt, now);
        assert_eq!(tones(&mut focus), [Passage::In]);
        let (bob, attempt_of_bob) = focus.handle_join(caller(None), now).expect("let in");
        connect(&mut focus, &bob, attempt_of_bob, now);
        assert_eq!(tones(&mut focus), [], "at the same moment");
        focus.handle_leg(&alice, attempt, LegNews::Held, now + second);
        focus.handle_leg(&alice, attempt, LegNews::Resumed, now + second);
        assert_eq!(tones(&mut focus), [], "he was there all along");
        let left = LegNews::Ended { cause: Cause::Left, status: None };
        focus.handle_leg(&alice, attempt, left.clone(), now + 2 * second);
        assert_eq!(tones(&mut focus), [Passage::Out]);
        focus.handle_remove(&bob, false, &operator(), now + 3 * second).expect("removed");
        focus.handle_leg(&bob, attempt_of_bob, left, now + 4 * second);
        assert_eq!(tones(&mut focus), [Passage::Out], "once");
    }

    #[test]
    fn an_account_has_so_many_legs_and_no_more() {
        let now = Instant::now();
        let mut focus = focus(Plan { max_participants: 10, ..plan(Access::Accounts, &[]) }, now);
        let legs: Vec<_> = (0..2)
            .map(|_| {
                let (id, attempt) = focus.handle_join(caller(Some("alice")), now).expect("let in");
                connect(&mut focus, &id, attempt, now);
                (id, attempt)
            })
            .collect();
        let refused = focus.handle_join(caller(Some("alice")), now).expect_err("a third");
        assert_eq!(
            (refused.status(), refused.to_string().as_str()),
            (403, "alice has 2 legs in conference 3001 already")
        );
        assert!(focus.handle_join(caller(Some("bob")), now).is_ok());
        let (id, attempt) = &legs[0];
        focus.handle_leg(id, *attempt, LegNews::Ended { cause: Cause::Left, status: None }, now);
        assert!(focus.handle_join(caller(Some("alice")), now).is_ok(), "one has left");
    }

    /// An open conference that never ends, and a caller with a new name each time.
    #[test]
    fn who_has_gone_is_forgotten_in_the_end() {
        let now = Instant::now();
        let mut focus = focus(Plan { max_participants: 10, ..plan(Access::Open, &[]) }, now);
        for number in 0..3_000 {
            let join = Join { address: format!("sip:{number}@example.org"), ..caller(None) };
            let (id, attempt) = focus.handle_join(join, now).expect("let in");
            connect(&mut focus, &id, attempt, now);
            focus.handle_leg(&id, attempt, LegNews::Ended { cause: Cause::Left, status: None }, now);
            outputs(&mut focus);
        }
        assert!(focus.roster().participants.len() <= 1_001, "{}", focus.roster().participants.len());
    }
}
