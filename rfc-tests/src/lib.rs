//! Call flows as tests, and strangers: SIPp, baresip and Chromium against a started server, on loopback only.
//!
//! Flows whose every step counts are played in a simulated network ([`net`]); what they prove of the standards is
//! written down ([`coverage`]).
//!
//! Every started server has a loopback address of its own, so tests run side by side on the ports of the reference.

pub mod aiortc;
pub mod api;
pub mod authority;
pub mod baresip;
pub mod browser;
pub mod browser_phone;
pub mod coverage;
pub mod deadline;
pub mod dns;
pub mod namespace;
pub mod net;
pub mod openssl;
pub mod process;
pub mod raw;
pub mod raw_media;
pub mod raw_phone;
pub mod raw_tls;
pub mod scratch;
pub mod server;
pub mod sipp;
pub mod stalls;
pub mod tones;
pub mod websocket;
