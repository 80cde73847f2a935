//! What the talkers say: a tone each, and one of them a marker, by which the delay is told.
//!
//! Tones at even distances deceive: products of clipping and of codecs fall on another's tone. So they stand such that
//! no product of the third order meets one, with scattered phases, at 0.3/√talkers of full scale.

use std::f64::consts::TAU;
use std::time::Duration;

/// A tone for each talker. Whole Hertz, so that a loop of a second has no seam; below 3.4 kHz for G.711.
pub const HERTZ: [u32; 15] = [355, 536, 699, 895, 982, 1114, 1217, 1286, 1367, 1463, 1554, 1831, 1958, 2022, 2164];
/// The marker's, far from all tones.
pub const MARKER_HERTZ: f64 = 2900.0;
/// A bell of this length.
const MARKER: Duration = Duration::from_millis(10);
/// The loop's length.
const LOOP_SECONDS: usize = 1;
/// Between the tones' phases: no two alike, and no pattern.
const GOLDEN: f64 = 0.618_034;
/// Of full scale; a quiet line at -66 dBov, which nobody takes for speech.
const LINE_NOISE: i32 = 28;

/// Each talker's amplitude, of full scale.
pub fn amplitude(talkers: usize) -> f64 {
    0.3 / (talkers.max(1) as f64).sqrt()
}

/// One second of a talker at `rate` samples a second. `marked`: with the marker's middle in the middle of
/// [`marker_at`]'s frame.
pub fn voice(talker: usize, talkers: usize, rate: u32, marked: bool) -> Vec<i16> {
    let level = amplitude(talkers) * 32767.0;
    let hertz = f64::from(HERTZ[talker % HERTZ.len()]);
    let phase = talker as f64 * GOLDEN;
    let mut samples: Vec<f64> = (0..rate as usize * LOOP_SECONDS)
        .map(|n| level * (TAU * (hertz * n as f64 / f64::from(rate) + phase)).sin())
        .collect();
    if marked {
        mark(&mut samples, level, rate);
    }
    samples.into_iter().map(|sample| sample.round() as i16).collect()
}

/// One second of a line on which nobody speaks.
pub fn line_noise(rate: u32) -> Vec<i16> {
    let mut state = 1_u32;
    let next = || {
        // Numerical Recipes' generator; its high bits are good enough for a hiss.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) as i32 * (2 * LINE_NOISE + 1) / 65_536 - LINE_NOISE) as i16
    };
    std::iter::repeat_with(next).take(rate as usize * LOOP_SECONDS).collect()
}

/// The marker's middle, from the loop's beginning.
pub fn marker_at() -> Duration {
    Duration::from_millis(510)
}

fn mark(samples: &mut [f64], level: f64, rate: u32) {
    let rate = f64::from(rate);
    let length = MARKER.as_secs_f64() * rate;
    let begin = marker_at().as_secs_f64() * rate - length / 2.0;
    for n in 0..length as usize {
        let bell = 0.5 - 0.5 * (TAU * n as f64 / length).cos();
        if let Some(sample) = samples.get_mut(begin as usize + n) {
            *sample += level * bell * (TAU * MARKER_HERTZ * n as f64 / rate).sin();
        }
    }
}

/// Level of a tone over these samples, of full scale (a Hann window and one bin of a Fourier transform: Goertzel).
pub fn level(samples: &[i16], rate: u32, hertz: f64) -> f64 {
    let count = samples.len().max(1) as f64;
    let coefficient = 2.0 * (TAU * hertz / f64::from(rate)).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * n as f64 / count).cos();
        let next = f64::from(*sample) * window + coefficient * last - before;
        (before, last) = (last, next);
    }
    let power = before * before + last * last - coefficient * before * last;
    4.0 * power.max(0.0).sqrt() / count / 32768.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_holds_its_tone_and_no_other() {
        for rate in [8_000, 16_000, 48_000] {
            for (talker, hertz) in HERTZ.iter().enumerate() {
                let samples = voice(talker, 3, rate, talker == 0);
                for other in HERTZ {
                    let level = level(&samples, rate, f64::from(other)) / amplitude(3);
                    assert_eq!(level > 0.9, other == *hertz, "{hertz} Hz: {other} Hz at {level}");
                    assert!(!(0.01..=0.9).contains(&level), "{hertz} Hz: {other} Hz at {level}");
                }
            }
        }
    }

    #[test]
    fn products_of_clipping_fall_beside_the_tones() {
        let is_apart = |product: i32| HERTZ.iter().all(|tone| tone.abs_diff(product.unsigned_abs()) > 3);
        let tones = HERTZ.map(|hertz| hertz as i32);
        for one in tones {
            assert!(is_apart(3 * one), "3·{one}");
            for other in tones.into_iter().filter(|other| *other != one) {
                assert!(is_apart(2 * one - other) && is_apart(2 * one + other), "2·{one} ± {other}");
                for third in tones.into_iter().filter(|third| ![one, other].contains(third)) {
                    assert!(
                        is_apart(one + other - third) && is_apart(one + other + third),
                        "{one} + {other} ± {third}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_quiet_line_is_quiet() {
        let noise = line_noise(8_000);
        let power: f64 = noise.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / 8_000.0;
        let dbov = 10.0 * (power / 32_768.0_f64.powi(2)).log10();
        assert!((-68.0..-64.0).contains(&dbov), "{dbov}");
    }
}
