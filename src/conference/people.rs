//! The people of a conference: one row each, from the first ring until the conference ends.
//!
//! A row outlives its leg: who was busy is still shown as busy, and a second call to the same address goes on in
//! the same row under a new attempt.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::admission::Join;
use super::command::{CallAll, ParticipantPatch, Referral};
use super::focus::LegNews;
use super::keypad::Keypad;
use super::live::Speaker;
use super::plan::PlannedMember;
use super::roster::{
    CallDirection, Cause, Door, Participant, ParticipantId, ParticipantState, Quality, Role, StopReason, Stream,
};
use super::transfer::{Transfer, TransferState};

/// Counts the legs that a row has had.
pub type Attempt = u32;

#[derive(Debug)]
pub struct Person {
    pub id: ParticipantId,
    pub attempt: Attempt,
    pub account: Option<String>,
    pub name: String,
    pub address: String,
    pub role: Role,
    pub state: ParticipantState,
    pub muted: bool,
    pub may_speak: bool,
    deafened: bool,
    video_muted: bool,
    pub hand_raised: bool,
    pub keypad: Keypad,
    gain_db: f32,
    /// As the server does it by itself, until somebody says otherwise.
    noise_suppression: Option<bool>,
    cause: Option<Cause>,
    status: Option<u16>,
    direction: CallDirection,
    door: Door,
    level_dbov: Option<i8>,
    /// How long it has spoken, up to the latest change of who speaks.
    spoke: Duration,
    /// Absent while it is not in.
    pub joined_at: Option<OffsetDateTime>,
    codec: Option<String>,
    secured: bool,
    stream: Stream,
    quality: Option<Quality>,
    stopped: Option<StopReason>,
    /// Others are not told who it is.
    anonymous: bool,
    /// Whether its phone can be asked by REFER to call somebody.
    pub takes_refer: bool,
    pub transfer: Option<Transfer>,
    /// The REFER that the latest call was made for.
    pub referral: Option<Referral>,
    /// The account that wished for the latest call to it.
    pub called_by: Option<String>,
}

/// What of a person the media engine must know.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Media {
    pub muted: bool,
    pub deafened: bool,
    pub gain_db: f32,
    pub noise_suppression: Option<bool>,
}

/// RFC 3323 §4.1.1.3.
const ANONYMOUS: &str = "Anonymous";
const SILENCE_DBOV: i8 = -127;

impl Person {
    fn new(id: ParticipantId, address: String, name: String, role: Role) -> Self {
        Self {
            id,
            attempt: 0,
            account: None,
            name,
            address,
            role,
            state: ParticipantState::Disconnected,
            muted: false,
            may_speak: true,
            deafened: false,
            video_muted: false,
            hand_raised: false,
            keypad: Keypad::default(),
            gain_db: 0.0,
            noise_suppression: None,
            cause: None,
            status: None,
            direction: CallDirection::DialedIn,
            door: Door::Sip,
            level_dbov: None,
            spoke: Duration::ZERO,
            joined_at: None,
            codec: None,
            secured: false,
            stream: Stream::default(),
            quality: None,
            stopped: None,
            anonymous: false,
            takes_refer: true,
            transfer: None,
            referral: None,
            called_by: None,
        }
    }

    pub fn is_live(&self) -> bool {
        self.state != ParticipantState::Disconnected
    }

    pub fn is_in(&self) -> bool {
        use ParticipantState::*;
        matches!(self.state, Connected | OnHold | Reconnecting)
    }

    /// A browser shows what a telephone must be told.
    pub fn is_by_telephone(&self) -> bool {
        self.door != Door::Browser
    }

    pub fn media(&self) -> Media {
        Media {
            muted: self.muted || !self.may_speak,
            deafened: self.deafened,
            gain_db: self.gain_db,
            noise_suppression: self.noise_suppression,
        }
    }

    pub fn apply(&mut self, patch: &ParticipantPatch) {
        set(&mut self.muted, patch.muted);
        set(&mut self.deafened, patch.deafened);
        set(&mut self.video_muted, patch.video_muted);
        set(&mut self.may_speak, patch.may_speak);
        set(&mut self.hand_raised, patch.hand_raised);
        set(&mut self.role, patch.role);
        set(&mut self.name, patch.name.clone());
        set(&mut self.gain_db, patch.gain_db);
        self.noise_suppression = patch.noise_suppression.or(self.noise_suppression);
    }

    pub fn hear(&mut self, news: LegNews, wall: OffsetDateTime) {
        match news {
            LegNews::Ringing if self.state == ParticipantState::Calling => self.state = ParticipantState::Ringing,
            LegNews::Ringing => {}
            LegNews::Connected { codec, secured } => {
                self.state = ParticipantState::Connected;
                // A leg that took another's place came in with that.
                self.joined_at.get_or_insert(wall);
                self.codec = Some(codec);
                self.secured = secured;
            }
            LegNews::Held => self.state = ParticipantState::OnHold,
            LegNews::Resumed => self.state = ParticipantState::Connected,
            LegNews::Ended { cause, status } => self.end(cause, status),
            LegNews::Labelled(label) => self.stream.label = Some(label),
            LegNews::Source(ssrc) => self.stream.source = Some(ssrc),
            LegNews::Quality(quality) => self.quality = quality,
            LegNews::Stopped(stopped) => self.stopped = stopped,
            LegNews::TakesNoRefer => self.takes_refer = false,
            LegNews::Referred(news) => {
                if let Some(transfer) = &mut self.transfer {
                    transfer.hear(news);
                }
            }
            LegNews::Key(_) => {} // the focus reads keys itself
        }
    }

    pub fn end(&mut self, cause: Cause, status: Option<u16>) {
        self.state = ParticipantState::Disconnected;
        self.transfer.iter_mut().for_each(Transfer::hear_end);
        self.cause = Some(cause);
        self.status = status;
        self.level_dbov = None;
        self.hand_raised = false;
        self.quality = None;
        self.stopped = None;
    }

    fn begin(&mut self, state: ParticipantState, direction: CallDirection) {
        self.attempt += 1;
        self.state = state;
        self.direction = direction;
        self.cause = None;
        self.status = None;
        self.joined_at = None;
        self.codec = None;
        self.secured = false;
        self.stream = Stream::default();
        self.takes_refer = true;
        self.transfer = None;
        self.referral = None;
        self.called_by = None;
    }

    /// Its phone talks to whom it was sent to, and is still in.
    pub fn was_transferred(&self) -> bool {
        self.is_live() && self.transfer.as_ref().is_some_and(|transfer| transfer.state == TransferState::Done)
    }

    /// The place stays, its leg is another from now on.
    pub fn hand_over(&mut self, join: &Join, own_role: Role) {
        if self.is_in() {
            self.attempt += 1;
            self.state = ParticipantState::Reconnecting;
            self.takes_refer = true;
            self.transfer = None;
            self.stream = Stream::default();
            self.quality = None;
            self.stopped = None;
        } else {
            self.begin(ParticipantState::Calling, CallDirection::DialedIn);
        }
        if self.account != join.account {
            // Somebody else, whom the one before has sent: a seat is passed on, an office is not.
            self.role = own_role;
            self.referral = join.referred_by.clone().map(Referral::seen);
            self.account.clone_from(&join.account);
            self.address.clone_from(&join.address);
            self.name.clone_from(&join.name);
        }
        self.door = join.door;
        self.anonymous = join.anonymous;
    }

    /// One for each of the anonymous, so that subscribers tell them apart (RFC 4575 §5.6).
    fn made_up_address(&self) -> String {
        let number = self.id.0.trim_start_matches(|c: char| !c.is_ascii_digit());
        format!("sip:anonymous{number}@anonymous.invalid")
    }

    pub fn shown(&self) -> Participant {
        Participant {
            id: self.id.clone(),
            name: if self.anonymous { ANONYMOUS.into() } else { self.name.clone() },
            address: if self.anonymous { self.made_up_address() } else { self.address.clone() },
            account: self.account.clone(),
            anonymous: self.anonymous,
            referred_by: self.referral.as_ref().and_then(|referral| referral.by.clone()),
            role: self.role,
            state: self.state,
            cause: self.cause,
            status: self.status,
            direction: self.direction,
            door: self.door,
            muted: self.muted,
            deafened: self.deafened,
            video_muted: self.video_muted,
            may_speak: self.may_speak,
            hand_raised: self.hand_raised,
            speaking: self.level_dbov.is_some(),
            level_dbov: self.level_dbov.unwrap_or(SILENCE_DBOV),
            spoke_seconds: self.spoke.as_secs(),
            gain_db: self.gain_db,
            noise_suppression: self.noise_suppression,
            joined_at: self.joined_at,
            codec: self.codec.clone(),
            secured: self.secured,
            stream: self.stream.clone(),
            quality: self.quality,
            stopped: self.stopped,
            transfer: self.transfer.clone(),
        }
    }
}

fn set<T>(place: &mut T, wished: Option<T>) {
    if let Some(wished) = wished {
        *place = wished;
    }
}

/// In the order in which they came first.
#[derive(Debug, Default)]
pub struct People {
    rows: Vec<Person>,
    ids_given: u64,
    /// When it was last told who speaks.
    heard_at: Option<Instant>,
}

impl People {
    pub fn iter(&self) -> impl Iterator<Item = &Person> {
        self.rows.iter()
    }

    pub fn get(&self, id: &ParticipantId) -> Option<&Person> {
        self.rows.iter().find(|person| person.id == *id)
    }

    pub fn get_mut(&mut self, id: &ParticipantId) -> Option<&mut Person> {
        self.rows.iter_mut().find(|person| person.id == *id)
    }

    pub fn present(&self) -> usize {
        self.rows.iter().filter(|person| person.is_in()).count()
    }

    /// Who is in and nobody else.
    pub fn only_one(&self) -> Option<&Person> {
        let mut present = self.rows.iter().filter(|person| person.is_in());
        present.next().filter(|_| present.next().is_none())
    }

    pub fn names_of_those_in(&self) -> Vec<String> {
        self.rows.iter().filter(|person| person.is_in()).map(|person| person.name.clone()).collect()
    }

    pub fn anyone_live(&self) -> bool {
        self.rows.iter().any(Person::is_live)
    }

    /// Whether `call-all` should call this member now.
    pub fn is_due(&self, member: &PlannedMember, wish: &CallAll) -> bool {
        let rows = || self.rows.iter().filter(|person| person.address == member.address);
        if rows().any(Person::is_live) {
            return false;
        }
        let Some(only) = &wish.only else { return true };
        let ended_as = |cause| match cause {
            Cause::Left | Cause::Removed => only.contains(&cause),
            other => only.contains(&other) || only.contains(&Cause::Failed),
        };
        rows().next_back().and_then(|person| person.cause).is_some_and(ended_as)
    }

    /// A row that waits to be called: the one this address had before, or a new one.
    pub fn queue(&mut self, address: &str, name: Option<String>, role: Role, account: Option<String>) -> ParticipantId {
        let reusable = |person: &Person| person.address == address && !person.is_live();
        let index =
            self.rows.iter().rposition(reusable).unwrap_or_else(|| {
                self.push(address.into(), name.clone().unwrap_or_else(|| spoken_name(address)), role)
            });
        let person = &mut self.rows[index];
        person.account = account;
        person.anonymous = false;
        person.begin(ParticipantState::Queued, CallDirection::DialedOut);
        person.id.clone()
    }

    /// A caller was let in. Takes the row that ended, when it is the same person, or that is being called, when the
    /// account proves it; gives the attempt of the outgoing call that is needless now.
    pub fn come_in(&mut self, join: &Join, role: Role) -> (ParticipantId, Option<Attempt>) {
        let proven = |person: &Person| join.account.is_some() && join.account == person.account;
        let own_row = |person: &Person| {
            !person.is_in() && (proven(person) || (!person.is_live() && person.address == join.address))
        };
        let index = self
            .rows
            .iter()
            .rposition(own_row)
            .unwrap_or_else(|| self.push(join.address.clone(), join.name.clone(), role));
        let person = &mut self.rows[index];
        let replaced = person.is_live().then_some(person.attempt);
        // A role given meanwhile stays with who proved to be the same; an address alone proves nothing.
        person.role = if proven(person) { person.role.min(role) } else { role };
        person.account.clone_from(&join.account);
        person.door = join.door;
        person.anonymous = join.anonymous;
        person.begin(ParticipantState::Calling, CallDirection::DialedIn);
        person.referral = join.referred_by.clone().map(Referral::seen);
        (person.id.clone(), replaced)
    }

    /// Notes who speaks; everybody else is silent.
    pub fn hear_speakers(&mut self, speakers: &[(ParticipantId, i8)], now: Instant) -> Vec<Speaker> {
        let since = self.heard_at.replace(now).unwrap_or(now);
        for person in &mut self.rows {
            if person.level_dbov.is_some() {
                person.spoke += now.saturating_duration_since(since);
            }
            person.level_dbov = speakers.iter().find(|(id, _)| *id == person.id).map(|(_, level)| *level);
        }
        speakers.iter().map(|(id, level_dbov)| Speaker { id: id.clone(), level_dbov: *level_dbov }).collect()
    }

    /// Legs of this account that are in or coming in; one that is only being called is free to take.
    pub fn legs_of(&self, account: &str) -> usize {
        let comes = |person: &Person| person.is_live() && person.direction == CallDirection::DialedIn;
        let own = self.rows.iter().filter(|person| person.account.as_deref() == Some(account));
        own.filter(|person| person.is_in() || comes(person)).count()
    }

    fn push(&mut self, address: String, name: String, role: Role) -> usize {
        self.forget_oldest();
        self.ids_given += 1;
        let id = ParticipantId(format!("p{}", self.ids_given));
        self.rows.push(Person::new(id, address, name, role));
        self.rows.len() - 1
    }

    fn forget_oldest(&mut self) {
        if self.rows.iter().filter(|person| !person.is_live()).count() >= MAX_GONE
            && let Some(oldest) = self.rows.iter().position(|person| !person.is_live())
        {
            self.rows.remove(oldest);
        }
    }
}

/// Rows of people who have gone, beyond which the oldest are forgotten: a conference may last for months, and whoever calls
/// an open one under another name each time would fill the memory.
const MAX_GONE: usize = 1_000;

/// What to call somebody of whom only the address is known: its user part.
fn spoken_name(address: &str) -> String {
    let bare = address.split_once(':').map_or(address, |(_, rest)| rest);
    bare.split(['@', ';', '?']).next().filter(|user| !user.is_empty()).unwrap_or(address).to_owned()
}
