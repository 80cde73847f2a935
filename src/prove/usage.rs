//! What a process uses, as the kernel counts it: proc(5).

use std::fs::read_to_string;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::Context;

/// The unit of /proc/PID/stat, 1/100 s on every Linux (`getconf CLK_TCK`).
const CLOCK_TICK: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug)]
pub struct Usage {
    at: Instant,
    /// User and system time of all its threads so far.
    pub cpu: Duration,
    /// Resident, in octets.
    pub memory: u64,
}

impl Usage {
    pub fn of(process: u32) -> anyhow::Result<Self> {
        let read = |name: &str| read_to_string(format!("/proc/{process}/{name}"));
        let gone = || format!("process {process} cannot be measured");
        let (at, stat) = (Instant::now(), read("stat").with_context(gone)?);
        let status = read("status").with_context(gone)?;
        Ok(Self {
            at,
            cpu: CLOCK_TICK * cpu_ticks(&stat).with_context(gone)?,
            memory: resident_kib(&status).with_context(gone)? * 1024,
        })
    }

    /// Of a process and all that come of it.
    pub fn of_family(process: u32) -> anyhow::Result<Self> {
        let mut all = Self::of(process)?;
        let children = read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            // One that has ended meanwhile is in its parent's figures.
            if let Ok(Self { cpu, memory, .. }) = Self::of_family(child) {
                all.cpu += cpu;
                all.memory += memory;
            }
        }
        Ok(all)
    }

    /// CPU seconds a second of wall time.
    pub fn cores_since(&self, before: &Self) -> f64 {
        self.cpu_since(before).as_secs_f64() / self.at.duration_since(before.at).as_secs_f64().max(1e-3)
    }

    pub fn cpu_since(&self, before: &Self) -> Duration {
        self.cpu.saturating_sub(before.cpu)
    }

    pub fn seconds_since(&self, before: &Self) -> f64 {
        self.at.duration_since(before.at).as_secs_f64()
    }

    pub fn memory_mib(&self) -> f64 {
        self.memory as f64 / f64::from(1 << 20)
    }
}

/// Fields 14 and 15, counted behind the name, which may hold anything.
fn cpu_ticks(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    Some(fields.next()?.ok()? + fields.next()?.ok()?)
}

fn resident_kib(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

/// Datagrams that the kernel threw away since a full socket at `address` was not read. IPv4 only: none are known else.
pub fn datagrams_dropped(address: IpAddr) -> u64 {
    read_to_string("/proc/net/udp").map_or(0, |table| dropped_at(&table, address))
}

fn dropped_at(table: &str, address: IpAddr) -> u64 {
    let IpAddr::V4(address) = address else { return 0 };
    let wanted = format!("{:08X}", u32::from_ne_bytes(address.octets()));
    let of_line = |line: &str| {
        let mut fields = line.split_whitespace();
        let local = fields.nth(1)?;
        let here = local.split_once(':').is_some_and(|(ip, _)| ip == wanted);
        fields.next_back().filter(|_| here)?.parse::<u64>().ok()
    };
    table.lines().skip(1).filter_map(of_line).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_process_may_hold_anything() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 42 8 0 0 20 0 9 0 100 1 1";
        assert_eq!(cpu_ticks(stat), Some(50));
        assert_eq!(cpu_ticks("7 (a) S"), None);
        assert_eq!(resident_kib("VmPeak:\t 9 kB\nVmRSS:\t  1234 kB\n"), Some(1234));
    }

    #[test]
    fn this_process_can_be_measured() {
        let usage = Usage::of(std::process::id()).expect("measured");
        assert!(usage.memory_mib() > 0.5);
        assert!(Usage::of(u32::MAX).is_err());
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn drops_are_those_of_the_address() {
        let table = "  sl  local_address rem_address st … drops\n\
            1: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 1 2 0000000000000000 5\n\
            2: 0201007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 1 2 0000000000000000 7\n\
            3: 0100007F:13C5 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 1 2 0000000000000000 1\n";
        assert_eq!(dropped_at(table, "127.0.0.1".parse().expect("an address")), 6);
    }
}
