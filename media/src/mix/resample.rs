//! Sample rate conversion between codecs and the mixer: 8 ↔ 48 and 16 ↔ 48 kHz.
//!
//! A polyphase FIR, windowed by Kaiser for a stop band below −80 dB. Each rate has one prototype at 48 kHz, both ways:
//!
//! | rate   | taps | flat to | stopped from | delay  |
//! |--------|------|---------|--------------|--------|
//! | 8 kHz  | 192  | 3.4 kHz | 4.75 kHz     | 2.0 ms |
//! | 16 kHz | 120  | 6.9 kHz | 9.1 kHz      | 1.2 ms |
//!
//! Telephone channels end at 3.4 kHz and G.722 at 7; so the bands may meet in between, for half the delay.

mod kernel;

use std::sync::LazyLock;

use self::kernel::{down, up};
use crate::codec::SampleRate;

/// Samples converted at once, a multiple of all ratios; longer inputs are cut.
const BLOCK: usize = 240;
/// Room for the longest history.
const HISTORY: usize = 192;
/// Kaiser's β for 85 dB.
const BETA: f64 = 8.4;

struct Shape {
    ratio: usize,
    /// Taps of each phase, a multiple of eight.
    phase_taps: usize,
    /// Middle of the transition, Hz.
    edge: f64,
}

const NARROW: Shape = Shape { ratio: 6, phase_taps: 32, edge: 4_070.0 };
const WIDE: Shape = Shape { ratio: 3, phase_taps: 40, edge: 8_000.0 };

/// A prototype's taps in the orders that the two directions run through them.
#[derive(Debug)]
struct Taps {
    ratio: usize,
    phase_taps: usize,
    /// Of each sample's distance the taps of all phases, the oldest sample first: a phase's products add up to an output.
    up: Vec<f32>,
    /// All taps against time.
    down: Vec<f32>,
}

static NARROW_TAPS: LazyLock<Taps> = LazyLock::new(|| Taps::of(&NARROW));
static WIDE_TAPS: LazyLock<Taps> = LazyLock::new(|| Taps::of(&WIDE));

impl Taps {
    fn of(shape: &Shape) -> Self {
        let Shape { ratio, phase_taps, edge } = *shape;
        let len = ratio * phase_taps;
        let mut taps: Vec<f64> = (0..len)
            .map(|n| {
                let from_middle = n as f64 - (len - 1) as f64 / 2.0;
                sinc(2.0 * edge / 48_000.0 * from_middle) * kaiser(2.0 * from_middle / (len - 1) as f64)
            })
            .collect();
        let sum: f64 = taps.iter().sum();
        taps.iter_mut().for_each(|tap| *tap /= sum);
        let up = taps.chunks_exact(ratio).rev().flatten().map(|tap| (tap * ratio as f64) as f32).collect();
        Self { ratio, phase_taps, up, down: taps.iter().rev().map(|&tap| tap as f32).collect() }
    }
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

/// At `x` of −1 to 1.
fn kaiser(x: f64) -> f64 {
    bessel(BETA * (1.0 - x * x).max(0.0).sqrt()) / bessel(BETA)
}

/// The modified Bessel function of the first kind and order zero, by its series.
fn bessel(x: f64) -> f64 {
    let terms = (1..40).scan(1.0, |term, k| {
        *term *= (x / 2.0 / f64::from(k)).powi(2);
        Some(*term)
    });
    1.0 + terms.sum::<f64>()
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Same,
    Up(&'static Taps),
    Down(&'static Taps),
}

/// Converts one stream.
#[derive(Debug)]
pub struct Resampler {
    way: Way,
    /// The last inputs, then the block at work.
    samples: Box<[f32; HISTORY + BLOCK]>,
}

impl Resampler {
    /// One of the rates must be 48 kHz, or both the same; others leave the samples as they are.
    pub fn new(from: SampleRate, to: SampleRate) -> Self {
        let way = match (from, to) {
            (SampleRate::Hz8000, SampleRate::Hz48000) => Way::Up(&NARROW_TAPS),
            (SampleRate::Hz16000, SampleRate::Hz48000) => Way::Up(&WIDE_TAPS),
            (SampleRate::Hz48000, SampleRate::Hz8000) => Way::Down(&NARROW_TAPS),
            (SampleRate::Hz48000, SampleRate::Hz16000) => Way::Down(&WIDE_TAPS),
            _ => Way::Same,
        };
        Self { way, samples: Box::new([0.0; HISTORY + BLOCK]) }
    }

    /// Converts samples; downwards a multiple of the ratio of them. Returns how many were written: as many as `out`
    /// takes.
    pub fn process(&mut self, input: &[i16], out: &mut [i16]) -> usize {
        match self.way {
            Way::Same => {
                let len = input.len().min(out.len());
                out[..len].copy_from_slice(&input[..len]);
                len
            }
            Way::Up(taps) => self.blocks(input, out, |samples, len, out| up(taps, samples, len, out)),
            Way::Down(taps) => self.blocks(input, out, |samples, len, out| down(taps, samples, len, out)),
        }
    }

    /// Forgets what came before.
    pub fn reset(&mut self) {
        self.samples[..HISTORY].fill(0.0);
    }

    fn blocks(
        &mut self,
        input: &[i16],
        out: &mut [i16],
        convert: impl Fn(&[f32], usize, &mut [i16]) -> usize,
    ) -> usize {
        let mut written = 0;
        for block in input.chunks(BLOCK) {
            for (place, &sample) in self.samples[HISTORY..].iter_mut().zip(block) {
                *place = f32::from(sample);
            }
            written += convert(&*self.samples, block.len(), &mut out[written..]);
            self.samples.copy_within(block.len()..HISTORY + block.len(), 0);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, rate: SampleRate, samples: usize) -> Vec<i16> {
        let step = hz * std::f64::consts::TAU / f64::from(rate.hz());
        (0..samples).map(|n| (16_384.0 * (n as f64 * step).sin()).round() as i16).collect()
    }

    /// Converts in ticks, and leaves out the beginning.
    fn converted(from: SampleRate, to: SampleRate, input: &[i16]) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to);
        let tick = std::time::Duration::from_millis(20);
        let mut out = Vec::new();
        for frame in input.chunks(from.samples(tick)) {
            let mut converted = [0; 960];
            let len = resampler.process(frame, &mut converted);
            assert_eq!(len, to.samples(tick));
            out.extend_from_slice(&converted[..len]);
        }
        out.split_off(to.samples(tick) * 2)
    }

    /// Amplitude of one frequency against half of full scale, dB. Over whole periods of 50 Hz.
    fn decibels(samples: &[i16], hz: f64, rate: SampleRate) -> f64 {
        let step = hz * std::f64::consts::TAU / f64::from(rate.hz());
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in samples.iter().enumerate() {
            re += f64::from(sample) * (n as f64 * step).cos();
            im += f64::from(sample) * (n as f64 * step).sin();
        }
        let amplitude = re.hypot(im) * 2.0 / samples.len() as f64;
        20.0 * (amplitude / 16_384.0).max(1e-9).log10()
    }

    #[test]
    fn the_pass_band_is_flat_both_ways() {
        for (rate, edge) in [(SampleRate::Hz8000, 3_300), (SampleRate::Hz16000, 6_800)] {
            for hz in (100..=edge).step_by(400).chain([edge]) {
                let hz = f64::from(hz);
                for (from, to) in [(rate, SampleRate::Hz48000), (SampleRate::Hz48000, rate)] {
                    let out = converted(from, to, &sine(hz, from, from.hz() as usize / 2));
                    let gain = decibels(&out, hz, to);
                    assert!(gain.abs() < 0.3, "{hz} Hz {from:?} to {to:?}: {gain:.2} dB");
                }
            }
        }
    }

    #[test]
    fn images_are_80_decibels_down() {
        for (rate, tones) in
            [(SampleRate::Hz8000, [300.0, 1_000.0, 3_200.0]), (SampleRate::Hz16000, [300.0, 2_000.0, 6_800.0])]
        {
            for hz in tones {
                let out = converted(rate, SampleRate::Hz48000, &sine(hz, rate, rate.hz() as usize / 2));
                for image in (1..3).flat_map(|k| [f64::from(k * rate.hz()) - hz, f64::from(k * rate.hz()) + hz]) {
                    let level = decibels(&out, image, SampleRate::Hz48000);
                    assert!(level < -80.0, "{hz} Hz at {rate:?} mirrored at {image} Hz with {level:.1} dB");
                }
            }
        }
    }

    #[test]
    fn aliases_are_80_decibels_down() {
        for (rate, tones) in
            [(SampleRate::Hz8000, [4_800.0, 6_000.0, 15_000.0]), (SampleRate::Hz16000, [9_150.0, 12_000.0, 20_000.0])]
        {
            for hz in tones {
                let out = converted(SampleRate::Hz48000, rate, &sine(hz, SampleRate::Hz48000, 24_000));
                let folded = (hz / f64::from(rate.hz())).round() * f64::from(rate.hz());
                let alias = (hz - folded).abs();
                let level = decibels(&out, alias, rate);
                assert!(level < -80.0, "{hz} Hz folded to {alias} Hz at {rate:?} with {level:.1} dB");
            }
        }
    }

    #[test]
    fn full_scale_does_not_wrap() {
        for rate in [SampleRate::Hz8000, SampleRate::Hz16000] {
            let square: Vec<i16> = (0..8_000).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
            let out = converted(rate, SampleRate::Hz48000, &square);
            let step = out.windows(2).map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs()).max();
            assert!(step < Some(40_000), "{step:?}");
        }
    }

    #[test]
    fn cuts_do_not_matter() {
        let input = sine(700.0, SampleRate::Hz8000, 1_000);
        let mut whole = vec![0; 6_000];
        assert_eq!(Resampler::new(SampleRate::Hz8000, SampleRate::Hz48000).process(&input, &mut whole), 6_000);
        let mut resampler = Resampler::new(SampleRate::Hz8000, SampleRate::Hz48000);
        let mut parts = Vec::new();
        for part in input.chunks(7) {
            let mut out = [0; 42];
            let len = resampler.process(part, &mut out);
            parts.extend_from_slice(&out[..len]);
        }
        assert_eq!(parts, whole);
    }
}
