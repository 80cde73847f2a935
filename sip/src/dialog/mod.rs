//! Dialogs: RFC 3261 §12. Who talks with whom, by which way, and in which order.

#[expect(clippy::module_inception, reason = "the file is named as the thing")]
mod dialog;
mod early;
mod next_hop;
mod route_set;

pub use dialog::{Dialog, DialogError, Role};
pub use early::EarlyDialogs;
pub use next_hop::{Peer, next_hop_of};
pub use route_set::RouteSet;

#[cfg(test)]
pub(crate) mod testing;
