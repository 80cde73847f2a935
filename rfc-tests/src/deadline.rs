//! Waiting for an event: bounded, and with a word on what did not come.

use std::net::{TcpListener, TcpStream};
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

/// The next connection to this listener.
pub fn accept(listener: &TcpListener, within: Duration) -> anyhow::Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let stream = wait_for("a connection", within, || match listener.accept() {
        Ok((stream, _)) => Some(Ok(stream)),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
        Err(error) => Some(Err(error)),
    })??;
    stream.set_nonblocking(false)?;
    Ok(stream)
}
