//! What can be wished of a conference, and who may wish it.

use std::time::Instant;

use super::{CHAIRS, Focus, Output, Passage};
use crate::conference::command::{
    Action, Actor, AddParticipant, CallAll, CallAllReport, FocusError, ParticipantPatch, PlacedCall, Referral,
    Referred, TransferParticipant,
};
use crate::conference::notice::Notice;
use crate::conference::people::Person;
use crate::conference::plan::Plan;
use crate::conference::roles::{Deed, may};
use crate::conference::roster::{Participant, ParticipantId, Role};
use crate::conference::transfer::Transfer;

impl Focus {
    pub fn handle_call_all(&mut self, wish: CallAll, by: &Actor, now: Instant) -> Result<CallAllReport, FocusError> {
        self.check(by, Deed::CallAll)?;
        if self.plan.members.is_empty() {
            return Err(FocusError::NobodyToCall { number: self.plan.number.clone() });
        }
        let due: Vec<_> =
            self.plan.members.iter().filter(|member| self.people.is_due(member, &wish)).cloned().collect();
        let calls =
            due.into_iter().map(|member| self.place(member.address, member.name, member.role, by, now)).collect();
        self.dial_due(now);
        Ok(CallAllReport { calls })
    }

    pub fn handle_add(&mut self, wish: AddParticipant, by: &Actor, now: Instant) -> Result<PlacedCall, FocusError> {
        self.check(by, Deed::AddParticipant)?;
        let address = self.plan.callable(&wish.address)?;
        let placed = self.place(address, wish.name, wish.role.unwrap_or(Role::Participant), by, now);
        self.dial_due(now);
        Ok(placed)
    }

    /// REFER: RFC 4579 §5.5. Who is in already, or is being called, is not called once more.
    pub fn handle_refer(
        &mut self,
        address: &str,
        referral: Referral,
        by: &Actor,
        now: Instant,
    ) -> Result<Referred, FocusError> {
        self.check(by, Deed::AddParticipant)?;
        let address = self.plan.callable(address)?;
        let live = self.people.iter().find(|person| person.is_live() && person.address == address);
        if let Some(person) = live {
            return Ok(Referred { participant: person.id.clone(), version: self.version });
        }
        let member = self.plan.member(None, &address);
        let (name, role) = member.map_or((None, Role::Participant), |member| (member.name.clone(), member.role));
        let placed = self.place(address, name, role, by, now);
        let version = self.version;
        if let Some(person) = self.people.get_mut(&placed.participant_id) {
            person.referral = Some(referral);
        }
        self.dial_due(now);
        Ok(Referred { participant: placed.participant_id, version })
    }

    pub fn handle_patch(
        &mut self,
        id: &ParticipantId,
        patch: ParticipantPatch,
        by: &Actor,
        now: Instant,
    ) -> Result<Participant, FocusError> {
        for deed in deeds_of(&patch) {
            self.check(by, deed)?;
        }
        if let Some(gain_db) = patch.gain_db.filter(|gain_db| !(-40.0..=20.0).contains(gain_db)) {
            return Err(FocusError::BadGain { gain_db });
        }
        let missing = self.no_such_participant(id);
        let person = self.people.get_mut(id).ok_or(missing)?;
        let was = person.media();
        person.apply(&patch);
        let (is, told) = (person.media(), person.is_in() && person.is_by_telephone() && person.name != by.name);
        self.carry_media_over(id, was, is);
        self.changed(id, now);
        if was.muted != is.muted && told && self.plan.announcements {
            self.say(id, if is.muted { Notice::MutedByChair } else { Notice::Open });
        }
        self.people.get(id).map(Person::shown).ok_or_else(|| self.no_such_participant(id))
    }

    pub fn handle_remove(&mut self, id: &ParticipantId, ban: bool, by: &Actor, now: Instant) -> Result<(), FocusError> {
        let own = self.people.get(id).and_then(|person| person.account.as_ref()) == Some(&by.name);
        self.check(by, if own && !ban { Deed::RemoveSelf } else { Deed::RemoveOther })?;
        let person = self.people.get(id).ok_or_else(|| self.no_such_participant(id))?;
        if ban {
            self.banned.insert(person.address.clone());
        }
        let was_in = person.is_in();
        self.end_leg(id, now);
        if was_in {
            self.sound(Passage::Out, now);
        }
        Ok(())
    }

    /// RFC 3515: one transfer of a participant at a time.
    pub fn handle_transfer(
        &mut self,
        id: &ParticipantId,
        wish: &TransferParticipant,
        by: &Actor,
        now: Instant,
    ) -> Result<(), FocusError> {
        let own = self.people.get(id).and_then(|person| person.account.as_ref()) == Some(&by.name);
        self.check(by, if own { Deed::RemoveSelf } else { Deed::Transfer })?;
        let to = self.plan.callable(&wish.address)?;
        let missing = self.no_such_participant(id);
        let person = self.people.get_mut(id).ok_or(missing)?;
        let why = match &person.transfer {
            _ if !person.is_in() => Some("it is not in the conference"),
            Some(transfer) if transfer.is_open() => Some("it is being sent elsewhere already"),
            _ if !person.takes_refer => Some("its phone does not understand REFER"),
            _ => None,
        };
        if let Some(why) = why {
            return Err(FocusError::NotTransferable { id: id.0.clone(), why });
        }
        person.transfer = Some(Transfer::begin(to.clone()));
        let attempt = person.attempt;
        self.outputs.push_back(Output::Transfer { participant: id.clone(), attempt, to });
        self.changed(id, now);
        Ok(())
    }

    pub fn handle_action(&mut self, action: Action, by: &Actor, now: Instant) -> Result<(), FocusError> {
        match action {
            Action::MuteAll | Action::UnmuteAll => {
                self.check(by, Deed::MuteOther)?;
                self.mute_all(action == Action::MuteAll, now);
                if action == Action::MuteAll {
                    self.say_to_all(Notice::AllMuted);
                }
            }
            Action::Lock | Action::Unlock => {
                self.check(by, Deed::Lock)?;
                let lock = action == Action::Lock;
                let changes = std::mem::replace(&mut self.locked, lock) != lock;
                self.announce_conference();
                if changes {
                    self.say_to_all(if lock { Notice::Locked } else { Notice::Unlocked });
                }
            }
            Action::End => {
                self.check(by, Deed::End)?;
                self.end(now);
            }
        }
        Ok(())
    }

    /// The stored conference was edited: what is decided from now on follows the new one.
    pub fn handle_plan(&mut self, plan: Plan) {
        self.plan = plan;
        self.settle_music();
        self.announce_conference();
    }

    fn place(&mut self, address: String, name: Option<String>, role: Role, by: &Actor, now: Instant) -> PlacedCall {
        let id = self.people.queue(&address, name, role, self.plan.account_of(&address));
        if let Some(person) = self.people.get_mut(&id) {
            person.called_by = Some(by.name.clone());
        }
        self.dial_out.enqueue(id.clone());
        self.changed(&id, now);
        PlacedCall { participant_id: id, address }
    }

    fn mute_all(&mut self, muted: bool, now: Instant) {
        let spared = |person: &&Person| !(muted && CHAIRS.contains(&person.role));
        let ids: Vec<_> = self.people.iter().filter(spared).map(|person| person.id.clone()).collect();
        for id in ids {
            let Some(person) = self.people.get_mut(&id).filter(|person| person.muted != muted) else { continue };
            let was = person.media();
            person.muted = muted;
            let is = person.media();
            self.carry_media_over(&id, was, is);
            self.changed(&id, now);
        }
    }

    fn check(&self, by: &Actor, deed: Deed) -> Result<(), FocusError> {
        if may(by, deed) {
            return Ok(());
        }
        let number = self.plan.number.clone();
        Err(FocusError::Forbidden { number, actor: by.name.clone(), action: deed.name() })
    }

    fn no_such_participant(&self, id: &ParticipantId) -> FocusError {
        FocusError::NoSuchParticipant { number: self.plan.number.clone(), id: id.0.clone() }
    }
}

fn deeds_of(patch: &ParticipantPatch) -> impl Iterator<Item = Deed> {
    [
        (patch.muted.is_some() || patch.deafened.is_some() || patch.video_muted.is_some(), Deed::MuteOther),
        (patch.may_speak.is_some(), Deed::GrantSpeech),
        (patch.hand_raised.is_some(), Deed::RaiseHand),
        (patch.role.is_some(), Deed::ChangeRole),
        (patch.name.is_some(), Deed::Rename),
        (patch.gain_db.is_some() || patch.noise_suppression.is_some(), Deed::SetGain),
    ]
    .into_iter()
    .filter_map(|(wished, deed)| wished.then_some(deed))
}
