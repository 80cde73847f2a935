//! How the mixer sounds, in numbers.

mod clicks;
mod jitter;
#[path = "../listening/mod.rs"]
mod listening;
mod talk_off;

use std::time::Duration;

use listening::line::{Line, Network};
use listening::measure::{envelope, likeness, roughness, snr_db, spectral_distance_db};
use listening::signal::{self, sweep, tone, voice};
use plenary_media::plan::{AudioCodec, OpusWishes};

/// The mixer's own part, at 48 kHz, leaves more than 30 dB between sound and noise; so does G.711 twice over.
#[test]
fn sweeps_and_voices_come_through_with_30_db_to_their_noise() {
    for codec in [AudioCodec::Pcmu, AudioCodec::Pcma] {
        for (name, said) in [("sweep", sweep as fn(f64) -> f64), ("voice", voice)] {
            let heard = Line::of(codec).say(said);
            let mixed = snr_db(&heard.mixed[48_000..144_000], move_back(said), 48_000, 0.08);
            let played = snr_db(&heard.played[8_000..24_000], move_back(said), 8_000, 0.08);
            println!("{codec:?} {name}: {mixed:.1} dB mixed, {played:.1} dB played");
            assert!(mixed >= 30.0, "{codec:?} {name}: {mixed:.1} dB");
            assert!(played >= 30.0, "{codec:?} {name}: {played:.1} dB");
        }
    }
}

/// The same signal, from its first second on.
fn move_back(said: fn(f64) -> f64) -> fn(f64) -> f64 {
    match said(1.1).to_bits() {
        bits if bits == sweep(1.1).to_bits() => |t| sweep(t + 1.0),
        _ => |t| voice(t + 1.0),
    }
}

/// Opus and G.722 keep no waveform; what they keep is the spectrum.
#[test]
fn opus_at_64_kbit_s_and_g722_keep_the_spectrum() {
    let wide = OpusWishes { max_average_bitrate: Some(64_000), ..OpusWishes::default() };
    for (codec, most) in [(AudioCodec::Opus, 3.0), (AudioCodec::G722, 3.0)] {
        let heard = Line { opus: wide, ..Line::of(codec) }.say(voice);
        let said = signal::samples(voice, heard.rate, 0, heard.played.len());
        let rate = heard.rate as usize;
        let distance = (0..80)
            .step_by(4)
            .map(|delay| delay * rate / 1_000)
            .map(|delay| spectral_distance_db(&heard.played[rate + delay..3 * rate], &said[rate..3 * rate], heard.rate))
            .fold(f64::INFINITY, f64::min);
        println!("{codec:?}: {distance:.2} dB");
        assert!(distance <= most, "{codec:?}: {distance:.2} dB");
    }
}

#[test]
fn with_5_percent_of_loss_and_60_ms_of_jitter_words_stay_words() {
    for codec in AudioCodec::ALL {
        let jitter = Duration::from_millis(60);
        let heard =
            Line { loss_percent: 5, network: Network::Jitter(jitter), seconds: 40, ..Line::of(codec) }.say(voice);
        let said = signal::samples(voice, 48_000, 0, heard.mixed.len());
        let (heard_envelope, said_envelope) = (envelope(&heard.mixed, 48_000), envelope(&said, 48_000));
        // In pieces of five seconds, each at its own delay: the delay may change between them.
        let pieces = heard_envelope.chunks(500).zip(said_envelope.chunks(500)).skip(1);
        let alike: Vec<f64> = pieces.map(|(heard, said)| likeness(heard, said, 25)).collect();
        let mean = alike.iter().sum::<f64>() / alike.len() as f64;
        println!("{codec:?}: {mean:.3} of {alike:.3?}, {:?}", heard.stats);
        // AMR-WB predicts from frame to frame, and needs two to recover from one.
        let least = if matches!(codec, AudioCodec::AmrWb(_)) { 0.75 } else { 0.9 };
        assert!(mean >= least, "{codec:?}: {alike:.3?}, {:?}", heard.stats);
        assert!(heard.stats.late * 100 < heard.packets, "{codec:?}: {:?}", heard.stats);
    }
}

#[test]
fn ten_minutes_with_a_clock_200_ppm_off_go_by_without_a_click() {
    for drift_ppm in [-200, 200] {
        for (codec, said) in [(AudioCodec::Pcmu, voice as fn(f64) -> f64), (AudioCodec::Opus, tone)] {
            let line = Line { is_heard: false, ..Line::of(codec) };
            let heard = Line { drift_ppm, seconds: 600, ..line }.say(said);
            let natural = roughness(&line.say(said).mixed[48_000..]);
            let rough = roughness(&heard.mixed[48_000..]);
            println!("{codec:?} {drift_ppm} ppm: a roughness of {rough} for {natural}, {:?}", heard.stats);
            assert!(rough <= clicks::CLICK, "{codec:?}: a roughness of {rough}, {natural} is natural");
            let stats = heard.stats;
            assert_eq!((stats.late, stats.shed, stats.concealed), (0, 0, 0), "{codec:?} {drift_ppm} ppm");
            assert!(stats.stretched >= 2, "{codec:?}: {stats:?}");
        }
    }
}
