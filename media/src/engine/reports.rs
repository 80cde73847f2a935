//! A leg's RTCP: its reports, and what the peer's reports say of our stream (RFC 3550 §6.4, RFC 3611, RFC 7022 §4.2).

use std::time::{Duration, Instant};

use super::breaker::CircuitBreaker;
use super::receive::Receiver;
use super::send::Sender;
use super::voip_report::voip_metrics;
use crate::plan::{AudioPlan, ExtendedReports};
use crate::random::Random;
use crate::rtp::rtcp::extended::{Block, DelaySince, ExtendedReport, Statistics, VoipMetrics};
use crate::rtp::rtcp::{Compound, Extended, Report, ReportBlock, RtcpError, RtcpPacket, write_bye, write_report};
use crate::rtp::timestamp::{duration_of, units_of};
use crate::rtp::{NtpTime, RtcpSchedule, Ssrc};

/// A report at its longest: SR with one block, SDES, XR with four, BYE, and SRTCP's addition.
pub(super) const REPORT_LEN: usize = 256;

#[derive(Debug)]
pub(super) struct Reports {
    /// Random, and different in every leg: it names nobody.
    cname: String,
    seed: u64,
    /// Absent: nothing is reported.
    interval: Option<Duration>,
    schedule: Option<RtcpSchedule>,
    /// What the peer asked to be told besides.
    extended: ExtendedReports,
    /// The peer's reference time: its middle, and when it came.
    reference: Option<(Ssrc, u32, Instant)>,
    pub breaker: CircuitBreaker,
    pub round_trip: Option<Duration>,
    /// 0 to 1.
    pub remote_loss: Option<f32>,
    pub remote_jitter: Option<Duration>,
    pub remote: Option<VoipMetrics>,
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
    pub fn new(random: &mut Random, plan: &AudioPlan) -> Self {
        let cname = format!("{:016x}{:08x}", random.next_u64(), random.next_u32());
        Self {
            cname,
            seed: random.next_u64(),
            interval: plan.rtcp_interval,
            schedule: None,
            extended: plan.extended_reports,
            reference: None,
            breaker: CircuitBreaker::default(),
            round_trip: None,
            remote_loss: None,
            remote_jitter: None,
            remote: None,
        }
    }

    /// Goes on where another plan's reports stood.
    pub fn take_over(&mut self, before: &mut Self) {
        std::mem::swap(self, before);
        self.extended = before.extended;
        self.breaker.restart();
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

    /// `quiet_for`: since anything came of the peer. `sends`: whether the leg would, were no breaker open.
    pub fn watch_breaker(&mut self, quiet_for: Duration, sends: bool) {
        if let Some(interval) = self.interval {
            self.breaker.handle_timeout(quiet_for, interval, sends);
        }
    }

    /// Writes a report into `buffer`. Returns its length, protected.
    pub fn report(&self, sender: &mut Sender, receiver: &mut Receiver, at: Clocks, buffer: &mut [u8]) -> Option<usize> {
        self.write(sender, receiver, at, buffer, write_report)
    }

    /// Writes a report that ends with BYE.
    pub fn bye(&self, sender: &mut Sender, receiver: &mut Receiver, at: Clocks, buffer: &mut [u8]) -> Option<usize> {
        self.write(sender, receiver, at, buffer, write_bye)
    }

    /// Reads what the peer reports. A packet that cannot be read changes nothing. Returns how many blocks of extended
    /// reports could not be.
    pub fn handle_rtcp(
        &mut self,
        datagram: &[u8],
        sender: &Sender,
        receiver: &mut Receiver,
        at: Clocks,
    ) -> Result<u64, RtcpError> {
        let mut unreadable = 0;
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
                RtcpPacket::ExtendedReport(report) => unreadable += self.handle_extended(&report, sender, at),
                RtcpPacket::Sdes(_) | RtcpPacket::Other { .. } => {}
            }
        }
        Ok(unreadable)
    }

    /// Returns how many blocks could not be read.
    fn handle_extended(&mut self, report: &ExtendedReport<'_>, sender: &Sender, at: Clocks) -> u64 {
        let mut unreadable = 0;
        for block in report.blocks() {
            match block {
                Block::ReferenceTime(time) => self.reference = Some((report.ssrc, time.middle(), at.now)),
                Block::DelaysSince(delays) => {
                    let ours = delays.iter().filter(|delay| delay.ssrc == sender.ssrc());
                    let trip = ours.filter_map(|delay| delay.round_trip(at.ntp)).last();
                    self.round_trip = trip.or(self.round_trip);
                }
                Block::Statistics(of) if of.ssrc == sender.ssrc() => self.handle_statistics(&of, sender),
                Block::VoipMetrics(metrics) if metrics.ssrc == sender.ssrc() => self.remote = Some(metrics),
                Block::Malformed { .. } => unreadable += 1,
                Block::Statistics(_) | Block::VoipMetrics(_) | Block::Other { .. } => {}
            }
        }
        unreadable
    }

    fn handle_statistics(&mut self, of: &Statistics, sender: &Sender) {
        let packets = f32::from(of.end.wrapping_sub(of.begin));
        if let Some(lost) = of.lost.filter(|_| packets > 0.0) {
            self.remote_loss = Some((lost as f32 / packets).min(1.0));
        }
        if let Some(jitter) = of.jitter {
            self.remote_jitter = Some(duration_of(jitter.mean, sender.format.codec.clock_rate()));
        }
    }

    fn handle_blocks(&mut self, blocks: impl Iterator<Item = ReportBlock>, sender: &Sender, at: Clocks) {
        for block in blocks.filter(|block| block.ssrc == sender.ssrc()) {
            self.remote_loss = Some(f32::from(block.fraction_lost) / 256.0);
            self.remote_jitter = Some(duration_of(block.jitter, sender.format.codec.clock_rate()));
            self.round_trip = block.round_trip(at.ntp).or(self.round_trip);
            self.breaker.handle_block(&block, sender.sent_so_far(), self.round_trip, at.now);
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
        let extended = self.extended(receiver, at);
        let report = Report {
            ssrc: sender.ssrc(),
            sender: sender.info(at.ntp, at.since_start),
            blocks: block.as_slice(),
            cname: &self.cname,
            extended,
        };
        let len = write(&report, buffer).ok()?;
        sender.protect_rtcp(buffer, len)
    }

    /// What the peer asked for, and there is to tell.
    fn extended(&self, receiver: &mut Receiver, at: Clocks) -> Extended {
        let asked = self.extended;
        let since = |came| units_of(at.now.saturating_duration_since(came), 65_536);
        let reference = self.reference.filter(|_| asked.round_trip);
        Extended {
            reference_time: asked.round_trip.then_some(at.ntp),
            delay_since: reference.map(|(ssrc, last_reference, came)| DelaySince {
                ssrc,
                last_reference,
                delay: since(came),
            }),
            statistics: receiver.source_mut().filter(|_| asked.statistics).and_then(|source| source.summarise()),
            voip_metrics: asked.voip_metrics.then(|| voip_metrics(receiver, self.round_trip)).flatten(),
        }
    }
}
