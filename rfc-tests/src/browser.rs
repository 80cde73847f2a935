//! Chromium without a window, driven by a script of `rfc-tests/browser`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;

use crate::process::Process;
use crate::scratch::Scratch;

/// Runs `node SCRIPT ARGUMENTS…` to its end; it tells what went wrong by its output.
pub fn run(script: &str, arguments: &[&str], within: Duration) -> anyhow::Result<String> {
    let scratch = Scratch::new("browser")?;
    let mut process = start(script, arguments, &scratch)?;
    let status = process.wait(within)?;
    ensure!(status.success(), "{script}: {status}\n{}", process.output());
    Ok(process.output())
}

/// Starts `node SCRIPT ARGUMENTS…`.
pub fn start(script: &str, arguments: &[&str], scratch: &Scratch) -> anyhow::Result<Process> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    ensure!(folder.join("node_modules").is_dir(), "run `npm ci` in {} first (make test does)", folder.display());
    let mut command = Command::new("node");
    command.arg(folder.join(script)).args(arguments).current_dir(&folder).env("SCRATCH", scratch.path());
    Process::start(&mut command, &scratch.path().join("log"))
}
