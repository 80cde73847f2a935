//! Export of SIP messages to capture tools (Homer, sngrep, Wireshark), by HEP version 3 over UDP.
//!
//! ```text
//!   sip::net ──Seen──▶ queue (bounded) ──▶ task: mask, frame ──▶ UDP
//! ```
//!
//! Nothing here can hold up SIP: what finds the queue full is dropped and counted. Left out: HEP over TCP and TLS,
//! compression, RTCP.

mod export;
mod hep;

pub use export::{CaptureSettings, Export};
