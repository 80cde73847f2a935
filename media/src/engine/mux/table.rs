//! Who is met at the shared port. Room for all is made at the start; nothing here allocates or frees afterwards.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::demux::Kind;
use crate::ice::{Addressed, Addressee, Asker, Fragment, Knowledge};
use crate::id::LegId;
use crate::plan::IcePlan;

/// A leg at the shared port.
#[derive(Debug)]
pub(crate) struct Guest {
    pub leg: LegId,
    /// Where the leg lives.
    pub shard: usize,
    knowledge: Knowledge,
}

impl Guest {
    pub fn new(leg: LegId, shard: usize, plan: &IcePlan) -> Self {
        Self { leg, shard, knowledge: Knowledge::new(plan) }
    }
}

/// Why a datagram goes to no leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

#[derive(Debug)]
pub(crate) struct MuxTable {
    guests: HashMap<LegId, Box<Guest>>,
    by_fragment: HashMap<Fragment, LegId>,
    by_asker: HashMap<Asker, LegId>,
    by_source: HashMap<SocketAddr, LegId>,
    most: usize,
}

/// Addresses a leg, on average: phones and browsers end with one or two.
const SOURCES: usize = 2;
/// A hash table that is never more than half full makes its room anew in place.
const SLACK: usize = 2;

/// Which leg asks, as its checks say it.
pub(crate) fn asker_of(leg: LegId) -> Asker {
    (leg.0 as u32).to_be_bytes()
}

impl MuxTable {
    /// `most`: legs at one time.
    pub fn new(most: usize) -> Self {
        Self {
            guests: HashMap::with_capacity(SLACK * most),
            by_fragment: HashMap::with_capacity(SLACK * most),
            by_asker: HashMap::with_capacity(SLACK * most),
            by_source: HashMap::with_capacity(SLACK * SOURCES * most),
            most,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.guests.is_empty()
    }

    /// Expects a leg's peer. For a leg that is known already these are new credentials: whoever was proven with the old
    /// ones stays so (RFC 8839 §4.4.1.1.1). Returns what is not needed.
    pub fn expect(&mut self, mut guest: Box<Guest>) -> Option<Box<Guest>> {
        let leg = guest.leg;
        let Some(fragment) = guest.knowledge.fragment else { return Some(guest) };
        let taken = self.by_fragment.get(&fragment).is_some_and(|other| *other != leg);
        let full = self.guests.len() >= self.most && !self.guests.contains_key(&leg);
        if taken || full {
            return Some(guest);
        }
        if let Some(before) = self.guests.get(&leg) {
            guest.knowledge.pairs = before.knowledge.pairs;
            if let Some(old) = before.knowledge.fragment {
                self.by_fragment.remove(&old);
            }
        }
        self.by_fragment.insert(fragment, leg);
        self.by_asker.insert(asker_of(leg), leg);
        self.guests.insert(leg, guest)
    }

    /// The leg lives on another shard now.
    pub fn move_to(&mut self, leg: LegId, shard: usize) {
        if let Some(guest) = self.guests.get_mut(&leg) {
            guest.shard = shard;
        }
    }

    /// The leg is gone, and all that was learnt of it.
    pub fn forget(&mut self, leg: LegId) -> Option<Box<Guest>> {
        let guest = self.guests.remove(&leg)?;
        if let Some(fragment) = guest.knowledge.fragment {
            self.by_fragment.remove(&fragment);
        }
        self.by_asker.remove(&asker_of(leg));
        for source in guest.knowledge.pairs.iter() {
            self.release(source, leg);
        }
        Some(guest)
    }

    /// Which leg a datagram is for, and on which shard. A check that names a leg reaches it proven or not, since it is
    /// the leg that answers; all else only from who was proven.
    pub fn route(&mut self, datagram: &[u8], from: SocketAddr) -> Result<(LegId, usize), Refused> {
        let leg = match Kind::of(datagram) {
            Kind::Stun => self.route_check(datagram, from)?,
            Kind::Dtls | Kind::Rtp | Kind::Rtcp => *self.by_source.get(&from).ok_or(Refused)?,
            Kind::Other => return Err(Refused),
        };
        self.guests.get(&leg).map(|guest| (leg, guest.shard)).ok_or(Refused)
    }

    fn route_check(&mut self, datagram: &[u8], from: SocketAddr) -> Result<LegId, Refused> {
        let Some(addressed) = Addressed::parse(datagram) else {
            // An indication, or damaged: the leg judges it, if it comes from the leg's peer.
            return self.by_source.get(&from).copied().ok_or(Refused);
        };
        let leg = match addressed.to {
            Addressee::Fragment(fragment) => self.by_fragment.get(&fragment),
            Addressee::Asker(asker) => self.by_asker.get(&asker),
        };
        let leg = *leg.ok_or(Refused)?;
        let guest = self.guests.get_mut(&leg).ok_or(Refused)?;
        let room = self.by_source.len() < SOURCES * self.most || self.by_source.contains_key(&from);
        if room && let Some(learnt) = guest.knowledge.learn(&addressed, from) {
            if let Some(gone) = learnt.gone {
                self.release(gone, leg);
            }
            // Two legs of one peer at one address: the one that checked last is meant.
            self.by_source.insert(from, leg);
        }
        Ok(leg)
    }

    fn release(&mut self, source: SocketAddr, leg: LegId) {
        if self.by_source.get(&source) == Some(&leg) {
            self.by_source.remove(&source);
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
