//! RTP circuit breakers: when a stream that does harm, or reaches nobody, is to stop (RFC 8083).
//!
//! ```text
//!   Closed ──3 reports that name no newer packet, while we send────▶ Open(MediaTimeout)   §4.1
//!      ▲   ──nothing of a peer that reported, for 5 intervals──────▶ Open(RtcpTimeout)    §4.2
//!      │   ──3 reports of more than ten times what TCP would send──▶ Open(Congestion)     §4.3
//!      └── another plan or address; for RtcpTimeout: the peer is heard again ──┘          §4.5
//! ```
//!
//! The media timeout needs a peer whose reports have named our packets before, and the RTCP timeout one that has reported
//! and is silent altogether: phones without RTCP, and with broken RTCP, keep their calls. While a breaker is open no RTP
//! leaves; reports do. Left out: media usability (§4.4), which only the user can judge.

use std::time::{Duration, Instant};

use crate::rtp::rtcp::ReportBlock;

/// Reporting intervals without anything, as long as RFC 3550 §6.3.5 waits for a participant.
const INTERVALS_OF_SILENCE: u32 = 5;
/// Packets that must have left since the report before, for it to say something of them: a fifth of a second.
const ENOUGH_PACKETS: u32 = 10;
/// A stream may take so many times what TCP would (§4.3).
const TIMES_TCP: f64 = 10.0;
/// Between reports that count: some peers send two at once.
const LEAST_INTERVAL: Duration = Duration::from_millis(500);

/// Why nothing is sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// The peer reports, and gets nothing of what we send.
    MediaTimeout,
    /// The peer is gone: neither reports nor anything else come.
    RtcpTimeout,
    /// Far more is lost than the way can bear.
    Congestion,
}

impl Breaker {
    pub const ALL: [Self; 3] = [Self::MediaTimeout, Self::RtcpTimeout, Self::Congestion];

    /// In lower case, for logs and labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::MediaTimeout => "media_timeout",
            Self::RtcpTimeout => "rtcp_timeout",
            Self::Congestion => "congestion",
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CircuitBreaker {
    open: Option<Breaker>,
    last: Option<Reported>,
    /// Some report named a newer packet than the one before.
    progressed: bool,
    /// Reports in a row.
    stuck: u32,
    congested: u32,
}

/// What the peer's report before this one said, and what we had sent by then.
#[derive(Clone, Copy, Debug)]
struct Reported {
    at: Instant,
    highest: u32,
    packets: u32,
    octets: u32,
}

/// What we had sent when a report came.
#[derive(Clone, Copy, Debug)]
pub(super) struct SentSoFar {
    pub packets: u32,
    pub octets: u32,
}

impl CircuitBreaker {
    pub fn open(&self) -> Option<Breaker> {
        self.open
    }

    /// Another plan, or another address: what was learnt of the way before says nothing of this one.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// Takes what the peer reports of our stream.
    pub fn handle_block(&mut self, block: &ReportBlock, sent: SentSoFar, round_trip: Option<Duration>, now: Instant) {
        let reported =
            Reported { at: now, highest: block.extended_highest, packets: sent.packets, octets: sent.octets };
        let Some(before) = self.last else {
            self.last = Some(reported);
            return;
        };
        let interval = now.saturating_duration_since(before.at);
        if interval < LEAST_INTERVAL {
            return;
        }
        self.last = Some(reported);
        let packets = sent.packets.wrapping_sub(before.packets);
        if self.open.is_some() || packets < ENOUGH_PACKETS {
            return;
        }
        let has_progressed = block.extended_highest.wrapping_sub(before.highest).cast_signed() > 0;
        self.progressed |= has_progressed;
        self.stuck = if has_progressed { 0 } else { self.stuck + 1 };
        let octets = f64::from(sent.octets.wrapping_sub(before.octets));
        let too_much = is_too_much(octets, packets, interval, block.fraction_lost, round_trip);
        self.congested = if too_much { self.congested + 1 } else { 0 };
        let needed = reports_needed(interval, round_trip);
        if self.progressed && self.stuck >= needed {
            self.open = Some(Breaker::MediaTimeout);
        } else if self.congested >= needed {
            self.open = Some(Breaker::Congestion);
        }
    }

    /// `quiet_for`: since anything came of the peer. `interval`: between reports. `sends`: whether the leg would.
    pub fn handle_timeout(&mut self, quiet_for: Duration, interval: Duration, sends: bool) {
        let is_gone = self.last.is_some() && quiet_for >= interval * INTERVALS_OF_SILENCE;
        match self.open {
            None if sends && is_gone => self.open = Some(Breaker::RtcpTimeout),
            Some(Breaker::RtcpTimeout) if !is_gone => self.restart(),
            _ => {}
        }
    }
}

/// CB_INTERVAL, §4.1: in how many reports in a row a fault must show; three, unless reports come fast and the way is
/// long. `interval`: between the peer's.
fn reports_needed(interval: Duration, round_trip: Option<Duration>) -> u32 {
    let (reports, way) = (interval.as_secs_f64(), round_trip.unwrap_or_default().as_secs_f64());
    let time = (10.0 * way).max(3.0 * reports).min((3.0 * reports).max(15.0));
    (time / reports.max(0.5)).ceil().clamp(3.0, 30.0) as u32
}

/// §4.3: whether the stream takes more than ten times the rate of TCP, X = s / (Tr · √(2p/3)).
fn is_too_much(octets: f64, packets: u32, interval: Duration, fraction_lost: u8, round_trip: Option<Duration>) -> bool {
    let (Some(round_trip), true) = (round_trip, fraction_lost > 0) else { return false };
    let loss = f64::from(fraction_lost) / 256.0;
    let of_tcp = octets / f64::from(packets) / (round_trip.as_secs_f64().max(0.001) * (2.0 * loss / 3.0).sqrt());
    octets / interval.as_secs_f64() > TIMES_TCP * of_tcp
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(5);

    struct Way {
        breaker: CircuitBreaker,
        now: Instant,
        sent: SentSoFar,
        highest: u32,
    }

    impl Way {
        fn new() -> Self {
            let sent = SentSoFar { packets: 0, octets: 0 };
            Self { breaker: CircuitBreaker::default(), now: Instant::now(), sent, highest: 100 }
        }

        /// Five seconds of G.711, of which so many arrive.
        fn report(&mut self, arrived: u32, fraction_lost: u8, round_trip_ms: u64) -> Option<Breaker> {
            self.now += INTERVAL;
            self.sent.packets += 250;
            self.sent.octets += 250 * 160;
            self.highest += arrived;
            let block = ReportBlock { extended_highest: self.highest, fraction_lost, ..ReportBlock::default() };
            self.breaker.handle_block(&block, self.sent, Some(Duration::from_millis(round_trip_ms)), self.now);
            self.breaker.open()
        }
    }

    #[test]
    fn three_reports_that_name_nothing_new_stop_a_stream_that_once_arrived() {
        let mut way = Way::new();
        for _ in 0..20 {
            assert_eq!(way.report(250, 0, 40), None);
        }
        assert_eq!([way.report(0, 0, 40), way.report(0, 0, 40)], [None, None]);
        assert_eq!(way.report(0, 0, 40), Some(Breaker::MediaTimeout));
        assert_eq!(way.report(250, 0, 40), Some(Breaker::MediaTimeout), "only another plan or address helps");
        way.breaker.restart();
        assert_eq!(way.report(250, 0, 40), None);
    }

    #[test]
    fn reports_that_never_named_a_packet_stop_nothing_nor_do_those_of_a_pause() {
        let mut way = Way::new();
        (0..20).for_each(|_| assert_eq!(way.report(0, 0, 40), None, "a phone whose RTCP is broken"));
        let mut way = Way::new();
        (0..3).for_each(|_| assert_eq!(way.report(250, 0, 40), None));
        for _ in 0..10 {
            way.sent.packets -= 250; // nothing was sent
            way.sent.octets -= 250 * 160;
            assert_eq!(way.report(0, 0, 40), None);
        }
    }

    #[test]
    fn silence_of_who_reported_stops_the_stream_until_it_is_heard_again() {
        let mut way = Way::new();
        way.breaker.handle_timeout(Duration::from_secs(600), INTERVAL, true);
        assert_eq!(way.breaker.open(), None, "a phone without RTCP");
        way.report(250, 0, 40);
        way.breaker.handle_timeout(Duration::from_secs(24), INTERVAL, true);
        assert_eq!(way.breaker.open(), None);
        way.breaker.handle_timeout(Duration::from_secs(25), INTERVAL, false);
        assert_eq!(way.breaker.open(), None, "held: nothing is sent anyway");
        way.breaker.handle_timeout(Duration::from_secs(25), INTERVAL, true);
        assert_eq!(way.breaker.open(), Some(Breaker::RtcpTimeout));
        way.breaker.handle_timeout(Duration::from_millis(20), INTERVAL, true);
        assert_eq!(way.breaker.open(), None);
    }

    #[test]
    fn loss_that_tcp_would_fear_ten_times_stops_the_stream() {
        let mut way = Way::new();
        // 8000 octets/s; TCP would send 160 / (2 s · √(2/3 · 1)) = 98.
        assert_eq!(
            [(); 3].map(|()| way.report(10, 255, 2_000)),
            [None, None, None],
            "the first says only where we are"
        );
        assert_eq!(way.report(10, 255, 2_000), Some(Breaker::Congestion));
        let mut way = Way::new();
        (0..20).for_each(|_| assert_eq!(way.report(200, 60, 100), None, "a bad way is not a congested one"));
    }

    #[test]
    fn fast_reports_over_a_long_way_must_agree_for_longer() {
        assert_eq!(reports_needed(INTERVAL, Some(Duration::from_millis(50))), 3);
        assert_eq!(reports_needed(Duration::from_secs(1), None), 3);
        assert_eq!(reports_needed(Duration::from_secs(1), Some(Duration::from_millis(600))), 6);
        assert_eq!(reports_needed(Duration::from_secs(1), Some(Duration::from_secs(10))), 15);
    }
}
