//! The sections of the configuration, one file each.

mod admin;
mod capture;
mod conference;
mod database;
mod dialplan;
mod http;
mod log;
mod media;
mod security;
mod server;
mod sip;
mod voice;

pub use admin::Admin;
pub use capture::Capture;
pub use conference::Conference;
pub use database::Database;
pub use dialplan::Dialplan;
pub use http::Http;
pub use log::{Log, LogFormat};
pub use media::{AudioCodec, Ice, Media};
pub use security::{DigestAlgorithm, Security, SrtpPolicy};
pub use server::Server;
pub use sip::{CertificatePair, Sip, TlsClients};
pub use voice::{Language, Voice};
