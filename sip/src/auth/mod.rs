//! Digest authentication: RFC 7616 and RFC 8760, as RFC 3261 §22 uses it. Both sides, without I/O and clock.
//!
//! ```text
//!   UAC                             UAS
//!    |──REGISTER──────────────────▶|
//!    |◀─401, WWW-Authenticate──────|  Realm::challenge: SHA-256 first, then MD5, one nonce
//!    |──REGISTER, Authorization───▶|  Realm::credentials, Realm::verify
//!    |◀─200 or 401 (stale)─────────|
//! ```
//!
//! Nonces are made, not stored: time and serial number under a MAC ([`Nonces`]). What is stored is the highest count
//! seen with a nonce that proved right ([`NonceCounts`]).
//! Left out: `auth-int`, the `-sess` algorithms, `userhash`, SHA-512/256; no SIP phone needs one of them.

mod algorithm;
mod answer;
mod challenge;
mod client;
mod credentials;
mod error;
mod fields;
mod ha1;
mod nonce;
mod nonce_count;
mod realm;

pub use algorithm::Algorithm;
pub use answer::{Login, answer};
pub use challenge::Challenge;
pub use client::{DigestClient, Unanswered};
pub use credentials::Credentials;
pub use error::AuthError;
pub use ha1::Ha1;
pub use nonce::{NonceFault, NonceId, Nonces};
pub use nonce_count::NonceCounts;
pub use realm::{Realm, WithoutQop};
