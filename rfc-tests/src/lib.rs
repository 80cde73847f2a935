//! Call flows as tests, and strangers: SIPp, baresip and Chromium against a started server, on loopback only.
//!
//! Every started server has a loopback address of its own, so tests run side by side on the ports of the reference.

pub mod api;
pub mod baresip;
pub mod browser;
pub mod browser_phone;
pub mod deadline;
pub mod process;
pub mod raw;
pub mod scratch;
pub mod server;
pub mod sipp;
pub mod tones;
pub mod websocket;
