//! A leg's RTCP: its reports, and what the peer's reports say of our stream (RFC 3550 §6.4, RFC 7022 §4.2).

use std::time::{Duration, Instant};

use super::receive::Receiver;
use super::send::Sender;
use crate::random::Random;
use crate::rtp::rtcp::{Compound, Report, ReportBlock, RtcpError, RtcpPacket, write_bye, write_report};
use crate::rtp::{NtpTime, RtcpSchedule};

/// A report at its longest: SR with one block, SDES, BYE, and SRTCP's addition.
pub(super) const REPORT_LEN: usize = 256;

#[derive(Debug)]
pub(super) struct Reports {
    /// Random, and different in every leg: it names nobody.
    cname: String,
    seed: u64,
    /// Absent: nothing is reported.
    interval: Option<Duration>,
    schedule: Option<RtcpSchedule>,
    pub round_trip: Option<Duration>,
    /// 0 to 1.
    pub remote_loss: Option<f32>,
}

/// One instant on the clocks that a report speaks of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    pub now: Instant,
    pub ntp: NtpTime,
    /// Of the beat.
    pub since_start: Duration,
}

impl Reports {
    pub fn new(random: &mut Random, interval: Option<Duration>) -> Self {
        let cname = format!("{:016x}{:08x}", random.next_u64(), random.next_u32());
        Self { cname, seed: random.next_u64(), interval, schedule: None, round_trip: None, remote_loss: None }
    }

    /// Goes on where another plan's reports stood.
    pub fn take_over(&mut self, before: &mut Self) {
        std::mem::swap(self, before);
        if self.interval != before.interval {
            (self.interval, self.schedule) = (before.interval, None);
        }
    }

    /// Whether the peer leaves RTCP no bandwidth.
    pub fn are_off(&self) -> bool {
        self.interval.is_none()
    }

    /// Whether a report is due. The first call starts the schedule.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let Some(interval) = self.interval else { return false };
        let schedule = self.schedule.get_or_insert_with(|| RtcpSchedule::new(self.seed, interval, now));
        now >= schedule.poll_timeout() && schedule.handle_timeout(now)
    }

    /// Writes a report into `buffer`. Returns its length, protected.
    pub fn report(&self, sender: &mut Sender, receiver: &mut Receiver, at: Clocks, buffer: &mut [u8]) -> Option<usize> {
        self.write(sender, receiver, at, buffer, write_report)
    }

    /// Writes a report that ends with BYE.
    pub fn bye(&self, sender: &mut Sender, receiver: &mut Receiver, at: Clocks, buffer: &mut [u8]) -> Option<usize> {
        self.write(sender, receiver, at, buffer, write_bye)
    }

    /// Reads what the peer reports. A packet that cannot be read changes nothing.
    pub fn handle_rtcp(
        &mut self,
        datagram: &[u8],
        sender: &Sender,
        receiver: &mut Receiver,
        at: Clocks,
    ) -> Result<(), RtcpError> {
        for packet in Compound::parse(datagram)?.packets() {
            match packet {
                RtcpPacket::SenderReport(report) => {
                    if let Some(source) = receiver.source_mut().filter(|source| source.ssrc() == report.ssrc) {
                        source.handle_sender_report(report.info.ntp, at.now);
                    }
                    self.handle_blocks(report.blocks.iter(), sender, at);
                }
                RtcpPacket::ReceiverReport(report) => self.handle_blocks(report.blocks.iter(), sender, at),
                RtcpPacket::Bye(bye) => bye.sources().for_each(|ssrc| receiver.handle_bye(ssrc)),
                RtcpPacket::Sdes(_) | RtcpPacket::Other { .. } => {}
            }
        }
        Ok(())
    }

    fn handle_blocks(&mut self, blocks: impl Iterator<Item = ReportBlock>, sender: &Sender, at: Clocks) {
        for block in blocks.filter(|block| block.ssrc == sender.ssrc()) {
            self.remote_loss = Some(f32::from(block.fraction_lost) / 256.0);
            self.round_trip = block.round_trip(at.ntp).or(self.round_trip);
        }
    }

    fn write(
        &self,
        sender: &mut Sender,
        receiver: &mut Receiver,
        at: Clocks,
        buffer: &mut [u8],
        write: fn(&Report<'_>, &mut [u8]) -> Result<usize, RtcpError>,
    ) -> Option<usize> {
        let block = receiver.source_mut().map(|source| source.report(at.now));
        let report = Report {
            ssrc: sender.ssrc(),
            sender: sender.info(at.ntp, at.since_start),
            blocks: block.as_slice(),
            cname: &self.cname,
        };
        let len = write(&report, buffer).ok()?;
        sender.protect_rtcp(buffer, len)
    }
}
