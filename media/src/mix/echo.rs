//! Who returns to the others what they say: a loudspeaker beside an open microphone, or a line that echoes.
//!
//! What a leg says is compared with what it was sent up to half a second before: first the envelopes, which tells where
//! to look, then the samples there, at 4 kHz. Speech is much like other speech for a moment, but never at the same delay
//! again and again: only what is found four times at one place is an echo. Costs 0.1 ms, twice a second, for each leg
//! that is heard, and a second of its sound, which it borrows from a store for so long.
//!
//! ```text
//!   sent    ──▁▆█▃▁──▂▇▅▁──────              S − own, kept for a second
//!   said    ────────▁▆█▃▁──▂▇▅▁──            own
//!             ◀─────▶ delay
//! ```

use std::time::Duration;

use super::{FRAME_SAMPLES, Frame, TICK};

/// Samples at 48 kHz that make one here.
const RATIO: usize = 12;
const TICK_SAMPLES: usize = FRAME_SAMPLES / RATIO;
/// Ticks that are compared: half a second.
const WINDOW: usize = 25;
/// Ticks that an echo may take.
const LONGEST: usize = 25;
/// Ticks that are kept.
const KEPT: usize = WINDOW + LONGEST + 2;
/// Samples of one point of the envelope: 5 ms.
const POINT: usize = 20;
const POINTS: usize = WINDOW * TICK_SAMPLES / POINT;
const LONGEST_POINTS: usize = LONGEST * TICK_SAMPLES / POINT;
/// Samples around the place that the envelopes tell: 7.5 ms.
const AROUND: usize = 30;
/// How alike envelopes must be, and samples.
const ALIKE_ENVELOPES: f32 = 0.6;
const ALIKE_SAMPLES: f32 = 0.4;
/// Two delays this close are one, samples: 5 ms.
const SAME_DELAY: usize = 20;
/// Ticks of the window in which the leg must have been heard.
const ENOUGH: usize = 10;
/// Mean amplitude of what was sent, below which nothing can be told: −50 dBov.
const SOFTEST: f32 = 100.0;
/// Findings at one place that make an echo, and that are remembered.
const PROVEN: u8 = 4;
const MOST_PROVEN: u8 = 8;
/// Ticks after which an echo that was not found again is none: twenty seconds.
const FORGOTTEN: u64 = 1_000;
/// Ticks between two looks at a leg.
const LOOK_TICKS: u64 = 25;

/// What comes back of what a leg is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Echo {
    /// From the mixer and back to it.
    pub delay: Duration,
    /// How much softer it comes back, dB; with the gain that the leg has here.
    pub return_loss_db: f32,
}

/// The last second of a sound, by tick, at 4 kHz.
#[derive(Debug)]
pub struct Track {
    ticks: [u64; KEPT],
    samples: [[i16; TICK_SAMPLES]; KEPT],
}

impl Track {
    const NO_TICK: u64 = u64::MAX;

    pub fn new() -> Box<Self> {
        Box::new(Self { ticks: [Self::NO_TICK; KEPT], samples: [[0; TICK_SAMPLES]; KEPT] })
    }

    pub fn put(&mut self, tick: u64, frame: &Frame) {
        let place = (tick % KEPT as u64) as usize;
        self.ticks[place] = tick;
        for (sample, group) in self.samples[place].iter_mut().zip(frame.chunks_exact(RATIO)) {
            *sample = (group.iter().map(|sample| i32::from(*sample)).sum::<i32>() / RATIO as i32) as i16;
        }
    }

    fn clear(&mut self) {
        self.ticks.fill(Self::NO_TICK);
    }

    /// What was put for a tick, while it is kept.
    fn at(&self, tick: u64) -> Option<&[i16; TICK_SAMPLES]> {
        let place = (tick % KEPT as u64) as usize;
        (self.ticks[place] == tick).then(|| &self.samples[place])
    }
}

/// Tracks for those who are heard: few of those who are there.
#[derive(Debug)]
pub struct TrackStore {
    tracks: Vec<Box<Track>>,
}

impl TrackStore {
    /// Allocates so many.
    pub fn new(tracks: usize) -> Self {
        Self { tracks: (0..tracks).map(|_| Track::new()).collect() }
    }

    fn lend(&mut self) -> Option<Box<Track>> {
        let mut track = self.tracks.pop()?;
        track.clear();
        Some(track)
    }

    /// There is room for all that were lent.
    fn take_back(&mut self, track: Option<Box<Track>>) {
        self.tracks.extend(track);
    }
}

/// Looks for the echo of one leg.
#[derive(Debug)]
pub struct EchoWatch {
    /// What the leg put into the sum.
    own: Option<Box<Track>>,
    said_at: u64,
    /// Where it was found last, samples.
    delay: usize,
    found: u8,
    found_at: u64,
    echo: Option<Echo>,
}

/// What one look brought.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Look {
    /// Somebody was too quiet to tell.
    Nothing,
    Different,
    Alike {
        delay: usize,
        return_loss_db: f32,
    },
}

impl EchoWatch {
    pub fn new() -> Self {
        Self { own: None, said_at: 0, delay: 0, found: 0, found_at: 0, echo: None }
    }

    /// The leg is in its room no more.
    pub fn clear(&mut self, store: &mut TrackStore) {
        store.take_back(self.own.take());
        (self.found, self.echo) = (0, None);
    }

    /// Takes what the leg put into the sum. Where the store is empty, the leg is not watched.
    pub fn handle_said(&mut self, tick: u64, frame: &Frame, store: &mut TrackStore) {
        if self.own.is_none() {
            self.own = store.lend();
        }
        if let Some(own) = &mut self.own {
            own.put(tick, frame);
            self.said_at = tick;
        }
    }

    /// Gives back the track of who was not heard for as long as it reaches.
    pub fn handle_unheard(&mut self, tick: u64, store: &mut TrackStore) {
        if self.own.is_some() && tick.saturating_sub(self.said_at) > KEPT as u64 {
            store.take_back(self.own.take());
        }
    }

    /// Compares, when it is the turn of `turn`. `room`: the whole sum, this tick's too.
    pub fn handle_tick(&mut self, room: &Track, tick: u64, turn: u64) {
        if !(tick + turn).is_multiple_of(LOOK_TICKS) {
            return;
        }
        match self.look(room, tick) {
            Look::Nothing => {}
            Look::Different => self.found = self.found.saturating_sub(1),
            Look::Alike { delay, return_loss_db } => {
                let again = self.delay.abs_diff(delay) <= SAME_DELAY;
                self.found = if again { (self.found + 1).min(MOST_PROVEN) } else { 1 };
                (self.delay, self.found_at) = (delay, tick);
                if self.found >= PROVEN {
                    let delay = TICK * u32::try_from(delay).unwrap_or(0) / TICK_SAMPLES as u32;
                    self.echo = Some(Echo { delay, return_loss_db });
                }
            }
        }
        if self.found == 0 {
            self.echo = None;
        }
    }

    /// What comes back, as far as it was found lately.
    pub fn echo(&self, tick: u64) -> Option<Echo> {
        self.echo.filter(|_| tick.saturating_sub(self.found_at) <= FORGOTTEN)
    }

    fn look(&self, room: &Track, tick: u64) -> Look {
        let Some(own_track) = &self.own else { return Look::Nothing };
        let Some(first) = (tick + 1).checked_sub((WINDOW + LONGEST) as u64) else { return Look::Nothing };
        let (mut said, mut sent) = ([0.0; WINDOW * TICK_SAMPLES], [0.0; (WINDOW + LONGEST) * TICK_SAMPLES]);
        let mut heard = 0;
        for (n, said) in said.chunks_exact_mut(TICK_SAMPLES).enumerate() {
            let own = own_track.at(first + (LONGEST + n) as u64);
            heard += usize::from(own.is_some());
            said.iter_mut().zip(own.into_iter().flatten()).for_each(|(said, own)| *said = f32::from(*own));
        }
        if heard < ENOUGH {
            return Look::Nothing;
        }
        for (n, sent) in sent.chunks_exact_mut(TICK_SAMPLES).enumerate() {
            let at = first + n as u64;
            sent.iter_mut().zip(room.at(at).into_iter().flatten()).for_each(|(sent, all)| *sent += f32::from(*all));
            sent.iter_mut()
                .zip(own_track.at(at).into_iter().flatten())
                .for_each(|(sent, own)| *sent -= f32::from(*own));
        }
        compare(&said, &sent)
    }
}

impl Default for EchoWatch {
    fn default() -> Self {
        Self::new()
    }
}

/// `sent` begins so much earlier than `said` as an echo may take, and both end together.
fn compare(said: &[f32; WINDOW * TICK_SAMPLES], sent: &[f32; (WINDOW + LONGEST) * TICK_SAMPLES]) -> Look {
    if sent.iter().map(|sample| sample.abs()).sum::<f32>() < SOFTEST * sent.len() as f32 {
        return Look::Nothing;
    }
    let (mut said_points, mut sent_points) = ([0.0; POINTS], [0.0; POINTS + LONGEST_POINTS]);
    envelope(said, &mut said_points);
    envelope(sent, &mut sent_points);
    let spread = centre(&mut said_points);
    if spread <= 0.0 {
        return Look::Nothing;
    }
    let likeness = |delay: usize| {
        let mut window = [0.0; POINTS];
        window.copy_from_slice(&sent_points[LONGEST_POINTS - delay..][..POINTS]);
        let spread_sent = centre(&mut window);
        if spread_sent > 0.0 { dot(&said_points, &window) / (spread * spread_sent) } else { 0.0 }
    };
    let (place, alike) = best(0..=LONGEST_POINTS, likeness);
    if alike < ALIKE_ENVELOPES {
        return Look::Different;
    }

    let longest = sent.len() - said.len();
    let energy = dot(said, said);
    let window = |delay: usize| &sent[longest - delay..][..said.len()];
    let likeness = |delay: usize| {
        let sent = window(delay);
        dot(said, sent).abs() / (energy * dot(sent, sent)).sqrt().max(1.0)
    };
    let around = (place * POINT).saturating_sub(AROUND)..=(place * POINT + AROUND).min(longest);
    let (delay, alike) = best(around, likeness);
    if alike < ALIKE_SAMPLES {
        return Look::Different;
    }
    let sent = window(delay);
    Look::Alike { delay, return_loss_db: 10.0 * (dot(sent, sent) / energy.max(1.0)).log10() }
}

/// Roots of mean amplitudes: loud syllables shall not stand for all.
fn envelope(samples: &[f32], points: &mut [f32]) {
    for (point, samples) in points.iter_mut().zip(samples.chunks_exact(POINT)) {
        *point = (samples.iter().map(|sample| sample.abs()).sum::<f32>() / POINT as f32).sqrt();
    }
}

/// Takes the mean away. Returns the length of what is left.
fn centre(points: &mut [f32; POINTS]) -> f32 {
    let mean = points.iter().sum::<f32>() / POINTS as f32;
    points.iter_mut().for_each(|point| *point -= mean);
    dot(points, points).sqrt()
}

fn best(delays: impl Iterator<Item = usize>, likeness: impl Fn(usize) -> f32) -> (usize, f32) {
    let likes = delays.map(|delay| (delay, likeness(delay)));
    likes.fold((0, 0.0), |best, one| if one.1 > best.1 { one } else { best })
}

/// In eight lanes, which the compiler adds up side by side.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    let rest = a.chunks_exact(8).remainder().iter().zip(b.chunks_exact(8).remainder());
    lanes.iter().sum::<f32>() + rest.map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::mix::{SILENCE, Sum};
    use crate::random::Random;

    /// Somebody who speaks: syllables of uneven length at a pitch that wanders, with pauses between words.
    struct Talker {
        random: Random,
        pitch_hz: f64,
        phase: f64,
        left: usize,
        len: usize,
        loud: f64,
    }

    impl Talker {
        fn new(seed: u64, pitch_hz: f64) -> Self {
            Self { random: Random::from_seed(seed), pitch_hz, phase: 0.0, left: 0, len: 1, loud: 0.0 }
        }

        fn say(&mut self) -> Frame {
            std::array::from_fn(|_| self.sample())
        }

        fn sample(&mut self) -> i16 {
            if self.left == 0 {
                let chance = |random: &mut Random| f64::from(random.next_u32()) / f64::from(u32::MAX);
                self.len = (4_000.0 + 14_000.0 * chance(&mut self.random)) as usize;
                self.left = self.len;
                self.loud =
                    if chance(&mut self.random) < 0.3 { 0.0 } else { 2_000.0 + 4_000.0 * chance(&mut self.random) };
                self.pitch_hz *= 0.9 + 0.2 * chance(&mut self.random);
                self.pitch_hz = self.pitch_hz.clamp(90.0, 220.0);
            }
            self.left -= 1;
            self.phase += self.pitch_hz * std::f64::consts::TAU / 48_000.0;
            let shape = (std::f64::consts::PI * self.left as f64 / self.len as f64).sin();
            let sum: f64 = (1..12).map(|h| (self.phase * f64::from(h)).sin() / f64::from(h)).sum();
            (self.loud * shape * sum) as i16
        }
    }

    /// A minute with somebody who returns what he hears, so loud and so late, and speaks himself or not.
    fn after_a_minute(gain: f32, delay_ms: usize, mut himself: Option<Talker>) -> Option<Echo> {
        let mut other = Talker::new(7, 120.0);
        let (mut watch, mut room, mut store) = (EchoWatch::new(), Track::new(), TrackStore::new(1));
        let mut line = VecDeque::from(vec![0_i16; delay_ms * 48]);
        let mut ticks_with = 0;
        for tick in 0..3_000 {
            let said = other.say();
            let mut own = himself.as_mut().map_or(SILENCE, Talker::say);
            for sample in &mut own {
                *sample += (f32::from(line.pop_front().unwrap_or(0)) * gain) as i16;
            }
            watch.handle_said(tick, &own, &mut store);
            let (mut sum, mut whole, mut rest) = (Sum::new(), SILENCE, SILENCE);
            sum.add(&said);
            sum.add(&own);
            sum.whole(&mut crate::mix::Limiter::default(), &mut whole);
            sum.without(&own, &mut crate::mix::Limiter::default(), &mut rest);
            line.extend(rest);
            room.put(tick, &whole);
            watch.handle_tick(&room, tick, 3);
            ticks_with += u32::from(watch.echo(tick).is_some());
        }
        assert!(gain > 0.0 || ticks_with == 0, "a false alarm for {ticks_with} ticks");
        watch.echo(2_999)
    }

    #[test]
    fn an_echo_is_found_with_its_delay_and_its_loss() {
        for (gain, loss_db, delay_ms) in [(0.1, 20.0, 180), (0.3, 10.5, 40), (0.1, 20.0, 450)] {
            let echo = after_a_minute(gain, delay_ms, None).expect("found");
            let off = echo.delay.abs_diff(Duration::from_millis(delay_ms as u64));
            assert!(off < Duration::from_millis(2), "{echo:?}, not {delay_ms} ms");
            assert!((echo.return_loss_db - loss_db).abs() < 2.0, "{echo:?}, not {loss_db} dB");
        }
    }

    #[test]
    fn two_who_talk_at_the_same_time_are_no_echo() {
        for seed in 100..106 {
            assert_eq!(after_a_minute(0.0, 180, Some(Talker::new(seed, 130.0))), None, "seed {seed}");
        }
    }

    #[test]
    fn who_falls_silent_lends_the_next_one_his_track() {
        let mut store = TrackStore::new(1);
        let (mut first, mut second) = (EchoWatch::new(), EchoWatch::new());
        first.handle_said(0, &[1_000; FRAME_SAMPLES], &mut store);
        second.handle_said(0, &[2_000; FRAME_SAMPLES], &mut store);
        assert!(second.own.is_none(), "there is one track");
        first.handle_unheard(KEPT as u64, &mut store);
        assert!(first.own.is_some(), "what he said may come back yet");
        first.handle_unheard(KEPT as u64 + 1, &mut store);
        second.handle_said(KEPT as u64 + 1, &[2_000; FRAME_SAMPLES], &mut store);
        let track = second.own.as_ref().expect("lent");
        assert_eq!(track.at(KEPT as u64 + 1), Some(&[2_000; TICK_SAMPLES]));
        assert_eq!(track.at(0), None, "nothing of the first");
        second.clear(&mut store);
        assert_eq!(store.tracks.len(), 1);
    }

    #[test]
    fn an_echo_that_stops_is_forgotten() {
        let mut watch = EchoWatch::new();
        (watch.echo, watch.found, watch.found_at) = (Some(Echo { delay: TICK, return_loss_db: 20.0 }), PROVEN, 100);
        assert!(watch.echo(100 + FORGOTTEN).is_some());
        assert!(watch.echo(101 + FORGOTTEN).is_none());
    }
}
