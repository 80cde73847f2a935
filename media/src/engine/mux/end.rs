//! A shard's end of the shared port: the first shard's with the socket to read, the others' with a ring.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use super::ring::{Fed, Feed};
use super::table::{Guest, MuxTable, Refused};
use crate::engine::io::{BATCH, ReceiveBatch};
use crate::id::LegId;

/// Calls in one tick: as many datagrams as the socket's buffer holds, and an end to any flood.
const READS: usize = 128;

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each shard, and it stays where it is")]
pub(crate) enum MuxEnd {
    /// There is no shared port.
    None,
    Owner {
        socket: Arc<UdpSocket>,
        table: MuxTable,
        feeds: Vec<Feed>,
    },
    Fed(Fed),
}

impl MuxEnd {
    /// Whether there is somebody to be read for, on whatever shard.
    pub fn has_guests(&self) -> bool {
        matches!(self, Self::Owner { table, .. } if !table.is_empty())
    }

    /// Returns what is not needed.
    pub fn expect(&mut self, guest: Box<Guest>) -> Option<Box<Guest>> {
        match self {
            Self::Owner { table, .. } => table.expect(guest),
            Self::None | Self::Fed(_) => Some(guest),
        }
    }

    pub fn move_to(&mut self, leg: LegId, shard: usize) {
        if let Self::Owner { table, .. } = self {
            table.move_to(leg, shard);
        }
    }

    pub fn forget(&mut self, leg: LegId) -> Option<Box<Guest>> {
        match self {
            Self::Owner { table, .. } => table.forget(leg),
            Self::None | Self::Fed(_) => None,
        }
    }

    /// Hands over what came for legs of this shard, and passes on what came for others. Returns how many datagrams
    /// went to nobody.
    ///
    /// What goes to another shard counts as come when it is passed on: it is not seen before.
    pub fn receive(
        &mut self,
        batch: &mut ReceiveBatch,
        mut each: impl FnMut(LegId, &mut [u8], SocketAddr, Instant),
    ) -> u64 {
        let (socket, table, feeds) = match self {
            Self::None => return 0,
            Self::Fed(fed) => {
                fed.receive(each);
                return 0;
            }
            Self::Owner { socket, table, feeds } => (socket, table, feeds),
        };
        let mut refused = 0;
        let now = Instant::now();
        for _ in 0..READS {
            let received = batch.receive(socket, &mut |datagram, from, arrived| match table.route(datagram, from) {
                Ok((leg, 0)) => each(leg, datagram, from, arrived),
                Ok((leg, shard)) => {
                    let sent = feeds.get_mut(shard - 1).is_some_and(|feed| feed.send(leg, from, now, datagram));
                    refused += u64::from(!sent);
                }
                Err(Refused) => refused += 1,
            });
            if received < BATCH {
                break;
            }
        }
        refused
    }
}
