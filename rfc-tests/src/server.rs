//! A started server with an address, a data directory and an administrator of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::api::Api;
use crate::deadline::wait_for;
use crate::process::Process;
use crate::scratch::{Scratch, own_address};

pub const ADMIN_PASSWORD: &str = "correct horse battery";

/// How long a server may take to start on a busy machine, its first password hash included.
const START_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Server {
    process: Process,
    pub address: Ipv4Addr,
    overrides: Vec<String>,
    pub scratch: Scratch,
}

impl Server {
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// `overrides`: `section.key=value`, before the fixture's own.
    pub fn start_with(overrides: &[&str]) -> anyhow::Result<Self> {
        let scratch = Scratch::new("server")?;
        let address = own_address();
        let data = scratch.path().join("data");
        let mut all = vec![
            format!("server.domain={address}"),
            format!("server.data-dir={}", data.display()),
            format!("server.advertised-address={address}"),
            format!("sip.udp=[\"{address}:5060\"]"),
            format!("sip.tcp=[\"{address}:5060\"]"),
            format!("sip.tls=[\"{address}:5061\"]"),
            format!("http.listen={address}:8443"),
            format!("media.bind={address}"),
            format!("admin.password={ADMIN_PASSWORD}"),
            "log.level=debug".to_owned(),
        ];
        all.extend(overrides.iter().map(|text| (*text).to_owned()));
        let process = spawn(&all, &scratch.path().join("server.log"))?;
        let mut server = Self { process, address, overrides: all, scratch };
        server.wait_until_ready()?;
        Ok(server)
    }

    pub fn udp(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.address), 5060)
    }

    pub fn tls(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.address), 5061)
    }

    pub fn url(&self) -> String {
        format!("https://{}:8443", self.address)
    }

    pub fn certificate(&self) -> PathBuf {
        self.scratch.path().join("data/tls/cert.pem")
    }

    /// What it was started with, for commands beside it.
    pub fn settings(&self) -> &[String] {
        &self.overrides
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn log(&self) -> String {
        self.process.output()
    }

    /// The API, signed in as the administrator.
    pub fn api(&self) -> anyhow::Result<Api> {
        Api::sign_in(self, "admin", ADMIN_PASSWORD)
    }

    /// `kill -9` and a new start on the same data.
    pub fn crash_and_restart(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process = spawn(&self.overrides, &self.scratch.path().join("server-again.log"))?;
        self.wait_until_ready()
    }

    /// SIGTERM; the server is to end by itself with status 0.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.process.terminate()?;
        let status = self.process.wait(Duration::from_secs(15))?;
        ensure!(status.success(), "ended with {status}\n{}", self.log());
        Ok(())
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let Self { process, .. } = self;
        let ready = wait_for("the server's start", START_WITHIN, || {
            let output = process.output();
            output.contains("is running").then_some(Ok(())).or_else(|| match process.wait(Duration::ZERO) {
                Ok(status) => Some(Err(anyhow::anyhow!("ended with {status}"))),
                Err(_) => None,
            })
        });
        ready.and_then(|started| started).with_context(|| self.process.output())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(60).collect();
            tail.iter().rev().for_each(|line| eprintln!("server: {line}"));
        }
    }
}

/// Runs the binary with these settings and arguments before them.
pub fn plenary(arguments: &[&str], overrides: &[String]) -> anyhow::Result<Command> {
    let mut command = Command::new(binary()?);
    command.args(arguments);
    command.args(overrides.iter().flat_map(|text| ["--set", text]));
    // Nothing of the machine that runs the test is to reach the server.
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(std::env::temp_dir());
    Ok(command)
}

fn spawn(overrides: &[String], log: &Path) -> anyhow::Result<Process> {
    Process::start(&mut plenary(&["serve"], overrides)?, log)
}

/// Beside the test's own binary: `target/<profile>/plenary`.
pub fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.ancestors().find(|folder| folder.join("plenary").is_file());
    let folder = folder.context("no server binary beside the tests: run `cargo build --bin plenary` first")?;
    Ok(folder.join("plenary"))
}
