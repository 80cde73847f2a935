//! From the shard that reads the shared port to the others: a ring each, its datagrams copied in and out.

use std::net::SocketAddr;
use std::time::Instant;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::engine::io::DATAGRAM_LEN;
use crate::id::LegId;

/// A thousand legs' packets of 20 ms: the longest that a shard leaves its ring unread.
const PARCELS: usize = 1_024;

/// A datagram on its way.
#[derive(Debug)]
pub(super) struct Parcel {
    pub leg: LegId,
    pub from: SocketAddr,
    pub arrived: Instant,
    len: usize,
    octets: [u8; DATAGRAM_LEN],
}

impl Parcel {
    pub fn datagram(&mut self) -> &mut [u8] {
        let len = self.len.min(DATAGRAM_LEN);
        &mut self.octets[..len]
    }
}

/// To one other shard.
#[derive(Debug)]
pub(crate) struct Feed(Producer<Parcel>);

impl Feed {
    /// False when the ring is full: lost, as on any network.
    pub fn send(&mut self, leg: LegId, from: SocketAddr, arrived: Instant, datagram: &[u8]) -> bool {
        let mut octets = [0; DATAGRAM_LEN];
        let Some(place) = octets.get_mut(..datagram.len()) else { return false };
        place.copy_from_slice(datagram);
        self.0.push(Parcel { leg, from, arrived, len: datagram.len(), octets }).is_ok()
    }
}

/// The other end of a [`Feed`].
#[derive(Debug)]
pub(crate) struct Fed(Consumer<Parcel>);

impl Fed {
    pub fn receive(&mut self, mut each: impl FnMut(LegId, &mut [u8], SocketAddr, Instant)) {
        // What is put in meanwhile waits for the next tick.
        for _ in 0..self.0.slots() {
            let Ok(mut parcel) = self.0.pop() else { return };
            let Parcel { leg, from, arrived, .. } = parcel;
            each(leg, parcel.datagram(), from, arrived);
        }
    }
}

/// A ring to each shard but the first, which reads the socket itself.
pub(crate) fn feeds(shards: usize) -> (Vec<Feed>, Vec<Fed>) {
    (1..shards).map(|_| RingBuffer::new(PARCELS)).map(|(feed, fed)| (Feed(feed), Fed(fed))).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_come_through_in_order_and_a_full_ring_loses_the_newest() {
        let (mut feeds, mut feds) = feeds(2);
        let (from, now) = (SocketAddr::from(([192, 0, 2, 9], 1)), Instant::now());
        let sent = (0..PARCELS + 5).filter(|i| feeds[0].send(LegId(*i as u64), from, now, &[*i as u8; 3])).count();
        assert_eq!(sent, PARCELS);
        assert!(!feeds[0].send(LegId(0), from, now, &[0; DATAGRAM_LEN + 1]), "too long");
        let mut next = 0;
        feds[0].receive(|leg, datagram, source, arrived| {
            assert_eq!((leg, source, arrived), (LegId(next), from, now));
            assert_eq!(datagram, [next as u8; 3]);
            next += 1;
        });
        assert_eq!(next, PARCELS as u64);
    }
}
