//! Concealing lost packets of codecs that cannot do it themselves: the last pitch period goes on, fading out.
//!
//! After the idea of ITU-T G.711 Appendix I: find the pitch in what was heard, repeat it, fade to silence within
//! 60 ms, and fade over into the stream when it comes back.

use super::SampleRate;

/// All in milliseconds.
const HISTORY: usize = 40;
const LONGEST_PITCH: usize = 15;
/// Over which two stretches are compared.
const COMPARED: usize = 10;
const FULL_VOLUME: usize = 10;
const SILENT_AFTER: usize = 60;
const FADE_OVER: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Concealer {
    samples_per_ms: usize,
    /// What was heard last, the newest at the end.
    history: Vec<i16>,
    loss: Option<Loss>,
}

/// A loss that goes on.
#[derive(Clone, Copy, Debug)]
struct Loss {
    /// Samples.
    pitch: usize,
    /// Samples made up so far.
    at: usize,
}

impl Concealer {
    pub fn new(rate: SampleRate) -> Self {
        let samples_per_ms = rate.hz() as usize / 1_000;
        Self { samples_per_ms, history: vec![0; HISTORY * samples_per_ms], loss: None }
    }

    /// Hears decoded samples; right after a loss, fades over into them in place.
    pub fn handle_heard(&mut self, pcm: &mut [i16]) {
        if let Some(mut loss) = self.loss.take() {
            let fade = pcm.len().min(FADE_OVER * self.samples_per_ms);
            for (n, sample) in pcm.iter_mut().take(fade).enumerate() {
                let made_up = self.next_sample(&mut loss);
                let (n, fade) = (n as i32, fade as i32);
                *sample = ((i32::from(*sample) * n + i32::from(made_up) * (fade - n)) / fade) as i16;
            }
        }
        let kept = pcm.len().min(self.history.len());
        self.history.copy_within(kept.., 0);
        let place = self.history.len() - kept;
        self.history[place..].copy_from_slice(&pcm[pcm.len() - kept..]);
    }

    /// Makes up samples.
    pub fn conceal(&mut self, out: &mut [i16]) {
        let mut loss = self.loss.unwrap_or_else(|| Loss { pitch: self.pitch(), at: 0 });
        out.fill_with(|| self.next_sample(&mut loss));
        self.loss = Some(loss);
    }

    fn next_sample(&self, loss: &mut Loss) -> i16 {
        let (full, silent) = (FULL_VOLUME * self.samples_per_ms, SILENT_AFTER * self.samples_per_ms);
        let Some(left) = silent.checked_sub(loss.at) else { return 0 };
        let sample = self.history[self.history.len() - loss.pitch + loss.at % loss.pitch];
        loss.at += 1;
        let volume = left.min(silent - full) as i32;
        (i32::from(sample) * volume / (silent - full) as i32) as i16
    }

    /// The lag, 2.5 to 15 ms, at which the end of the history resembles itself most.
    fn pitch(&self) -> usize {
        let compared = COMPARED * self.samples_per_ms;
        let end = self.history.len();
        let newest = &self.history[end - compared..];
        let likeness = |lag: usize| {
            let older = &self.history[end - compared - lag..end - lag];
            let (mut product, mut energy) = (0_i64, 1_i64);
            for (&a, &b) in newest.iter().zip(older) {
                product += i64::from(i32::from(a) * i32::from(b));
                energy += i64::from(i32::from(b) * i32::from(b));
            }
            product as f64 / (energy as f64).sqrt()
        };
        let (shortest, longest) = (self.samples_per_ms * 5 / 2, self.samples_per_ms * LONGEST_PITCH);
        let first = (shortest, likeness(shortest));
        let lags = (shortest + 1..=longest).map(|lag| (lag, likeness(lag)));
        let best = lags.fold(first, |best, candidate| if candidate.1 > best.1 { candidate } else { best });
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::level_dbov;

    fn sine(hz: f64, from: usize, samples: usize) -> Vec<i16> {
        (from..from + samples)
            .map(|n| (10_000.0 * (n as f64 * hz * std::f64::consts::TAU / 8_000.0).sin()) as i16)
            .collect()
    }

    #[test]
    fn a_tone_goes_on_where_it_stopped_and_fades_within_60_ms() {
        let mut concealer = Concealer::new(SampleRate::Hz8000);
        concealer.handle_heard(&mut sine(200.0, 0, 480));
        let mut lost = [0; 160];
        concealer.conceal(&mut lost);
        let expected = sine(200.0, 480, 80);
        let worst = lost.iter().zip(&expected).map(|(&a, &b)| (a - b).abs()).max().expect("samples");
        assert!(worst < 500, "off by {worst} at full volume");
        let levels: Vec<i8> = (0..3)
            .map(|_| {
                concealer.conceal(&mut lost);
                level_dbov(&lost)
            })
            .collect();
        assert!(levels[0] > levels[1] && levels[1] > levels[2] && levels[2] == -127, "{levels:?}");
    }

    #[test]
    fn silence_is_concealed_by_silence() {
        let mut concealer = Concealer::new(SampleRate::Hz16000);
        let mut lost = [7; 320];
        concealer.conceal(&mut lost);
        assert_eq!(lost, [0; 320]);
    }

    #[test]
    fn the_stream_fades_back_in_without_a_step() {
        let mut concealer = Concealer::new(SampleRate::Hz8000);
        concealer.handle_heard(&mut sine(200.0, 0, 480));
        let mut lost = [0; 160];
        concealer.conceal(&mut lost);
        let mut back = sine(200.0, 640, 160);
        concealer.handle_heard(&mut back);
        let step = (back[0] - lost[159]).abs();
        assert!(step < 1_800, "a 200 Hz sine moves by 1570 a sample, this by {step}");
    }
}
