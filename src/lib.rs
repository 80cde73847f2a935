//! Plenary: a self-hosted SIP conferencing server.

pub mod conference;
pub mod store;
