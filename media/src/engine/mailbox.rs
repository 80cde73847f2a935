//! What travels between callers and a shard: letters in; events and used-up things out.
//!
//! A letter carries everything it needs ready-made, because the shard does not allocate; what an order replaces
//! goes back to be dropped elsewhere, because the shard does not free either.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtrb::{Producer, PushError};

use super::command::{Clip, Deaf, Mute, Switch};
use super::early::Early;
use super::event::{Breaker, LegStats, MediaEvent, SpeakerLevel};
use super::io::EventFd;
use super::leg::Leg;
use super::mux::Guest;
use super::ports::LegSockets;
use super::room::Room;
use super::settings::MAX_SPEAKERS;
use super::streams::Streams;
use super::trunk::Trunk;
use crate::dtmf::KeyWay;
use crate::id::{LegId, RoomId};
use crate::mix::{EncodeChain, NoiseSuppressor};
use crate::rtp::Ssrc;
use crate::secure::dtls::DtlsError;

/// To the shard's thread.
#[derive(Debug)]
pub(super) enum Letter {
    Open {
        leg: Box<Leg>,
        sockets: Box<LegSockets>,
    },
    Close {
        leg: LegId,
    },
    /// Let go of a leg, which will live on another shard.
    Release {
        leg: LegId,
        to: Producer<Released>,
    },
    Order(Order),
    /// To the first shard alone, which reads the shared port: a leg is met there, with these credentials from now on.
    Expect {
        guest: Box<Guest>,
    },
    /// A leg of the shared port lives on another shard.
    MoveGuest {
        leg: LegId,
        shard: usize,
    },
    ForgetGuest {
        leg: LegId,
    },
    Stop,
}

/// A leg between two shards.
#[derive(Debug)]
pub(super) struct Released {
    pub leg: Box<Leg>,
    pub sockets: Box<LegSockets>,
}

/// To the shard: a [`MediaCommand`](super::MediaCommand) with everything in it ready-made.
#[derive(Debug)]
pub(super) enum Order {
    OpenRoom {
        room: Box<Room>,
    },
    CloseRoom {
        room: RoomId,
    },
    /// Joins this shard's part of a room to another shard's.
    Link {
        room: RoomId,
        trunk: Box<Trunk>,
    },
    Connect {
        leg: LegId,
        streams: Box<Streams>,
        shared: Box<EncodeChain>,
    },
    /// `shared` is for the room's listeners who hear the same; absent before the leg has a plan.
    Join {
        leg: LegId,
        room: RoomId,
        shared: Option<Box<EncodeChain>>,
    },
    Leave {
        leg: LegId,
    },
    Echo {
        leg: LegId,
    },
    SetMute {
        leg: LegId,
        mute: Mute,
    },
    SetDeaf {
        leg: LegId,
        deaf: Deaf,
    },
    SetGain {
        leg: LegId,
        gain_db: f32,
    },
    SetAutoGain {
        leg: LegId,
        auto_gain: Switch,
    },
    /// Absent: noise stays.
    SetNoiseSuppression {
        leg: LegId,
        suppressor: Option<Box<NoiseSuppressor>>,
    },
    SendKey {
        leg: LegId,
        key: char,
        duration: Duration,
    },
    Play {
        leg: LegId,
        clip: Arc<Clip>,
    },
    StopPlaying {
        leg: LegId,
    },
    PlayMusic {
        leg: LegId,
        clip: Arc<Clip>,
    },
    StopMusic {
        leg: LegId,
    },
    PlayToRoom {
        room: RoomId,
        clip: Arc<Clip>,
    },
}

/// What the shard is done with. Dropping it is all that is left to do.
#[derive(Debug)]
#[expect(dead_code, reason = "held to be dropped by its receiver")]
pub(super) enum Returned {
    Leg(Box<Leg>),
    Room(Box<Room>),
    Streams(Box<Streams>),
    Chain(Box<EncodeChain>),
    Clip(Arc<Clip>),
    Sockets(Box<LegSockets>),
    Suppressor(Box<NoiseSuppressor>),
    Trunk(Box<Trunk>),
    Guest(Box<Guest>),
    Early(Box<Early>),
}

/// A [`MediaEvent`] without anything on the heap.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    Digit { leg: LegId, digit: char, duration: Duration, way: KeyWay },
    Latched { leg: LegId, address: SocketAddr },
    Speakers { room: RoomId, speakers: [SpeakerLevel; MAX_SPEAKERS], count: usize },
    Silent { leg: LegId, quiet_for: Duration },
    Played { leg: LegId },
    HandshakeFailed { leg: LegId, why: DtlsError },
    KeyUnusable { leg: LegId },
    Circuit { leg: LegId, open: Option<Breaker> },
    Source { leg: LegId, ssrc: Ssrc },
    Stats { leg: LegId, stats: LegStats },
}

impl Told {
    /// Levels and statistics come again soon: they give way when the ring fills.
    fn can_wait(&self) -> bool {
        matches!(self, Self::Speakers { .. } | Self::Stats { .. })
    }
}

impl From<Told> for MediaEvent {
    fn from(told: Told) -> Self {
        match told {
            Told::Digit { leg, digit, duration, way } => Self::Digit { leg, digit, duration, way },
            Told::Latched { leg, address } => Self::Latched { leg, address },
            Told::Speakers { room, speakers, count } => {
                Self::Speakers { room, speakers: speakers.iter().take(count).copied().collect() }
            }
            Told::Silent { leg, quiet_for } => Self::Silent { leg, quiet_for },
            Told::Played { leg } => Self::Played { leg },
            Told::HandshakeFailed { leg, why } => Self::HandshakeFailed { leg, why },
            Told::KeyUnusable { leg } => Self::KeyUnusable { leg },
            Told::Circuit { leg, open } => Self::Circuit { leg, open },
            Told::Source { leg, ssrc } => Self::Source { leg, ssrc },
            Told::Stats { leg, stats } => Self::Stats { leg, stats: Box::new(stats) },
        }
    }
}

/// The shard's end of its two rings out.
#[derive(Debug)]
pub(super) struct Outbox {
    events: Producer<Told>,
    returned: Producer<Returned>,
    bell: Arc<EventFd>,
    unrung: bool,
}

impl Outbox {
    pub fn new(events: Producer<Told>, returned: Producer<Returned>, bell: Arc<EventFd>) -> Self {
        Self { events, returned, bell, unrung: false }
    }

    /// Tells an event, unless the ring is full; what can wait keeps the last quarter of the ring free.
    pub fn tell(&mut self, told: Told) {
        if told.can_wait() && self.events.slots() < self.events.buffer().capacity() / 4 {
            return;
        }
        self.unrung |= self.events.push(told).is_ok();
    }

    /// Sends a thing back. With its ring full (nobody drains the events) it is dropped here and now.
    pub fn give_back(&mut self, done: Returned) {
        match self.returned.push(done) {
            Ok(()) => self.unrung = true,
            Err(PushError::Full(done)) => drop(done),
        }
    }

    /// Rings once for all that was put in since the last time.
    pub fn ring(&mut self) {
        if std::mem::take(&mut self.unrung) {
            self.bell.ring();
        }
    }
}
