//! The products and sums of resampling, in lanes that the compiler keeps in vector registers: wider ones where the
//! processor has them.
#![allow(unsafe_code)]

use super::{HISTORY, Taps};

/// Samples that are worked on at once.
const LANES: usize = 8;

/// To the higher rate. `samples`: history and `len` new ones, a multiple of [`LANES`] in all. Returns how many were
/// written.
pub fn up(taps: &Taps, samples: &[f32], len: usize, out: &mut [i16]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has it.
        return unsafe { up_by_avx2(taps, samples, len, out) };
    }
    up_by_any(taps, samples, len, out)
}

/// To the lower rate. `samples`: history and `len` new ones. Returns how many were written.
pub fn down(taps: &Taps, samples: &[f32], len: usize, out: &mut [i16]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has it.
        return unsafe { down_by_avx2(taps, samples, len, out) };
    }
    down_by_any(taps, samples, len, out)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn up_by_avx2(taps: &Taps, samples: &[f32], len: usize, out: &mut [i16]) -> usize {
    up_by_any(taps, samples, len, out)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn down_by_avx2(taps: &Taps, samples: &[f32], len: usize, out: &mut [i16]) -> usize {
    down_by_any(taps, samples, len, out)
}

#[inline(always)]
fn up_by_any(taps: &Taps, samples: &[f32], len: usize, out: &mut [i16]) -> usize {
    match taps.ratio {
        3 => up_in_phases::<3>(taps, samples, len, out),
        _ => up_in_phases::<6>(taps, samples, len, out),
    }
}

/// Eight samples side by side: each gives an output in every phase.
#[inline(always)]
fn up_in_phases<const RATIO: usize>(taps: &Taps, samples: &[f32], len: usize, out: &mut [i16]) -> usize {
    let first = HISTORY + 1 - taps.phase_taps;
    let len = len.min(out.len() / RATIO);
    let groups = out[..len * RATIO].chunks_mut(LANES * RATIO);
    for (outputs, at) in groups.zip((first..).step_by(LANES)) {
        let mut sums = [[0.0_f32; LANES]; RATIO];
        let around = samples[at..].windows(LANES);
        for (inputs, phases) in around.zip(taps.up.as_chunks::<RATIO>().0) {
            for (sum, tap) in sums.iter_mut().zip(phases) {
                for lane in 0..LANES {
                    sum[lane] += inputs[lane] * tap;
                }
            }
        }
        for (lane, outputs) in outputs.as_chunks_mut::<RATIO>().0.iter_mut().enumerate() {
            for (output, sum) in outputs.iter_mut().zip(&sums) {
                *output = sample(sum[lane]);
            }
        }
    }
    len * RATIO
}

#[inline(always)]
fn down_by_any(taps: &Taps, samples: &[f32], len: usize, out: &mut [i16]) -> usize {
    let all = taps.down.len();
    let first = HISTORY + taps.ratio - all;
    let len = (len / taps.ratio).min(out.len());
    for (n, output) in out.iter_mut().take(len).enumerate() {
        let at = first + n * taps.ratio;
        *output = sample(dot(&samples[at..at + all], &taps.down));
    }
    len
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum()
}

/// Rounds to the nearest; without `f32::round`, which is a call on plain x86-64.
#[inline(always)]
fn sample(value: f32) -> i16 {
    (value + 0.5_f32.copysign(value)) as i16
}
