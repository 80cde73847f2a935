//! Networks played against the buffer: arrivals at their times, ticks every 20 ms.

use super::*;
use crate::rtp::{RtpTimestamp, SequenceNumber, Ssrc};

/// A sender, a network and the buffer. Times in milliseconds since the start.
struct Play {
    buffer: JitterBuffer,
    start: Instant,
    ptime: u64,
    codec: AudioCodec,
    /// Arrival and number of the packets on their way.
    arrivals: Vec<(u64, u16)>,
    /// What each tick played: packet numbers, `L` lost, `R` recovered, `S` starved, `Q` quiet, `X` shed, `<` shorter, `>` longer.
    heard: Vec<String>,
    inserted: Vec<Inserted>,
}

impl Play {
    fn new(ptime: u64) -> Self {
        Self {
            buffer: JitterBuffer::new(),
            start: Instant::now(),
            ptime,
            codec: AudioCodec::Pcmu,
            arrivals: Vec::new(),
            heard: Vec::new(),
            inserted: Vec::new(),
        }
    }

    /// Packet `n` was sent at n·ptime and arrives after this delay; none if it is lost.
    fn send(mut self, packets: std::ops::Range<u16>, delay: impl Fn(u16) -> Option<u64>) -> Self {
        let ptime = self.ptime;
        self.arrivals.extend(packets.filter_map(|n| delay(n).map(|delay| (u64::from(n) * ptime + delay, n))));
        self
    }

    /// Runs ticks at 10, 30, 50 … ms: half a period after packets that come without delay.
    fn run(mut self, ticks: u64) -> Self {
        self.arrivals.sort();
        let mut arrivals = std::mem::take(&mut self.arrivals).into_iter().peekable();
        for tick in 0..ticks {
            let at = tick * 20 + 10;
            while let Some((arrival, n)) = arrivals.next_if(|(arrival, _)| *arrival <= at) {
                self.arrive(n, self.start + Duration::from_millis(arrival));
            }
            self.tick(self.start + Duration::from_millis(at));
        }
        self
    }

    fn arrive(&mut self, n: u16, now: Instant) {
        let units = self.ptime * u64::from(self.codec.clock_rate()) / 1_000;
        let header = RtpHeader {
            marker: false,
            payload_type: 0,
            // Close to both wraps.
            sequence: SequenceNumber(65_500) + n,
            timestamp: RtpTimestamp(u32::MAX - 4_000) + (u64::from(n) * units) as u32,
            ssrc: Ssrc(7),
        };
        let mut payload = vec![0; units as usize];
        if self.codec == AudioCodec::Opus {
            payload = vec![9 << 3, 0, 0];
        }
        payload[1..3].copy_from_slice(&n.to_be_bytes());
        self.inserted.push(self.buffer.insert(self.codec, &header, &payload, now));
    }

    fn tick(&mut self, now: Instant) {
        let clock_rate = self.buffer.begin_tick(now);
        let (mut heard, mut units_heard) = (Vec::new(), 0);
        match (self.buffer.stretch(), self.buffer.stretch().unsigned_abs() as u32) {
            (1.., units) => {
                self.buffer.handle_shortened(units);
                heard.push("<".into());
            }
            (..0, units) => {
                self.buffer.handle_lengthened(units);
                heard.push(">".into());
            }
            (0, _) => {}
        }
        let number = |payload: &[u8]| u16::from_be_bytes([payload[1], payload[2]]);
        while let Some(step) = self.buffer.next_step() {
            let (what, units) = match step {
                Step::Play { payload, units, .. } => (number(payload).to_string(), units),
                Step::Shed { payload, .. } => (format!("X{}", number(payload)), 0),
                Step::Lost { following: Some(_), units, .. } => ("R".into(), units),
                Step::Lost { following: None, units, .. } => ("L".into(), units),
                Step::Starved { units, .. } => ("S".into(), units),
                Step::Quiet { units } => ("Q".into(), units),
            };
            units_heard += units;
            heard.push(what);
        }
        assert!(units_heard + self.buffer.ahead <= 8 * clock_rate / 50, "a tick is 20 ms");
        self.heard.push(heard.join(" "));
    }

    fn heard(&self) -> String {
        self.heard.join(", ")
    }
}

#[test]
fn a_steady_stream_waits_the_margin_and_no_more() {
    let play = Play::new(20).send(0..100, |_| Some(0)).run(100);
    assert_eq!(play.heard[..4].join(", "), "0, 1, 2, 3");
    assert_eq!(play.buffer.stats().delay, Duration::from_millis(10));
    assert_eq!(play.buffer.stats().concealed, 0);
}

#[test]
fn packets_that_come_just_before_the_tick_wait_for_the_next() {
    let play = Play::new(20).send(0..100, |_| Some(9)).run(100);
    assert_eq!(play.heard[..4].join(", "), "Q, 0, 1, 2");
    assert_eq!(play.buffer.stats().delay, Duration::from_millis(21));
}

/// Eleven packets came before anything could be played.
#[test]
fn a_voice_that_began_before_is_played_from_its_beginning_and_caught_up_with() {
    let play = |backlog| {
        let mut play = Play::new(20);
        play.buffer.allow_backlog(Duration::from_millis(backlog));
        let at = |n: u16, late| play.start + Duration::from_millis(u64::from(n) * 20 + late);
        let times: Vec<(Instant, Instant)> = (0..600).map(|n| (at(n, 0), at(n, 10))).collect();
        for (n, (arrival, tick)) in times.into_iter().enumerate() {
            play.arrive(n as u16, arrival);
            if n >= 10 {
                play.tick(tick);
            }
        }
        play
    };
    let first =
        |play: &Play| play.heard.iter().find_map(|tick| tick.split(' ').find_map(|word| word.parse::<u16>().ok()));
    assert!(first(&play(0)).is_some_and(|number| number >= 9), "else the newest is what counts");
    let patient = play(200);
    assert_eq!(first(&patient), Some(0));
    let stats = patient.buffer.stats();
    assert!(stats.delay < Duration::from_millis(80), "{stats:?}");
    assert!(stats.shed == 0 && stats.stretched >= 5, "it is said faster: {stats:?}");
    let hurried = patient.heard.iter().take(20).filter(|tick| tick.contains('<')).count();
    assert!(hurried <= 4, "and not much faster: {:?}", &patient.heard[..20]);
}

#[test]
fn packet_times_from_10_to_60_milliseconds_fill_every_tick() {
    let heard = |ptime, packets| Play::new(ptime).send(0..packets, |_| Some(0)).run(9).heard();
    assert_eq!(heard(10, 40), "Q, 0 1, 2 3, 4 5, 6 7, 8 9, 10 11, 12 13, 14 15");
    // Every other packet would be played the moment that it comes: the wait grows by a tick.
    assert_eq!(heard(30, 20), "0, 1, >, , 2, 3, , 4, 5");
    assert_eq!(heard(60, 10), "0, , , 1, , , 2, , ");
}

#[test]
fn reordered_packets_are_played_in_order() {
    let late = |n| Some(if n % 10 == 5 { 15 } else { 0 });
    let play = Play::new(10).send(0..100, late).run(45);
    assert!(!play.heard().contains('L'), "{}", play.heard());
    let numbers: Vec<u16> = play.heard().split([',', ' ']).filter_map(|word| word.parse().ok()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}

#[test]
fn loss_is_concealed_once_and_costs_no_delay() {
    let play = Play::new(20).send(0..40, |n| (n != 10).then_some(0)).run(40);
    assert_eq!(play.heard[8..13].join(", "), "8, 9, S, 11, 12");
    assert_eq!(play.buffer.stats().delay, Duration::from_millis(10));
}

#[test]
fn a_late_packet_delays_the_stream_once_and_the_delay_goes_again() {
    let play = Play::new(20).send(0..600, |n| Some(if n == 10 { 15 } else { 0 })).run(600);
    assert_eq!(play.heard[8..13].join(", "), "8, 9, S, 10, 11");
    let shrunk = play.heard.iter().position(|heard| heard.starts_with('<')).expect("shrinks");
    assert!((80..400).contains(&shrunk), "shrunk at tick {shrunk}");
    assert_eq!(play.buffer.stats().delay, Duration::from_millis(10));
    assert_eq!((play.buffer.stats().shed, play.buffer.stats().stretched), (0, 1));
}

#[test]
fn strong_jitter_is_met_by_delay_and_then_by_no_concealment() {
    let jitter = |n: u16| Some(u64::from(n.wrapping_mul(40_503) >> 8) % 45);
    let play = Play::new(20).send(0..1_500, jitter).run(1_500);
    let concealed = play.heard[200..].iter().filter(|heard| heard.contains(['S', 'L', 'R'])).count();
    assert!(concealed < 13, "{concealed} of 1300 concealed; {:?}", play.buffer.stats());
    assert!(play.buffer.stats().delay < Duration::from_millis(110));
}

#[test]
fn a_pause_is_no_loss() {
    // Silence suppression: consecutive numbers, timestamps that run on.
    let mut play = Play::new(20);
    for tick in 0..60_u64 {
        let now = play.start + Duration::from_millis(tick * 20);
        if !(10..50).contains(&tick) {
            play.arrive(tick as u16, now);
        }
        if tick == 10 {
            let header = RtpHeader {
                marker: false,
                payload_type: 13,
                sequence: SequenceNumber(65_510),
                timestamp: RtpTimestamp(u32::MAX - 2_400),
                ssrc: Ssrc(7),
            };
            play.buffer.handle_silence(&header);
        }
        play.tick(now + Duration::from_millis(10));
    }
    assert_eq!(play.buffer.stats().concealed, 0, "{}", play.heard());
    assert_eq!(play.heard[9..12].join(", "), "9, Q, Q");
    assert_eq!(play.heard[49..52].join(", "), "Q, 50, 51");
}

#[test]
fn without_a_word_of_silence_concealment_ends_after_60_milliseconds() {
    let play = Play::new(20).send(0..5, |_| Some(0)).run(12);
    assert_eq!(play.heard(), "0, 1, 2, 3, 4, S, S, S, Q, Q, Q, Q");
}

#[test]
fn after_a_stall_the_old_is_dropped_and_the_delay_stays() {
    let stall = |n: u16| Some(if (20..40).contains(&n) { (40 - u64::from(n)) * 20 } else { 0 });
    let play = Play::new(20).send(0..100, stall).run(100);
    assert_eq!(play.buffer.stats().delay, Duration::from_millis(10), "{}", play.heard());
    assert!(play.heard[40].contains("40") || play.heard[41].contains("40"), "{}", play.heard());
    assert!(play.buffer.stats().shed >= 18);
}

#[test]
fn a_burst_beyond_the_ring_keeps_the_newest() {
    let play = Play::new(20).send(0..100, |n| Some(2_000 - u64::from(n) * 20)).run(106);
    assert!(play.heard().contains("99"), "{}", play.heard());
    assert!(!play.heard().contains("50"));
}

#[test]
fn a_new_source_takes_over_at_once() {
    let mut play = Play::new(20).send(0..10, |_| Some(0)).run(10);
    let now = play.start + Duration::from_millis(200);
    let header = RtpHeader {
        marker: true,
        payload_type: 0,
        sequence: SequenceNumber(9),
        timestamp: RtpTimestamp(1),
        ssrc: Ssrc(8),
    };
    assert_eq!(play.buffer.insert(AudioCodec::Pcmu, &header, &[1; 160], now), Inserted::Restarted);
    play.tick(now + Duration::from_millis(10));
    assert_eq!(play.heard.last().map(String::as_str), Some("257"));
}

#[test]
fn duplicates_and_late_ones_are_told() {
    let mut play = Play::new(20).send(0..10, |n| (n != 5).then_some(0)).run(10);
    let now = play.start + Duration::from_millis(200);
    play.arrive(9, now);
    play.arrive(5, now);
    play.arrive(5, now);
    assert_eq!(play.inserted[9..], [Inserted::Duplicate, Inserted::Late, Inserted::Duplicate]);
    assert_eq!((play.buffer.stats().late, play.buffer.stats().duplicates), (1, 2));
}

#[test]
fn on_a_lossy_way_opus_waits_for_its_redundancy() {
    let mut play = Play::new(20);
    play.codec = AudioCodec::Opus;
    let play = play.send(0..400, |n| (n % 12 != 11).then_some(0)).run(400);
    let late = &play.heard[200..];
    let recovered = late.iter().filter(|heard| heard.contains('R')).count();
    let starved = late.iter().filter(|heard| heard.contains('S')).count();
    assert!(recovered >= 14 && starved <= 2, "{recovered} recovered, {starved} starved: {}", play.heard());
}

#[test]
fn a_change_of_packet_time_goes_unheard() {
    let mut play = Play::new(20).send(0..10, |_| Some(0)).run(10);
    // From here on 40 ms: the timestamps fit, the numbers go on.
    for n in 0..5_u32 {
        let now = play.start + Duration::from_millis(u64::from(200 + n * 40));
        let header = RtpHeader {
            marker: false,
            payload_type: 0,
            sequence: SequenceNumber(65_510) + n as u16,
            timestamp: RtpTimestamp(u32::MAX - 4_000) + 1_600 + n * 320,
            ssrc: Ssrc(7),
        };
        play.buffer.insert(AudioCodec::Pcmu, &header, &[n as u8; 320], now);
        play.tick(now + Duration::from_millis(10));
        play.tick(now + Duration::from_millis(30));
    }
    assert_eq!(play.buffer.stats().concealed, 0, "{}", play.heard());
}

proptest::proptest! {
    /// Whatever comes in whatever order, every tick is filled, and nothing is played twice or backwards.
    #[test]
    fn chaos_is_survived(events in proptest::collection::vec((0u16..80, 0u64..25), 1..300)) {
        let mut play = Play::new(20);
        let mut at = 0;
        for (n, pause) in events {
            at += pause;
            let now = play.start + Duration::from_millis(at);
            play.arrive(n, now);
            if n % 3 == 0 {
                play.tick(now);
            }
        }
        let numbers: Vec<u16> = play.heard().split([',', ' ']).filter_map(|word| word.parse().ok()).collect();
        proptest::prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", numbers);
    }
}
