//! Writing compound packets: a report, then SDES with CNAME; at the end a BYE behind them (RFC 3550 §6.1).

use super::{ReportBlock, RtcpError, SenderInfo};
use crate::rtp::Ssrc;

/// What one of our reports says.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    pub ssrc: Ssrc,
    /// Absent: a receiver report.
    pub sender: Option<SenderInfo>,
    /// At most 31.
    pub blocks: &'a [ReportBlock],
    /// Random for each session (RFC 7022 §4.2), at most 255 octets.
    pub cname: &'a str,
}

/// Writes SR or RR and SDES. Returns the length.
pub fn write_report(report: &Report<'_>, out: &mut [u8]) -> Result<usize, RtcpError> {
    let _ = (report, out);
    unimplemented!()
}

/// Writes a report, SDES and BYE. Returns the length.
pub fn write_bye(report: &Report<'_>, out: &mut [u8]) -> Result<usize, RtcpError> {
    let _ = (report, out);
    unimplemented!()
}
