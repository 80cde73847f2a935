//! Reads names aloud: espeak-ng as a program of its own, fed over a pipe, bounded in time and length.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use plenary_config::Language;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;
use tracing::debug;

use super::wave::Wave;

/// Of a name, in characters; the rest is left out.
const LONGEST: usize = 120;
const WITHIN: Duration = Duration::from_secs(3);
/// Octets of sound: 45 s at 22.05 kHz.
const MOST: u64 = 2_000_000;
const AT_ONCE: usize = 2;

#[derive(Clone, Debug)]
pub(super) struct Reader {
    turns: Arc<Semaphore>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Reader {
    /// The sound of these words at 48 kHz; `None` where nothing can read them.
    pub async fn read(&self, words: &str, language: Language) -> Option<Vec<i16>> {
        let words: String = words.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        if words.trim().is_empty() {
            return None;
        }
        let _turn = self.turns.acquire().await.ok()?;
        let spoken = tokio::time::timeout(WITHIN, speak(&words, voice(language))).await;
        let wav = spoken.ok()?.inspect_err(|error| debug!(%error, "nothing reads names aloud")).ok()?;
        Wave::read(wav.as_slice()).ok()?.at_48_khz().ok().filter(|samples| !samples.is_empty())
    }
}

async fn speak(words: &str, voice: &str) -> std::io::Result<Vec<u8>> {
    let mut program = Command::new("espeak-ng")
        .args(["-v", voice, "-s", "150", "--stdin", "--stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = program.stdin.take() {
        input.write_all(words.as_bytes()).await?;
    }
    let mut wav = Vec::new();
    if let Some(output) = program.stdout.take() {
        output.take(MOST).read_to_end(&mut wav).await?;
    }
    program.wait().await?;
    Ok(wav)
}

fn voice(language: Language) -> &'static str {
    match language {
        Language::En => "en-gb",
        Language::It => "it",
        Language::Ru => "ru",
        Language::Zh => "cmn",
    }
}
