//! The machine that was measured on: figures mean nothing without it.

use std::fs::read_to_string;

use anyhow::ensure;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    pub cores: usize,
    pub cpu: String,
    /// Of the last minute, before the fleet came.
    pub load: f64,
    pub release_build: bool,
}

impl Machine {
    pub fn here() -> Self {
        let read = |path| read_to_string(path).unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: cpu_model(&read("/proc/cpuinfo")).unwrap_or("unknown CPU").to_owned(),
            load: read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
            release_build: !cfg!(debug_assertions),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cores, cpu, load, release_build } = self;
        let build = if *release_build { "release" } else { "debug" };
        write!(f, "{cores} cores, {cpu}, load {load:.2} before, {build} build")
    }
}

/// A leg has two sockets in the server and one here; the child inherits our limit.
pub fn check_open_files(parties: usize) -> anyhow::Result<()> {
    let needed = 2 * parties + 200;
    let allowed = open_files(&read_to_string("/proc/self/limits").unwrap_or_default()).unwrap_or(usize::MAX);
    ensure!(allowed >= needed, "{parties} parties need {needed} open files, {allowed} are allowed: ulimit -n {needed}");
    Ok(())
}

fn cpu_model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name") || line.starts_with("Hardware"))?;
    line.split_once(':').map(|(_, model)| model.trim())
}

/// The soft limit.
fn open_files(limits: &str) -> Option<usize> {
    limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_and_limits_are_read() {
        assert_eq!(cpu_model("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\n"), Some("A CPU @ 2 GHz"));
        assert_eq!(
            open_files("Max open files            1024                 524288               files\n"),
            Some(1024)
        );
        assert_eq!(open_files("Max open files            unlimited   unlimited   files\n"), None);
        assert!(Machine::here().cores >= 1);
    }
}
