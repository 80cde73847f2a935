//! What the binary carries besides code: the console from `web-admin/dist` (a build without it still needs the folder), and
//! the phrases of `src/voice/words`, read aloud by espeak-ng.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const WORDS: &str = "src/voice/words";
/// Our languages and espeak-ng's voices.
const VOICES: [(&str, &str); 4] = [("en", "en-gb"), ("it", "it"), ("ru", "ru"), ("zh", "cmn")];
/// As src/voice/sentence.rs has it.
const LARGEST_WORD: usize = 50;
/// espeak-ng speaks twice as loud as people on the telephone.
const LOUDER: i16 = 2;
/// Slow enough for a telephone, in words a minute.
const PACE: &str = "150";

fn main() {
    let dist = Path::new("web-admin/dist");
    if let Err(cause) = fs::create_dir_all(dist) {
        println!("cargo::error=cannot create {}: {cause}", dist.display());
    }
    if let Err(cause) = record() {
        println!("cargo::error=the phrases for callers: {cause}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=web-admin/dist");
    println!("cargo::rerun-if-changed=src/store/migrations");
    println!("cargo::rerun-if-changed={WORDS}");
}

/// Writes `recordings.rs`: names of recordings and their octets, in order of the names.
fn record() -> Result<(), String> {
    let folder = PathBuf::from(std::env::var("OUT_DIR").map_err(|cause| cause.to_string())?);
    let mut recordings = Vec::new();
    if Command::new("espeak-ng").arg("--version").output().is_ok() {
        for (language, voice) in VOICES {
            for (name, words) in phrases(language)? {
                let file = folder.join(format!("{language}-{name}.ulaw"));
                let samples = read_aloud(voice, &words)?;
                fs::write(&file, samples.into_iter().map(mu_law).collect::<Vec<_>>())
                    .map_err(|cause| cause.to_string())?;
                recordings.push((format!("{language}/{name}"), file));
            }
        }
    } else {
        println!("cargo::warning=espeak-ng is not installed: callers will hear tones in place of words");
    }
    recordings.sort();
    let mut code = String::from("&[\n");
    for (name, file) in recordings {
        let _ = writeln!(code, "({name:?}, include_bytes!({:?})),", file.display().to_string());
    }
    code.push_str("]\n");
    fs::write(folder.join("recordings.rs"), code).map_err(|cause| cause.to_string())
}

fn phrases(language: &str) -> Result<Vec<(String, String)>, String> {
    let file = format!("{WORDS}/{language}.txt");
    let text = fs::read_to_string(&file).map_err(|cause| format!("{file}: {cause}"))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let phrases = lines.filter_map(|line| line.split_once(" = ")).map(|(name, words)| (name.into(), words.into()));
    let numbers = (0..=LARGEST_WORD).map(|number| (format!("number-{number}"), number.to_string()));
    Ok(phrases.chain(numbers).collect())
}

/// 22.05 kHz, mono.
fn read_aloud(voice: &str, words: &str) -> Result<Vec<i16>, String> {
    let spoken = Command::new("espeak-ng").args(["-v", voice, "-s", PACE, "--stdout", "--", words]).output();
    let spoken = spoken.map_err(|cause| format!("espeak-ng: {cause}"))?;
    let samples = spoken.stdout.get(44..).filter(|_| spoken.status.success());
    let samples = samples.ok_or_else(|| format!("espeak-ng cannot read {words:?} with its voice {voice}"))?;
    let samples: Vec<_> = samples.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]) / LOUDER).collect();
    let loud = |sample: &i16| sample.unsigned_abs() > 200;
    let first = samples.iter().position(loud).unwrap_or_default();
    let last = samples.iter().rposition(loud).unwrap_or_default();
    Ok(samples.get(first..=last).unwrap_or_default().to_vec())
}

/// ITU-T G.711.
fn mu_law(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.unsigned_abs().min(32_635) + 0x84;
    let segment = 8 - magnitude.leading_zeros().min(8);
    !(sign | (segment as u8) << 4 | ((magnitude >> (segment + 3)) & 0x0f) as u8)
}
