//! The focus of one conference: RFC 4353 §3, RFC 4579. It decides who is in and what is done to whom.
//!
//! A core without I/O: wishes, joins and news of legs go in; calls to place, legs to end, media changes and
//! announcements come out. Legs are known by the participant's id and the number of the attempt, so that news of
//! a call that was replaced meanwhile changes nothing.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use plenary_sip::endpoint::ReferNews;
use time::OffsetDateTime;

use super::admission::{Join, JoinError, Proof, role_by_pin};
use super::command::Referral;
use super::dial_out::{DialOut, Pace};
use super::live::LiveEvent;
use super::notice::Notice;
use super::people::{Attempt, Media, People, Person};
use super::plan::Plan;
use super::roster::{Cause, ParticipantId, ParticipantState, Quality, Role, Roster, StopReason};
pub use passage::Passage;

/// Who steers: a lock does not keep them out, "mute all" does not silence them.
const CHAIRS: [Role; 3] = [Role::Owner, Role::Admin, Role::Chair];

mod keys;
mod passage;
#[cfg(test)]
mod tests;
mod wishes;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FocusSettings {
    /// How long a conference without legs lives on.
    pub empty_timeout: Duration,
    pub pace: Pace,
    /// Legs of one account at once.
    pub legs_per_account: usize,
}

/// What happened to a leg of this conference.
#[derive(Clone, Debug, PartialEq)]
pub enum LegNews {
    Ringing,
    Connected {
        codec: String,
        secured: bool,
    },
    Held,
    Resumed,
    /// The name of its stream, as in the session description (RFC 4574).
    Labelled(String),
    /// The stream that comes from it, by its SSRC.
    Source(u32),
    /// How the leg's sound arrives; told when it changed.
    Quality(Option<Quality>),
    /// Why nothing is sent to it any more; with none it is sent to again.
    Stopped(Option<StopReason>),
    /// A key was pressed: RFC 4733 or INFO.
    Key(char),
    /// The phone does not list REFER among what it allows.
    TakesNoRefer,
    /// How the transfer goes that the leg was asked for.
    Referred(ReferNews),
    Ended {
        cause: Cause,
        status: Option<u16>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Calls this address; news come back under this attempt.
    Dial {
        participant: ParticipantId,
        attempt: Attempt,
        address: String,
        /// Where a REFER asked for it.
        referral: Option<Referral>,
        /// The account whose wish it is.
        by: Option<String>,
    },
    Hangup {
        participant: ParticipantId,
        attempt: Attempt,
    },
    /// The leg's phone shall call somebody else.
    Transfer {
        participant: ParticipantId,
        attempt: Attempt,
        to: String,
    },
    SetMute {
        participant: ParticipantId,
        muted: bool,
    },
    SetDeaf {
        participant: ParticipantId,
        deafened: bool,
    },
    SetGain {
        participant: ParticipantId,
        gain_db: f32,
    },
    SetNoiseSuppression {
        participant: ParticipantId,
        on: bool,
    },
    /// Music for one participant, from here on or no more.
    Music {
        participant: ParticipantId,
        on: bool,
    },
    /// Tells one participant by voice.
    Say {
        participant: ParticipantId,
        notice: Notice,
    },
    SayToAll(Notice),
    /// Everybody hears that somebody came or went.
    Tone(Passage),
    Announce(LiveEvent),
    /// The conference is over: nothing comes after this.
    Close,
}

#[derive(Debug)]
pub struct Focus {
    plan: Plan,
    settings: FocusSettings,
    people: People,
    banned: BTreeSet<String>,
    locked: bool,
    version: u64,
    dial_out: DialOut,
    empty_since: Option<Instant>,
    started: (Instant, OffsetDateTime),
    /// Whose leg hears music.
    music_for: Option<(ParticipantId, Attempt)>,
    /// When a tone was last heard.
    toned_at: Option<Instant>,
    outputs: VecDeque<Output>,
}

impl Focus {
    /// `wall`: the time of day at `now`, for the roster's documents alone.
    pub fn new(plan: Plan, settings: FocusSettings, now: Instant, wall: OffsetDateTime) -> Self {
        let mut focus = Self {
            dial_out: DialOut::new(settings.pace, now),
            plan,
            settings,
            people: People::default(),
            banned: BTreeSet::new(),
            locked: false,
            version: 0,
            empty_since: Some(now),
            started: (now, wall),
            music_for: None,
            toned_at: None,
            outputs: VecDeque::new(),
        };
        focus.announce_conference();
        focus
    }

    // ── The door ────────────────────────────────────────────────────────────────────────────────────────────

    pub fn handle_join(&mut self, join: Join, now: Instant) -> Result<(ParticipantId, Attempt), JoinError> {
        let role = self.admit(&join)?;
        let (id, replaced) = self.people.come_in(&join, role);
        if let Some(attempt) = replaced {
            self.dial_out.withdraw(&id);
            self.outputs.push_back(Output::Hangup { participant: id.clone(), attempt });
        }
        self.changed(&id, now);
        let attempt = self.people.get(&id).map(|person| person.attempt).unwrap_or_default();
        Ok((id, attempt))
    }

    /// Another leg takes the place of this one (RFC 3891): same row, same role, muted as it was. Whoever asks has been
    /// found to be allowed.
    pub fn handle_take_over(&mut self, id: &ParticipantId, join: &Join, now: Instant) -> Result<Attempt, JoinError> {
        let number = self.plan.number.clone();
        let missing = JoinError::NobodyToReplace { number: number.clone() };
        if self.banned.contains(&join.address) {
            return Err(JoinError::Banned { number, address: join.address.clone() });
        }
        let own_role = self.plan.member(join.account.as_deref(), &join.address).map(|member| member.role);
        let person = self.people.get_mut(id).filter(|person| person.is_live()).ok_or(missing)?;
        let replaced = person.attempt;
        person.hand_over(join, own_role.unwrap_or(Role::Participant));
        let attempt = person.attempt;
        self.dial_out.withdraw(id);
        self.outputs.push_back(Output::Hangup { participant: id.clone(), attempt: replaced });
        self.changed(id, now);
        Ok(attempt)
    }

    fn admit(&self, join: &Join) -> Result<Role, JoinError> {
        let number = self.plan.number.clone();
        if self.banned.contains(&join.address) {
            return Err(JoinError::Banned { number, address: join.address.clone() });
        }
        let member = self.plan.member(join.account.as_deref(), &join.address);
        let role = match (self.plan.proof(), &join.account) {
            _ if join.brought => member.map_or(Role::Participant, |member| member.role),
            (Proof::Nothing, _) => member.map_or(Role::Participant, |member| member.role),
            (Proof::Pin, _) => {
                let entered = join.pin.as_deref().unwrap_or_default();
                let by_pin = role_by_pin(entered, self.plan.pin.as_deref(), self.plan.chair_pin.as_deref());
                by_pin.ok_or(JoinError::WrongPin { number: number.clone() })?
            }
            (Proof::Account, None) => return Err(JoinError::NotAuthenticated { number }),
            (Proof::Account, Some(account)) => match member {
                Some(member) => member.role,
                None if self.plan.members_only() => {
                    return Err(JoinError::NotAMember { number, account: account.clone() });
                }
                None => Role::Participant,
            },
        };
        if self.locked && !join.brought && !CHAIRS.contains(&role) {
            return Err(JoinError::Locked { number });
        }
        let legs = self.settings.legs_per_account;
        if let Some(account) = join.account.as_ref().filter(|account| self.people.legs_of(account) >= legs) {
            return Err(JoinError::TooManyLegs { number, account: account.clone(), limit: legs });
        }
        let present = self.people.present();
        let limit = self.plan.max_participants;
        if present >= limit { Err(JoinError::Full { number, present, limit }) } else { Ok(role) }
    }

    // ── News ────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn handle_leg(&mut self, id: &ParticipantId, attempt: Attempt, news: LegNews, now: Instant) {
        if let LegNews::Key(key) = news {
            return self.handle_key(id, attempt, key, now);
        }
        let wall = self.wall(now);
        let Some(person) = self.people.get_mut(id).filter(|person| person.attempt == attempt) else {
            return; // a leg that was replaced, or a row that is gone
        };
        if person.state == ParticipantState::Disconnected {
            return; // removed here already; the leg's own end says nothing new
        }
        if let LegNews::Labelled(_) = news {
            return person.hear(news, wall); // the leg comes in with it, and that is told
        }
        let connected = matches!(news, LegNews::Connected { .. });
        let comes_in = person.joined_at.is_none();
        let silenced = self.plan.muted_on_entry && comes_in && !CHAIRS.contains(&person.role);
        person.muted |= connected && silenced;
        let was_in = person.is_in();
        person.hear(news, wall);
        if person.was_transferred() {
            let hangup = Output::Hangup { participant: id.clone(), attempt };
            person.end(Cause::Left, None);
            self.outputs.push_back(hangup);
        }
        let goes = was_in && !person.is_live();
        let (media, by_telephone) = (person.media(), person.is_by_telephone());
        if connected {
            self.carry_media_over(id, Media::default(), media);
        }
        self.changed(id, now);
        match (connected && comes_in, goes) {
            (true, _) => self.sound(Passage::In, now),
            (_, true) => self.sound(Passage::Out, now),
            _ => {}
        }
        if connected && comes_in && by_telephone && self.plan.announcements {
            let others = self.people.present().saturating_sub(1);
            self.say(id, Notice::Entered { others });
        }
    }

    /// Levels of who speaks, loudest first.
    pub fn handle_speakers(&mut self, speakers: &[(ParticipantId, i8)], now: Instant) {
        let speakers = self.people.hear_speakers(speakers, now);
        self.outputs
            .push_back(Output::Announce(LiveEvent::Speakers { conference: self.plan.number.clone(), speakers }));
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.dial_due(now);
        if self.closes_at().is_some_and(|at| at <= now) {
            self.end(now);
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.dial_out.poll_timeout(), self.closes_at()].into_iter().flatten().min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn roster(&self) -> Roster {
        Roster {
            number: self.plan.number.clone(),
            title: self.plan.title.clone(),
            version: self.version,
            locked: self.locked,
            started_at: self.started.1,
            participants: self.people.iter().map(Person::shown).collect(),
        }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    // ── Inside ──────────────────────────────────────────────────────────────────────────────────────────────

    fn dial_due(&mut self, now: Instant) {
        while let Some(id) = self.dial_out.poll_due(now) {
            let Some(person) = self.people.get_mut(&id) else { continue };
            person.state = ParticipantState::Calling;
            self.outputs.push_back(Output::Dial {
                participant: id.clone(),
                attempt: person.attempt,
                address: person.address.clone(),
                referral: person.referral.clone(),
                by: person.called_by.clone(),
            });
            self.changed(&id, now);
        }
    }

    fn end_leg(&mut self, id: &ParticipantId, now: Instant) {
        self.dial_out.withdraw(id);
        let Some(person) = self.people.get_mut(id).filter(|person| person.is_live()) else { return };
        let hangup = Output::Hangup { participant: id.clone(), attempt: person.attempt };
        person.end(Cause::Removed, None);
        self.outputs.push_back(hangup);
        self.changed(id, now);
    }

    fn end(&mut self, now: Instant) {
        let live: Vec<_> =
            self.people.iter().filter(|person| person.is_live()).map(|person| person.id.clone()).collect();
        for id in live {
            self.end_leg(&id, now);
        }
        self.version += 1;
        self.outputs.push_back(Output::Announce(LiveEvent::Ended { conference: self.plan.number.clone() }));
        self.outputs.push_back(Output::Close);
    }

    /// Tells media what differs between two states of a participant.
    fn carry_media_over(&mut self, id: &ParticipantId, was: Media, is: Media) {
        let participant = || id.clone();
        if was.muted != is.muted {
            self.outputs.push_back(Output::SetMute { participant: participant(), muted: is.muted });
        }
        if was.deafened != is.deafened {
            self.outputs.push_back(Output::SetDeaf { participant: participant(), deafened: is.deafened });
        }
        if was.gain_db != is.gain_db {
            self.outputs.push_back(Output::SetGain { participant: participant(), gain_db: is.gain_db });
        }
        if let Some(on) = is.noise_suppression.filter(|_| was.noise_suppression != is.noise_suppression) {
            self.outputs.push_back(Output::SetNoiseSuppression { participant: participant(), on });
        }
    }

    fn changed(&mut self, id: &ParticipantId, now: Instant) {
        self.version += 1;
        self.empty_since = match (self.people.anyone_live(), self.empty_since) {
            (true, _) => None,
            (false, since) => since.or(Some(now)),
        };
        let conference = self.plan.number.clone();
        let version = self.version;
        if let Some(participant) = self.people.get(id).map(Person::shown) {
            self.outputs.push_back(Output::Announce(LiveEvent::Participant { conference, version, participant }));
        }
        self.settle_music();
    }

    /// Music is for the only one, while he listens.
    fn settle_music(&mut self) {
        let alone = self.people.only_one().filter(|_| self.plan.music_when_alone);
        let alone = alone.filter(|person| person.state == ParticipantState::Connected);
        let wanted = alone.map(|person| (person.id.clone(), person.attempt));
        if self.music_for == wanted {
            return;
        }
        if let Some((participant, _)) = std::mem::replace(&mut self.music_for, wanted.clone()) {
            self.outputs.push_back(Output::Music { participant, on: false });
        }
        if let Some((participant, _)) = wanted {
            self.outputs.push_back(Output::Music { participant, on: true });
        }
    }

    fn say(&mut self, id: &ParticipantId, notice: Notice) {
        self.outputs.push_back(Output::Say { participant: id.clone(), notice });
    }

    fn say_to_all(&mut self, notice: Notice) {
        if self.plan.announcements {
            self.outputs.push_back(Output::SayToAll(notice));
        }
    }

    fn announce_conference(&mut self) {
        self.version += 1;
        self.outputs.push_back(Output::Announce(LiveEvent::Conference {
            conference: self.plan.number.clone(),
            title: self.plan.title.clone(),
            version: self.version,
            locked: self.locked,
        }));
    }

    fn closes_at(&self) -> Option<Instant> {
        self.empty_since.map(|since| since + self.settings.empty_timeout)
    }

    fn wall(&self, now: Instant) -> OffsetDateTime {
        self.started.1 + now.saturating_duration_since(self.started.0)
    }
}
