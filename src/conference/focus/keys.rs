//! Wishes by telephone keys: the same wishes as from the console, with the caller's own role.

use std::time::Instant;

use super::{Focus, Output};
use crate::conference::command::{Action, Actor, FocusError, ParticipantPatch};
use crate::conference::keypad::KeyWish;
use crate::conference::people::Attempt;
use crate::conference::roster::ParticipantId;

/// One press of `*3` or `*4`.
const GAIN_STEP_DB: f32 = 3.0;
const LOUDEST_DB: f32 = 20.0;
const SOFTEST_DB: f32 = -40.0;

impl Focus {
    /// A key of a participant who is in. He hears by a tone whether his wish was carried out.
    pub fn handle_key(&mut self, id: &ParticipantId, attempt: Attempt, key: char, now: Instant) {
        let person = self.people.get_mut(id).filter(|person| person.attempt == attempt && person.is_in());
        let Some((person, wish)) = person.and_then(|person| {
            let wish = person.keypad.handle_key(key, now)?;
            Some((person, wish))
        }) else {
            return;
        };
        let by = Actor { name: person.name.clone(), role: person.role };
        let gain_db = |step: f32| Some((person.media().gain_db + step).clamp(SOFTEST_DB, LOUDEST_DB));
        let patch = match wish {
            KeyWish::ToggleMute => ParticipantPatch { muted: Some(!person.muted), ..Default::default() },
            KeyWish::ToggleHand => ParticipantPatch { hand_raised: Some(!person.hand_raised), ..Default::default() },
            KeyWish::Softer => ParticipantPatch { gain_db: gain_db(-GAIN_STEP_DB), ..Default::default() },
            KeyWish::Louder => ParticipantPatch { gain_db: gain_db(GAIN_STEP_DB), ..Default::default() },
            KeyWish::MuteAll | KeyWish::ToggleLock => ParticipantPatch::default(),
        };
        let outcome = match wish {
            KeyWish::MuteAll => self.handle_action(Action::MuteAll, &by, now),
            KeyWish::ToggleLock => {
                let action = if self.locked { Action::Unlock } else { Action::Lock };
                self.handle_action(action, &by, now)
            }
            _ => self.handle_own_patch(id, &patch, &by, now),
        };
        self.outputs.push_back(Output::Answer { participant: id.clone(), done: outcome.is_ok() });
    }

    /// What anybody may do to himself: mute, raise a hand, set his own loudness.
    fn handle_own_patch(
        &mut self,
        id: &ParticipantId,
        patch: &ParticipantPatch,
        by: &Actor,
        now: Instant,
    ) -> Result<(), FocusError> {
        let person = self.people.get_mut(id);
        let person = person.filter(|person| person.may_speak || patch.muted != Some(false));
        let Some(person) = person else {
            let number = self.plan.number.clone();
            return Err(FocusError::Forbidden { number, actor: by.name.clone(), action: "speak" });
        };
        let was = person.media();
        person.apply(patch);
        let is = person.media();
        self.carry_media_over(id, was, is);
        self.changed(id, now);
        Ok(())
    }
}
