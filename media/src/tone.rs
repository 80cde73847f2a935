//! Beeps and tones: what callers hear where no words are recorded. Mono, 48 kHz.
//!
//! Ringing and busy are those of ITU-T E.180 as most of Europe has them.

use std::time::Duration;

use crate::codec::SampleRate;

/// Peak of a tone, −12 dBov of a sine: below speech, above noise.
const PEAK: f64 = 11_600.0;
/// Tones rise and fall over this, so that they do not click.
const EDGE: Duration = Duration::from_millis(5);
/// ITU-T E.180.
const CALL_PROGRESS_HZ: f64 = 425.0;

/// A tone, or a pause when `hz` is zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Note {
    pub hz: f64,
    pub lasts: Duration,
}

const fn note(hz: f64, millis: u64) -> Note {
    Note { hz, lasts: Duration::from_millis(millis) }
}

const fn pause(millis: u64) -> Note {
    note(0.0, millis)
}

/// Plays notes one after the other.
pub fn melody(notes: &[Note]) -> Vec<i16> {
    notes.iter().flat_map(sound).collect()
}

fn sound(note: &Note) -> impl Iterator<Item = i16> + use<> {
    let (len, edge) = (SampleRate::Hz48000.samples(note.lasts), SampleRate::Hz48000.samples(EDGE));
    let step = note.hz * std::f64::consts::TAU / f64::from(SampleRate::Hz48000.hz());
    (0..len).map(move |n| {
        let envelope = (n.min(len - 1 - n) as f64 / edge as f64).min(1.0);
        (PEAK * envelope * (n as f64 * step).sin()) as i16
    })
}

/// Somebody came in: a short note upwards.
pub fn entry_beep() -> Vec<i16> {
    melody(&[note(660.0, 90), note(880.0, 110)])
}

/// Somebody left: the same downwards.
pub fn exit_beep() -> Vec<i16> {
    melody(&[note(880.0, 90), note(660.0, 110)])
}

/// The PIN is wanted: two rising notes, twice.
pub fn pin_wanted() -> Vec<i16> {
    melody(&[note(523.0, 150), pause(50), note(784.0, 250), pause(300), note(523.0, 150), pause(50), note(784.0, 250)])
}

/// The PIN was wrong: low, twice.
pub fn pin_wrong() -> Vec<i16> {
    melody(&[note(220.0, 300), pause(100), note(220.0, 500)])
}

/// A key was understood.
pub fn confirmed() -> Vec<i16> {
    melody(&[note(1_000.0, 80)])
}

/// One cadence of ringing: 1 s of 5 s.
pub fn ringback() -> Vec<i16> {
    melody(&[note(CALL_PROGRESS_HZ, 1_000), pause(4_000)])
}

/// Busy: half a second on and off, four times.
pub fn busy() -> Vec<i16> {
    melody(&[note(CALL_PROGRESS_HZ, 500), pause(500)].repeat(4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::level_dbov;

    #[test]
    fn every_sound_is_there_at_a_decent_level_and_starts_and_ends_in_silence() {
        for sound in [entry_beep(), exit_beep(), pin_wanted(), pin_wrong(), confirmed(), ringback(), busy()] {
            assert!(sound.len() >= 3_840);
            assert!((-14..=-10).contains(&level_dbov(&sound[480..2_880])), "{}", level_dbov(&sound[480..2_880]));
            assert_eq!((sound.first(), sound.last()), (Some(&0), Some(&0)));
        }
    }

    #[test]
    fn ringing_is_one_second_of_five() {
        let sound = ringback();
        assert_eq!(sound.len(), 240_000);
        assert_eq!(level_dbov(&sound[48_000..]), -127);
    }
}
