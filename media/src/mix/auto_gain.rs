//! Automatic gain: everybody at about the same loudness, as if a hand were slowly turning a knob for each.
//!
//! It learns from speech alone, never from the noise between words; it takes seconds, so that a word is never pumped;
//! and it knows its bounds, so that a distant murmur stays one.

/// Where speech is brought to, dBov.
const TARGET_DBOV: f32 = -20.0;
/// How far the gain goes, dB.
const MOST_DB: f32 = 12.0;
const LEAST_DB: f32 = -12.0;
/// Speech is at least this loud, dBov …
const QUIETEST_DBOV: f32 = -50.0;
/// … and this much above the noise between words, dB.
const ABOVE_NOISE_DB: f32 = 12.0;
/// How much of the way the noise follows up and down in a tick.
const NOISE_UP: f32 = 0.005;
const NOISE_DOWN: f32 = 0.1;
/// How much of the way the estimate of speech goes in a tick of speech: two seconds for most of it.
const LEARN: f32 = 0.02;
/// dB in a tick of speech: 3 dB a second up, 6 down.
const UP_DB: f32 = 0.06;
const DOWN_DB: f32 = 0.12;
/// What is this close is left alone, dB.
const CLOSE_DB: f32 = 1.0;

#[derive(Clone, Copy, Debug)]
pub struct AutoGain {
    speech_dbov: Option<f32>,
    noise_dbov: f32,
    gain_db: f32,
}

impl Default for AutoGain {
    fn default() -> Self {
        Self { speech_dbov: None, noise_dbov: -70.0, gain_db: 0.0 }
    }
}

impl AutoGain {
    /// Takes the level of a tick's sound as it came. Returns the gain for it, dB.
    pub fn handle_level(&mut self, level_dbov: i8) -> f32 {
        let level = f32::from(level_dbov);
        let follows = if level > self.noise_dbov { NOISE_UP } else { NOISE_DOWN };
        let is_speech = level > QUIETEST_DBOV && level > self.noise_dbov + ABOVE_NOISE_DB;
        // Long speech is not noise: only what is not speech, and very slowly what is, raises the floor.
        self.noise_dbov += (level - self.noise_dbov) * if is_speech { follows * 0.1 } else { follows };
        if !is_speech {
            return self.gain_db;
        }
        let speech = self.speech_dbov.map_or(level, |speech| speech + (level - speech) * LEARN);
        self.speech_dbov = Some(speech);
        let wanted = (TARGET_DBOV - speech).clamp(LEAST_DB, MOST_DB);
        if (wanted - self.gain_db).abs() > CLOSE_DB {
            self.gain_db += (wanted - self.gain_db).clamp(-DOWN_DB, UP_DB);
        }
        self.gain_db
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds of words and pauses. Returns the gain at their end.
    fn after_words(gain: &mut AutoGain, speech: i8, noise: i8) -> f32 {
        let levels = (0..500).map(|tick| if tick % 25 < 15 { speech } else { noise });
        levels.fold(0.0, |_, level| gain.handle_level(level))
    }

    #[test]
    fn soft_and_loud_voices_come_to_the_same() {
        for speech in [-31, -25, -15, -10] {
            let gain = after_words(&mut AutoGain::default(), speech, -70);
            let heard = f32::from(speech) + gain;
            assert!((heard - TARGET_DBOV).abs() < 2.0, "{speech} dBov became {heard:.1}");
        }
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let most = after_words(&mut AutoGain::default(), -48, -75);
        assert!((MOST_DB - CLOSE_DB - 0.1..=MOST_DB).contains(&most), "{most}");
        assert!(after_words(&mut AutoGain::default(), -1, -70) >= LEAST_DB);
    }

    #[test]
    fn noise_between_words_and_pauses_change_nothing() {
        let mut gain = AutoGain::default();
        let before = after_words(&mut gain, -25, -60);
        let after = (0..3_000).fold(0.0, |_, _| gain.handle_level(-60));
        assert_eq!(before, after);
        let mut noisy = AutoGain::default();
        (0..1_500).for_each(|_| {
            noisy.handle_level(-40);
        });
        let before = noisy.gain_db;
        (0..500).for_each(|_| {
            noisy.handle_level(-40);
        });
        assert!((noisy.gain_db - before).abs() < 0.2, "steady noise is not raised for ever");
    }

    #[test]
    fn a_word_is_not_pumped() {
        let mut gain = AutoGain::default();
        let within: Vec<f32> = (0..10).map(|_| gain.handle_level(-40)).collect();
        assert!(within[9] - within[0] < 1.0, "{within:?}");
    }
}
