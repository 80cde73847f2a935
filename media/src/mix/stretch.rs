//! Sound in less or in more time, at the same pitch: whole periods of it are left out or said twice.
//!
//! WSOLA (Verhelst and Roelands, 1993) in its smallest form. The lag at which the sound resembles itself most is found
//! at 8 kHz; there it fades over into itself, forwards to save a period, backwards to gain one.
//!
//! ```text
//!   sound      |-----A-----|-----B-----|--C--       A and B alike, a period each
//!   shorter    |--A fades to B--|--C--
//!   longer     |-----A-----|--B fades to A--|-----B-----|--C--
//! ```

/// At 8 kHz everything here is counted; a sample is six at 48 kHz.
const RATIO: usize = 6;
/// 2.5 and 15 ms.
const SHORTEST: usize = 20;
const LONGEST: usize = 120;
/// 8 ms in which two places are compared, and faded over.
const COMPARED: usize = 64;
/// As alike as a voice is to itself a period later; noise is not.
const ALIKE: f32 = 0.75;
/// Softer than −50 dBov any cut goes unheard: mean square at full scale 32 768.
const SOFT: f32 = 104.0 * 104.0;
/// Ticks in which nothing alike was found, before the best place is taken as it is.
const PATIENCE: u8 = 20;

/// The longest piece that is left out or said twice, samples at 48 kHz.
pub const LONGEST_PIECE: usize = LONGEST * RATIO;

#[derive(Clone, Copy, Debug, Default)]
pub struct Stretcher {
    tried: u8,
}

impl Stretcher {
    /// Leaves out at most `most` samples at the beginning of `samples`. Returns how many: they are gone from the front,
    /// the sound is in what is behind. `None`: nothing there can be left out unheard.
    pub fn shorten(&mut self, samples: &mut [i16], most: usize) -> Option<usize> {
        let lag = self.find(samples, most)?;
        for n in 0..COMPARED * RATIO {
            samples[lag + n] = faded(samples[n], samples[lag + n], n);
        }
        Some(lag)
    }

    /// Says at most `most` samples at the beginning of `samples[..len]` twice; behind `len` there must be as much room.
    /// Returns how many.
    pub fn lengthen(&mut self, samples: &mut [i16], len: usize, most: usize) -> Option<usize> {
        let room = samples.len().checked_sub(len)?;
        let lag = self.find(samples.get(..len)?, most.min(room))?;
        let mut joint = [0; COMPARED * RATIO];
        for (n, sample) in joint.iter_mut().enumerate() {
            *sample = faded(samples[lag + n], samples[n], n);
        }
        samples.copy_within(..len, lag);
        samples[lag..lag + joint.len()].copy_from_slice(&joint);
        Some(lag)
    }

    /// The lag at which the beginning comes again, in samples at 48 kHz.
    fn find(&mut self, samples: &[i16], most: usize) -> Option<usize> {
        let longest = (most / RATIO).min(LONGEST).min((samples.len() / RATIO).checked_sub(COMPARED)?);
        if longest < SHORTEST {
            return None;
        }
        let mut coarse = [0.0; LONGEST + COMPARED];
        for (place, six) in coarse.iter_mut().zip(samples.as_chunks::<RATIO>().0) {
            *place = six.iter().map(|&sample| f32::from(sample)).sum::<f32>() / RATIO as f32;
        }
        let (lag, likeness) = most_alike(&coarse, longest);
        let power = energy(&coarse[..COMPARED]) / COMPARED as f32;
        self.tried += 1;
        if power < SOFT || likeness >= ALIKE || self.tried >= PATIENCE {
            self.tried = 0;
            return Some(if power < SOFT { longest } else { lag } * RATIO);
        }
        None
    }
}

/// From `a` to `b`.
fn faded(a: i16, b: i16, n: usize) -> i16 {
    let (n, len) = (n as i32, (COMPARED * RATIO) as i32);
    ((i32::from(a) * (len - n) + i32::from(b) * n) / len) as i16
}

fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum()
}

/// The lag with the greatest normalised correlation, and that.
fn most_alike(samples: &[f32; LONGEST + COMPARED], longest: usize) -> (usize, f32) {
    let (beginning, own) = (&samples[..COMPARED], energy(&samples[..COMPARED]));
    let likeness = |lag: usize| {
        let there = &samples[lag..lag + COMPARED];
        let product: f32 = beginning.iter().zip(there).map(|(a, b)| a * b).sum();
        product / (own * energy(there)).sqrt().max(1.0)
    };
    let lags = (SHORTEST..=longest).map(|lag| (lag, likeness(lag)));
    lags.fold((longest, -1.0), |best, lag| if lag.1 > best.1 { lag } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, samples: usize) -> Vec<i16> {
        (0..samples).map(|n| (10_000.0 * (n as f64 * hz * std::f64::consts::TAU / 48_000.0).sin()) as i16).collect()
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().expect("samples")
    }

    #[test]
    fn a_tone_is_shortened_and_lengthened_by_whole_periods_and_without_a_step() {
        for hz in [120.0, 200.0, 333.0] {
            let period = 48_000.0 / hz;
            let mut shorter = tone(hz, 1_200);
            let gone = Stretcher::default().shorten(&mut shorter, LONGEST_PIECE).expect("alike");
            let periods = gone as f64 / period;
            assert!((periods - periods.round()).abs() < 0.05, "{hz} Hz: {periods} periods left out");
            assert!(largest_step(&shorter[gone..]) <= largest_step(&tone(hz, 1_200)) * 11 / 10);
            assert!((shorter[gone] - tone(hz, 1)[0]).abs() < 2, "goes on where it was");

            let mut longer = tone(hz, 1_200);
            longer.resize(1_200 + LONGEST_PIECE, 0);
            let more = Stretcher::default().lengthen(&mut longer, 1_200, LONGEST_PIECE).expect("alike");
            assert!(largest_step(&longer[..1_200 + more]) <= largest_step(&tone(hz, 1_200)) * 11 / 10);
        }
    }

    #[test]
    fn noise_is_left_alone_until_patience_ends_and_silence_is_not() {
        let mut random = 1_u32;
        let mut noise: Vec<i16> = (0..1_200)
            .map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (random >> 17) as i16 - 16_384
            })
            .collect();
        let mut stretcher = Stretcher::default();
        let tries = (1..=PATIENCE).find(|_| stretcher.shorten(&mut noise, LONGEST_PIECE).is_some());
        assert_eq!(tries, Some(PATIENCE));
        assert_eq!(Stretcher::default().shorten(&mut [3; 1_200], LONGEST_PIECE), Some(LONGEST_PIECE));
    }

    #[test]
    fn too_little_is_never_stretched() {
        assert_eq!(Stretcher::default().shorten(&mut [0; 480], LONGEST_PIECE), None);
        assert_eq!(Stretcher::default().shorten(&mut [0; 1_200], SHORTEST * RATIO - 1), None);
        assert_eq!(Stretcher::default().lengthen(&mut [0; 1_200], 1_200, LONGEST_PIECE), None);
    }
}
