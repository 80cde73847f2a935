//! Receiver report, and the report block that both reports carry (RFC 3550 §6.4.1, §6.4.2).

use std::time::Duration;

use crate::rtp::{NtpTime, Ssrc};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source reported on.
    pub ssrc: Ssrc,
    /// Of 256, since the report before.
    pub fraction_lost: u8,
    /// 24 bits on the wire, held at their ends.
    pub cumulative_lost: i32,
    /// Cycles and highest sequence number received.
    pub extended_highest: u32,
    /// Units of the media clock.
    pub jitter: u32,
    /// Middle of the last sender report's NTP time; 0: none.
    pub last_sender_report: u32,
    /// 1/65536 s since that report came.
    pub delay_since: u32,
}

impl ReportBlock {
    /// The round trip, when the report speaks of a sender report of ours.
    pub fn round_trip(&self, now: NtpTime) -> Option<Duration> {
        let _ = now;
        unimplemented!()
    }
}

/// Blocks as they stand in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlocks<'a>(pub(super) &'a [u8]);

impl<'a> ReportBlocks<'a> {
    pub fn iter(&self) -> impl Iterator<Item = ReportBlock> + 'a {
        self.0.chunks_exact(24).map(|_| ReportBlock::default())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: Ssrc,
    pub blocks: ReportBlocks<'a>,
}
