//! Plenary: a self-hosted SIP conferencing server.

pub mod call;
pub mod conference;
