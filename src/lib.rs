//! Plenary: a self-hosted SIP conferencing server.

pub mod api;
pub mod certificate;
pub mod conference;
pub mod registrar;
pub mod store;
pub mod telemetry;
