//! Addresses that have proven nothing yet: how fast they may speak, and how much they may be answered.
//!
//! The table is bounded. While it is full of busy addresses a new one has no bucket of its own and stands in those of
//! its network and of all strangers alone; and no credit, so that it is not answered over UDP until there is room.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::bucket::{Bucket, Rate};

const MAX_ENTRIES: usize = 65_536;
/// Tidying walks the whole table: not more often than this.
const TIDY_EVERY: Duration = Duration::from_secs(1);
/// Octets of answer for each octet of question.
const FACTOR: u64 = 2;
/// The same for a 2xx to INVITE, which has to arrive and is repeated until its ACK: some three of ordinary length, after
/// which whoever is there has answered or never will.
const ACCEPTING_FACTOR: u64 = 4;
/// Credit is not hoarded: one long answer and its repetitions.
const MOST_CREDIT: u64 = 64 * 1024;

#[derive(Debug)]
pub struct Strangers {
    rate: Rate,
    by_address: HashMap<IpAddr, Stranger>,
    tidied: Option<Instant>,
}

#[derive(Debug)]
struct Stranger {
    bucket: Bucket,
    /// Octets that may still be answered.
    credit: u64,
    /// Octets of 2xx to INVITE that may still be said.
    accepting: u64,
}

impl Strangers {
    pub fn new(rate: Rate) -> Self {
        Self { rate, by_address: HashMap::new(), tidied: None }
    }

    /// Takes from the address's bucket. `None`: there is no room for one.
    pub fn entry(&mut self, address: IpAddr, now: Instant) -> Option<&mut Bucket> {
        if self.by_address.len() >= MAX_ENTRIES && !self.by_address.contains_key(&address) && !self.tidy(now) {
            return None;
        }
        let fresh = || Stranger { bucket: Bucket::full(self.rate, now), credit: 0, accepting: 0 };
        Some(&mut self.by_address.entry(address).or_insert_with(fresh).bucket)
    }

    /// So much came from there.
    pub fn credit(&mut self, address: IpAddr, octets: usize) {
        if let Some(stranger) = self.by_address.get_mut(&address) {
            let octets = u64::try_from(octets).unwrap_or(u64::MAX);
            let earned = |credit: u64, factor| credit.saturating_add(octets.saturating_mul(factor)).min(MOST_CREDIT);
            stranger.credit = earned(stranger.credit, FACTOR);
            stranger.accepting = earned(stranger.accepting, ACCEPTING_FACTOR);
        }
    }

    /// Whether so much may go there. A provisional response leaves half of the credit to the final one.
    pub fn debit(&mut self, address: IpAddr, octets: usize, is_provisional: bool) -> bool {
        let Some(stranger) = self.by_address.get_mut(&address) else { return false };
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        let enough = if is_provisional { stranger.credit / 2 >= octets } else { stranger.credit >= octets };
        if enough {
            stranger.credit -= octets;
        }
        enough
    }

    /// Whether a 2xx to INVITE of this length may go there, for the first time or once more.
    pub fn debit_accepting(&mut self, address: IpAddr, octets: usize) -> bool {
        let Some(stranger) = self.by_address.get_mut(&address) else { return false };
        match stranger.accepting.checked_sub(u64::try_from(octets).unwrap_or(u64::MAX)) {
            Some(left) => {
                stranger.accepting = left;
                true
            }
            None => false,
        }
    }

    pub fn forget(&mut self, address: IpAddr) {
        self.by_address.remove(&address);
    }

    /// Whether it made room. Who has been silent for as long as a bucket takes to fill is forgotten.
    fn tidy(&mut self, now: Instant) -> bool {
        if self.tidied.is_some_and(|last| now.saturating_duration_since(last) < TIDY_EVERY) {
            return false;
        }
        self.tidied = Some(now);
        let rate = self.rate;
        self.by_address.retain(|_, stranger| !stranger.bucket.is_full(rate, now));
        self.by_address.len() < MAX_ENTRIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from(number))
    }

    #[test]
    fn answers_stay_below_twice_what_was_asked() {
        let now = Instant::now();
        let mut strangers = Strangers::new(Rate(10));
        strangers.entry(address(1), now);
        strangers.credit(address(1), 400);
        assert!(strangers.debit(address(1), 300, true), "100 Trying");
        assert!(!strangers.debit(address(1), 400, true), "180 would leave too little");
        assert!(strangers.debit(address(1), 500, false), "the final response");
        assert!(!strangers.debit(address(1), 500, false), "and not again");
        assert!(!strangers.debit(address(2), 1, false), "nothing came from there");
    }

    /// Nobody has to be there for the repetitions of a 200.
    #[test]
    fn a_200_that_nobody_acknowledges_is_repeated_a_few_times() {
        let now = Instant::now();
        let mut strangers = Strangers::new(Rate(10));
        strangers.entry(address(1), now);
        strangers.credit(address(1), 800);
        let said = (0..10).filter(|_| strangers.debit_accepting(address(1), 1000)).count();
        assert_eq!(said, 3);
        strangers.credit(address(1), 800);
        assert!(strangers.debit_accepting(address(1), 1000), "asked again, said again");
        assert!(!strangers.debit_accepting(address(2), 1), "nothing came from there");
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_silent() {
        let start = Instant::now();
        let mut strangers = Strangers::new(Rate(10));
        let enter = |strangers: &mut Strangers, number, now| {
            strangers.entry(address(number), now).map(|bucket| bucket.take(Rate(10), now)).is_some()
        };
        for number in 0..u32::try_from(MAX_ENTRIES).expect("small") {
            assert!(enter(&mut strangers, number, start));
        }
        assert!(!enter(&mut strangers, u32::MAX, start));
        assert!(enter(&mut strangers, 0, start), "who is in the table stays");
        assert!(enter(&mut strangers, u32::MAX, start + Duration::from_secs(2)));
        assert_eq!(strangers.by_address.len(), 1);
    }
}
