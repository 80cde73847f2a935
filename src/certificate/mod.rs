//! The server's certificates, for SIP over TLS and for HTTPS, and whom it believes: loaded, watched, renewed.

mod files;
mod identity;
mod renewal;
mod watched;

pub use files::{CertificateFiles, Material, WhoMay};
pub use identity::{CertificateError, Identity, names};
pub use renewal::{Renewal, RenewalHandle};
