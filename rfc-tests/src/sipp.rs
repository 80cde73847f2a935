//! SIPp: scripted phones by the dozen.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::Process;
use crate::scratch::Scratch;

/// One SIPp process that answers calls by a scenario.
#[derive(Debug)]
pub struct Sipp {
    pub process: Process,
    folder: Scratch,
}

impl Sipp {
    /// Answers `calls` calls at this address and port by the scenario, then ends by itself.
    pub fn answer(scenario: &str, address: Ipv4Addr, port: u16, calls: u32) -> anyhow::Result<Self> {
        let folder = Scratch::new("sipp")?;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp").join(scenario);
        let mut command = Command::new("sipp");
        command.arg("-sf").arg(file);
        command.args(["-i", &address.to_string(), "-mi", &address.to_string(), "-p", &port.to_string()]);
        // Its media ports begin at 6000 unless told otherwise, which may be somebody's SIP port.
        command.args(["-mp", &(u32::from(port) * 10 % 40_000 + 20_000).to_string()]);
        command.args(["-m", &calls.to_string(), "-nostdin", "-timeout", "120s"]).current_dir(folder.path());
        command.arg("-trace_shortmsg").args(["-shortmessage_file", "messages.csv"]);
        let process = Process::start(&mut command, &folder.path().join("sipp.log"))?;
        Ok(Self { process, folder })
    }

    /// When requests of this method came, in seconds since 1970.
    pub fn received_at(&self, method: &str) -> anyhow::Result<Vec<f64>> {
        let log = std::fs::read_to_string(self.folder.path().join("messages.csv"))?;
        let of_method = log.lines().filter(|line| line.contains("\tR\t") && line.contains(&format!("\t{method} ")));
        Ok(of_method.filter_map(|line| line.split('\t').find_map(|field| field.parse::<f64>().ok())).collect())
    }

    /// Waits for the end: all calls were as the scenario wants them.
    pub fn wait(mut self, within: Duration) -> anyhow::Result<()> {
        let status = self.process.wait(within)?;
        anyhow::ensure!(status.success(), "SIPp ended with {status}\n{}", self.process.output());
        Ok(())
    }

    /// Runs a calling scenario against `target` to its end, `calls` times.
    pub fn call(scenario: &str, target: SocketAddr, user: &str, calls: u32) -> anyhow::Result<()> {
        Self::call_with(scenario, target, user, calls, &[])
    }

    /// The same with arguments of its own, for transports and passwords.
    pub fn call_with(
        scenario: &str,
        target: SocketAddr,
        user: &str,
        calls: u32,
        arguments: &[&str],
    ) -> anyhow::Result<()> {
        let folder = Scratch::new("sipp")?;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp").join(scenario);
        let mut command = Command::new("sipp");
        command.arg(target.to_string()).args(["-s", user]).arg("-sf").arg(file);
        command.args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-m", &calls.to_string(), "-nostdin"]);
        command.args(["-timeout", "90s", "-trace_err", "-error_file", "errors.log"]);
        command.args(arguments).current_dir(folder.path());
        let mut process = Process::start(&mut command, &folder.path().join("sipp.log"))?;
        let status = process.wait(Duration::from_secs(100))?;
        let errors = || std::fs::read_to_string(folder.path().join("errors.log")).unwrap_or_default();
        anyhow::ensure!(status.success(), "{scenario}: {status}\n{}\n{}", process.output(), errors());
        Ok(())
    }
}
