//! What the engine tells. Events leave the shard through a ring; a full ring drops levels first.

use std::net::SocketAddr;
use std::time::Duration;

pub use super::breaker::Breaker;
use crate::dtmf::KeyWay;
use crate::id::{LegId, RoomId};
pub use crate::mix::{Echo, SpeakerLevel};
use crate::plan::AudioCodec;
use crate::rtp::Ssrc;
use crate::rtp::rtcp::extended::VoipMetrics;
use crate::secure::dtls::DtlsError;

#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// One key press, told once for each way that it took.
    Digit {
        leg: LegId,
        digit: char,
        duration: Duration,
        /// By event or by tone.
        way: KeyWay,
    },
    /// The first acceptable packet came, from this address.
    Latched {
        leg: LegId,
        address: SocketAddr,
    },
    /// Who speaks in a room, loudest first; told when it changes, at most five times a second.
    Speakers {
        room: RoomId,
        speakers: Vec<SpeakerLevel>,
    },
    /// Neither RTP nor RTCP for this long; told once a silence.
    Silent {
        leg: LegId,
        quiet_for: Duration,
    },
    Played {
        leg: LegId,
    },
    /// The peer is not who its description says, or has no SRTP for us: nothing passes, nothing will.
    HandshakeFailed {
        leg: LegId,
        why: DtlsError,
    },
    /// What we send reaches nobody or does harm, and stopped; or, with none, goes on (RFC 8083).
    Circuit {
        leg: LegId,
        open: Option<Breaker>,
    },
    /// Nothing that comes from where the peer is expected opens with the key of its description, and nothing ever did.
    KeyUnusable {
        leg: LegId,
    },
    /// The peer's stream: when it begins, whenever another takes its place, and anew in each room.
    Source {
        leg: LegId,
        ssrc: Ssrc,
    },
    /// Every five seconds, and once when the leg closes.
    Stats {
        leg: LegId,
        stats: Box<LegStats>,
    },
}

/// Counts since the leg was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LegStats {
    pub packets_received: u64,
    pub packets_sent: u64,
    /// RFC 3550 A.3.
    pub packets_lost: i64,
    pub packets_late: u64,
    /// Wrong source, wrong payload type, bad SRTP tag, replay, not RTP.
    pub packets_refused: u64,
    /// RFC 3550 A.8.
    pub jitter: Duration,
    /// From the peer's receiver reports, where it sends any.
    pub round_trip: Option<Duration>,
    /// That the peer sent last.
    pub codec: Option<AudioCodec>,
    /// Loss that the peer reports of what we send, 0 to 1.
    pub remote_loss: Option<f32>,
    pub remote_jitter: Option<Duration>,
    /// What the peer measured besides, where it was asked (RFC 3611 §4.7).
    pub remote: Option<VoipMetrics>,
    /// Why nothing is sent.
    pub stopped: Option<Breaker>,
    /// What others say and this leg returns.
    pub echo: Option<Echo>,
}
