//! The guard at the door: who may take how much of our time, decided before a message is read.
//!
//! ```text
//!   octets ─▶ glimpse (method? User-Agent?) ─▶ scanner? ─▶ bucket of the address ─▶ of its network ─▶ of all strangers
//!                                                └───────────── drop, counted ◀──────────────┘
//!   response ─▶ credit of the address (twice what came from it) ─▶ send, or keep quiet
//! ```
//!
//! Whoever has proven a password is an acquaintance and has a larger bucket of his own. RFC 3261 §26.3.2.4 (floods,
//! amplification), §21.5.4 (503). The credit is that of RFC 9000 §8.1, with the factor two.

mod bucket;
mod glimpse;
#[expect(clippy::module_inception, reason = "the file is named as the thing")]
mod guard;
mod load;
mod network;
mod reach;
mod reason;
mod strangers;

pub use bucket::Rate;
pub use guard::{Guard, GuardSettings, Response, Verdict};
pub use load::Load;
pub use network::host_of;
pub use reach::may_reach;
pub use reason::Reason;
