//! Noise suppression: what hums, hisses and clatters behind a voice is taken away, the voice stays.
//!
//! RNNoise (J.-M. Valin, "A Hybrid DSP/Deep Learning Approach to Real-Time Full-Band Speech Enhancement", 2018): a small
//! recurrent network sets the gains of 22 bands, 100 times a second. Its price: 63 to 250 µs a frame, and 10 ms that the
//! voice comes later. What is no voice, a tone or music, goes with the noise.

use std::fmt;
use std::sync::OnceLock;

use nnnoiseless::{DenoiseState, RnnModel};

use super::{FRAME_SAMPLES, Frame, SILENCE};

/// What the network takes at once: 10 ms.
const BLOCK: usize = DenoiseState::FRAME_SIZE;

pub struct NoiseSuppressor {
    state: Box<DenoiseState<'static>>,
    /// The frame before went through, so that this one follows on.
    runs: bool,
}

impl NoiseSuppressor {
    /// Allocates; afterwards nothing does, in a thread that was [warmed up](Self::warm_up).
    pub fn new() -> Self {
        static MODEL: OnceLock<RnnModel> = OnceLock::new();
        Self { state: DenoiseState::with_model(MODEL.get_or_init(RnnModel::default)), runs: false }
    }

    /// Once for each thread: the tables of its Fourier transforms are made at their first use.
    pub fn warm_up() {
        let mut noise = SILENCE;
        noise.iter_mut().enumerate().for_each(|(n, sample)| *sample = (n * n % 997) as i16);
        Self::new().handle_frame(&mut noise);
    }

    /// Cleans a frame in place. The first after a gap fades over from the sound as it came.
    pub fn handle_frame(&mut self, frame: &mut Frame) {
        let follows = std::mem::replace(&mut self.runs, true);
        let mut clean = [0.0; FRAME_SAMPLES];
        for (clean, noisy) in clean.chunks_exact_mut(BLOCK).zip(frame.chunks_exact(BLOCK)) {
            let mut block = [0.0; BLOCK];
            block.iter_mut().zip(noisy).for_each(|(block, noisy)| *block = f32::from(*noisy));
            self.state.process_frame(clean, &block);
        }
        for (n, (sample, clean)) in frame.iter_mut().zip(clean).enumerate() {
            let share = if follows { 1.0 } else { n as f32 / FRAME_SAMPLES as f32 };
            *sample = (clean * share + f32::from(*sample) * (1.0 - share)) as i16; // saturates
        }
    }

    /// A frame went by unheard: the next does not follow on.
    pub fn handle_gap(&mut self) {
        self.runs = false;
    }
}

impl Default for NoiseSuppressor {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for NoiseSuppressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoiseSuppressor").field("runs", &self.runs).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::level_dbov;
    use crate::random::Random;

    const SECONDS: usize = 6;

    /// Harmonics of a gliding pitch in two formants, in syllables with pauses: enough of a voice for the network.
    fn voice(n: usize) -> f32 {
        let t = n as f32 / 48_000.0;
        let phase = std::f32::consts::TAU * (120.0 * t - 4.0 * (3.0 * t).cos());
        let syllable = (std::f32::consts::PI * 2.5 * t).sin().max(0.0).sqrt();
        let is_word = t % 1.6 < 1.1;
        let harmonics = (1..30).map(|h| {
            let hz = 120.0 * h as f32;
            let formant = |at: f32, width: f32| (-((hz - at) / width).powi(2)).exp();
            (phase * h as f32).sin() * (formant(500.0, 250.0) + 0.6 * formant(1_500.0, 350.0) + 0.02)
        });
        if is_word { 3_000.0 * syllable * harmonics.sum::<f32>() } else { 0.0 }
    }

    /// What is heard of a voice in white noise of this amplitude, and of the noise between its words: dBov each.
    fn levels(noise: f32, suppressor: Option<&mut NoiseSuppressor>) -> (i8, i8) {
        let mut random = Random::from_seed(1);
        let mut suppressor = suppressor;
        let mut heard = Vec::new();
        for frame_at in (0..SECONDS * 48_000).step_by(FRAME_SAMPLES) {
            let mut frame = SILENCE;
            for (n, sample) in frame.iter_mut().enumerate() {
                let hiss = (random.next_u32() as f32 / u32::MAX as f32 - 0.5) * 2.0 * noise;
                *sample = (voice(frame_at + n) + hiss) as i16;
            }
            if let Some(suppressor) = &mut suppressor {
                suppressor.handle_frame(&mut frame);
            }
            heard.extend_from_slice(&frame);
        }
        let at = |seconds: f32| (seconds * 48_000.0) as usize;
        (level_dbov(&heard[at(4.8)..at(5.9)]), level_dbov(&heard[at(4.4)..at(4.75)]))
    }

    #[test]
    fn a_voice_in_noise_gains_ten_decibels_over_it() {
        let (voice_before, noise_before) = levels(800.0, None);
        let (voice_after, noise_after) = levels(800.0, Some(&mut NoiseSuppressor::new()));
        let (before, after) = (voice_before - noise_before, voice_after - noise_after);
        assert!(after >= before + 10, "{before} dB became {after} dB");
        assert!(voice_after >= voice_before - 4, "the voice itself: {voice_before} dBov became {voice_after}");
    }

    #[test]
    fn after_a_gap_the_sound_fades_over_without_a_step() {
        let mut suppressor = NoiseSuppressor::new();
        let mut frame = [1_000; FRAME_SAMPLES];
        suppressor.handle_frame(&mut frame);
        assert_eq!(frame[0], 1_000, "begins as it came");
        suppressor.handle_gap();
        frame = [1_000; FRAME_SAMPLES];
        suppressor.handle_frame(&mut frame);
        assert_eq!(frame[0], 1_000);
    }
}
