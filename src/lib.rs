//! Plenary: a self-hosted SIP conferencing server.

mod address;
pub mod api;
pub mod call;
pub mod certificate;
pub mod cli;
pub mod conference;
pub mod gateway;
pub mod prove;
pub mod registrar;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod trunk;
pub mod voice;
mod welcome;
