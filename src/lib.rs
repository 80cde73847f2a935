//! Plenary: a self-hosted SIP conferencing server.

pub mod api;
pub mod conference;
pub mod store;
