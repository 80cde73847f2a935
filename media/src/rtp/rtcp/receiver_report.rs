//! Receiver report, and the report block that both reports carry (RFC 3550 §6.4.1, §6.4.2).

use std::time::Duration;

use super::compound::ssrc_of;
use super::extended::delay::round_trip;
use crate::rtp::{NtpTime, Ssrc};

/// Octets of a block.
pub(super) const BLOCK_LEN: usize = 24;

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
    /// The round trip, when the report speaks of a sender report of ours. `now`: by the clock that stamped that one.
    pub fn round_trip(&self, now: NtpTime) -> Option<Duration> {
        round_trip(self.last_sender_report, self.delay_since, now)
    }

    fn read(block: &[u8; BLOCK_LEN]) -> Self {
        let word = |n: usize| u32::from_be_bytes([block[4 * n], block[4 * n + 1], block[4 * n + 2], block[4 * n + 3]]);
        Self {
            ssrc: Ssrc(word(0)),
            fraction_lost: block[4],
            cumulative_lost: (word(1) << 8).cast_signed() >> 8, // 24 bits with sign
            extended_highest: word(2),
            jitter: word(3),
            last_sender_report: word(4),
            delay_since: word(5),
        }
    }

    pub(super) fn write(&self) -> [u8; BLOCK_LEN] {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;
        let words = [
            self.ssrc.0,
            (u32::from(self.fraction_lost) << 24) | lost,
            self.extended_highest,
            self.jitter,
            self.last_sender_report,
            self.delay_since,
        ];
        let mut block = [0; BLOCK_LEN];
        for (place, word) in block.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        block
    }
}

/// Blocks as they stand in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlocks<'a>(&'a [u8]);

impl<'a> ReportBlocks<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        body.get(..BLOCK_LEN * usize::from(count)).map(Self)
    }

    pub fn iter(&self) -> impl Iterator<Item = ReportBlock> + 'a {
        self.0.as_chunks::<BLOCK_LEN>().0.iter().map(ReportBlock::read)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: Ssrc,
    pub blocks: ReportBlocks<'a>,
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let (ssrc, rest) = ssrc_of(body)?;
        Some(Self { ssrc, blocks: ReportBlocks::parse(count, rest)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_as_written_with_its_sign() {
        for cumulative_lost in [0, 5, -5, 0x7f_ffff, -0x80_0000] {
            let block = ReportBlock {
                ssrc: Ssrc(1),
                fraction_lost: 200,
                cumulative_lost,
                extended_highest: 3,
                jitter: 4,
                last_sender_report: 5,
                delay_since: 6,
            };
            assert_eq!(ReportBlock::read(&block.write()), block);
        }
    }

    /// The example of RFC 3550 §6.4.1, figure 2: 6.125 s.
    #[test]
    fn the_round_trip_is_that_of_the_rfcs_figure() {
        let block = ReportBlock { last_sender_report: 0xb705_2000, delay_since: 0x0005_4000, ..ReportBlock::default() };
        let now = NtpTime(0xb710_8000 << 16);
        assert_eq!(block.round_trip(now), Some(Duration::from_millis(6_125)));
    }

    #[test]
    fn no_sender_report_no_round_trip() {
        assert_eq!(ReportBlock::default().round_trip(NtpTime(1 << 40)), None);
    }
}
