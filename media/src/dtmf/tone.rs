//! Keys heard as tones in the voice (ITU-T Q.23, Q.24), of telephones that know no telephone-event.
//!
//! A frame of 20 ms is compared with the eight frequencies (Goertzel). It is a key when one row and one column hold
//! nearly all of its energy, about equally loud; a voice spreads its energy over harmonics and is none (talk-off). Two
//! such frames in a row press the key, two others release it.

use std::time::Duration;

use super::KeyPress;
use crate::mix::{FRAME_SAMPLES, Frame, TICK};

const ROWS_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
/// The detector works at 8 kHz.
const RATIO: usize = 6;
const SAMPLES: usize = FRAME_SAMPLES / RATIO;
const RATE: f32 = 8_000.0;
/// Softer is no key: −36 dBov, as mean square.
const SOFTEST: f32 = 520.0 * 520.0;
/// Of the frame's energy in the two tones: of a key, and of a frame that a key begins or ends in.
const PURE: f32 = 0.85;
const SUSPECT: f32 = 0.45;
/// Rows may be so much stronger or weaker than columns: 8 dB.
const TWIST: f32 = 6.3;
/// The strongest of a group against the next: 8 dB.
const CLEAR: f32 = 6.3;
/// Frames that press a key, and that release it.
const ENOUGH: u32 = 2;

/// What a frame is to the mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Voice,
    /// A key's tone: not to be heard.
    Tone,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct ToneReceiver {
    /// The key in the last frames, and in how many of them.
    key: Option<(char, u32)>,
    /// Frames without it since.
    without: u32,
}

impl ToneReceiver {
    /// Listens to a frame. Returns what it is, and the key that is released with it.
    pub fn handle_frame(&mut self, frame: &Frame) -> (Verdict, Option<KeyPress>) {
        let (found, share) = strongest(frame);
        let found = found.filter(|_| share >= SUSPECT);
        let pure = found.filter(|_| share >= PURE);
        let released = match (pure, self.key) {
            (Some(key), Some((held, frames))) if key == held => {
                (self.key, self.without) = (Some((held, frames + 1)), 0);
                None
            }
            (Some(key), _) => {
                let released = self.release();
                (self.key, self.without) = (Some((key, 1)), 0);
                released
            }
            (None, Some(_)) => {
                self.without += 1;
                if self.without >= ENOUGH { self.release() } else { None }
            }
            (None, None) => None,
        };
        let held = self.key.is_some_and(|(_, frames)| frames >= ENOUGH);
        (if found.is_some() || held { Verdict::Tone } else { Verdict::Voice }, released)
    }

    /// Whether a key may be held down.
    pub fn is_pressed(&self) -> bool {
        self.key.is_some()
    }

    /// Nothing was said in a tick.
    pub fn handle_silence(&mut self) -> Option<KeyPress> {
        self.key?;
        self.without += 1;
        if self.without >= ENOUGH { self.release() } else { None }
    }

    fn release(&mut self) -> Option<KeyPress> {
        self.without = 0;
        let (key, frames) = self.key.take()?;
        (frames >= ENOUGH).then(|| KeyPress { key, duration: Duration::from_millis(20) * frames })
    }
}

const _: () = assert!(TICK.as_millis() == 20);

/// The key whose tones are strongest, if they are clear and alike, and their share of the frame's energy.
fn strongest(frame: &Frame) -> (Option<char>, f32) {
    let mut samples = [0.0; SAMPLES];
    for (place, six) in samples.iter_mut().zip(frame.as_chunks::<RATIO>().0) {
        *place = six.iter().map(|&sample| f32::from(sample)).sum::<f32>() / RATIO as f32;
    }
    let energy: f32 = samples.iter().map(|sample| sample * sample).sum();
    if energy < SOFTEST * SAMPLES as f32 {
        return (None, 0.0);
    }
    let (Some((row, low)), Some((column, high))) = (clearest(&samples, ROWS_HZ), clearest(&samples, COLUMNS_HZ)) else {
        return (None, 0.0);
    };
    if low > high * TWIST || high > low * TWIST {
        return (None, 0.0);
    }
    // A sine of amplitude a has the power |X|² = (a·N/2)² and the energy a²·N/2.
    let share = (low + high) * 2.0 / SAMPLES as f32 / energy;
    (Some(KEYS[row][column]), share)
}

/// The frequency that stands out of its group, and its power.
fn clearest(samples: &[f32; SAMPLES], group: [f32; 4]) -> Option<(usize, f32)> {
    let powers = group.map(|hz| power(samples, hz));
    let (best, most) = (0..4).map(|n| (n, powers[n])).fold((0, 0.0), |best, n| if n.1 > best.1 { n } else { best });
    let clear = (0..4).all(|n| n == best || powers[n] * CLEAR < most);
    clear.then_some((best, most))
}

/// Goertzel: |X|² at a frequency.
fn power(samples: &[f32; SAMPLES], hz: f32) -> f32 {
    let coefficient = 2.0 * (std::f32::consts::TAU * hz / RATE).cos();
    let (s1, s2) = samples.iter().fold((0.0, 0.0), |(s1, s2), sample| (sample + coefficient * s1 - s2, s1));
    s1 * s1 + s2 * s2 - coefficient * s1 * s2
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn tones(key: char, amplitude: f64, from: usize, to: usize) -> impl Fn(usize) -> f64 {
        let place = (0..16).find(|n| KEYS[n / 4][n % 4] == key).expect("a key");
        let (row, column) = (f64::from(ROWS_HZ[place / 4]), f64::from(COLUMNS_HZ[place % 4]));
        move |n| {
            let t = n as f64 / 48_000.0;
            let sound = amplitude * ((TAU * row * t).sin() + (TAU * column * t).sin());
            if (from..to).contains(&n) { sound } else { 0.0 }
        }
    }

    fn listen(sound: impl Fn(usize) -> f64, ticks: usize) -> (Vec<KeyPress>, Vec<Verdict>) {
        let mut receiver = ToneReceiver::default();
        let (mut keys, mut verdicts) = (Vec::new(), Vec::new());
        for tick in 0..ticks {
            let frame = std::array::from_fn(|n| sound(tick * FRAME_SAMPLES + n) as i16);
            let (verdict, key) = receiver.handle_frame(&frame);
            keys.extend(key);
            verdicts.push(verdict);
        }
        (keys, verdicts)
    }

    #[test]
    fn every_key_is_read_once_wherever_it_begins_and_however_loud() {
        for key in KEYS.into_iter().flatten() {
            for begins in [0, 123, 480, 700] {
                for amplitude in [1_200.0, 6_000.0, 14_000.0] {
                    let (keys, _) = listen(tones(key, amplitude, begins, begins + 4_800), 12);
                    assert_eq!(keys.len(), 1, "{key} from {begins} at {amplitude}: {keys:?}");
                    assert_eq!(keys[0].key, key);
                    assert!((60..=120).contains(&keys[0].duration.as_millis()), "{:?}", keys[0].duration);
                }
            }
        }
    }

    #[test]
    fn its_tone_is_told_from_the_voice_but_for_some_milliseconds() {
        for begins in [0, 300, 600] {
            let (_, verdicts) = listen(tones('5', 6_000.0, begins, begins + 9_600), 12);
            let kept = verdicts.iter().filter(|verdict| **verdict == Verdict::Tone).count() * FRAME_SAMPLES;
            assert!(kept + 480 >= 9_600, "{verdicts:?}");
            assert_eq!(verdicts[11], Verdict::Voice);
        }
    }

    #[test]
    fn half_an_hour_of_voices_presses_no_key_and_is_hardly_ever_taken_for_one() {
        let mut muted = 0;
        for (pitch, seconds) in [(95.0, 600), (140.0, 600), (217.0, 600)] {
            let mut phase = 0.0;
            let mut formants = (700.0, 1_200.0);
            let mut receiver = ToneReceiver::default();
            for tick in 0..seconds * 50 {
                if tick % 7 == 0 {
                    let n = f64::from(tick);
                    formants = (300.0 + 550.0 * (n * 0.37).sin().abs(), 900.0 + 1_300.0 * (n * 0.23).sin().abs());
                }
                let glide = pitch * (1.0 + 0.15 * (f64::from(tick) * 0.05).sin());
                // The source falls by 6 dB an octave; each formant is a resonance 90 Hz wide that lets what is below pass.
                let resonance = |hz: f64, formant: f64| {
                    let x = hz / formant;
                    1.0 / ((1.0 - x * x).powi(2) + (x * 90.0 / formant).powi(2)).sqrt()
                };
                let harmonics: [f64; 15] = std::array::from_fn(|h| {
                    let hz = (h + 1) as f64 * glide;
                    resonance(hz, formants.0) * resonance(hz, formants.1) / (h + 1) as f64
                });
                let loudest = harmonics.iter().copied().fold(0.0, f64::max);
                let mut sample = 0;
                let frame = std::array::from_fn(|n| {
                    if n % RATIO == 0 {
                        phase += TAU * glide / f64::from(RATE);
                        let sum: f64 =
                            (1..).zip(harmonics).map(|(h, level)| level * (phase * f64::from(h)).sin()).sum();
                        sample = (8_000.0 * sum / loudest) as i16;
                    }
                    sample
                });
                let (verdict, key) = receiver.handle_frame(&frame);
                assert_eq!(key, None, "at {tick} of {pitch} Hz");
                muted += u32::from(verdict == Verdict::Tone);
            }
        }
        assert!(muted < 900, "{muted} of 90000 frames");
    }

    #[test]
    fn one_tone_noise_and_clicks_are_no_key() {
        let one = |n: usize| 9_000.0 * (TAU * 941.0 * n as f64 / 48_000.0).sin();
        assert_eq!(listen(one, 50).0, []);
        assert_eq!(listen(|n| if n % 5_000 < 30 { 20_000.0 } else { 0.0 }, 50).0, []);
        assert_eq!(listen(tones('7', 6_000.0, 0, 900), 10).0, [], "20 ms are too short");
    }
}
