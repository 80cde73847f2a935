//! Calls of strangers that are not connected yet, by the address that they seem to come from: RFC 3261 §26.3.2.4.
//!
//! A 200 is repeated until its ACK (§13.3.1.4). Whoever writes a victim's address into many INVITEs would have the server
//! send all of their 200s there; so few calls of one address may wait at once, and the next get 503. Who has proven a
//! password, and a trunk, is where he says he is and not counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plenary_sip::guard::host_of;

/// The lock is held for one look-up. As large as the calls that wait.
#[derive(Clone, Debug)]
pub struct Unconfirmed {
    most: usize,
    by_host: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// Of one call; given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    host: IpAddr,
    table: Unconfirmed,
}

impl Unconfirmed {
    /// `most`: of one address of IPv4 or one /64 of IPv6.
    pub fn new(most: usize) -> Self {
        Self { most, by_host: Arc::default() }
    }

    /// `None`: as many wait there already.
    pub fn enter(&self, source: IpAddr) -> Option<Place> {
        let host = host_of(source.to_canonical());
        let mut by_host = self.lock();
        let waiting = by_host.get(&host).copied().unwrap_or(0);
        if waiting >= self.most {
            return None;
        }
        by_host.insert(host, waiting + 1);
        Some(Place { host, table: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_host.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_host = self.table.lock();
        if let Some(waiting) = by_host.get_mut(&self.host) {
            *waiting -= 1;
            if *waiting == 0 {
                by_host.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn places_of_a_host_are_bounded_and_given_back() {
        let unconfirmed = Unconfirmed::new(2);
        let places = ["2001:db8::1", "2001:db8::2"].map(|text| unconfirmed.enter(address(text)));
        assert!(places.iter().all(Option::is_some));
        assert!(unconfirmed.enter(address("2001:db8::3")).is_none(), "one host has all of a /64");
        assert!(unconfirmed.enter(address("2001:db8:0:1::1")).is_some());
        let [first, _second] = places;
        drop(first);
        assert!(unconfirmed.enter(address("2001:db8::3")).is_some());
    }

    #[test]
    fn who_waits_for_nothing_is_forgotten() {
        let unconfirmed = Unconfirmed::new(1);
        drop(unconfirmed.enter(address("192.0.2.1")));
        assert!(unconfirmed.lock().is_empty());
        let _place = unconfirmed.enter(address("::ffff:192.0.2.1"));
        assert!(unconfirmed.enter(address("192.0.2.1")).is_none(), "IPv4 inside IPv6 is the same address");
    }
}
