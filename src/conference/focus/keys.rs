//! Wishes by telephone keys: the same wishes as from the console, with the caller's own role.

use std::time::Instant;

use super::{CHAIRS, Focus};
use crate::conference::command::{Action, Actor, FocusError, ParticipantPatch};
use crate::conference::keypad::KeyWish;
use crate::conference::notice::Notice;
use crate::conference::people::Attempt;
use crate::conference::roster::ParticipantId;

/// One press of `*3` or `*4`.
const GAIN_STEP_DB: f32 = 3.0;
const LOUDEST_DB: f32 = 20.0;
const SOFTEST_DB: f32 = -40.0;

impl Focus {
    /// A key of a participant who is in. He is told what came of it.
    pub fn handle_key(&mut self, id: &ParticipantId, attempt: Attempt, key: char, now: Instant) {
        let person = self.people.get_mut(id).filter(|person| person.attempt == attempt && person.is_in());
        let Some((person, wish)) = person.and_then(|person| {
            let wish = person.keypad.handle_key(key, now)?;
            Some((person, wish))
        }) else {
            return;
        };
        let by = Actor { name: person.name.clone(), role: person.role };
        let media = person.media();
        let (muted, hand_raised) = (person.muted, person.hand_raised);
        let gain_db = |step: f32| Some((media.gain_db + step).clamp(SOFTEST_DB, LOUDEST_DB));
        let patch = ParticipantPatch::default();
        let outcome = match wish {
            KeyWish::WhoIsHere => Ok(Notice::Here { names: self.people.names_of_those_in() }),
            KeyWish::HowDoIStand => Ok(Notice::Standing { muted: media.muted }),
            KeyWish::Help => Ok(Notice::Help { chair: CHAIRS.contains(&by.role) }),
            KeyWish::ToggleMute => {
                let patch = ParticipantPatch { muted: Some(!muted), ..patch };
                let notice = if muted { Notice::Open } else { Notice::Muted };
                self.handle_own_patch(id, &patch, &by, now).map(|()| notice)
            }
            KeyWish::ToggleHand => {
                let patch = ParticipantPatch { hand_raised: Some(!hand_raised), ..patch };
                let notice = if hand_raised { Notice::HandLowered } else { Notice::HandRaised };
                self.handle_own_patch(id, &patch, &by, now).map(|()| notice)
            }
            KeyWish::Softer => {
                let patch = ParticipantPatch { gain_db: gain_db(-GAIN_STEP_DB), ..patch };
                self.handle_own_patch(id, &patch, &by, now).map(|()| Notice::Softer)
            }
            KeyWish::Louder => {
                let patch = ParticipantPatch { gain_db: gain_db(GAIN_STEP_DB), ..patch };
                self.handle_own_patch(id, &patch, &by, now).map(|()| Notice::Louder)
            }
            KeyWish::MuteAll => self.handle_action(Action::MuteAll, &by, now).map(|()| Notice::AllMuted),
            KeyWish::ToggleLock if self.locked => {
                self.handle_action(Action::Unlock, &by, now).map(|()| Notice::Unlocked)
            }
            KeyWish::ToggleLock => self.handle_action(Action::Lock, &by, now).map(|()| Notice::Locked),
        };
        match outcome {
            // Everybody has just been told.
            Ok(Notice::AllMuted | Notice::Locked | Notice::Unlocked) if self.plan.announcements => {}
            Ok(notice) => self.say(id, notice),
            Err(_) => self.say(id, Notice::NotAllowed),
        }
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
