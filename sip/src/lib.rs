//! SIP without I/O, and with the `net` feature the tokio shell around it.

pub mod auth;
pub mod message;
pub mod net_types;
