//! What is said in listening tests, as functions of time: so they can be compared at any delay.

use std::f64::consts::TAU;

/// Amplitude of everything said here, about −13 dBov.
const AMPLITUDE: f64 = 10_000.0;

/// A sine that glides from 200 to 3200 Hz in five seconds, and again.
pub fn sweep(t: f64) -> f64 {
    let t = t.rem_euclid(5.0);
    AMPLITUDE * (TAU * (200.0 * t + 300.0 * t * t)).sin()
}

/// Something like a voice: harmonics of a gliding pitch around 120 Hz, in four syllables a second.
pub fn voice(t: f64) -> f64 {
    let phase = TAU * (120.0 * t - 10.0 * (3.0 * t).cos());
    let sum: f64 = (1..20).map(|h| (phase * f64::from(h)).sin() / f64::from(h)).sum();
    AMPLITUDE / 2.0 * syllable(t) * sum
}

/// How loud the voice is, 0 to 1.
pub fn syllable(t: f64) -> f64 {
    (4.0 * std::f64::consts::PI * t).sin().abs()
}

pub fn tone(t: f64) -> f64 {
    AMPLITUDE * (TAU * 400.0 * t).sin()
}

/// Samples of a signal at a rate, from a sample on.
pub fn samples(signal: fn(f64) -> f64, rate: u32, from: u64, count: usize) -> Vec<i16> {
    (0..count as u64).map(|n| signal((from + n) as f64 / f64::from(rate)) as i16).collect()
}
