//! TLS 1.2 and 1.3 by rustls: RFC 9325, RFC 5922 (whom a certificate stands for). Nothing older is compiled in.
//!
//! ```text
//!   certificate ─▶ DomainIdentities ─┬─▶ as server: who a client is (mutual TLS)
//!                   §7.1             └─▶ as client: whether that is the host of the SIP URI (§7.2, §7.3)
//! ```
//!
//! The configurations may be replaced while the net runs ([`TlsConfigs`]); each new connection takes those of its time.

mod client;
mod configs;
mod identities;
mod judge;
mod server;
#[cfg(test)]
pub(super) mod testing;

pub use client::VerifyServer;
pub(super) use client::connect;
pub use configs::{TlsConfigs, TlsError};
pub use identities::DomainIdentities;
pub use judge::{Judge, client_judging_by};
pub(super) use server::identities_of;
pub use server::{AskClients, server_config};
