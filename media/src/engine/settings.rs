//! What the engine is started with, and how it fails.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::command::Switch;
use crate::codec::CodecError;
use crate::id::LegId;
use crate::plan::AudioCodec;
use crate::secure::SrtpError;
use crate::secure::dtls::DtlsError;

/// At most this many speakers are mixed at once: a packet names no more contributors (RFC 3550 §5.1).
pub const MAX_SPEAKERS: usize = 15;

#[derive(Clone, Debug, PartialEq)]
pub struct EngineSettings {
    /// Media shards, one thread each; at least 1.
    pub threads: usize,
    /// Where RTP and RTCP sockets are bound. The unspecified IPv6 address serves both families.
    pub bind: IpAddr,
    /// UDP ports for legs. A leg takes an even one for RTP and the odd one above for RTCP (RFC 3550 §11).
    pub ports: RangeInclusive<u16>,
    /// The one UDP port of all legs that are met by ICE; absent: they take a pair of `ports` each.
    pub mux_port: Option<u16>,
    /// How many speakers of a room are mixed at most, loudest first: 1 to [`MAX_SPEAKERS`].
    pub speakers: usize,
    /// A leg from which neither RTP nor RTCP came for this long is told of as silent.
    pub silent_after: Duration,
    /// Whether legs are brought to a common loudness, until told otherwise for one.
    pub auto_gain: Switch,
    /// Whether noise is taken out of what legs say, until told otherwise for one.
    pub noise_suppression: Switch,
    /// A shard that works more of its time than this takes no further leg: percent, 100 for never.
    pub busy_limit: u8,
    /// So many legs of one room are put on one shard before others get their share: 0 for all.
    pub room_legs_per_thread: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            threads: 1,
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            ports: 20_000..=29_999,
            mux_port: None,
            speakers: 8,
            silent_after: Duration::from_secs(30),
            auto_gain: Switch::On,
            noise_suppression: Switch::Off,
            busy_limit: 85,
            room_legs_per_thread: 500,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("media shard {shard} could not start")]
    Start {
        shard: usize,
        #[source]
        source: io::Error,
    },
    #[error("media.mux-port: UDP port {port} cannot be used")]
    MuxPort {
        port: u16,
        #[source]
        source: io::Error,
    },
    #[error("no free pair of UDP ports in {}-{}: {in_use} pairs in use, {refused} refused by the system", range.start(), range.end())]
    NoPorts { range: RangeInclusive<u16>, in_use: usize, refused: usize },
    #[error("media shard {shard} is behind: {waiting} commands wait")]
    Busy { shard: usize, waiting: usize },
    #[error("media shard {shard} has stopped")]
    Stopped { shard: usize },
    #[error("media shard {shard} is full: {legs} legs")]
    Full { shard: usize, legs: usize },
    #[error("media shard {shard} works {percent} % of its time, and {limit} % is the limit for another leg")]
    Overloaded { shard: usize, percent: u64, limit: u8 },
    #[error("no {} coder for {leg}", codec.name())]
    Codec {
        leg: LegId,
        codec: AudioCodec,
        #[source]
        source: CodecError,
    },
    #[error("no certificate for DTLS")]
    Certificate {
        #[source]
        source: DtlsError,
    },
    #[error("SRTP keys of {leg} cannot be used")]
    Keys {
        leg: LegId,
        #[source]
        source: SrtpError,
    },
}
