//! Sender report (RFC 3550 §6.4.1).

use super::ReportBlocks;
use crate::rtp::{NtpTime, RtpTimestamp, Ssrc};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport<'a> {
    pub ssrc: Ssrc,
    pub info: SenderInfo,
    pub blocks: ReportBlocks<'a>,
}
