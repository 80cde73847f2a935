//! Writing compound packets: a report, then SDES with CNAME, an extended report where there is something to say in it
//! (RFC 3611 §2); at the end a BYE behind them (RFC 3550 §6.1).

use super::compound::{self, BYE, RECEIVER_REPORT, SENDER_REPORT};
use super::extended::EXTENDED_REPORT;
use super::{Extended, ReportBlock, RtcpError, SenderInfo, sdes};
use crate::rtp::Ssrc;

/// What one of our reports says.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    pub ssrc: Ssrc,
    /// Absent: a receiver report.
    pub sender: Option<SenderInfo>,
    /// The first 31 are written.
    pub blocks: &'a [ReportBlock],
    /// Random for each session (RFC 7022 §4.2); the first 255 octets are written.
    pub cname: &'a str,
    pub extended: Extended,
}

/// Writes SR or RR, SDES and XR. Returns the length.
pub fn write_report(report: &Report<'_>, out: &mut [u8]) -> Result<usize, RtcpError> {
    let mut writer = Writer { out, len: 0, needed: 0 };
    writer.report(report);
    writer.description(report);
    writer.extended(report);
    writer.finish()
}

/// Writes a report, SDES, XR and BYE. Returns the length.
pub fn write_bye(report: &Report<'_>, out: &mut [u8]) -> Result<usize, RtcpError> {
    let mut writer = Writer { out, len: 0, needed: 0 };
    writer.report(report);
    writer.description(report);
    writer.extended(report);
    writer.header(1, BYE, 1);
    writer.word(report.ssrc.0);
    writer.finish()
}

/// Fills the buffer, and goes on counting when it is full.
struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
    needed: usize,
}

impl Writer<'_> {
    fn report(&mut self, report: &Report<'_>) {
        let blocks = &report.blocks[..report.blocks.len().min(31)];
        let words = 1 + 6 * blocks.len();
        match report.sender {
            Some(info) => {
                self.header(blocks.len(), SENDER_REPORT, words + 5);
                self.word(report.ssrc.0);
                self.put(&info.write());
            }
            None => {
                self.header(blocks.len(), RECEIVER_REPORT, words);
                self.word(report.ssrc.0);
            }
        }
        for block in blocks {
            self.put(&block.write());
        }
    }

    /// One chunk with one item; at least one zero octet ends it, on a four-octet boundary.
    fn description(&mut self, report: &Report<'_>) {
        let cname = report.cname.as_bytes();
        let cname = &cname[..cname.len().min(255)];
        let padding = 4 - (2 + cname.len()) % 4;
        self.header(1, compound::SDES, 1 + (2 + cname.len() + padding) / 4);
        self.word(report.ssrc.0);
        self.put(&[sdes::CNAME, u8::try_from(cname.len()).unwrap_or(255)]);
        self.put(cname);
        self.put(&[sdes::END; 4][..padding]);
    }

    fn extended(&mut self, report: &Report<'_>) {
        let len = report.extended.len();
        if len > 0 {
            self.header(0, EXTENDED_REPORT, 1 + len / 4);
            self.word(report.ssrc.0);
            report.extended.write(|octets| self.put(octets));
        }
    }

    fn header(&mut self, count: usize, packet_type: u8, words: usize) {
        let count = u8::try_from(count).unwrap_or(31) & 0x1f;
        self.put(&[0x80 | count, packet_type]);
        self.put(&u16::try_from(words).unwrap_or(u16::MAX).to_be_bytes());
    }

    fn word(&mut self, word: u32) {
        self.put(&word.to_be_bytes());
    }

    fn put(&mut self, octets: &[u8]) {
        self.needed += octets.len();
        if let Some(place) = self.out.get_mut(self.len..self.len + octets.len()) {
            place.copy_from_slice(octets);
            self.len += octets.len();
        }
    }

    fn finish(self) -> Result<usize, RtcpError> {
        let Self { out, len, needed } = self;
        if len == needed { Ok(len) } else { Err(RtcpError::BufferFull { needed, len: out.len() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Compound, RtcpPacket};
    use super::*;
    use crate::rtp::{NtpTime, RtpTimestamp};

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: Ssrc(2),
        fraction_lost: 3,
        cumulative_lost: -4,
        extended_highest: 5,
        jitter: 6,
        last_sender_report: 7,
        delay_since: 8,
    };
    const INFO: SenderInfo = SenderInfo { ntp: NtpTime(9), rtp: RtpTimestamp(10), packets: 11, octets: 12 };

    #[test]
    fn a_report_is_read_back_for_every_length_of_cname() {
        for len in 0..40 {
            let cname = "x".repeat(len);
            let report = Report {
                ssrc: Ssrc(1),
                sender: Some(INFO),
                blocks: &[BLOCK],
                cname: &cname,
                extended: Extended::default(),
            };
            let mut out = [0xff; 200];
            let written = write_bye(&report, &mut out).expect("fits");
            assert_eq!(written % 4, 0);
            let packets: Vec<_> = Compound::parse(&out[..written]).expect("reads").packets().collect();
            let [RtcpPacket::SenderReport(sender), RtcpPacket::Sdes(sdes), RtcpPacket::Bye(bye)] = packets[..] else {
                panic!("not SR, SDES, BYE: {packets:?}");
            };
            assert_eq!((sender.ssrc, sender.info), (Ssrc(1), INFO));
            assert_eq!(sender.blocks.iter().collect::<Vec<_>>(), [BLOCK]);
            assert_eq!(sdes.cname(Ssrc(1)), Some(cname.as_bytes()));
            assert_eq!(sdes.cname(Ssrc(2)), None);
            assert_eq!(bye.sources().collect::<Vec<_>>(), [Ssrc(1)]);
        }
    }

    #[test]
    fn a_receiver_without_sources_reports_all_the_same() {
        let report = Report { ssrc: Ssrc(1), sender: None, blocks: &[], cname: "c", extended: Extended::default() };
        let mut out = [0; 64];
        let written = write_report(&report, &mut out).expect("fits");
        assert_eq!(out[..8], [0x80, 201, 0, 1, 0, 0, 0, 1]);
        assert!(Compound::parse(&out[..written]).is_ok());
    }

    #[test]
    fn a_small_buffer_is_told_what_is_needed() {
        let report =
            Report { ssrc: Ssrc(1), sender: None, blocks: &[BLOCK], cname: "c", extended: Extended::default() };
        assert_eq!(write_report(&report, &mut [0; 20]), Err(RtcpError::BufferFull { needed: 44, len: 20 }));
    }
}
