//! Tones, and how loud one of them is in a recording.

use std::f64::consts::TAU;

/// Spaced unevenly, so that no product of two falls on a third.
pub const TONES_HZ: [f64; 5] = [440.0, 613.0, 941.0, 1_279.0, 1_733.0];

const AMPLITUDE: f64 = 6_000.0;

/// Samples `start..start + count` of a tone, or silence.
pub fn samples(hz: Option<f64>, rate: u32, start: u64, count: usize) -> Vec<i16> {
    let Some(hz) = hz else { return vec![0; count] };
    let sample = |i: usize| (AMPLITUDE * (TAU * hz * (start + i as u64) as f64 / f64::from(rate)).sin()) as i16;
    (0..count).map(sample).collect()
}

/// The amplitude of one frequency, dB below full scale (Goertzel, with a Hann window against leakage).
pub fn level_db(samples: &[i16], rate: u32, hz: f64) -> f64 {
    let count = samples.len() as f64;
    let coefficient = 2.0 * (TAU * hz / f64::from(rate)).cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * i as f64 / count).cos();
        let s0 = f64::from(*sample) * window + coefficient * s1 - s2;
        (s2, s1) = (s1, s0);
    }
    let power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    // The window halves the amplitude.
    let amplitude = power.max(0.0).sqrt() * 4.0 / count.max(1.0);
    20.0 * (amplitude / 32_768.0).max(1e-9).log10()
}

/// What a tone of [`samples`] measures, less coding noise.
pub fn full_level_db() -> f64 {
    20.0 * (AMPLITUDE / 32_768.0).log10()
}
