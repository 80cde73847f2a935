//! What the engine is asked to do. Commands are made outside and carry ready-made boxes.

use std::sync::Arc;
use std::time::Duration;

use crate::id::{LegId, RoomId};
use crate::plan::MediaPlan;

#[derive(Debug)]
pub enum MediaCommand {
    /// Closes the mix; legs still in it hear silence until they join another or close.
    CloseRoom {
        room: RoomId,
    },
    /// Carries out a plan: at the answer, and again at every later one.
    Connect {
        leg: LegId,
        plan: Box<MediaPlan>,
    },
    /// From here on the leg hears the room's others, and they hear it.
    Join {
        leg: LegId,
        room: RoomId,
    },
    /// Out of its room, still connected (waiting, being asked for a PIN).
    Leave {
        leg: LegId,
    },
    /// The leg hears itself: `sip:echo`.
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
    /// Gain on what the leg says, −40 to +20 dB.
    SetGain {
        leg: LegId,
        gain_db: f32,
    },
    /// Whether the leg is brought to the common loudness by itself.
    SetAutoGain {
        leg: LegId,
        auto_gain: Switch,
    },
    /// Whether noise is taken out of what the leg says, while others hear it.
    SetNoiseSuppression {
        leg: LegId,
        noise_suppression: Switch,
    },
    /// Sends a key press to the leg (RFC 4733), where it takes any; longer than ten seconds or shorter than 40 ms is
    /// not sent. At most 32 wait.
    SendKey {
        leg: LegId,
        key: char,
        duration: Duration,
    },
    /// Plays to this leg alone, over what it hears.
    Play {
        leg: LegId,
        clip: Arc<Clip>,
    },
    StopPlaying {
        leg: LegId,
    },
    /// Plays to this leg alone, over what it hears, again and again; a clip that is [played](Self::Play) interrupts it.
    PlayMusic {
        leg: LegId,
        clip: Arc<Clip>,
    },
    StopMusic {
        leg: LegId,
    },
    /// Plays to everybody in the room.
    PlayToRoom {
        room: RoomId,
        clip: Arc<Clip>,
    },
    CloseLeg {
        leg: LegId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mute {
    Open,
    /// Nobody hears the leg; its keys are still read.
    Muted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deaf {
    Hears,
    /// The leg is sent silence.
    Deafened,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    On,
    Off,
}

/// A piece of sound: mono, 48 kHz.
#[derive(Debug, PartialEq)]
pub struct Clip {
    pub samples: Vec<i16>,
}
