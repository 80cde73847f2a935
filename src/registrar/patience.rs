//! How long to bear with wrong passwords: a source that keeps failing waits ever longer.
//!
//! The victim must not be locked out by the attacker: failures count against the address they come from, and an
//! account that has signed in from an address before has an account of failures of its own there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Whether a password from here is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Try,
    Wait(Duration),
    /// It has been told to wait often enough.
    Silence(Duration),
}

#[derive(Debug)]
pub struct Patience {
    free_failures: u32,
    longest_block: Duration,
    failures: HashMap<Key, Failures>,
    /// When an account last signed in from an address.
    at_home: HashMap<(IpAddr, String), Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Source(IpAddr),
    AtHome(IpAddr, String),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
    blocked_until: Option<Instant>,
    /// How often it was told to wait since then.
    told: u32,
}

/// A phone that does not understand 403 tries a few times more; who tries oftener hears nothing.
const TELLS: u32 = 20;
/// Tables larger than this forget their oldest half.
const MAX_ENTRIES: usize = 10_000;
/// After this long without failure a source begins anew.
const FORGET_AFTER: Duration = Duration::from_secs(3600);
const REMEMBER_HOME: Duration = Duration::from_secs(7 * 86_400);

impl Patience {
    pub fn new(free_failures: u32, longest_block: Duration) -> Self {
        Self { free_failures, longest_block, failures: HashMap::new(), at_home: HashMap::new() }
    }

    pub fn verdict(&mut self, source: IpAddr, account: &str, now: Instant) -> Verdict {
        let key = self.key(source, account, now);
        let Some(failures) = self.failures.get_mut(&key) else { return Verdict::Try };
        match failures.blocked_until.and_then(|until| until.checked_duration_since(now)) {
            Some(wait) if !wait.is_zero() => {
                failures.told = failures.told.saturating_add(1);
                if failures.told > TELLS { Verdict::Silence(wait) } else { Verdict::Wait(wait) }
            }
            _ => Verdict::Try,
        }
    }

    pub fn handle_success(&mut self, source: IpAddr, account: &str, now: Instant) {
        let source = network(source);
        self.failures.remove(&Key::AtHome(source, account.into()));
        if self.at_home.len() >= MAX_ENTRIES {
            forget_oldest(&mut self.at_home, |last| *last);
        }
        self.at_home.insert((source, account.into()), now);
    }

    /// How many there were in a row.
    pub fn handle_failure(&mut self, source: IpAddr, account: &str, now: Instant) -> u32 {
        if self.failures.len() >= MAX_ENTRIES {
            forget_oldest(&mut self.failures, |failures| failures.last);
        }
        let key = self.key(source, account, now);
        let failures =
            self.failures.entry(key).or_insert(Failures { count: 0, last: now, blocked_until: None, told: 0 });
        if now.duration_since(failures.last) > FORGET_AFTER.max(self.longest_block) {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        if let Some(above) = failures.count.checked_sub(self.free_failures + 1) {
            let wait = Duration::from_secs(1_u64.checked_shl(above).unwrap_or(u64::MAX)).min(self.longest_block);
            failures.blocked_until = now.checked_add(wait);
            failures.told = 0;
        }
        failures.count
    }

    fn key(&self, source: IpAddr, account: &str, now: Instant) -> Key {
        let source = network(source);
        let home = (source, account.to_owned());
        let lives_here = self.at_home.get(&home).is_some_and(|last| now.duration_since(*last) < REMEMBER_HOME);
        if lives_here { Key::AtHome(home.0, home.1) } else { Key::Source(source) }
    }
}

/// Of IPv6 the /64: whoever has one address there has them all.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

fn forget_oldest<K: Eq + std::hash::Hash, V>(table: &mut HashMap<K, V>, last: impl Fn(&V) -> Instant) {
    let mut times: Vec<Instant> = table.values().map(&last).collect();
    let middle = times.len() / 2;
    let (_, middle, _) = times.select_nth_unstable(middle);
    let middle = *middle;
    table.retain(|_, value| last(value) > middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn fail(patience: &mut Patience, times: u32, source: &str, now: Instant) {
        for _ in 0..times {
            patience.handle_failure(ip(source), "alice", now);
        }
    }

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let now = Instant::now();
        let mut patience = Patience::new(3, Duration::from_secs(10));
        fail(&mut patience, 3, "192.0.2.1", now);
        assert_eq!(patience.verdict(ip("192.0.2.1"), "alice", now), Verdict::Try);
        for seconds in [1, 2, 4, 8, 10, 10] {
            fail(&mut patience, 1, "192.0.2.1", now);
            let wait = Duration::from_secs(seconds);
            assert_eq!(patience.verdict(ip("192.0.2.1"), "bob", now), Verdict::Wait(wait));
        }
        assert_eq!(patience.verdict(ip("192.0.2.1"), "bob", now + Duration::from_secs(10)), Verdict::Try);
        assert_eq!(patience.verdict(ip("192.0.2.2"), "alice", now), Verdict::Try);
    }

    #[test]
    fn who_does_not_listen_is_not_answered() {
        let now = Instant::now();
        let mut patience = Patience::new(3, Duration::from_secs(60));
        fail(&mut patience, 8, "192.0.2.1", now);
        let wait = Duration::from_secs(16);
        assert!((0..TELLS).all(|_| patience.verdict(ip("192.0.2.1"), "alice", now) == Verdict::Wait(wait)));
        assert_eq!(patience.verdict(ip("192.0.2.1"), "alice", now), Verdict::Silence(wait));
        assert_eq!(patience.verdict(ip("192.0.2.2"), "alice", now), Verdict::Try);
        fail(&mut patience, 1, "192.0.2.1", now + wait);
        assert_eq!(patience.verdict(ip("192.0.2.1"), "alice", now + wait), Verdict::Wait(2 * wait), "told anew");
    }

    #[test]
    fn an_hour_of_peace_forgives() {
        let now = Instant::now();
        let mut patience = Patience::new(1, Duration::from_secs(60));
        fail(&mut patience, 9, "192.0.2.1", now);
        let later = now + Duration::from_secs(3601);
        fail(&mut patience, 1, "192.0.2.1", later);
        assert_eq!(patience.verdict(ip("192.0.2.1"), "alice", later), Verdict::Try);
    }

    #[test]
    fn who_signed_in_here_is_not_locked_out_by_a_neighbour() {
        let now = Instant::now();
        let mut patience = Patience::new(3, Duration::from_secs(60));
        patience.handle_success(ip("192.0.2.1"), "bob", now);
        fail(&mut patience, 50, "192.0.2.1", now);
        assert_ne!(patience.verdict(ip("192.0.2.1"), "alice", now), Verdict::Try);
        assert_eq!(patience.verdict(ip("192.0.2.1"), "bob", now), Verdict::Try);
        assert_eq!(patience.verdict(ip("198.51.100.1"), "alice", now), Verdict::Try);
    }

    #[test]
    fn an_attacker_with_a_network_of_ipv6_is_one_source() {
        let now = Instant::now();
        let mut patience = Patience::new(3, Duration::from_secs(60));
        for host in 0..9 {
            fail(&mut patience, 1, &format!("2001:db8::{host}"), now);
        }
        assert_ne!(patience.verdict(ip("2001:db8::ffff"), "alice", now), Verdict::Try);
    }

    #[test]
    fn the_tables_stay_bounded() {
        let now = Instant::now();
        let mut patience = Patience::new(3, Duration::from_secs(60));
        for at in 0..30_000_u32 {
            let source = IpAddr::from(at.to_be_bytes());
            let now = now + Duration::from_millis(u64::from(at));
            patience.handle_failure(source, "x", now);
            patience.handle_success(source, "y", now);
        }
        assert!(patience.failures.len() <= MAX_ENTRIES && patience.at_home.len() <= MAX_ENTRIES);
    }
}
