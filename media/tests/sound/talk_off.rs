//! Keys in the voice: people who talk press none (talk-off), and keys are read while somebody talks (talk-down).
//!
//! The talkers are espeak-ng's voices, which have formants, consonants and pauses.

use std::process::Command;

use plenary_media::dtmf::ToneReceiver;
use plenary_media::mix::FRAME_SAMPLES;
use plenary_media::tone;

/// Language, a text rich in vowels, and one of numbers as they are read into telephones.
const TEXTS: [(&str, &str); 6] = [
    (
        "en",
        "How much wood would a woodchuck chuck? Please call extension four seven one one, then dial nine for the hall. \
            We all know the blue moon rose over the quiet harbour; no one moved, and nobody knew who would go home.",
    ),
    (
        "de",
        "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Bitte wählen Sie null eins sieben zwei, \
            und drücken Sie danach die Rautetaste. Über sieben Brücken musst du gehn, sieben dunkle Jahre überstehn.",
    ),
    (
        "it",
        "Quel vituperabile xenofobo zelante assaggia il whisky. Premete uno per entrare nella riunione, due per uscire. \
            Nel mezzo del cammin di nostra vita mi ritrovai per una selva oscura, ché la diritta via era smarrita.",
    ),
    (
        "ru",
        "Съешь же ещё этих мягких французских булок, да выпей чаю. Наберите восемь девятьсот двадцать один. \
            У лукоморья дуб зелёный, златая цепь на дубе том, и днём и ночью кот учёный всё ходит по цепи кругом.",
    ),
    ("cmn", "请输入会议号码,然后按井号键。一二三四五六七八九零。床前明月光,疑是地上霜,举头望明月,低头思故乡。"),
    (
        "fr",
        "Portez ce vieux whisky au juge blond qui fume. Tapez le deux, puis le dièse. Sous le pont Mirabeau coule la \
            Seine, et nos amours, faut-il qu'il m'en souvienne, la joie venait toujours après la peine.",
    ),
];
/// Variant, pitch and words a minute: men, women, a child, slow and in a hurry.
const TALKERS: [(&str, &str, &str); 6] = [
    ("+m1", "30", "130"),
    ("+m3", "50", "190"),
    ("+m7", "15", "160"),
    ("+f1", "50", "150"),
    ("+f3", "70", "175"),
    ("+f5", "95", "220"),
];

/// What is said, at 48 kHz, with its loudest sample at `peak`.
fn spoken(language: &str, talker: (&str, &str, &str), text: &str, peak: f64) -> Vec<f64> {
    let (variant, pitch, speed) = talker;
    let output = Command::new("espeak-ng")
        .args(["--stdout", "-v", &format!("{language}{variant}"), "-p", pitch, "-s", speed, text])
        .output()
        .expect("espeak-ng runs; deploy/bootstrap.sh installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A header of 44 octets, with the rate at its 24th; then 16 bits each.
    let (header, sound) = output.stdout.split_at_checked(44).expect("a WAV file");
    let rate = f64::from(u32::from_le_bytes(header[24..28].try_into().expect("four octets")));
    let samples: Vec<f64> = sound.as_chunks::<2>().0.iter().map(|pair| f64::from(i16::from_le_bytes(*pair))).collect();
    let loudest = samples.iter().fold(1.0, |loudest: f64, sample| loudest.max(sample.abs()));
    let count = (samples.len().saturating_sub(1) as f64 * 48_000.0 / rate) as usize;
    let between = |n: usize| {
        let place = n as f64 * rate / 48_000.0;
        let (at, part) = (place as usize, place.fract());
        (samples[at] * (1.0 - part) + samples[at + 1] * part) * peak / loudest
    };
    (0..count).map(between).collect()
}

/// The keys that are read out of a sound.
fn keys(sound: &[f64]) -> String {
    let mut receiver = ToneReceiver::default();
    let mut keys = String::new();
    for samples in sound.as_chunks::<FRAME_SAMPLES>().0 {
        let frame = samples.map(|sample| sample as i16);
        keys.extend(receiver.handle_frame(&frame).1.map(|press| press.key));
    }
    keys
}

#[test]
fn minutes_of_speech_in_six_languages_and_voices_press_no_key() {
    let mut seconds = 0;
    for (language, text) in TEXTS {
        for talker in TALKERS {
            for peak in [8_000.0, 28_000.0] {
                let sound = spoken(language, talker, text, peak);
                seconds += sound.len() / 48_000;
                assert_eq!(keys(&sound), "", "{language} {talker:?}, peak {peak}");
            }
        }
    }
    println!("{seconds} s of speech");
    assert!(seconds > 600, "{seconds} s of speech say little");
}

#[test]
fn music_on_hold_presses_no_key() {
    let music: Vec<f64> = tone::music().into_iter().map(f64::from).collect();
    assert!(music.len() > 10 * 48_000, "{} samples", music.len());
    for gain in [1.0, 4.0] {
        let louder: Vec<f64> = music.iter().map(|sample| (sample * gain).clamp(-32_768.0, 32_767.0)).collect();
        assert_eq!(keys(&louder), "", "times {gain}");
    }
}

/// Somebody talks on behind a telephone's keys: the tones are at −13 dBov each, the talker's peaks 12 dB below theirs.
#[test]
fn keys_are_read_while_somebody_talks() {
    const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
    const COLUMNS: [f64; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
    const ALL: &str = "123A456B789C*0#D";
    const EVERY: usize = 48_000 / 4;
    const HELD: usize = 48_000 / 10;
    let amplitude = 10_000.0;
    for (language, text) in TEXTS {
        for talker in [TALKERS[0], TALKERS[4]] {
            let mut sound = spoken(language, talker, text, 2.0 * amplitude / 4.0);
            for (n, sample) in sound.iter_mut().enumerate().take(ALL.len() * EVERY) {
                let (key, t) = (n / EVERY, (n % EVERY) as f64 / 48_000.0);
                if n % EVERY < HELD {
                    let tones = [ROWS[key / 4], COLUMNS[key % 4]].map(|hz| (std::f64::consts::TAU * hz * t).sin());
                    *sample += amplitude * (tones[0] + tones[1]);
                }
            }
            assert_eq!(keys(&sound), ALL, "{language} {talker:?}");
        }
    }
}
