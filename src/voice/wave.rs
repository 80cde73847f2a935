//! Sound from files of any rate, made fit for the mixer: mono, 48 kHz.

use std::io::Read;

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler};
use thiserror::Error;

const MIXER_HZ: u32 = 48_000;
/// Samples resampled at once.
const CHUNK: usize = 1024;
/// A recording may last so long, in seconds; what follows is cut off.
const LONGEST: usize = 600;

#[derive(Debug, PartialEq)]
pub(super) struct Wave {
    /// In Hz.
    pub rate: u32,
    /// Mono.
    pub samples: Vec<i16>,
}

#[derive(Debug, Error)]
pub(super) enum WaveError {
    #[error("not a WAV file that can be read: {0}")]
    Unreadable(#[from] hound::Error),
    #[error("has {0} Hz; 8000 to 192000 can be used")]
    Rate(u32),
    #[error("cannot be resampled: {0}")]
    Resample(String),
}

impl Wave {
    /// Reads a WAV as far as it goes: who writes to a pipe cannot know the length beforehand. Of several channels the
    /// first is taken.
    pub fn read(wav: impl Read) -> Result<Self, WaveError> {
        let mut reader = hound::WavReader::new(wav)?;
        let hound::WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
        if !(8_000..=192_000).contains(&sample_rate) {
            return Err(WaveError::Rate(sample_rate));
        }
        let channels = usize::from(channels.max(1));
        let longest = LONGEST * sample_rate as usize;
        let samples = match sample_format {
            hound::SampleFormat::Int => {
                let to_16 = |sample: i32| (i64::from(sample) << 16 >> bits_per_sample) as i16;
                let samples = reader.samples::<i32>().map_while(Result::ok).step_by(channels);
                samples.take(longest).map(to_16).collect()
            }
            hound::SampleFormat::Float => {
                let samples = reader.samples::<f32>().map_while(Result::ok).step_by(channels);
                samples.take(longest).map(from_float).collect()
            }
        };
        Ok(Self { rate: sample_rate, samples })
    }

    pub fn at_48_khz(self) -> Result<Vec<i16>, WaveError> {
        if self.rate == MIXER_HZ || self.samples.is_empty() {
            return Ok(self.samples);
        }
        let fault = |cause: &dyn std::fmt::Display| WaveError::Resample(cause.to_string());
        let mut resampler = Fft::<f32>::new(self.rate as usize, MIXER_HZ as usize, CHUNK, 1, FixedSync::Input)
            .map_err(|e| fault(&e))?;
        let samples: Vec<f32> = self.samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
        let input = SequentialSlice::new(&samples, 1, samples.len()).map_err(|e| fault(&e))?;
        let output = resampler.process_all(&input, samples.len(), None).map_err(|e| fault(&e))?;
        Ok(output.take_data().into_iter().map(from_float).collect())
    }
}

fn from_float(sample: f32) -> i16 {
    (sample * 32_768.0).clamp(-32_768.0, 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn wav(rate: u32, channels: u16, bits: u16, samples: &[i32]) -> Vec<u8> {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: bits,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
        writer.finalize().unwrap();
        file.into_inner()
    }

    #[test]
    fn eight_sixteen_and_twenty_four_bits_mean_the_same_loudness() {
        for (bits, peak) in [(8, 64), (16, 16_384), (24, 4_194_304)] {
            let wave = Wave::read(Cursor::new(wav(16_000, 1, bits, &[0, peak, -peak]))).unwrap();
            assert_eq!(wave, Wave { rate: 16_000, samples: vec![0, 16_384, -16_384] }, "{bits} bits");
        }
    }

    #[test]
    fn of_two_channels_the_first_is_heard() {
        let wave = Wave::read(Cursor::new(wav(8_000, 2, 16, &[1, 9, 2, 9]))).unwrap();
        assert_eq!(wave.samples, [1, 2]);
    }

    #[test]
    fn a_length_that_is_not_known_yet_is_no_hindrance() {
        let mut piped = wav(22_050, 1, 16, &[5; 100]);
        piped[4..8].copy_from_slice(&0x7fff_f024_u32.to_le_bytes());
        piped[40..44].copy_from_slice(&0x7fff_f000_u32.to_le_bytes());
        assert_eq!(Wave::read(Cursor::new(piped)).unwrap().samples, [5; 100]);
    }

    #[test]
    fn resampling_keeps_pitch_length_and_loudness() {
        let tone =
            |hz: f64, rate: u32, n: usize| (f64::from(n as u32) * hz * std::f64::consts::TAU / f64::from(rate)).sin();
        let samples = (0..22_050).map(|n| (tone(1_000.0, 22_050, n) * 8_000.0) as i16).collect();
        let converted = Wave { rate: 22_050, samples }.at_48_khz().unwrap();
        assert!((47_900..=48_100).contains(&converted.len()), "{}", converted.len());
        let middle = &converted[12_000..36_000];
        let inside: f64 = middle.iter().enumerate().map(|(n, s)| f64::from(*s) * tone(1_000.0, 48_000, n)).sum();
        let beside: f64 = middle.iter().enumerate().map(|(n, s)| f64::from(*s) * tone(1_000.0, 48_000, n + 12)).sum();
        let amplitude = inside.hypot(beside) * 2.0 / middle.len() as f64;
        assert!((7_900.0..8_100.0).contains(&amplitude), "{amplitude}");
    }

    #[test]
    fn what_is_no_wav_is_refused() {
        assert!(matches!(Wave::read(&b"RIFFxxxx"[..]), Err(WaveError::Unreadable(_))));
        assert!(matches!(Wave::read(Cursor::new(wav(400, 1, 16, &[1]))), Err(WaveError::Rate(400))));
    }
}
