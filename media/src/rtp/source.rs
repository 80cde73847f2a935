//! What a receiver keeps of one source: validity, loss and jitter.
//!
//! RFC 3550 A.1 (sequence), A.3 (loss), A.8 (jitter), §6.4.1 (the report block); RFC 3611 §4.6 (the statistics).
//! Left out: probation. A call's source is known by its address or its key, so its first packet already counts.

use std::time::{Duration, Instant};

use super::bursts::{BurstMetrics, Bursts};
use super::rtcp::ReportBlock;
use super::rtcp::extended::Statistics;
use super::timestamp::units_of;
use super::{NtpTime, RtpHeader, RtpTimestamp, SequenceNumber, Ssrc};

/// A gap of this many packets is still loss.
const MAX_DROPOUT: i16 = 3000;
/// This many packets back is still disorder.
const MAX_MISORDER: i16 = 100;
/// 120 ms at 48 kHz.
const LONGEST_PACKET: u32 = 5_760;

/// What the sequence number says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// In sequence, or within the allowed dropout or misorder.
    Valid,
    /// The second of two consecutive packets far from the rest: the source started again.
    Restarted,
    /// Far from the rest, and alone so far; to be thrown away.
    Doubtful,
}

#[derive(Clone, Debug)]
pub struct RtpSource {
    ssrc: Ssrc,
    /// None until the first packet.
    counts: Option<Counts>,
    /// Packets received and lost before the last restart.
    received_before: u64,
    lost_before: i64,
    jitter: Jitter,
    /// NTP middle of the last sender report, and when it came.
    sender_report: Option<(u32, Instant)>,
    bursts: Bursts,
    /// The newest packet, and how long such packets are, in clock units.
    newest: Option<(SequenceNumber, RtpTimestamp)>,
    packet_units: u32,
    /// What the statistics before had counted.
    summed: Option<Summed>,
}

/// Where a summary of statistics ended.
#[derive(Clone, Copy, Debug)]
struct Summed {
    end: u32,
    lost: i64,
    duplicates: u64,
}

/// Of one run of sequence numbers.
#[derive(Clone, Debug)]
struct Counts {
    first: SequenceNumber,
    highest: SequenceNumber,
    /// Wraps of the sequence number, shifted up by 16.
    cycles: u32,
    received: u64,
    /// What would prove a restart.
    after_doubtful: Option<SequenceNumber>,
    expected_at_report: i64,
    received_at_report: i64,
}

impl RtpSource {
    /// Takes up a source at its first packet; [`handle_packet`](Self::handle_packet) is still to see that packet.
    pub fn new(ssrc: Ssrc) -> Self {
        Self {
            ssrc,
            counts: None,
            received_before: 0,
            lost_before: 0,
            jitter: Jitter::default(),
            sender_report: None,
            bursts: Bursts::default(),
            newest: None,
            packet_units: 0,
            summed: None,
        }
    }

    pub fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// Counts a packet. `clock_rate`: of its payload type, Hz; a change of it starts jitter anew (RFC 7160 §4.1).
    pub fn handle_packet(&mut self, header: &RtpHeader, clock_rate: u32, now: Instant) -> Validity {
        let validity = match &mut self.counts {
            Some(counts) => counts.handle(header.sequence),
            none => {
                *none = Some(Counts::new(header.sequence));
                Validity::Valid
            }
        };
        match validity {
            Validity::Doubtful => return validity,
            Validity::Restarted => self.restart(header),
            Validity::Valid => self.follow(header),
        }
        self.jitter.handle(header.timestamp.0, clock_rate, now);
        validity
    }

    /// Remembers a sender report for LSR and DLSR.
    pub fn handle_sender_report(&mut self, ntp: NtpTime, now: Instant) {
        self.sender_report = Some((ntp.middle(), now));
    }

    /// A packet came after its turn to be played.
    pub fn handle_discard(&mut self, sequence: SequenceNumber) {
        if let Some((newest, _)) = self.newest {
            self.bursts.handle_discard(newest.since(sequence));
        }
    }

    /// How loss came.
    pub fn bursts(&self) -> BurstMetrics {
        self.bursts.metrics()
    }

    /// How long so many packets are.
    pub fn duration_of_packets(&self, packets: u64) -> Duration {
        let units = packets.saturating_mul(u64::from(self.packet_units));
        super::timestamp::duration_of(u32::try_from(units).unwrap_or(u32::MAX), self.jitter.clock_rate)
    }

    /// Loss and duplicates since the summary before; none before the first packet.
    pub fn summarise(&mut self) -> Option<Statistics> {
        let counts = self.counts.as_ref()?;
        let first = u32::from(counts.first.0);
        let end = (counts.cycles | u32::from(counts.highest.0)).wrapping_add(1);
        let (lost, duplicates) = (self.lost(), self.bursts.duplicates());
        let before = self.summed.replace(Summed { end, lost, duplicates });
        let Summed { end: begin, lost: lost_before, duplicates: duplicates_before } =
            before.unwrap_or(Summed { end: first, lost: 0, duplicates: 0 });
        let since = |now: i64, before: i64| u32::try_from((now - before).max(0)).unwrap_or(u32::MAX);
        Some(Statistics {
            ssrc: self.ssrc,
            begin: (begin & 0xffff) as u16,
            end: (end & 0xffff) as u16,
            lost: Some(since(lost, lost_before)),
            duplicates: Some(u32::try_from(duplicates - duplicates_before).unwrap_or(u32::MAX)),
            jitter: None,
        })
    }

    pub fn received(&self) -> u64 {
        self.received_before + self.counts.as_ref().map_or(0, |counts| counts.received)
    }

    /// Expected less received since the first packet; below zero when duplicates came.
    pub fn lost(&self) -> i64 {
        self.lost_before + self.counts.as_ref().map_or(0, Counts::lost)
    }

    pub fn jitter(&self) -> Duration {
        self.jitter.duration()
    }

    /// The block of our next report; its fraction lost counts from the block before.
    pub fn report(&mut self, now: Instant) -> ReportBlock {
        let (last_sender_report, delay_since) = match self.sender_report {
            Some((middle, came)) => (middle, units_of(now.saturating_duration_since(came), 65_536)),
            None => (0, 0),
        };
        let lost = self.lost().clamp(-0x80_0000, 0x7f_ffff);
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: self.counts.as_mut().map_or(0, Counts::take_fraction_lost),
            cumulative_lost: i32::try_from(lost).unwrap_or(0),
            extended_highest: self.counts.as_ref().map_or(0, |counts| counts.cycles | u32::from(counts.highest.0)),
            jitter: self.jitter.units(),
            last_sender_report,
            delay_since,
        }
    }

    /// Takes the packet into what is told of bursts, and learns from two in a row how long they are.
    fn follow(&mut self, header: &RtpHeader) {
        let (sequence, timestamp) = (header.sequence, header.timestamp);
        let step = self.newest.map_or(1, |(newest, _)| sequence.since(newest));
        self.bursts.handle_packet(step);
        if let (1, Some((_, before))) = (step, self.newest) {
            let units = u32::try_from(timestamp.since(before)).unwrap_or(0);
            // Of a pause it is no length.
            self.packet_units = if (1..=LONGEST_PACKET).contains(&units) { units } else { self.packet_units };
        }
        if step > 0 {
            self.newest = Some((sequence, timestamp));
        }
    }

    fn restart(&mut self, header: &RtpHeader) {
        self.received_before = self.received();
        self.lost_before = self.lost();
        self.counts = Some(Counts::new(header.sequence));
        self.bursts.restart();
        self.newest = Some((header.sequence, header.timestamp));
        self.summed = None;
        self.jitter.transit = None;
    }
}

impl Counts {
    fn new(first: SequenceNumber) -> Self {
        Self {
            first,
            highest: first,
            cycles: 0,
            received: 1,
            after_doubtful: None,
            expected_at_report: 0,
            received_at_report: 0,
        }
    }

    /// A.1, `update_seq`.
    fn handle(&mut self, sequence: SequenceNumber) -> Validity {
        match sequence.since(self.highest) {
            1..MAX_DROPOUT => {
                if sequence.0 < self.highest.0 {
                    self.cycles = self.cycles.wrapping_add(1 << 16);
                }
                self.highest = sequence;
            }
            step if step <= 0 && step > -MAX_MISORDER => {} // duplicate or reordered
            _ if self.after_doubtful == Some(sequence) => return Validity::Restarted,
            _ => {
                self.after_doubtful = Some(sequence.next());
                return Validity::Doubtful;
            }
        }
        self.received += 1;
        Validity::Valid
    }

    fn expected(&self) -> i64 {
        i64::from(self.cycles) + i64::from(self.highest.0) - i64::from(self.first.0) + 1
    }

    fn lost(&self) -> i64 {
        self.expected() - self.received.cast_signed()
    }

    /// A.3: loss in the interval, of 256.
    fn take_fraction_lost(&mut self) -> u8 {
        let (expected, received) = (self.expected(), self.received.cast_signed());
        let expected_now = expected - self.expected_at_report;
        let lost_now = expected_now - (received - self.received_at_report);
        (self.expected_at_report, self.received_at_report) = (expected, received);
        if expected_now <= 0 || lost_now <= 0 { 0 } else { u8::try_from((lost_now << 8) / expected_now).unwrap_or(255) }
    }
}

/// A.8, held times sixteen as there, so that rounding does not build up.
#[derive(Clone, Debug, Default)]
struct Jitter {
    clock_rate: u32,
    epoch: Option<Instant>,
    transit: Option<u32>,
    times_16: u32,
}

impl Jitter {
    fn handle(&mut self, timestamp: u32, clock_rate: u32, now: Instant) {
        if clock_rate != self.clock_rate {
            *self = Self { clock_rate, ..Self::default() };
        }
        let epoch = *self.epoch.get_or_insert(now);
        let since = now.saturating_duration_since(epoch);
        // Arrival in clock units wraps with the timestamp; only differences of it count.
        let arrival = (since.as_micros() * u128::from(clock_rate) / 1_000_000) & 0xffff_ffff;
        let transit = (arrival as u32).wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            // A leap of the timestamp of more than ten seconds is a new start, no jitter.
            if difference <= 10 * clock_rate {
                self.times_16 = self.times_16 + difference - ((self.times_16 + 8) >> 4);
            }
        }
    }

    fn units(&self) -> u32 {
        self.times_16 >> 4
    }

    fn duration(&self) -> Duration {
        super::timestamp::duration_of(self.units(), self.clock_rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::RtpTimestamp;

    fn header(sequence: u16) -> RtpHeader {
        RtpHeader {
            marker: false,
            payload_type: 0,
            sequence: SequenceNumber(sequence),
            timestamp: RtpTimestamp(u32::from(sequence).wrapping_mul(160)),
            ssrc: Ssrc(7),
        }
    }

    /// Plays packets 20 ms apart by their number.
    fn source_with(sequences: &[u16]) -> (RtpSource, Instant) {
        let start = Instant::now();
        let mut source = RtpSource::new(Ssrc(7));
        for &sequence in sequences {
            let at = start + Duration::from_millis(20) * u32::from(sequence.wrapping_sub(sequences[0]));
            source.handle_packet(&header(sequence), 8_000, at);
        }
        (source, start)
    }

    #[test]
    fn loss_is_expected_less_received() {
        let (mut source, now) = source_with(&[10, 11, 13, 14, 12, 17]);
        assert_eq!(source.lost(), 2);
        let block = source.report(now);
        assert_eq!((block.fraction_lost, block.cumulative_lost, block.extended_highest), (64, 2, 17));
        assert_eq!(source.report(now).fraction_lost, 0);
    }

    #[test]
    fn summaries_follow_each_other() {
        let (mut source, _) = source_with(&[65_533, 65_534, 0, 0, 1]);
        let first = source.summarise().expect("packets came");
        assert_eq!((first.begin, first.end, first.lost, first.duplicates), (65_533, 2, Some(0), Some(1)));
        let second = source.summarise().expect("packets came");
        assert_eq!((second.begin, second.end, second.lost, second.duplicates), (2, 2, Some(0), Some(0)));
        assert_eq!(source.duration_of_packets(5), Duration::from_millis(100));
        assert_eq!(RtpSource::new(Ssrc(1)).summarise(), None);
    }

    #[test]
    fn the_wrap_is_a_cycle_and_no_loss() {
        let (mut source, now) = source_with(&[65_534, 65_535, 0, 1]);
        assert_eq!(source.lost(), 0);
        assert_eq!(source.report(now).extended_highest, 0x1_0001);
    }

    #[test]
    fn duplicates_make_loss_negative() {
        let (source, _) = source_with(&[5, 6, 6, 6]);
        assert_eq!(source.lost(), -2);
    }

    #[test]
    fn one_far_packet_is_doubted_and_two_in_a_row_restart() {
        let (mut source, now) = source_with(&[10, 11, 12]);
        assert_eq!(source.handle_packet(&header(40_000), 8_000, now), Validity::Doubtful);
        assert_eq!(source.handle_packet(&header(13), 8_000, now), Validity::Valid);
        assert_eq!(source.handle_packet(&header(50_000), 8_000, now), Validity::Doubtful);
        assert_eq!(source.handle_packet(&header(50_001), 8_000, now), Validity::Restarted);
        assert_eq!(source.handle_packet(&header(50_002), 8_000, now), Validity::Valid);
        assert_eq!((source.received(), source.lost()), (6, 0));
    }

    #[test]
    fn even_arrival_has_no_jitter_and_uneven_arrival_approaches_its_mean_difference() {
        let (source, _) = source_with(&[1, 2, 3, 4, 5]);
        assert_eq!(source.jitter(), Duration::ZERO);

        let start = Instant::now();
        let mut source = RtpSource::new(Ssrc(7));
        for n in 0..400_u16 {
            let late = Duration::from_millis(if n % 2 == 0 { 0 } else { 5 });
            source.handle_packet(&header(n), 8_000, start + Duration::from_millis(20) * u32::from(n) + late);
        }
        assert_eq!(source.jitter().as_millis(), 4, "of 5 ms, less rounding");
    }

    #[test]
    fn the_report_tells_the_delay_since_the_sender_report() {
        let (mut source, now) = source_with(&[1]);
        source.handle_sender_report(NtpTime(0x1234_5678_9abc_def0), now);
        let block = source.report(now + Duration::from_millis(500));
        assert_eq!((block.last_sender_report, block.delay_since), (0x5678_9abc, 32_768));
    }
}
