//! A started program: its output goes to a file, its end is certain.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::deadline::wait_for;

/// Killed by its id when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pub log: PathBuf,
}

impl Process {
    /// Standard output and error go to `log`.
    pub fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        Self::start_with(command, Stdio::null(), log)
    }

    /// For programs that end with their input: it has none, and stays open.
    pub fn start_attended(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        Self::start_with(command, Stdio::piped(), log)
    }

    fn start_with(command: &mut Command, input: Stdio, log: &Path) -> anyhow::Result<Self> {
        let file = File::create(log)?;
        let program = command.get_program().to_owned();
        let command = command.stdin(input).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("{} cannot be started", program.display()))?;
        Ok(Self { child, log: log.to_owned() })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn output(&self) -> String {
        std::fs::read(&self.log).map(|octets| String::from_utf8_lossy(&octets).into_owned()).unwrap_or_default()
    }

    pub fn wait(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        let child = &mut self.child;
        let exited = wait_for("the end of the program", within, || child.try_wait().transpose());
        let exited = exited.with_context(|| self.output())?;
        Ok(exited?)
    }

    /// SIGTERM, as an administrator would.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let status = Command::new("kill").arg("-TERM").arg(self.id().to_string()).status()?;
        anyhow::ensure!(status.success(), "kill -TERM {}", self.id());
        Ok(())
    }

    /// SIGKILL: no chance to flush anything.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
