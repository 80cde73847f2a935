//! Numbers in place of ears.

use std::f64::consts::TAU;

/// Signal to noise in dB: `heard`, sampled at `rate`, against a signal at the delay that fits best, and its gain.
pub fn snr_db(heard: &[i16], signal: fn(f64) -> f64, rate: u32, longest_delay: f64) -> f64 {
    let error = |delay: f64, stride: usize| {
        let (mut product, mut said, mut power) = (0.0, 0.0, 0.0);
        for (n, &sample) in heard.iter().enumerate().step_by(stride) {
            let (sample, expected) = (f64::from(sample), signal(n as f64 / f64::from(rate) - delay));
            product += sample * expected;
            said += expected * expected;
            power += sample * sample;
        }
        let gain = product / said;
        assert!((0.9..1.1).contains(&gain) || product * product < 0.9 * said * power, "a gain of {gain}");
        (power - gain * product) / power
    };
    let finest = |from: f64, to: f64, step: f64, stride: usize| {
        let steps = ((to - from) / step) as usize;
        let delays = (0..=steps).map(|n| from + n as f64 * step);
        delays.min_by(|a, b| error(*a, stride).total_cmp(&error(*b, stride))).expect("delays")
    };
    let coarse = finest(0.0, longest_delay, 0.05e-3, 37);
    let fine = finest(coarse - 0.1e-3, coarse + 0.1e-3, 0.002e-3, 7);
    let delay = finest(fine - 0.002e-3, fine + 0.002e-3, 0.0001e-3, 7);
    -10.0 * error(delay, 1).log10()
}

/// Loudness in steps of 10 ms.
pub fn envelope(samples: &[i16], rate: u32) -> Vec<f64> {
    let root = |chunk: &[i16]| {
        let sum: f64 = chunk.iter().map(|&sample| f64::from(sample).powi(2)).sum();
        (sum / chunk.len() as f64).sqrt()
    };
    samples.chunks_exact(rate as usize / 100).map(root).collect()
}

/// The best correlation of two envelopes over delays of up to `most` steps.
pub fn likeness(heard: &[f64], said: &[f64], most: usize) -> f64 {
    let at = |delay: usize| {
        let pairs: Vec<(f64, f64)> = heard.iter().skip(delay).copied().zip(said.iter().copied()).collect();
        let count = pairs.len() as f64;
        let (mean_a, mean_b) = pairs.iter().fold((0.0, 0.0), |(a, b), pair| (a + pair.0 / count, b + pair.1 / count));
        let (mut product, mut a, mut b) = (0.0, 0.0, 0.0);
        for pair in pairs {
            let (x, y) = (pair.0 - mean_a, pair.1 - mean_b);
            (product, a, b) = (product + x * y, a + x * x, b + y * y);
        }
        product / (a * b).sqrt()
    };
    (0..=most).map(at).fold(-1.0, f64::max)
}

/// How little the roughest sample follows from those around it: the largest fourth difference. It grows with the fourth
/// power of frequency, so at 48 kHz a voice hardly shows in it and a seam that does not fit stands out.
pub fn roughness(samples: &[i16]) -> i32 {
    let fourth = |five: &[i16]| -> i32 {
        let [a, b, c, d, e] = std::array::from_fn(|n| i32::from(five[n]));
        (a - 4 * b + 6 * c - 4 * d + e).abs()
    };
    samples.windows(5).map(fourth).max().unwrap_or(0)
}

/// Mean distance in dB of two sounds' spectra, in windows of 20 ms and bands of 200 Hz up to 8 kHz, where one of them
/// is loud.
pub fn spectral_distance_db(heard: &[i16], said: &[i16], rate: u32) -> f64 {
    let window = rate as usize / 50;
    let (mut sum, mut count) = (0.0, 0);
    for (heard, said) in heard.chunks_exact(window).zip(said.chunks_exact(window)) {
        for band in 1..40 {
            let hz = f64::from(band) * 200.0;
            let (a, b) = (level_db(heard, rate, hz), level_db(said, rate, hz));
            if a.max(b) > -50.0 {
                sum += (a - b).abs();
                count += 1;
            }
        }
    }
    sum / f64::from(count.max(1))
}

fn level_db(samples: &[i16], rate: u32, hz: f64) -> f64 {
    let count = samples.len() as f64;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * n as f64 / count).cos();
        let phase = TAU * hz * n as f64 / f64::from(rate);
        re += f64::from(sample) * window * phase.cos();
        im += f64::from(sample) * window * phase.sin();
    }
    20.0 * (re.hypot(im) * 4.0 / count / 32_768.0).max(1e-6).log10()
}
