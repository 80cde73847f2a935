//! Wrong passwords: five are free, then each further attempt waits twice as long, up to five minutes.
//!
//! Counted per account and source, so that nobody can lock somebody else out from another address. An attempt counts
//! when it begins and is forgiven when the password was right, so many at once gain nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

const FREE: u32 = 5;
const LONGEST: Duration = Duration::from_secs(300);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(900);
/// Account-source pairs remembered; beyond, the one idle longest is forgotten.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub struct Attempts {
    tallies: HashMap<(String, IpAddr), Tally>,
}

#[derive(Debug)]
struct Tally {
    wrong: u32,
    next_at: Instant,
    last_at: Instant,
}

impl Attempts {
    /// Begins an attempt, or says how long to wait for it.
    pub fn begin(&mut self, account: &str, source: IpAddr, now: Instant) -> Result<(), Duration> {
        let key = key(account, source);
        if !self.tallies.contains_key(&key) {
            self.make_room(now);
        }
        let tally = self.tallies.entry(key).or_insert(Tally { wrong: 0, next_at: now, last_at: now });
        if now.duration_since(tally.last_at) >= FORGOTTEN_AFTER {
            tally.wrong = 0;
        }
        if now < tally.next_at {
            return Err(tally.next_at - now);
        }
        tally.wrong = tally.wrong.saturating_add(1);
        tally.last_at = now;
        tally.next_at = now + wait_after(tally.wrong);
        Ok(())
    }

    /// The password was right.
    pub fn succeeded(&mut self, account: &str, source: IpAddr) {
        self.tallies.remove(&key(account, source));
    }

    fn make_room(&mut self, now: Instant) {
        if self.tallies.len() < MOST {
            return;
        }
        self.tallies.retain(|_, tally| now.duration_since(tally.last_at) < FORGOTTEN_AFTER);
        if self.tallies.len() >= MOST
            && let Some(idlest) = self.tallies.iter().min_by_key(|(_, tally)| tally.last_at).map(|(key, _)| key.clone())
        {
            self.tallies.remove(&idlest);
        }
    }
}

fn wait_after(wrong: u32) -> Duration {
    match wrong.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(more) => Duration::from_secs(1 << more.min(9)).min(LONGEST),
    }
}

/// An account's name has 64 characters at most; a source of IPv6 is its network, since a host has 2⁶⁴ addresses there.
fn key(account: &str, source: IpAddr) -> (String, IpAddr) {
    let network = match source.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        v4 => v4,
    };
    (account.chars().take(64).collect(), network)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_after_five_wrong_passwords() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        for _ in 0..5 {
            assert_eq!(attempts.begin("alice", HERE, start), Ok(()));
        }
        assert_eq!(attempts.begin("alice", HERE, start), Err(SECOND));
        let mut now = start + SECOND;
        for wait in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert_eq!(attempts.begin("alice", HERE, now), Ok(()));
            assert_eq!(attempts.begin("alice", HERE, now), Err(wait * SECOND));
            now += wait * SECOND;
        }
    }

    #[test]
    fn other_accounts_and_other_sources_do_not_wait() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        while attempts.begin("alice", HERE, now).is_ok() {}
        assert_eq!(attempts.begin("alice", THERE, now), Ok(()));
        assert_eq!(attempts.begin("bob", HERE, now), Ok(()));
    }

    #[test]
    fn one_ipv6_network_is_one_source() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        let host = |n: u16| IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n));
        for n in 0..5 {
            assert_eq!(attempts.begin("alice", host(n), now), Ok(()));
        }
        assert!(attempts.begin("alice", host(9), now).is_err());
    }

    #[test]
    fn the_right_password_and_a_quiet_quarter_of_an_hour_forgive() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        while attempts.begin("alice", HERE, now).is_ok() {}
        attempts.succeeded("alice", HERE);
        for _ in 0..5 {
            assert_eq!(attempts.begin("alice", HERE, now), Ok(()));
        }
        for _ in 0..5 {
            assert_eq!(attempts.begin("alice", HERE, now + FORGOTTEN_AFTER), Ok(()));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for n in 0..MOST + 10 {
            let _ = attempts.begin(&n.to_string(), HERE, now + Duration::from_millis(n as u64));
        }
        assert_eq!(attempts.tallies.len(), MOST);
        assert!(attempts.tallies.contains_key(&key(&MOST.to_string(), HERE)));
    }
}
