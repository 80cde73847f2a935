//! What one leg's media does: the result of offer and answer, in the terms of media alone.
//!
//! `src/call/negotiate.rs` makes a plan of an SDP answer (RFC 3264); the engine carries it out.
//! A plan is complete: connecting a leg again with another plan replaces the one before.

mod security;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub use security::{
    DtlsPlan, DtlsRole, Fingerprint, FingerprintError, FingerprintHash, FullIce, IceCredentials, IcePlan, IceRole,
    RemoteCandidate, Security,
};

pub use crate::codec::amr::AmrFormat;
use crate::rtp::Ssrc;

/// Everything that the engine must know of one leg's streams.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaPlan {
    pub audio: AudioPlan,
}

/// One audio stream, both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioPlan {
    /// Where the peer's SDP wants RTP. Symmetric RTP may move it once (see [`Latch`]).
    pub remote_rtp: SocketAddr,
    /// Where the peer wants RTCP: the next port, `a=rtcp` (RFC 3605), or the RTP port when muxed.
    pub remote_rtcp: SocketAddr,
    pub rtcp_mux: bool,
    /// Our side's direction, after the answer (RFC 3264 §6.1).
    pub direction: Direction,
    /// Payload numbers that the peer may send at any time.
    pub receive: Vec<ReceiveFormat>,
    /// What we send, with the peer's payload number.
    pub send: SendFormat,
    /// How the peer is told of keys (RFC 4733), where agreed.
    pub send_events: Option<SendEvents>,
    /// The mean time between our reports; absent: none are sent, since the peer leaves RTCP no bandwidth (RFC 3556).
    pub rtcp_interval: Option<Duration>,
    /// Reports beyond RFC 3550's that the peer asked for.
    pub extended_reports: ExtendedReports,
    pub levels: AudioLevels,
    /// The peer may send other media to the same port (RFC 9143); absent: only this one comes.
    pub bundle: Option<Box<Bundle>>,
    pub security: Security,
    /// The peer finds us by checks, and we learn from them where it is; absent: by the addresses of the description.
    pub ice: Option<IcePlan>,
    pub latch: Latch,
}

impl AudioPlan {
    /// Whether RTCP has a port, and so a handshake, of its own.
    pub fn has_rtcp_handshake(&self) -> bool {
        !self.rtcp_mux && matches!(self.security, Security::Dtls(_))
    }
}

/// What we tell beyond RFC 3550, where `a=rtcp-xr` of the peer asks for it (RFC 3611 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtendedReports {
    /// Our reference time, and answers to the peer's: the round trip of who only listens.
    pub round_trip: bool,
    pub statistics: bool,
    pub voip_metrics: bool,
}

/// How the audio is told from the other media of its bundle (RFC 9143 §9.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// Identifier of the header extension that names the medium of a packet (§15), where agreed.
    pub mid_extension: Option<u8>,
    /// Whether our packets name it, too; the identifier is 1 to 14 then, and the MID has 1 to 16 octets.
    pub names_ours: bool,
    /// `a=mid` of the audio.
    pub mid: String,
    /// SSRCs that the peer's description names for the audio, and for its other media.
    pub audio: Vec<Ssrc>,
    pub others: Vec<Ssrc>,
}

/// Identifiers of header extensions that tell loudness, where agreed (RFC 8285 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AudioLevels {
    /// The peer tells its own (RFC 6464).
    pub peer: Option<u8>,
    /// We tell that of our stream: 1 to 14.
    pub own: Option<u8>,
    /// The first bit of either says whether there is a voice: `vad=on`.
    pub voice_bit: bool,
    /// We tell each contributor's (RFC 6465): 1 to 14.
    pub contributors: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveFormat {
    pub payload_type: u8,
    pub kind: ReceiveKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveKind {
    Audio(AudioCodec),
    /// RFC 4733, at this clock rate.
    TelephoneEvent {
        clock_rate: u32,
    },
    /// RFC 3389, static payload 13.
    ComfortNoise,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendFormat {
    pub payload_type: u8,
    pub codec: AudioCodec,
    /// 20 ms unless the peer's `a=ptime` or `a=maxptime` says otherwise; a multiple of 10 ms, 10 to 60.
    pub ptime: Duration,
    /// The peer's wishes for Opus (RFC 7587 §6.1); ignored by other codecs.
    pub opus: OpusWishes,
}

/// Keys as named events (RFC 4733), with the peer's payload number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendEvents {
    pub payload_type: u8,
    pub clock_rate: u32,
    /// Bit n: the peer takes event n, of the sixteen keys.
    pub taken: u16,
}

impl SendEvents {
    /// All sixteen keys.
    pub const ALL: u16 = u16::MAX;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AudioCodec {
    Pcmu,
    Pcma,
    G722,
    Opus,
    /// With the feature `amr-wb` alone.
    AmrWb(AmrFormat),
}

impl AudioCodec {
    /// All that are built in, without parameters.
    #[cfg(feature = "amr-wb")]
    pub const ALL: [Self; 5] = [Self::Pcmu, Self::Pcma, Self::G722, Self::Opus, Self::AmrWb(AmrFormat::PLAIN)];
    #[cfg(not(feature = "amr-wb"))]
    pub const ALL: [Self; 4] = [Self::Pcmu, Self::Pcma, Self::G722, Self::Opus];

    /// Its place in [`ALL`](Self::ALL).
    pub fn index(self) -> usize {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 1,
            Self::G722 => 2,
            Self::Opus => 3,
            Self::AmrWb(_) => 4,
        }
    }

    /// Whether both are the same codec, whatever their parameters.
    pub fn is_like(self, other: Self) -> bool {
        self.index() == other.index()
    }

    /// The RTP clock in Hz. G.722 samples at 16 kHz and still counts 8000 (RFC 3551 §4.5.2).
    pub fn clock_rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 8_000,
            Self::Opus => 48_000,
            Self::AmrWb(_) => 16_000,
        }
    }

    /// Encoding name of `a=rtpmap`, lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "pcmu",
            Self::Pcma => "pcma",
            Self::G722 => "g722",
            Self::Opus => "opus",
            Self::AmrWb(_) => "amr-wb",
        }
    }
}

/// What the receiver of our Opus stream asked for in its `a=fmtp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpusWishes {
    /// `maxaveragebitrate`, bit/s, 6000 to 510 000.
    pub max_average_bitrate: Option<u32>,
    /// `maxplaybackrate`, Hz.
    pub max_playback_rate: Option<u32>,
    /// `useinbandfec=1`.
    pub inband_fec: bool,
    /// `usedtx=1`.
    pub dtx: bool,
    /// `cbr=1`.
    pub cbr: bool,
}

impl Default for OpusWishes {
    fn default() -> Self {
        Self { max_average_bitrate: None, max_playback_rate: None, inband_fec: true, dtx: false, cbr: false }
    }
}

/// Keys of one SRTP session, one master key a direction (RFC 4568 §6.1).
#[derive(Clone, PartialEq, Eq)]
pub struct SrtpKeys {
    pub suite: SrtpSuite,
    /// We protect with it. Key and salt, [`SrtpSuite::key_and_salt_len`] octets.
    pub local: Vec<u8>,
    /// The peer protects with it.
    pub remote: Vec<u8>,
}

impl std::fmt::Debug for SrtpKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SrtpKeys").field("suite", &self.suite).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SrtpSuite {
    /// RFC 3711, RFC 4568 §6.2.1.
    AesCm128HmacSha1_80,
    /// RFC 4568 §6.2.2.
    AesCm128HmacSha1_32,
    /// RFC 6188.
    AesCm256HmacSha1_80,
    /// RFC 7714.
    AeadAes128Gcm,
    /// RFC 7714.
    AeadAes256Gcm,
}

impl SrtpSuite {
    pub const ALL: [Self; 5] = [
        Self::AesCm128HmacSha1_80,
        Self::AesCm128HmacSha1_32,
        Self::AesCm256HmacSha1_80,
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
    ];

    /// The name in `a=crypto`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    pub fn key_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 | Self::AeadAes128Gcm => 16,
            Self::AesCm256HmacSha1_80 | Self::AeadAes256Gcm => 32,
        }
    }

    pub fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            _ => 14,
        }
    }

    pub fn key_and_salt_len(self) -> usize {
        self.key_len() + self.salt_len()
    }
}

/// Whose packets count before the peer's real address is proven (RFC 4961; RFC 7362).
///
/// A packet from exactly `remote_rtp` is always welcome. Another source is taken over only when it
/// comes from one of `trusted`, or when its SRTP tag verifies; then the leg stays with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latch {
    /// The source address of the peer's signalling.
    pub trusted: Vec<IpAddr>,
}
