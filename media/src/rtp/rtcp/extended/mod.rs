//! Extended reports: RFC 3611 §2 (the packet), §3 (its blocks).
//!
//! ```text
//!  |V=2|P|reserved |   PT=XR=207   |             length            |
//!  |                              SSRC                             |
//!  |      BT       | type-specific |         block length          |
//!  :                    type-specific contents                     :
//! ```
//!
//! Read are receiver reference time (§4.4), DLRR (§4.5), statistics summary (§4.6) and VoIP metrics (§4.7). A block of
//! another length than its type has is passed over and told as [`Block::Malformed`].
//! Left out: run length and receipt times of single packets (§4.1 to §4.3), which nobody here would read.

pub mod delay;
pub mod statistics;
pub mod voip_metrics;

pub use delay::{DelaySince, DelaysSince};
pub use statistics::{JitterSummary, Statistics};
pub use voip_metrics::VoipMetrics;

use super::compound::ssrc_of;
use crate::rtp::{NtpTime, Ssrc};

/// Packet type (§6.1).
pub(super) const EXTENDED_REPORT: u8 = 207;

/// Octets before a block's contents.
const BLOCK_HEADER_LEN: usize = 4;

/// Block types (§4).
const REFERENCE_TIME: u8 = 4;
const DELAY_SINCE: u8 = 5;
const STATISTICS: u8 = 6;
const VOIP_METRICS: u8 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedReport<'a> {
    /// Who reports.
    pub ssrc: Ssrc,
    blocks: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block<'a> {
    /// When the report was made, by its sender's clock (§4.4).
    ReferenceTime(NtpTime),
    /// Answers to that (§4.5).
    DelaysSince(DelaysSince<'a>),
    Statistics(Statistics),
    VoipMetrics(VoipMetrics),
    Other {
        block_type: u8,
    },
    /// Its length is not that of its type, or goes beyond the packet: then it is the last.
    Malformed {
        block_type: u8,
    },
}

impl<'a> ExtendedReport<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (ssrc, blocks) = ssrc_of(body)?;
        Some(Self { ssrc, blocks })
    }

    /// No more than the packet has words.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'a>> + 'a {
        let mut rest = self.blocks;
        std::iter::from_fn(move || {
            let (&[block_type, specific, l0, l1], after) = rest.split_first_chunk::<BLOCK_HEADER_LEN>()?;
            let words = usize::from(u16::from_be_bytes([l0, l1]));
            let Some((content, after)) = after.split_at_checked(4 * words) else {
                rest = &[];
                return Some(Block::Malformed { block_type });
            };
            rest = after;
            Some(read(block_type, specific, content))
        })
    }
}

fn read(block_type: u8, specific: u8, content: &[u8]) -> Block<'_> {
    let read = match block_type {
        REFERENCE_TIME => content.try_into().ok().map(|time| Block::ReferenceTime(NtpTime(u64::from_be_bytes(time)))),
        DELAY_SINCE => DelaysSince::parse(content).map(Block::DelaysSince),
        STATISTICS => Statistics::parse(specific, content).map(Block::Statistics),
        VOIP_METRICS => VoipMetrics::parse(content).map(Block::VoipMetrics),
        block_type => Some(Block::Other { block_type }),
    };
    read.unwrap_or(Block::Malformed { block_type })
}

/// What one of our extended reports says; nothing: it is not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extended {
    pub reference_time: Option<NtpTime>,
    pub delay_since: Option<DelaySince>,
    pub statistics: Option<Statistics>,
    pub voip_metrics: Option<VoipMetrics>,
}

impl Extended {
    /// Octets of all blocks.
    pub(super) fn len(&self) -> usize {
        let of = |there: bool, content: usize| if there { BLOCK_HEADER_LEN + content } else { 0 };
        of(self.reference_time.is_some(), 8)
            + of(self.delay_since.is_some(), delay::LEN)
            + of(self.statistics.is_some(), statistics::LEN)
            + of(self.voip_metrics.is_some(), voip_metrics::LEN)
    }

    /// Gives each block's header and contents to `put`, in order.
    pub(super) fn write(&self, mut put: impl FnMut(&[u8])) {
        let mut block = |block_type, specific, content: &[u8]| {
            let [l0, l1] = ((content.len() / 4) as u16).to_be_bytes();
            put(&[block_type, specific, l0, l1]);
            put(content);
        };
        if let Some(time) = self.reference_time {
            block(REFERENCE_TIME, 0, &time.0.to_be_bytes());
        }
        if let Some(delay) = &self.delay_since {
            block(DELAY_SINCE, 0, &delay.write());
        }
        if let Some(statistics) = &self.statistics {
            block(STATISTICS, statistics.flags(), &statistics.write());
        }
        if let Some(metrics) = &self.voip_metrics {
            block(VOIP_METRICS, 0, &metrics.write());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Compound, Report, RtcpPacket, write_report};
    use super::*;

    fn blocks(octets: &[u8]) -> Vec<Block<'_>> {
        let report = ExtendedReport::parse(octets).expect("an SSRC");
        report.blocks().collect()
    }

    #[test]
    fn all_blocks_are_read_as_written_behind_a_report() {
        let extended = Extended {
            reference_time: Some(NtpTime(0x0102_0304_0506_0708)),
            delay_since: Some(DelaySince { ssrc: Ssrc(2), last_reference: 3, delay: 4 }),
            statistics: Some(Statistics {
                ssrc: Ssrc(2),
                begin: 65_530,
                end: 4,
                lost: Some(3),
                duplicates: None,
                jitter: None,
            }),
            voip_metrics: Some(VoipMetrics {
                ssrc: Ssrc(2),
                loss_rate: 13,
                mos_listening: 41,
                ..VoipMetrics::default()
            }),
        };
        let report = Report { ssrc: Ssrc(1), sender: None, blocks: &[], cname: "c", extended };
        let mut out = [0; 200];
        let written = write_report(&report, &mut out).expect("fits");
        let packets: Vec<_> = Compound::parse(&out[..written]).expect("reads").packets().collect();
        let [RtcpPacket::ReceiverReport(_), RtcpPacket::Sdes(_), RtcpPacket::ExtendedReport(read)] = packets[..] else {
            panic!("not RR, SDES, XR: {packets:?}");
        };
        assert_eq!(read.ssrc, Ssrc(1));
        let blocks: Vec<_> = read.blocks().collect();
        let [
            Block::ReferenceTime(time),
            Block::DelaysSince(delays),
            Block::Statistics(statistics),
            Block::VoipMetrics(metrics),
        ] = blocks[..]
        else {
            panic!("not four blocks: {blocks:?}");
        };
        assert_eq!(Some(time), extended.reference_time);
        assert_eq!(delays.iter().collect::<Vec<_>>(), extended.delay_since.as_slice());
        assert_eq!(Some(statistics), extended.statistics);
        assert_eq!(Some(metrics), extended.voip_metrics);
    }

    #[test]
    fn a_block_of_a_wrong_length_is_passed_over_and_the_next_is_read() {
        let mut octets = vec![0, 0, 0, 7];
        octets.extend([VOIP_METRICS, 0, 0, 1, 0, 0, 0, 9]); // one word where eight belong
        octets.extend([99, 0, 0, 0]);
        octets.extend([REFERENCE_TIME, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        octets.extend([DELAY_SINCE, 0, 0, 9, 0, 0, 0, 1]); // nine words where one is left
        assert_eq!(
            blocks(&octets),
            [
                Block::Malformed { block_type: VOIP_METRICS },
                Block::Other { block_type: 99 },
                Block::ReferenceTime(NtpTime(0x1_0000_0002)),
                Block::Malformed { block_type: DELAY_SINCE },
            ]
        );
        assert_eq!(ExtendedReport::parse(&[1, 2, 3]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_octets_panic(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 4..200)) {
            assert!(blocks(&octets).len() <= octets.len() / 4);
        }
    }
}
