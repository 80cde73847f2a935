//! Sender report (RFC 3550 §6.4.1).

use super::ReportBlocks;
use super::compound::ssrc_of;
use crate::rtp::{NtpTime, RtpTimestamp, Ssrc};

/// Octets of the sender's part.
pub(super) const INFO_LEN: usize = 20;

/// What a sender says of its own stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    pub ntp: NtpTime,
    /// The same instant on the media clock.
    pub rtp: RtpTimestamp,
    pub packets: u32,
    /// Of payload.
    pub octets: u32,
}

impl SenderInfo {
    fn read(info: &[u8; INFO_LEN]) -> Self {
        let word = |n: usize| u32::from_be_bytes([info[4 * n], info[4 * n + 1], info[4 * n + 2], info[4 * n + 3]]);
        Self {
            ntp: NtpTime((u64::from(word(0)) << 32) | u64::from(word(1))),
            rtp: RtpTimestamp(word(2)),
            packets: word(3),
            octets: word(4),
        }
    }

    pub(super) fn write(&self) -> [u8; INFO_LEN] {
        let mut info = [0; INFO_LEN];
        info[..8].copy_from_slice(&self.ntp.0.to_be_bytes());
        info[8..12].copy_from_slice(&self.rtp.0.to_be_bytes());
        info[12..16].copy_from_slice(&self.packets.to_be_bytes());
        info[16..].copy_from_slice(&self.octets.to_be_bytes());
        info
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport<'a> {
    pub ssrc: Ssrc,
    pub info: SenderInfo,
    pub blocks: ReportBlocks<'a>,
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let (ssrc, rest) = ssrc_of(body)?;
        let (info, rest) = rest.split_first_chunk::<INFO_LEN>()?;
        Some(Self { ssrc, info: SenderInfo::read(info), blocks: ReportBlocks::parse(count, rest)? })
    }
}
