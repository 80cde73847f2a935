//! Offer and answer (RFC 3264) turned into a [`plenary_media::plan::MediaPlan`]: the place to read when one asks why this codec, why
//! this key, why 488.
//!
//! ```text
//!   dial-in      offer ──▶ answer() ────────▶ answer + plan      refused: 488 with Warning, the call stands as before
//!   dial-out     offer() ──▶ offer … answer ──▶ accept_answer() ──▶ plan
//!   INVITE without offer: delayed_offer() in the 200, accept_answer() with the ACK
//! ```
//!
//! | file | decides |
//! |---|---|
//! | [`policy`] | what is allowed: codecs, SRTP, keys over insecure signalling |
//! | `format` | which payload numbers mean which codec, what is in common (RFC 3551, 4733, 7587) |
//! | `sdes` | which key line is taken (RFC 4568), when plain RTP is refused (RFC 8643) |
//! | `dtls` | whose certificate, who begins the handshake (RFC 5763, 8842) |
//! | `amr` | parameters of AMR-WB (RFC 4867) |
//! | `ice` | whether checks find the peer (RFC 8839) |
//! | `bundle` | which packets of a bundle are the audio's (RFC 9143) |
//! | `levels` | loudness beside the voice (RFC 6464, 6465) |
//! | `extended` | reports beyond RFC 3550's (RFC 3611) |
//! | `bandwidth` | how much the peer lets us send, and how often we report |
//! | `remote` | where the peer wants RTP and RTCP, and whether it holds |
//! | `answer`, `offer` | the two directions of the exchange |
//!
//! Left out: video and other media (refused in place with port 0).

mod amr;
mod answer;
mod bandwidth;
mod bundle;
mod dtls;
mod entropy;
mod error;
mod extended;
mod format;
mod ice;
mod levels;
mod negotiator;
mod offer;
pub mod policy;
mod remote;
mod sdes;

#[cfg(test)]
mod browser_tests;

pub use entropy::Entropy;
pub use error::NegotiationError;
pub use ice::is_found_by_ice;
pub use negotiator::Negotiator;
pub use policy::{IceMode, LocalMedia, MediaPolicy, OfferProfile, Signalling, SrtpPolicy};
