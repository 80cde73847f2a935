//! Settings of Plenary: every key typed, with its default, and a check that names all faults at once.
//!
//! Layers, each over the one before: built-in defaults, a TOML file, the environment
//! (`PLENARY_SECTION__KEY`), and `--set section.key=value`. `reference.toml` lists every key with default,
//! unit and range; a test keeps it equal to the code.
//!
//! ```
//! use plenary_config::{Settings, Sources};
//!
//! let sources = Sources { overrides: vec!["server.domain=example.org".into()], ..Sources::default() };
//! let settings = Settings::load(&sources).expect("one good key over the defaults");
//! assert_eq!(settings.server.domain, "example.org");
//! assert_eq!(settings.media.speakers, 8);
//! ```

mod error;
mod layer;
mod load;
mod section;
mod settings;
mod sources;
mod value;

pub use error::{Origin, SettingsError};
pub use section::{
    Admin, AudioCodec, Capture, CertificatePair, Conference, Database, Dialplan, DigestAlgorithm, Http, Ice, Language,
    Log, LogFormat, Media, Security, Server, Sip, SrtpPolicy, TlsClients, Voice,
};
pub use settings::Settings;
pub use sources::Sources;
pub use value::{ByteSize, DatabaseUrl, Secret};

/// The annotated reference configuration: every key with its default.
pub const REFERENCE: &str = include_str!("../reference.toml");
