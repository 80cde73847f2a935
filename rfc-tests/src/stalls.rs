//! What a machine with other work does to a server: how long its threads were ready and did not run, and which datagrams
//! the kernel dropped before anybody could read them. Linux tells both; elsewhere nothing is known, and nothing excused.

use std::net::SocketAddr;
use std::time::Duration;

/// Counted from the beginning of the process or socket: two of them make a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// Ready and not running: the threads of the server that signalling takes, and the one that asks.
    pub kept_waiting: Duration,
    /// Datagrams to the server for which its socket had no room.
    pub dropped: u64,
}

impl Stalls {
    /// `process`: the server's; `socket`: where it listens for datagrams.
    pub fn of(process: u32, socket: SocketAddr) -> Self {
        let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let signalling = threads.filter(|thread| {
            std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.starts_with("tokio-rt-worker"))
        });
        let own = std::path::PathBuf::from("/proc/thread-self");
        let paths = signalling.map(|thread| thread.path()).chain([own]);
        let waits = paths.filter_map(|path| waited(&std::fs::read_to_string(path.join("schedstat")).ok()?));
        let sockets = std::fs::read_to_string("/proc/net/udp").unwrap_or_default();
        Self { kept_waiting: waits.sum(), dropped: dropped(&sockets, socket) }
    }

    /// What came on top of what was before.
    pub fn since(self, before: Self) -> Self {
        Self {
            kept_waiting: self.kept_waiting.saturating_sub(before.kept_waiting),
            dropped: self.dropped.saturating_sub(before.dropped),
        }
    }
}

/// `schedstat`: nanoseconds run, nanoseconds ready and not running, and how often.
fn waited(schedstat: &str) -> Option<Duration> {
    schedstat.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

/// The last column of the socket's line, whose address is in hexadecimal, its octets turned round.
fn dropped(sockets: &str, socket: SocketAddr) -> u64 {
    let SocketAddr::V4(socket) = socket else { return 0 };
    let place = format!("{:08X}:{:04X}", u32::from_le_bytes(socket.ip().octets()), socket.port());
    let line = sockets.lines().find(|line| line.split_whitespace().nth(1) == Some(&place));
    line.and_then(|line| line.split_whitespace().last()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_read_as_it_writes() {
        assert_eq!(waited("158656 1516549 2\n"), Some(Duration::from_nanos(1_516_549)));
        assert_eq!(waited(""), None);
        let sockets = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            \x20 10: 0500007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 51 2 0000000000000000 17\n";
        let at = |text: &str| text.parse().expect("an address");
        assert_eq!(dropped(sockets, at("127.0.0.5:5060")), 17);
        assert_eq!(dropped(sockets, at("127.0.0.6:5060")), 0);
    }
}
