//! aiortc, a WebRTC stack in Python that shares no code with any browser, driven by `rfc-tests/aiortc/call.py`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;

use crate::process::Process;
use crate::scratch::Scratch;
use crate::server::Server;
use crate::tones::Recording;

/// Python on a busy machine takes its time to load it all.
const DONE_WITHIN: Duration = Duration::from_secs(90);

#[derive(Debug)]
pub struct Aiortc {
    process: Process,
    scratch: Scratch,
}

impl Aiortc {
    /// Calls, and says a tone for so long.
    pub fn call(server: &Server, uri: &str, hertz: u32, seconds: u32) -> anyhow::Result<Self> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let python = repository.join("target/tools/aiortc/bin/python");
        ensure!(python.is_file(), "run `deploy/bootstrap.sh test` first (make test does): no {}", python.display());
        let scratch = Scratch::new("aiortc")?;
        let mut command = Command::new(python);
        command.arg(repository.join("rfc-tests/aiortc/call.py"));
        command.args([server.address.to_string(), "5060".into(), uri.into(), hertz.to_string(), seconds.to_string()]);
        command.arg(recording(&scratch));
        let process = Process::start(&mut command, &scratch.path().join("log"))?;
        Ok(Self { process, scratch })
    }

    /// Waits for the end of the call; gives what it heard.
    pub fn heard(mut self) -> anyhow::Result<Recording> {
        let status = self.process.wait(DONE_WITHIN)?;
        ensure!(status.success() && self.process.output().contains("done"), "{status}\n{}", self.process.output());
        Recording::read(&recording(&self.scratch))
    }
}

fn recording(scratch: &Scratch) -> PathBuf {
    scratch.path().join("heard.wav")
}
