//! RTP packets: read in place, written in place.
//!
//! RFC 3550 §5.1 (fixed header), §5.3.1 (extension), RFC 8285 §4 (one- and two-byte elements).
//! Every length is checked before it is used. Padding is looked at only in a packet known to be in clear, since
//! SRTP encrypts its count.

use super::{RtpTimestamp, SequenceNumber, Ssrc};

/// Octets of a header without CSRCs and extension.
pub const FIXED_HEADER_LEN: usize = 12;
/// CC has four bits.
pub const MAX_CSRCS: usize = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    #[error("RTP packet of {len} octets ends before its {wanted}")]
    Short { len: usize, wanted: &'static str },
    #[error("RTP version is {0}, not 2")]
    Version(u8),
    #[error("RTP padding of {padding} octets in a payload of {payload}")]
    Padding { padding: u8, payload: usize },
    #[error("payload type {0} is RTCP's (RFC 5761 §4)")]
    Rtcp(u8),
    #[error("{csrcs} contributing sources, and 15 fit")]
    TooManyCsrcs { csrcs: usize },
    #[error("RTP header needs {needed} octets, the buffer has {len}")]
    BufferFull { needed: usize, len: usize },
}

/// The fixed header, less the counts that its lists tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    pub sequence: SequenceNumber,
    pub timestamp: RtpTimestamp,
    pub ssrc: Ssrc,
}

impl RtpHeader {
    /// Writes the header and its contributing sources, 12 + 4·`csrcs` octets. Returns that length.
    pub fn write(&self, csrcs: &[Ssrc], out: &mut [u8]) -> Result<usize, RtpError> {
        let _ = (csrcs, out);
        unimplemented!()
    }
}

/// A header extension: its profile (0xBEDE: one-byte elements) and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    pub profile: u16,
    pub data: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The element with this identifier (RFC 8285 §4.2, §4.3).
    pub fn element(&self, id: u8) -> Option<&'a [u8]> {
        let _ = id;
        unimplemented!()
    }
}

/// A packet read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    pub header: RtpHeader,
    csrcs: &'a [u8],
    pub extension: Option<Extension<'a>>,
    /// Without padding.
    pub payload: &'a [u8],
}

impl<'a> RtpPacket<'a> {
    /// Reads a packet in clear.
    pub fn parse(packet: &'a [u8]) -> Result<Self, RtpError> {
        let _ = packet;
        unimplemented!()
    }

    /// Contributing sources, in their order.
    pub fn csrcs(&self) -> impl Iterator<Item = Ssrc> + 'a {
        self.csrcs.chunks_exact(4).map(|_| Ssrc(0))
    }
}

/// Where the payload starts: the header with CSRCs and extension, for a packet whose payload may be encrypted.
pub fn header_len(packet: &[u8]) -> Result<usize, RtpError> {
    let _ = packet;
    unimplemented!()
}
