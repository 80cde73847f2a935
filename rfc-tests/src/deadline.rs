//! Waiting for an event: bounded, and with a word on what did not come.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer.
pub fn wait_for<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let give_up = Instant::now() + within;
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        anyhow::ensure!(Instant::now() < give_up, "{what}: not within {within:?}");
        std::thread::sleep(PAUSE);
    }
}
