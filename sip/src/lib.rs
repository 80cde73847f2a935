//! SIP without I/O, and with the `net` feature the tokio shell around it.

pub mod auth;
pub mod dialog;
pub mod endpoint;
pub mod guard;
mod hex;
pub mod message;
#[cfg(feature = "net")]
pub mod net;
pub mod net_types;
pub mod sdp;
pub mod stun;
pub mod transaction;
pub mod usage;
pub mod xml;
