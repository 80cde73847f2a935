//! Beeps and tones: what callers hear where no words are recorded. Mono, 48 kHz.
//!
//! Ringing and busy are those of ITU-T E.180 as most of Europe has them.

use std::time::Duration;

use crate::codec::SampleRate;
use crate::dtmf::event::code_of;

/// Peak of a tone, −12 dBov of a sine: below speech, above noise.
const PEAK: f64 = 11_600.0;
/// Tones rise and fall over this, so that they do not click.
const EDGE: Duration = Duration::from_millis(5);
/// Shorter is no key to many receivers (ITU-T Q.24).
const SHORTEST_KEY: Duration = Duration::from_millis(60);
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

/// The two tones of a key (ITU-T Q.23); none for what is no key.
pub fn key(key: char, lasts: Duration) -> Option<Vec<i16>> {
    let code = usize::from(code_of(key)?);
    // By event code, where `*` and `#` come behind the digits.
    let place = [13, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 14, 3, 7, 11, 15][code];
    let row = note([697.0, 770.0, 852.0, 941.0][place / 4], 0);
    let column = note([1_209.0, 1_336.0, 1_477.0, 1_633.0][place % 4], 0);
    let [row, column] = [row, column].map(|tone| sound(&Note { lasts: lasts.max(SHORTEST_KEY), ..tone }));
    Some(row.zip(column).map(|(row, column)| (row + column) / 2).collect())
}

/// One cadence of ringing: 1 s of 5 s.
pub fn ringback() -> Vec<i16> {
    melody(&[note(CALL_PROGRESS_HZ, 1_000), pause(4_000)])
}

/// Busy: half a second on and off, four times.
pub fn busy() -> Vec<i16> {
    melody(&[note(CALL_PROGRESS_HZ, 500), pause(500)].repeat(4))
}

/// Amplitude of a note of [`music`], −32 dBov of a sine: three sound at a time, and it lies under a pause, not over it.
const MUSIC_PEAK: f64 = 1_200.0;
/// Every so long a note begins, and it sounds four times as long.
const MUSIC_STEP: Duration = Duration::from_millis(600);

/// A quiet piece for those who wait, 19.2 s: broken chords of C, A minor, F and G, each twice, which end as they began.
pub fn music() -> Vec<i16> {
    const CHORDS: [[f64; 4]; 4] = [
        [261.63, 329.63, 392.00, 523.25],
        [220.00, 261.63, 329.63, 440.00],
        [174.61, 261.63, 349.23, 440.00],
        [196.00, 246.94, 293.66, 392.00],
    ];
    let notes: Vec<f64> = CHORDS.iter().flat_map(|chord| [chord, chord]).flatten().copied().collect();
    let (step, rate) = (SampleRate::Hz48000.samples(MUSIC_STEP), f64::from(SampleRate::Hz48000.hz()));
    let mut piece = vec![0.0; step * notes.len()];
    let len = piece.len();
    for (place, hz) in notes.iter().enumerate() {
        for n in 0..4 * step {
            let (t, left) = (n as f64 / rate, (4 * step - n) as f64 / step as f64);
            let envelope = (t / 0.03).min(1.0) * (-1.8 * t).exp() * left.min(1.0);
            let sound = (t * hz * std::f64::consts::TAU).sin() + 0.25 * (2.0 * t * hz * std::f64::consts::TAU).sin();
            // What is left of the last notes sounds into the first: the piece has no seam.
            piece[(place * step + n) % len] += MUSIC_PEAK * envelope * sound;
        }
    }
    piece.into_iter().map(|sample| sample as i16).collect()
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
    fn keys_are_heard_as_what_they_are() {
        use crate::dtmf::ToneReceiver;
        for pressed in "0123456789*#ABCD".chars() {
            let mut ear = ToneReceiver::default();
            let samples = key(pressed, Duration::from_millis(100)).expect("a key");
            let frames = samples.chunks_exact(960);
            let presses = frames.filter_map(|frame| ear.handle_frame(frame.try_into().expect("whole")).1);
            let mut heard: Vec<char> = presses.map(|press| press.key).collect();
            // It is released once it was silent for long enough.
            heard.extend((0..5).filter_map(|_| ear.handle_silence()).map(|press| press.key));
            assert_eq!(heard, [pressed]);
        }
        assert_eq!(key('x', Duration::from_secs(1)), None);
    }

    #[test]
    fn music_is_quiet_and_goes_on_into_its_beginning_without_a_click() {
        let piece = music();
        assert_eq!(piece.len(), 32 * 28_800);
        let level = level_dbov(&piece);
        assert!((-40..=-28).contains(&level), "{level} dBov");
        let step = |pair: [i16; 2]| (i32::from(pair[1]) - i32::from(pair[0])).abs();
        let natural = piece.windows(2).map(|pair| step([pair[0], pair[1]])).max().expect("samples");
        assert!(step([piece[piece.len() - 1], piece[0]]) <= natural);
    }

    #[test]
    fn ringing_is_one_second_of_five() {
        let sound = ringback();
        assert_eq!(sound.len(), 240_000);
        assert_eq!(level_dbov(&sound[48_000..]), -127);
    }
}
