//! SRTP and SRTCP of one direction of one session, in the caller's buffer (RFC 3711 §3.3, §3.4; RFC 7714 §8, §9).

use crate::plan::SrtpKeys;
use crate::rtp::Ssrc;

/// Octets that protection may add: SRTCP index and a 16-octet tag.
pub const MAX_OVERHEAD: usize = 20;

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

/// Protects what we send.
#[derive(Debug)]
pub struct Protector {}

impl Protector {
    /// Derives session keys of `keys.local`.
    pub fn new(keys: &SrtpKeys) -> Result<Self, SrtpError> {
        let _ = keys;
        unimplemented!()
    }

    /// Protects the RTP packet `buffer[..len]` in place. Returns its new length.
    pub fn protect_rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let _ = (buffer, len);
        unimplemented!()
    }

    /// Protects the compound RTCP packet `buffer[..len]` in place. Returns its new length.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let _ = (buffer, len);
        unimplemented!()
    }
}

/// Opens what the peer sends. An error changes no state; the packet is then unspecified.
#[derive(Debug)]
pub struct Unprotector {}

impl Unprotector {
    /// Derives session keys of `keys.remote`.
    pub fn new(keys: &SrtpKeys) -> Result<Self, SrtpError> {
        let _ = keys;
        unimplemented!()
    }

    /// Opens the SRTP packet in place. Returns the length of the RTP packet.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let _ = packet;
        unimplemented!()
    }

    /// Opens the SRTCP packet in place. Returns the length of the RTCP packet.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let _ = packet;
        unimplemented!()
    }
}
