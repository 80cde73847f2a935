//! What the tests' ear for clicks hears, and what it does not.

use plenary_media::plan::AudioCodec;

use crate::listening::line::{Chance, Line};
use crate::listening::measure::roughness;
use crate::listening::signal::{syllable, voice};

/// Rougher than this is a click: a step of 170 where voices here have an amplitude of 10 000 (−35 dB) makes it. A voice
/// has 32 in G.711, and a stretcher's seam in a pure tone up to 400.
pub const CLICK: i32 = 500;
const RATE: usize = 48_000;
/// The longest silence that a click may make of a voice.
const GAP: usize = RATE / 200;
const FRAME: usize = RATE / 50;
const PLACES: usize = 200;

/// A way to spoil a sound at a place, and in how many of a hundred places it must be heard.
struct Click {
    name: &'static str,
    plant: fn(&mut Vec<i16>, usize),
    heard_percent: usize,
}

const CLICKS: [Click; 3] = [
    Click { name: "one sample off", plant: |sound, at| sound[at] = sound[at].saturating_add(500), heard_percent: 100 },
    Click { name: "a gap of 5 ms", plant: |sound, at| sound[at..at + GAP].fill(0), heard_percent: 100 },
    // Where the pitch passes 100 or 150 Hz, 20 ms are whole periods and said twice make no click.
    Click {
        name: "a frame said twice",
        plant: |sound, at| {
            let again = sound[at - FRAME..at].to_vec();
            sound.splice(at..at, again);
        },
        heard_percent: 90,
    },
];

#[test]
fn a_planted_click_is_heard_and_clean_sound_has_none() {
    for codec in [AudioCodec::Pcmu, AudioCodec::Opus] {
        let line = Line { is_heard: false, ..Line::of(codec) };
        let clean = line.say(voice).mixed;
        let natural = roughness(&Line { seconds: 30, ..line }.say(voice).mixed[RATE..]);
        assert!(natural <= CLICK, "{codec:?}: half a minute of clean sound has {natural}");
        for Click { name, plant, heard_percent } in CLICKS {
            let mut chance = Chance(400);
            // Between syllables there is nothing to cut into.
            let places = std::iter::repeat_with(|| RATE + chance.below(4 * RATE as u64) as usize)
                .filter(|at| syllable(*at as f64 / RATE as f64) > 0.4);
            let rough = places.take(PLACES).map(|at| {
                let mut spoiled = clean.clone();
                plant(&mut spoiled, at);
                roughness(&spoiled[at - FRAME..at + 2 * FRAME])
            });
            let rough: Vec<i32> = rough.collect();
            let heard = rough.iter().filter(|rough| **rough > CLICK).count();
            println!(
                "{codec:?}, {name}: heard {heard} times of {PLACES}, {:?} at least, {natural} is natural",
                rough.iter().min()
            );
            assert!(heard * 100 >= heard_percent * PLACES, "{codec:?}, {name}: heard {heard} times of {PLACES}");
        }
    }
}
