//! Session descriptions and the offer/answer model: RFC 8866 and RFC 3264, with the attributes that a call needs.
//!
//! ```text
//!   bytes ─▶ tolerant (repairs what devices get wrong) ─▶ sdp-types (grammar) ─▶ SessionDescription (typed, ours)
//!   bytes ◀───────────────────────────────────────────── sdp-types (writer) ◀── SessionDescription
//! ```
//!
//! `sdp-types` knows the grammar of the lines; what the attributes mean stands in [`attribute`], one file a family.
//! Left out: multicast, encryption keys in `k=` (obsolete, RFC 8866 §5.12), repeat times and time zones.

pub mod attribute;
mod connection;
mod description;
mod media;
mod offer_answer;
mod tolerant;

pub use attribute::{Attribute, Attributes};
pub use connection::{Address, Connection};
pub use description::{About, Origin, SdpError, SessionDescription};
pub use media::{Bandwidth, MediaDescription, Profile};
pub use offer_answer::{OwnDescriptions, answering_direction, rejected};
