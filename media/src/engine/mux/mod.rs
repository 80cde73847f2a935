//! The one UDP port of all ICE legs: who sent a datagram, which leg it is for, and how it gets there.
//!
//! ```text
//!               ┌─ STUN ──by fragment or transaction─▶ Table ──proven──▶ remembers the source
//!   one socket ─┤                                        │
//!               └─ DTLS, RTP, RTCP ──by source───────────┤──▶ a leg of this shard: at once
//!                                   unknown: dropped     └──▶ another shard's: through a ring, read at its next tick
//! ```
//!
//! The first shard reads the socket; all shards send from it. `src/docs/decisions/0014-one-port-for-ice.md`.

mod end;
mod ring;
mod table;

pub(super) use end::MuxEnd;
pub(super) use ring::feeds;
pub(super) use table::{Guest, MuxTable, asker_of};

#[cfg(test)]
mod tests;
