//! Who is in a running conference, and how: the snapshot that console, API and subscribers read.
//!
//! Names follow RFC 4575 where it has one; the JSON is the live participant of the HTTP API.

use plenary_media::engine::Breaker;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::transfer::Transfer;

/// One running conference, complete.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Roster {
    pub number: String,
    pub title: String,
    /// Rises by one with every change (RFC 4575 §4.6).
    pub version: u64,
    pub locked: bool,
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    pub participants: Vec<Participant>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Participant {
    pub id: ParticipantId,
    pub name: String,
    /// The SIP or tel address, as called or as calling.
    pub address: String,
    /// The account that was proven, or that was called: who may ask what by SIP. Not shown.
    #[serde(skip)]
    #[schema(ignore)]
    pub account: Option<String>,
    /// Who asked for the call by REFER (RFC 3892). Not shown by the API.
    #[serde(skip)]
    #[schema(ignore)]
    pub referred_by: Option<String>,
    /// Name and address are made up: who it is has asked for privacy (RFC 3323).
    #[serde(skip)]
    #[schema(ignore)]
    pub anonymous: bool,
    pub role: Role,
    pub state: ParticipantState,
    /// Why it ended; only with `disconnected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The SIP status behind `cause`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    pub direction: CallDirection,
    pub door: Door,
    pub muted: bool,
    pub deafened: bool,
    pub video_muted: bool,
    pub may_speak: bool,
    pub hand_raised: bool,
    pub speaking: bool,
    /// −127 (silence) to 0.
    pub level_dbov: i8,
    /// How long the participant has spoken in this conference, up to the latest change of who speaks.
    pub spoke_seconds: u64,
    pub gain_db: f32,
    /// Absent: as `media.noise-suppression` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_suppression: Option<bool>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// Media by SRTP.
    pub secured: bool,
    /// Not shown by the API.
    #[serde(skip)]
    #[schema(ignore)]
    pub stream: Stream,
    /// How the participant is heard here, over the last five seconds; absent while nothing comes from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// Why nothing is sent to the participant, who may hear nothing anyway; absent: sound is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<StopReason>,
    /// How it goes when the participant was sent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
}

/// A participant's audio, as the conference package names it (RFC 4575 §5.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// `a=label` of the session description.
    pub label: Option<String>,
    /// The SSRC that comes from the participant.
    pub source: Option<u32>,
}

/// What the network does to a participant's sound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Quality {
    /// 0 to 100.
    pub loss_percent: f32,
    /// RFC 3550 §6.4.1.
    pub jitter_ms: u32,
    /// By RTCP, where the peer reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u32>,
    /// Estimate by the E-model, 1 (bad) to 4.5 (excellent): on the narrow-band scale (ITU-T G.107) for G.711, on the
    /// wide-band one (G.107.1) for all others. Scores of two scales do not compare.
    pub mos: f32,
    /// Present while the participant's side returns to the others what they say: a loudspeaker near its microphone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo: Option<EchoReading>,
    /// What the participant hears, by its own reports; absent where it sends none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteQuality>,
}

/// How a participant says that it hears the conference: reports of RTCP (RFC 3550), and extended ones (RFC 3611).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct RemoteQuality {
    /// 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_percent: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u32>,
    /// By its own estimate, 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mos: Option<f32>,
    /// Packets that came too late for it, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_percent: Option<f32>,
    /// From the network to its ear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u32>,
}

/// Why sound for a participant was stopped (RFC 8083).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Its reports say that nothing of it arrives.
    MediaTimeout,
    /// It reported, and now neither reports nor anything else come.
    RtcpTimeout,
    /// Far more is lost on the way than the network can bear.
    Congestion,
}

impl From<Breaker> for StopReason {
    fn from(breaker: Breaker) -> Self {
        match breaker {
            Breaker::MediaTimeout => Self::MediaTimeout,
            Breaker::RtcpTimeout => Self::RtcpTimeout,
            Breaker::Congestion => Self::Congestion,
        }
    }
}

/// What comes back from a participant of what the others say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct EchoReading {
    pub delay_ms: u32,
    /// How much softer it comes back, dB.
    pub return_loss_db: f32,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct ParticipantId(pub String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Admin,
    Chair,
    Member,
    Participant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParticipantState {
    Queued,
    Calling,
    Ringing,
    Connected,
    OnHold,
    Reconnecting,
    Disconnected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Busy,
    NoAnswer,
    Declined,
    Unreachable,
    NotFound,
    Removed,
    Left,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallDirection {
    DialedIn,
    DialedOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    Sip,
    Trunk,
    Browser,
}

impl std::fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Roster {
    pub fn participant(&self, id: &ParticipantId) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.id == *id)
    }
}
