//! The limiter: what is too loud for 16 bits becomes softer as a whole, rather than being cut sample by sample.
//!
//! A frame is looked at in pieces of 0.6 ms before it leaves. The gain is down when a loud piece begins, and rises
//! slowly behind it; from piece to piece it runs straight. So a chord of loud voices stays that chord, with no products
//! of clipping. Only within the first piece of a frame may a peak come too soon; that is bent, never cut.

use super::{FRAME_SAMPLES, Frame};

/// Up to here a sum passes unchanged, −1.4 dBov; above it bends towards full scale and never reaches past it.
const KNEE: i32 = 28_000;
const ROOM: i32 = i16::MAX as i32 - KNEE;
const PIECE: usize = 30;
const PIECES: usize = FRAME_SAMPLES / PIECE;
/// The gain rises by so much from piece to piece: 6 dB in 0.4 s.
const RELEASE: f32 = 1.001_1;

/// One listener's limiter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limiter {
    gain: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Limiter {
    /// Brings one tick's sum to 16 bits. Most never come near the knee and are only narrowed.
    pub fn limit(&mut self, sum: &[i32; FRAME_SAMPLES], out: &mut Frame) {
        let peak = sum.iter().fold(0, |peak, sample| sample.abs().max(peak));
        if peak <= KNEE && self.gain >= 1.0 {
            for (out, &sample) in out.iter_mut().zip(sum) {
                *out = sample as i16;
            }
            return;
        }
        let gains = self.gains(sum);
        let pieces = sum.as_chunks::<PIECE>().0.iter().zip(out.as_chunks_mut::<PIECE>().0);
        for ((sum, out), ends) in pieces.zip(gains.windows(2)) {
            let step = (ends[1] - ends[0]) / PIECE as f32;
            for (n, (out, &sample)) in out.iter_mut().zip(sum).enumerate() {
                *out = bent((sample as f32 * (ends[0] + step * n as f32)) as i32);
            }
        }
        self.gain = gains[PIECES];
    }

    /// The gain at each piece's two ends: low enough for both pieces that meet there.
    fn gains(&self, sum: &[i32; FRAME_SAMPLES]) -> [f32; PIECES + 1] {
        let mut gains = [1.0; PIECES + 1];
        for (n, piece) in sum.as_chunks::<PIECE>().0.iter().enumerate() {
            let peak = piece.iter().fold(KNEE, |peak, sample| sample.abs().max(peak));
            let most = KNEE as f32 / peak as f32;
            gains[n] = most.min(gains[n]);
            gains[n + 1] = most;
        }
        gains[0] = self.gain;
        for n in 0..PIECES {
            gains[n + 1] = gains[n + 1].min(gains[n] * RELEASE);
        }
        gains
    }
}

/// Continues the straight line with its slope, towards full scale: knee + room · x ∕ (x + room).
fn bent(sample: i32) -> i16 {
    let over = sample.abs() - KNEE;
    if over <= 0 {
        return sample as i16;
    }
    let (over, room) = (i64::from(over), i64::from(ROOM));
    let magnitude = KNEE as i16 + (room * over / (over + room)) as i16;
    if sample < 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use proptest::prelude::*;

    use super::*;

    /// Two voices far too loud together, limited over half a second; the last tenth of it.
    fn chord() -> Vec<f64> {
        let mut limiter = Limiter::default();
        let mut heard = Vec::new();
        for tick in 0..25 {
            let sample = |n: usize| {
                let t = (tick * FRAME_SAMPLES + n) as f64 / 48_000.0;
                (30_000.0 * (TAU * 500.0 * t).sin() + 30_000.0 * (TAU * 700.0 * t).sin()) as i32
            };
            let mut out = [0; FRAME_SAMPLES];
            limiter.limit(&std::array::from_fn(sample), &mut out);
            heard.extend(out.map(f64::from));
        }
        heard.split_off(20 * FRAME_SAMPLES)
    }

    fn amplitude(samples: &[f64], hz: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let phase = TAU * hz * n as f64 / 48_000.0;
            re += sample * phase.cos();
            im += sample * phase.sin();
        }
        2.0 * re.hypot(im) / samples.len() as f64
    }

    #[test]
    fn a_loud_chord_stays_that_chord_without_products_of_clipping() {
        let heard = chord();
        let wanted = amplitude(&heard, 500.0);
        assert!((10_000.0..16_000.0).contains(&wanted), "{wanted}");
        for product in [300.0, 900.0, 1_500.0, 1_700.0, 1_900.0, 2_100.0] {
            let below = 20.0 * (amplitude(&heard, product) / wanted).log10();
            assert!(below < -30.0, "{product} Hz at {below:.1} dB");
        }
    }

    #[test]
    fn after_a_bang_the_gain_comes_back_slowly_and_whole() {
        let mut limiter = Limiter::default();
        let mut out = [0; FRAME_SAMPLES];
        limiter.limit(&[60_000; FRAME_SAMPLES], &mut out);
        limiter.limit(&[10_000; FRAME_SAMPLES], &mut out);
        assert!(out[0] < 5_000 && out.windows(2).all(|pair| (0..=20).contains(&(pair[1] - pair[0]))));
        (0..50).for_each(|_| limiter.limit(&[10_000; FRAME_SAMPLES], &mut out));
        assert_eq!(out, [10_000; FRAME_SAMPLES]);
        assert_eq!(limiter, Limiter::default());
    }

    proptest! {
        #[test]
        fn louder_stays_louder_and_within_the_scale(a in -3_000_000i32..3_000_000, b in -3_000_000i32..3_000_000) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(bent(low) <= bent(high));
            prop_assert_eq!(bent(-low.abs()), -bent(low.abs()));
            prop_assert!(i32::from(bent(low)).abs() <= low.abs());
        }
    }
}
