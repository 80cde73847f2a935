//! The log: events of `tracing`, as text or one JSON object a line, to standard error.

use std::io::{self, IsTerminal};

use plenary_config::{Log, LogFormat};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Starts logging for the whole process; fails only when something else has done so before.
pub fn start(settings: &Log) -> Result<(), TryInitError> {
    let lines = fmt().with_writer(io::stderr).with_env_filter(EnvFilter::new(&settings.level));
    match settings.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    }
}
