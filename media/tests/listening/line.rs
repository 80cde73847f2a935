//! A voice on its way: encoder, network, playout, sum, encoder, decoder. No sockets, no clock.

use std::time::{Duration, Instant};

use plenary_media::codec::{Encoded, make_decoder, make_encoder};
use plenary_media::mix::{EncodeChain, JitterStats, Limiter, Playout, SILENCE, Sum, TICK};
use plenary_media::plan::{AudioCodec, OpusWishes};
use plenary_media::rtp::{RtpHeader, RtpTimestamp, SequenceNumber, Ssrc};

use super::signal;

#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub codec: AudioCodec,
    pub opus: OpusWishes,
    pub seconds: u64,
    /// Of packets.
    pub loss_percent: u64,
    pub network: Network,
    /// Of the network's chances.
    pub seed: u64,
    /// By how much the sender's clock runs fast.
    pub drift_ppm: i64,
    /// A listener's phone hears it.
    pub is_heard: bool,
}

/// How long packets take.
#[derive(Clone, Copy, Debug)]
pub enum Network {
    /// Up to so much longer, each by its own chance.
    Jitter(Duration),
    /// Nothing passes for so long, every two seconds; then all of it comes at once.
    Bursts(Duration),
    /// One packet in twenty waits for the air, some three times a second for 30 to 50 ms, and those behind it with it.
    Wifi,
    /// From the half on all packets take so much longer.
    Route(Duration),
}

impl Network {
    /// What packet `n` of `all` takes, at this moment since the first.
    fn delay(self, n: u64, all: u64, chance: &mut Chance) -> Duration {
        let millis = |millis: u64| Duration::from_millis(millis);
        let up_to =
            |most: Duration, chance: &mut Chance| Duration::from_micros(chance.below(most.as_micros() as u64 + 1));
        match self {
            Self::Jitter(most) => up_to(most, chance),
            Self::Bursts(pause) => {
                let since = millis(n % 100 * 20);
                pause.saturating_sub(since) + up_to(millis(2), chance)
            }
            Self::Wifi => {
                let waits = chance.below(20) == 0;
                let base = up_to(millis(5), chance);
                if waits { base + millis(30) + up_to(millis(20), chance) } else { base }
            }
            Self::Route(longer) => {
                let base = up_to(millis(10), chance);
                if n * 2 >= all { base + longer } else { base }
            }
        }
    }

    /// Whether packets keep their order.
    fn is_queue(self) -> bool {
        !matches!(self, Self::Jitter(_))
    }
}

#[derive(Debug)]
pub struct Heard {
    /// What the mixer gives to a listener, 48 kHz.
    pub mixed: Vec<i16>,
    /// What the listener's phone plays, at its codec's rate.
    pub played: Vec<i16>,
    pub rate: u32,
    pub stats: JitterStats,
    pub packets: u64,
    /// From arrival to play, of each tick's last packet.
    pub delays: Vec<Duration>,
}

impl Line {
    pub fn of(codec: AudioCodec) -> Self {
        Self {
            codec,
            opus: OpusWishes::default(),
            seconds: 6,
            loss_percent: 0,
            network: Network::Jitter(Duration::ZERO),
            seed: 7_587,
            drift_ppm: 0,
            is_heard: true,
        }
    }

    /// Says a signal into the line.
    pub fn say(&self, signal: fn(f64) -> f64) -> Heard {
        let start = Instant::now();
        let mut encoder = make_encoder(self.codec, self.opus).expect("an encoder");
        let mut decoder = make_decoder(self.codec).expect("a decoder");
        let mut chain = EncodeChain::new(self.codec, self.opus, TICK).expect("a chain");
        let (mut playout, mut sum) = (Playout::new(&[self.codec]).expect("a playout"), Sum::new());
        let mut limiter = Limiter::default();
        let (rate, per_packet) = (encoder.sample_rate().hz(), encoder.sample_rate().samples(TICK));
        let mut chance = Chance(self.seed);
        let mut last_arrival = start;
        let mut under_way: Vec<(Instant, u64, Vec<u8>)> = Vec::new();
        let mut heard = Heard {
            mixed: Vec::new(),
            played: Vec::new(),
            rate: decoder.sample_rate().hz(),
            stats: JitterStats::default(),
            packets: 0,
            delays: Vec::new(),
        };
        let mut pcm = [0; 5_760];
        for tick in 0..self.seconds * 50 {
            let now = start + TICK * tick as u32 + Duration::from_millis(13);
            while self.sent_at(heard.packets, start) <= now {
                let n = heard.packets;
                let said = signal::samples(signal, rate, n * per_packet as u64, per_packet);
                let mut payload = [0; 1_275];
                let mut arrives = self.sent_at(n, start) + self.network.delay(n, self.seconds * 50, &mut chance);
                if self.network.is_queue() {
                    arrives = arrives.max(last_arrival);
                    last_arrival = arrives;
                }
                let lost = chance.below(100) < self.loss_percent;
                if let (Ok(Encoded::Payload(len)), false) = (encoder.encode(&said, &mut payload), lost) {
                    under_way.push((arrives, n, payload[..len].to_vec()));
                }
                heard.packets += 1;
            }
            under_way.sort_by_key(|packet| packet.0);
            let due = under_way.partition_point(|packet| packet.0 <= now);
            for (arrived, n, payload) in under_way.drain(..due) {
                playout.handle_packet(self.codec, &self.header(n), &payload, arrived);
            }
            let (mut own, mut frame) = (SILENCE, SILENCE);
            playout.pull(&mut own, now);
            heard.delays.push(playout.stats().delay);
            sum.clear();
            sum.add(&own);
            sum.whole(&mut limiter, &mut frame);
            heard.mixed.extend_from_slice(&frame);
            if !self.is_heard {
                continue;
            }
            chain.push(&frame, tick);
            for payload in chain.payloads() {
                let len = decoder.decode(payload.octets, &mut pcm).expect("decodes");
                heard.played.extend_from_slice(&pcm[..len]);
            }
        }
        heard.stats = playout.stats();
        heard
    }

    fn sent_at(&self, n: u64, start: Instant) -> Instant {
        let nanos = n as i64 * 20_000_000;
        start + Duration::from_nanos((nanos - nanos / 1_000_000 * self.drift_ppm).unsigned_abs())
    }

    fn header(&self, n: u64) -> RtpHeader {
        let units = n * u64::from(self.codec.clock_rate()) / 50;
        RtpHeader {
            marker: n == 0,
            payload_type: 0,
            sequence: SequenceNumber(n as u16),
            timestamp: RtpTimestamp(units as u32),
            ssrc: Ssrc(7),
        }
    }
}

/// The same chances in every run.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end.max(1)
    }
}
