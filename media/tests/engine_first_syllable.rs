//! Who begins to speak is heard from the first syllable on, by all, however many are talking.
#![cfg(feature = "engine")]

mod phones;

use std::f64::consts::TAU;
use std::time::Duration;

use phones::Model;
use phones::party::Party;
use plenary_media::engine::EngineSettings;

const SECOND: Duration = Duration::from_secs(1);
/// How many are heard at once.
const SPEAKERS: usize = 3;
/// When the newcomer's word begins, in seconds of its clock: at no frame's edge.
const BEGINS: f64 = 3.507;
/// −20 dBov, about, for those who talk on.
const LOUD: f64 = 3_000.0;

/// Somebody who talks on, without a pause; `who` tells voices apart.
fn talk(t: f64, who: f64) -> f64 {
    let phase = TAU * ((105.0 + 23.0 * who) * t - 6.0 * (2.3 * t + who).cos());
    LOUD * (0.8 + 0.2 * (9.0 * t + who).sin())
        * (1..10).map(|h| (phase * f64::from(h)).sin() / f64::from(h)).sum::<f64>()
}

/// Two syllables of 200 ms whose pitch rises faster than any other voice's, each with 10 ms to open the mouth.
fn word(t: f64) -> f64 {
    let t = t - BEGINS;
    if !(0.0..0.4).contains(&t) {
        return 0.0;
    }
    let syllable = t % 0.2;
    let mouth = (syllable / 0.01).min((0.2 - syllable) / 0.01).min(1.0);
    let phase = TAU * (430.0 * t + 900.0 * t * t);
    LOUD * mouth * (1..4).map(|h| (phase * f64::from(h)).sin() / f64::from(h)).sum::<f64>()
}

/// How much of `said` is in `heard`, both at one rate: 1.0 is all of it.
fn share(heard: &[i16], said: &[f64]) -> f64 {
    let product: f64 = heard.iter().zip(said).map(|(&heard, said)| f64::from(heard) * said).sum();
    product / said.iter().map(|said| said * said).sum::<f64>()
}

/// The shares of the first 20 ms, the next 40 and the rest of the first syllable, at the delay that fits best.
fn first_syllable(heard: &[i16], rate: u32, gain: f64) -> [f64; 3] {
    let rate = f64::from(rate);
    let said: Vec<f64> = (0..(0.2 * rate) as usize).map(|n| gain * word(BEGINS + n as f64 / rate)).collect();
    // What was heard begins at the newcomer's third second.
    let from = ((BEGINS - 3.0) * rate) as usize;
    let delays = 0..(0.25 * rate) as usize;
    let at = |delay: usize| &heard[from + delay..from + delay + said.len()];
    let best = delays.max_by(|&a, &b| share(at(a), &said).total_cmp(&share(at(b), &said))).expect("delays");
    [(0.0, 0.02), (0.02, 0.06), (0.06, 0.2)].map(|(begin, end)| {
        let range = (begin * rate) as usize..(end * rate) as usize;
        share(&at(best)[range.clone()], &said[range])
    })
}

/// What each hears in the newcomer's fourth second, and at which rate. `says`: the newcomer's word, if any.
fn heard(talkers: usize, says: Option<fn(f64) -> f64>) -> Vec<(Vec<i16>, u32)> {
    let mut party = Party::with(&EngineSettings { speakers: SPEAKERS, ..EngineSettings::default() });
    let voices: [fn(f64) -> f64; SPEAKERS] = [|t| talk(t, 0.0), |t| talk(t, 1.0), |t| talk(t, 2.0)];
    let speeches = voices.into_iter().take(talkers).map(Some).chain([says, None, None]);
    for speech in speeches {
        let phone = party.join(Model::default(), None);
        party.phones[phone].speech = speech;
    }
    party.run(3 * SECOND);
    party.forget();
    party.run(SECOND);
    party.phones.iter().map(|phone| (phone.heard.clone(), phone.rate())).collect()
}

/// `loudness`: of the word, times that of those who talk on.
fn everybody_hears(talkers: usize, says: fn(f64) -> f64, loudness: f64) {
    let (with, without) = (heard(talkers, Some(says)), heard(talkers, None));
    for (phone, ((with, rate), (without, _))) in with.iter().zip(&without).enumerate() {
        // Nobody hears himself.
        if phone == talkers {
            continue;
        }
        // What the others say is the same in both.
        let word: Vec<i16> = with.iter().zip(without).map(|(with, without)| with.saturating_sub(*without)).collect();
        let shares = first_syllable(&word, *rate, loudness);
        println!("{talkers} talk, a word times {loudness}: phone {phone} hears {shares:.2?} of it");
        for share in shares {
            assert!((0.8..1.25).contains(&share), "{talkers} talk, times {loudness}: phone {phone} hears {shares:.2?}");
        }
    }
}

/// While there is a place left, at any loudness.
#[test]
fn the_first_syllable_is_whole_while_there_is_a_place() {
    for talkers in 0..SPEAKERS {
        everybody_hears(talkers, word, 1.0);
        everybody_hears(talkers, |t| word(t) / 4.0, 0.25);
    }
}

/// When all places are taken it needs to be louder than the softest, beyond the 3 dB by which places are held.
#[test]
fn the_first_syllable_of_a_louder_voice_is_whole_while_all_places_are_taken() {
    everybody_hears(SPEAKERS, |t| 2.0 * word(t), 2.0);
}
