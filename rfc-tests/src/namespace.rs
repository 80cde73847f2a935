//! A network of a test's own: loopback, one interface that leads nowhere, and nothing of the machine's.
//!
//! A thread cannot carry its process into another network, so the test runs itself once more, inside.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::process::Process;
use crate::scratch::Scratch;

/// Set inside.
const INSIDE: &str = "PLENARY_TEST_NETWORK";
/// Of the interface, where phones that shun loopback find themselves.
pub const LAN_ADDRESS: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 9, 0, 1);
/// What is sent to anywhere else leaves by `lan0`, whose other end is nobody's; it is counted there.
const SET_UP: &str = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null; \
     set -e; ip link set lo up; ip link add lan0 type veth peer name lan1; ip address add 10.9.0.1/24 dev lan0; \
     ip link set lan1 up; ip link set lan0 up; ip route add default dev lan0; exec \"$@\"";

/// Runs the body in a network of its own. `test`: the name of the test that calls, with its modules.
pub fn in_own_network(test: &str, within: Duration, body: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let scratch = Scratch::new("network")?;
    let mut command = Command::new("unshare");
    command.args(["--net", "--", "sh", "-c", SET_UP, "sh"]).arg(std::env::current_exe()?);
    command.args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let mut process = Process::start(&mut command, &scratch.path().join("log"))?;
    let status = process.wait(within).context("in a network of its own")?;
    let output = process.output();
    ensure!(status.success() && output.contains("1 passed"), "{test} in a network of its own: {status}\n{output}");
    Ok(())
}

/// Packets that left for elsewhere.
pub fn sent_elsewhere() -> anyhow::Result<u64> {
    let table = std::fs::read_to_string("/proc/net/dev").context("no /proc/net/dev")?;
    let line = table.lines().find_map(|line| line.trim_start().strip_prefix("lan0:"));
    let sent = line.and_then(|line| line.split_whitespace().nth(9)).and_then(|sent| sent.parse().ok());
    sent.context("no lan0: not in a network of its own")
}
