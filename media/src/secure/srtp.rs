//! SRTP and SRTCP of one direction of one session, in the caller's buffer (RFC 3711 §3.3, §3.4; RFC 7714 §8, §9).
//!
//! Left out: MKI and rekeying within a session (a new key comes with a new offer), unencrypted SRTCP (never
//! negotiated, so E=0 is refused), header encryption (RFC 9335).

use std::fmt;

use super::index::Streams;
use super::transform::{Protocol, RTCP_CLEAR, RTCP_ENCRYPTED, RTCP_INDEX, Transform};
use crate::plan::{SrtpKeys, SrtpSuite};
use crate::rtp::packet::header_len;
use crate::rtp::{RtpHeader, Ssrc};

/// Octets that protection may add: SRTCP index and a 16-octet tag.
pub const MAX_OVERHEAD: usize = 20;

/// Indices that a key may protect (RFC 3711 §9.2).
const RTP_INDICES: u64 = 1 << 48;
const RTCP_INDICES: u64 = 1 << 31;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    #[error("{suite} needs {needed} octets of key and salt, got {got}")]
    KeyLength { suite: &'static str, needed: usize, got: usize },
    #[error("packet of {len} octets is too short for its header and tag, or not RTP")]
    Malformed { len: usize },
    #[error("buffer of {len} octets cannot hold {needed}")]
    BufferFull { len: usize, needed: usize },
    #[error("authentication failed")]
    Forged,
    #[error("packet index {index} of {ssrc} came before")]
    Replayed { ssrc: Ssrc, index: u64 },
    #[error("the key has protected all packets it may (RFC 3711 §9.2)")]
    KeyExhausted,
}

/// Transforms and streams of one direction.
struct Direction {
    rtp: Transform,
    rtcp: Transform,
    rtp_streams: Streams,
    rtcp_streams: Streams,
}

impl Direction {
    fn new(suite: SrtpSuite, key_and_salt: &[u8]) -> Result<Self, SrtpError> {
        let (needed, got) = (suite.key_and_salt_len(), key_and_salt.len());
        let fault = SrtpError::KeyLength { suite: suite.name(), needed, got };
        if got != needed {
            return Err(fault);
        }
        let (key, salt) = key_and_salt.split_at_checked(suite.key_len()).ok_or(fault)?;
        Ok(Self {
            rtp: Transform::derived(suite, Protocol::Rtp, key, salt).ok_or(fault)?,
            rtcp: Transform::derived(suite, Protocol::Rtcp, key, salt).ok_or(fault)?,
            rtp_streams: Streams::default(),
            rtcp_streams: Streams::default(),
        })
    }
}

/// Protects what we send.
pub struct Protector {
    direction: Direction,
}

impl Protector {
    /// Derives session keys of `keys.local`.
    pub fn new(keys: &SrtpKeys) -> Result<Self, SrtpError> {
        Ok(Self { direction: Direction::new(keys.suite, &keys.local)? })
    }

    /// Protects the RTP packet `buffer[..len]` in place. Returns its new length.
    ///
    /// Sequence numbers of an SSRC must rise: a number used twice would use its key stream twice, and is refused.
    pub fn protect_rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let Direction { rtp, rtp_streams, .. } = &mut self.direction;
        let protected = room(buffer, len, rtp.tag_len())?;
        let (header, payload_at) = rtp_header(&protected[..len])?;
        let index = rtp_streams.guess(header.ssrc, header.sequence).unwrap_or(0);
        if !rtp_streams.rises(header.ssrc, index) {
            return Err(SrtpError::Replayed { ssrc: header.ssrc, index });
        }
        if index >= RTP_INDICES {
            return Err(SrtpError::KeyExhausted);
        }
        let (clear, rest) = protected.split_at_mut(payload_at);
        let (payload, tag) = rest.split_at_mut(len - payload_at);
        rtp.seal_rtp((clear, payload, tag), header.ssrc, index).map_err(|_| SrtpError::Malformed { len })?;
        rtp_streams.accept(header.ssrc, index);
        Ok(protected.len())
    }

    /// Goes on where so many packets were sent with the key before: the highest indices of RTP and RTCP.
    pub fn having_sent(mut self, ssrc: Ssrc, rtp: u64, rtcp: u64) -> Self {
        self.direction.rtp_streams.accept(ssrc, rtp);
        self.direction.rtcp_streams.accept(ssrc, rtcp);
        self
    }

    /// Protects the compound RTCP packet `buffer[..len]` in place. Returns its new length.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let Direction { rtcp, rtcp_streams, .. } = &mut self.direction;
        let protected = room(buffer, len, RTCP_INDEX + rtcp.tag_len())?;
        let ssrc = rtcp_sender(&protected[..len])?;
        let index = rtcp_streams.highest(ssrc).map_or(1, |highest| highest + 1);
        let word = u32::try_from(index).ok().filter(|_| index < RTCP_INDICES).ok_or(SrtpError::KeyExhausted)?;
        let (clear, rest) = protected.split_at_mut(RTCP_CLEAR);
        let (body, trailer) = rest.split_at_mut(len - RTCP_CLEAR);
        rtcp.seal_rtcp((clear, body, trailer), ssrc, word).map_err(|_| SrtpError::Malformed { len })?;
        rtcp_streams.accept(ssrc, index);
        Ok(protected.len())
    }
}

/// Opens what the peer sends. An error changes no state; the packet's octets are then unspecified.
pub struct Unprotector {
    direction: Direction,
}

impl Unprotector {
    /// Derives session keys of `keys.remote`.
    pub fn new(keys: &SrtpKeys) -> Result<Self, SrtpError> {
        Ok(Self { direction: Direction::new(keys.suite, &keys.remote)? })
    }

    /// Opens the SRTP packet in place. Returns the length of the RTP packet.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let Direction { rtp, rtp_streams, .. } = &mut self.direction;
        let malformed = SrtpError::Malformed { len: packet.len() };
        let (header, payload_at) = rtp_header(packet)?;
        let len = packet.len().checked_sub(rtp.tag_len()).filter(|&len| len >= payload_at).ok_or(malformed)?;
        let ssrc = header.ssrc;
        let index = rtp_streams
            .guess(ssrc, header.sequence)
            .ok_or(SrtpError::Replayed { ssrc, index: u64::from(header.sequence.0) })?;
        if !rtp_streams.allows(ssrc, index) {
            return Err(SrtpError::Replayed { ssrc, index });
        }
        let (clear, rest) = packet.split_at_mut(payload_at);
        let (payload, tag) = rest.split_at_mut(len - payload_at);
        rtp.open_rtp((clear, payload, tag), ssrc, index).map_err(|_| SrtpError::Forged)?;
        rtp_streams.accept(ssrc, index);
        Ok(len)
    }

    /// Opens the SRTCP packet in place. Returns the length of the RTCP packet.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let Direction { rtcp, rtcp_streams, .. } = &mut self.direction;
        let malformed = SrtpError::Malformed { len: packet.len() };
        let ssrc = rtcp_sender(packet)?;
        let trailer_len = RTCP_INDEX + rtcp.tag_len();
        let len = packet.len().checked_sub(trailer_len).filter(|&len| len >= RTCP_CLEAR).ok_or(malformed)?;
        let (clear, rest) = packet.split_at_mut(RTCP_CLEAR);
        let (body, trailer) = rest.split_at_mut(len - RTCP_CLEAR);
        let word = rtcp.rtcp_index(trailer).ok_or(malformed)?;
        if word & RTCP_ENCRYPTED == 0 {
            return Err(SrtpError::Forged);
        }
        let index = word & !RTCP_ENCRYPTED;
        if !rtcp_streams.allows(ssrc, u64::from(index)) {
            return Err(SrtpError::Replayed { ssrc, index: u64::from(index) });
        }
        rtcp.open_rtcp((clear, body, trailer), ssrc, index).map_err(|_| SrtpError::Forged)?;
        rtcp_streams.accept(ssrc, u64::from(index));
        Ok(len)
    }
}

/// The packet with the room that protection needs behind it.
fn room(buffer: &mut [u8], len: usize, overhead: usize) -> Result<&mut [u8], SrtpError> {
    let (needed, held) = (len + overhead, buffer.len());
    buffer.get_mut(..needed).ok_or(SrtpError::BufferFull { len: held, needed })
}

fn rtp_header(packet: &[u8]) -> Result<(RtpHeader, usize), SrtpError> {
    header_len(packet).map_err(|_| SrtpError::Malformed { len: packet.len() })
}

/// Who sends a compound RTCP packet.
fn rtcp_sender(packet: &[u8]) -> Result<Ssrc, SrtpError> {
    match packet.first_chunk::<RTCP_CLEAR>() {
        Some(&[first, _, _, _, a, b, c, d]) if first >> 6 == 2 => Ok(Ssrc(u32::from_be_bytes([a, b, c, d]))),
        _ => Err(SrtpError::Malformed { len: packet.len() }),
    }
}

impl fmt::Debug for Protector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protector").finish_non_exhaustive()
    }
}

impl fmt::Debug for Unprotector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unprotector").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "srtp_tests.rs"]
mod tests;
