//! Secure RTP: protecting what is sent, opening what comes, in place (RFC 3711, 6188, 7714).
//!
//! ```text
//!  master key ─derive─▶ session keys ─▶ Transform ◀─ Protector (next index of each SSRC)
//!                                                 ◀─ Unprotector (index guess, replay window of each SSRC)
//! ```
//!
//! The ciphers are those of aws-lc, called directly: nothing allocates, no state is made for what does not authenticate.
//! `webrtc-srtp` is the reference that the tests compare with.

pub mod derive;
pub mod dtls;
mod index;
pub mod srtp;
mod transform;

pub use srtp::{MAX_OVERHEAD, Protector, SrtpError, Unprotector};
