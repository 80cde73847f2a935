//! Whether the peer has the key that its description names: RFC 8643 §3.2, RFC 4568 §7.3.
//!
//! A key that is well-formed and wrong is told by nothing but this: everything that comes from where the peer is
//! expected fails its authentication, and nothing ever passed it.

use std::time::{Duration, Instant};

/// So long nothing may open …
const PATIENCE: Duration = Duration::from_secs(5);
/// … of at least so many packets: two seconds of a voice.
const ENOUGH: u32 = 100;

/// Of one plan's keys.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KeyDoubt {
    unopened: u32,
    since: Option<Instant>,
    /// A packet was opened, or the doubt was told: there is nothing more to find out.
    is_settled: bool,
}

impl KeyDoubt {
    pub fn handle_opened(&mut self) {
        self.is_settled = true;
    }

    /// Takes a packet that failed. True once: the key is not the peer's.
    pub fn handle_unopened(&mut self, now: Instant) -> bool {
        if self.is_settled {
            return false;
        }
        self.unopened = self.unopened.saturating_add(1);
        let since = *self.since.get_or_insert(now);
        self.is_settled = self.unopened >= ENOUGH && now.saturating_duration_since(since) >= PATIENCE;
        self.is_settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fifty packets a second; returns when it was told.
    fn told(opened: Option<u32>, per_packet: Duration) -> Vec<u32> {
        let (start, mut doubt) = (Instant::now(), KeyDoubt::default());
        (0..1_000)
            .filter(|n| {
                if opened == Some(*n) {
                    doubt.handle_opened();
                }
                doubt.handle_unopened(start + per_packet * *n)
            })
            .collect()
    }

    #[test]
    fn five_seconds_of_a_voice_that_never_opened_are_told_once() {
        assert_eq!(told(None, Duration::from_millis(20)), [250]);
        assert_eq!(told(None, Duration::from_secs(1)), [99], "not of a few packets");
    }

    #[test]
    fn one_packet_that_opened_proves_the_key_whatever_else_fails() {
        assert_eq!(told(Some(0), Duration::from_millis(20)), [] as [u32; 0]);
        assert_eq!(told(Some(249), Duration::from_millis(20)), [] as [u32; 0]);
    }
}
