//! Finds the recordings and makes clips of them.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use plenary_config::Language;
use plenary_media::engine::Clip;
use plenary_media::tone;
use tracing::warn;

use super::builtin;
use super::phrase::Phrase;
use super::reader::Reader;
use super::sentence::{LARGEST_WORD, Piece, Sentence, count, digits};
use super::wave::{Wave, WaveError};

/// Between two pieces of a sentence: 0.12 s at 48 kHz.
const PAUSE: usize = 5_760;

/// Everything that callers can be told. Clones share it.
#[derive(Clone, Debug)]
pub struct Voice {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The data directory's `prompts`.
    folder: PathBuf,
    language: Language,
    reader: Reader,
    /// Read when first wanted; the map itself never changes.
    recordings: HashMap<(Language, String), OnceLock<Option<Vec<i16>>>>,
    music: OnceLock<Arc<Clip>>,
}

impl Voice {
    /// `folder` holds recordings in place of the built-in ones, `LANGUAGE/NAME.wav`; it may be absent.
    pub fn new(folder: &Path, language: Language) -> Self {
        let cell = |(language, name)| ((language, name), OnceLock::new());
        let recordings = Language::ALL.into_iter().flat_map(|language| names().map(move |name| (language, name)));
        let inner = Inner {
            folder: folder.to_owned(),
            language,
            reader: Reader::default(),
            recordings: recordings.map(cell).collect(),
            music: OnceLock::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The sentence as a clip, in this language or the server's own; `None` when nothing of it can be said.
    pub async fn say(&self, sentence: &Sentence, language: Option<Language>) -> Option<Clip> {
        let language = language.unwrap_or(self.inner.language);
        let mut samples: Vec<i16> = Vec::new();
        for piece in sentence.pieces() {
            match piece {
                Piece::Phrase(phrase) => self.recorded(language, phrase.name(), &mut samples),
                Piece::Count(number) => self.all_recorded(language, &count(*number), &mut samples),
                Piece::Digits(number) => self.all_recorded(language, &digits(number), &mut samples),
                Piece::Name(name) => append(&mut samples, &self.read(name, language).await.unwrap_or_default()),
                Piece::Title { title, number } => match self.read(title, language).await {
                    Some(sound) => append(&mut samples, &sound),
                    None => self.all_recorded(language, &digits(number), &mut samples),
                },
            }
        }
        (!samples.is_empty()).then_some(Clip { samples })
    }

    /// What is heard while there is nobody to talk to: `prompts/music.wav`, else a quiet piece of our own.
    pub fn music(&self) -> Arc<Clip> {
        let find = || {
            let own = self.inner.own(&self.inner.folder.join("music.wav"));
            Arc::new(Clip { samples: own.filter(|sound| !sound.is_empty()).unwrap_or_else(tone::music) })
        };
        self.inner.music.get_or_init(find).clone()
    }

    async fn read(&self, words: &str, language: Language) -> Option<Vec<i16>> {
        self.inner.reader.read(words, language).await
    }

    fn all_recorded(&self, language: Language, names: &[String], samples: &mut Vec<i16>) {
        names.iter().for_each(|name| self.recorded(language, name, samples));
    }

    fn recorded(&self, language: Language, name: &str, samples: &mut Vec<i16>) {
        let Some(cell) = self.inner.recordings.get(&(language, name.to_owned())) else { return };
        if let Some(sound) = cell.get_or_init(|| self.inner.find(language, name)) {
            append(samples, sound);
        }
    }
}

impl Inner {
    fn find(&self, language: Language, name: &str) -> Option<Vec<i16>> {
        let file = self.folder.join(language.code()).join(name).with_extension("wav");
        self.own(&file).or_else(|| builtin::recording(language, name)?.at_48_khz().ok())
    }

    /// What the administrator put there; usually nothing.
    fn own(&self, file: &Path) -> Option<Vec<i16>> {
        let opened = File::open(file).ok()?;
        let sound = Wave::read(BufReader::new(opened)).and_then(Wave::at_48_khz);
        let named =
            |error: &WaveError| warn!(file = %file.display(), %error, "the built-in recording is played instead");
        sound.inspect_err(named).ok()
    }
}

/// The names of all recordings of a language.
fn names() -> impl Iterator<Item = String> {
    let phrases = Phrase::ALL.iter().map(|phrase| phrase.name().to_owned());
    phrases.chain((0..=LARGEST_WORD).flat_map(count))
}

fn append(samples: &mut Vec<i16>, sound: &[i16]) {
    if !samples.is_empty() && !sound.is_empty() {
        samples.resize(samples.len() + PAUSE, 0);
    }
    samples.extend_from_slice(sound);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture::Scratch;

    fn seconds(clip: &Clip) -> f64 {
        clip.samples.len() as f64 / 48_000.0
    }

    #[tokio::test]
    async fn every_phrase_and_number_is_spoken_in_every_language() {
        let voice = Voice::new(Path::new("/nonexistent"), Language::En);
        for language in Language::ALL {
            for phrase in Phrase::ALL {
                let clip = voice.say(&Sentence::from(*phrase), Some(language)).await;
                let clip = clip.unwrap_or_else(|| panic!("{phrase:?} in {}", language.code()));
                assert!((0.2..30.0).contains(&seconds(&clip)), "{phrase:?} takes {} s", seconds(&clip));
                assert!(clip.samples.iter().any(|sample| sample.unsigned_abs() > 3_000), "{phrase:?} is too soft");
            }
            for number in [0, 7, 19, LARGEST_WORD] {
                assert!(voice.say(&Sentence::from(Piece::Count(number)), Some(language)).await.is_some(), "{number}");
            }
        }
    }

    #[tokio::test]
    async fn a_file_takes_the_place_of_a_recording_and_a_broken_one_does_not() {
        let scratch = Scratch::new();
        let folder = scratch.path().join("it");
        std::fs::create_dir_all(&folder).unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(folder.join("welcome.wav"), spec).unwrap();
        [11_i16, 12, 13].into_iter().for_each(|sample| file.write_sample(sample).unwrap());
        file.finalize().unwrap();
        std::fs::write(folder.join("full.wav"), "no wave").unwrap();

        let voice = Voice::new(scratch.path(), Language::It);
        let own = voice.say(&Phrase::Welcome.into(), None).await.unwrap();
        assert_eq!(own.samples, [11, 12, 13]);
        let built_in = voice.say(&Phrase::Full.into(), None).await.unwrap();
        assert!(seconds(&built_in) > 0.5);
    }

    #[test]
    fn music_is_the_administrators_own_where_there_is_some() {
        let scratch = Scratch::new();
        let built_in = Voice::new(scratch.path(), Language::En).music();
        assert_eq!(built_in.samples, tone::music());
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(scratch.path().join("music.wav"), spec).unwrap();
        [21_i16, 22, 23].into_iter().for_each(|sample| file.write_sample(sample).unwrap());
        file.finalize().unwrap();
        assert_eq!(Voice::new(scratch.path(), Language::En).music().samples, [21, 22, 23]);
    }

    #[tokio::test]
    async fn a_title_is_read_aloud_and_without_one_the_number_is() {
        let voice = Voice::new(Path::new("/nonexistent"), Language::En);
        let title = |title: &str| Piece::Title { title: title.into(), number: "70".into() };
        let numbered = voice.say(&title("").into(), None).await.unwrap();
        let digits = voice.say(&Piece::Digits("70".into()).into(), None).await.unwrap();
        assert_eq!(numbered, digits);
        let named = voice.say(&title("the board of directors").into(), None).await.unwrap();
        assert!(seconds(&named) > seconds(&digits), "{}", seconds(&named));
    }
}
