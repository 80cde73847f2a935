//! Listening by numbers: which tones a recording holds.

use std::f64::consts::TAU;
use std::path::Path;

use anyhow::{Context, ensure};

/// Mono samples of a 16-bit WAV; of several channels the first.
#[derive(Debug)]
pub struct Recording {
    pub rate: u32,
    pub samples: Vec<i16>,
}

impl Recording {
    /// Reads a WAV as far as it goes: a recorder that was killed leaves a length of zero.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let octets = std::fs::read(path).with_context(|| path.display().to_string())?;
        ensure!(octets.starts_with(b"RIFF"), "{}: no RIFF header", path.display());
        let mut rest = octets.get(12..).context("cut off")?;
        let (mut channels, mut rate) = (1, 0);
        while rest.len() >= 8 {
            let (header, body) = rest.split_at(8);
            let length = u32::from_le_bytes(header[4..8].try_into()?) as usize;
            match &header[..4] {
                b"fmt " => {
                    let format: &[u8; 16] = body.get(..16).context("short fmt")?.try_into()?;
                    channels = u16::from_le_bytes([format[2], format[3]]).max(1) as usize;
                    rate = u32::from_le_bytes([format[4], format[5], format[6], format[7]]);
                    ensure!(format[14] == 16, "{}: wants 16-bit PCM", path.display());
                }
                b"data" => {
                    let data = if length == 0 || length > body.len() { body } else { &body[..length] };
                    let samples = data.chunks_exact(2 * channels).map(|frame| i16::from_le_bytes([frame[0], frame[1]]));
                    return Ok(Self { rate, samples: samples.collect() });
                }
                _ => {}
            }
            rest = body.get(length + (length & 1)..).unwrap_or_default();
        }
        anyhow::bail!("{}: no data", path.display())
    }

    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }

    /// The last so many seconds.
    pub fn last(&self, seconds: f64) -> &[i16] {
        let wanted = (seconds * f64::from(self.rate)) as usize;
        &self.samples[self.samples.len().saturating_sub(wanted)..]
    }

    /// Level of a tone in dBFS over these samples (a Hann window and one bin of a Fourier transform).
    pub fn level(&self, samples: &[i16], hertz: f64) -> f64 {
        level(samples, self.rate, hertz)
    }
}

pub fn level(samples: &[i16], rate: u32, hertz: f64) -> f64 {
    let count = samples.len().max(1) as f64;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let n = n as f64;
        let window = 0.5 - 0.5 * (TAU * n / count).cos();
        let value = f64::from(*sample) / 32768.0 * window;
        let angle = TAU * hertz * n / f64::from(rate.max(1));
        re += value * angle.cos();
        im += value * angle.sin();
    }
    20.0 * (4.0 * re.hypot(im) / count).max(1e-6).log10()
}

/// Writes a second of a tone at 48 kHz, −12 dBFS, as a WAV; of whole hertz, so that it can be played round and round.
pub fn write(path: &Path, hertz: u32) -> anyhow::Result<()> {
    const RATE: u32 = 48_000;
    let mut wav = Vec::new();
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + 2 * RATE).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0");
    // PCM, one channel; samples and octets a second; octets and bits a sample.
    wav.extend_from_slice(&[1, 0, 1, 0]);
    wav.extend_from_slice(&RATE.to_le_bytes());
    wav.extend_from_slice(&(2 * RATE).to_le_bytes());
    wav.extend_from_slice(&[2, 0, 16, 0]);
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&(2 * RATE).to_le_bytes());
    let angle = |n: u32| TAU * f64::from(hertz) * f64::from(n) / f64::from(RATE);
    (0..RATE).for_each(|n| wav.extend_from_slice(&((8_192.0 * angle(n).sin()) as i16).to_le_bytes()));
    std::fs::write(path, wav).with_context(|| path.display().to_string())
}

const QUIET_DBFS: f64 = -30.0;

/// Every tone of `has` is there, none of `not`: 20 dB apart, as an ear would say without doubt.
pub fn check(recording: &Recording, samples: &[i16], has: &[f64], not: &[f64]) -> anyhow::Result<()> {
    let levels = |tones: &[f64]| tones.iter().map(|hertz| recording.level(samples, *hertz)).collect::<Vec<_>>();
    let (heard, silent) = (levels(has), levels(not));
    // Where nothing need be heard, what may not be is measured against a quiet voice.
    let weakest = heard.iter().copied().reduce(f64::min).unwrap_or(QUIET_DBFS);
    let strongest_other = silent.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    ensure!(
        weakest > -50.0 && weakest > strongest_other + 20.0,
        "heard {has:?} Hz at {heard:.1?} dBFS, and {not:?} Hz at {silent:.1?} dBFS"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let scratch = crate::scratch::Scratch::new("tones").expect("a folder");
        let path = scratch.path().join("tone.wav");
        write(&path, 440).expect("written");
        let recording = Recording::read(&path).expect("readable");
        assert_eq!((recording.rate, recording.samples.len()), (48_000, 48_000));
        check(&recording, &recording.samples, &[440.0], &[613.0]).expect("heard");
    }

    #[test]
    fn a_tone_is_told_from_silence_and_from_its_neighbour() {
        let samples: Vec<i16> =
            (0..8000).map(|n| (8000.0 * (TAU * 440.0 * f64::from(n) / 8000.0).sin()) as i16).collect();
        let recording = Recording { rate: 8000, samples };
        assert!((recording.level(&recording.samples, 440.0) - -12.2).abs() < 0.5);
        assert!(recording.level(&recording.samples, 613.0) < -70.0);
        check(&recording, &recording.samples, &[440.0], &[613.0]).expect("heard");
        check(&recording, &recording.samples, &[613.0], &[]).expect_err("not there");
        check(&recording, &recording.samples, &[], &[440.0]).expect_err("should not be there");
    }
}
