//! Secure RTP: protecting what is sent, opening what comes, in place (RFC 3711, 6188, 7714).

pub mod srtp;

pub use srtp::{MAX_OVERHEAD, Protector, SrtpError, Unprotector};
