//! Conference event package: who is in a conference, told to who subscribed. RFC 4575.
//!
//! ```text
//!   hub ──watch: Roster──▶ View ──compared with the one told last──▶ document: full, or what changed
//!                           what subscribers may see                  version +1 a subscription
//! ```
//!
//! Full after every SUBSCRIBE, partial after that; changes are collected for a moment, so that many at once make one
//! document (§3.9). A subscriber that refused a document gets the full state next.
//! Left out: sidebars, `<host-info>`, `<call-info>` (whose tags would let anybody take over a leg, RFC 3891 §8), and
//! `state="deleted"` for the conference itself, which the end of the subscription says as well.

mod difference;
mod document;
mod view;
mod watcher;

#[cfg(test)]
pub(crate) use view::testing;

pub use view::{Described, View};
pub use watcher::{Said, Watcher};

/// The package's type, as in Accept and Content-Type.
pub const CONTENT_TYPE: &str = "application/conference-info+xml";
