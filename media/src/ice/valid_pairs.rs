//! Addresses that proved to know a password, and which of them is nominated.

use std::net::SocketAddr;

/// More than a browser has, and an end to any flood.
const MOST: usize = 8;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ValidPairs {
    places: [Option<SocketAddr>; MOST],
    newest: usize,
    nominated: Option<SocketAddr>,
}

impl ValidPairs {
    pub fn nominated(&self) -> Option<SocketAddr> {
        self.nominated
    }

    pub fn contain(&self, from: SocketAddr) -> bool {
        self.places.contains(&Some(from))
    }

    #[cfg(any(test, feature = "engine"))]
    pub fn iter(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.places.iter().flatten().copied()
    }

    /// Takes one in. Returns the one that gives way to it; the nominated pair never does.
    pub fn remember(&mut self, from: SocketAddr) -> Option<SocketAddr> {
        if self.contain(from) {
            return None;
        }
        for _ in 0..2 {
            self.newest = (self.newest + 1) % MOST;
            if self.places[self.newest].is_none() || self.places[self.newest] != self.nominated {
                break;
            }
        }
        self.places[self.newest].replace(from)
    }

    /// Nominates a pair that is valid. Returns whether that changes anything.
    pub fn nominate(&mut self, from: SocketAddr) -> bool {
        let changes = self.nominated != Some(from);
        self.nominated = Some(from);
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nominated_pair_outlives_any_number_of_others() {
        let at = |port| SocketAddr::from(([192, 0, 2, 9], port));
        let mut pairs = ValidPairs::default();
        assert_eq!(pairs.remember(at(1)), None);
        assert!(pairs.nominate(at(1)) && !pairs.nominate(at(1)));
        let gone: Vec<SocketAddr> = (2..100).filter_map(|port| pairs.remember(at(port))).collect();
        assert_eq!((gone.len(), pairs.iter().count()), (98 - 7, 8));
        assert!(pairs.contain(at(1)) && pairs.contain(at(99)) && !pairs.contain(at(50)));
        assert_eq!(pairs.remember(at(99)), None);
    }
}
