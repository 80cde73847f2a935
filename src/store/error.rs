//! What can fail about the store: the machine or its settings, what was asked, or the database itself.

use std::io;
use std::path::PathBuf;

/// A value that may not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Invalid {
    /// Where it stands in the JSON, such as `members[3].address`.
    pub field: String,
    pub reason: String,
}

impl Invalid {
    pub(super) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    // The settings or the machine: the server does not start.
    #[error("database.url: {scheme} is not built in yet, only SQLite is; write \"sqlite:plenary.db\"")]
    NotBuiltIn { scheme: String },
    #[error(
        "database.url: {url:?} is not understood; write \"sqlite:FILE\", relative to the data directory or absolute"
    )]
    BadUrl { url: String },
    #[error("data directory {path}: {cause}")]
    DataDir { path: PathBuf, cause: io::Error },
    #[error("{path}: {cause}")]
    File { path: PathBuf, cause: io::Error },
    #[error("{path} is in use by another Plenary server")]
    InUse { path: PathBuf },
    #[error("cannot open the database {path}: {cause}")]
    Open { path: PathBuf, cause: String },
    #[error("the database {path} was written by a newer Plenary (migration {version})")]
    Newer { path: PathBuf, version: String },
    #[error("the database {path} needs migration {version}, but a running server holds it; stop that server first")]
    Older { path: PathBuf, version: String },
    #[error("cannot migrate the database {path}: {cause}")]
    Migrate { path: PathBuf, cause: String },

    // The wish.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("{field} {value:?} is taken by {by}")]
    Taken { field: &'static str, value: String, by: String },
    #[error("there is no account {name}")]
    NoSuchAccount { name: String },
    #[error("there is no conference {number}")]
    NoSuchConference { number: String },
    #[error("there is no trunk {name}")]
    NoSuchTrunk { name: String },
    #[error("{name} is the last account that may administer this server")]
    LastAdmin { name: String },

    // Ourselves.
    #[error("database: {0}")]
    Database(#[from] diesel::result::Error),
    #[error("{what} in the database is not readable: {reason}")]
    Unreadable { what: String, reason: String },
    #[error("password hash: {0}")]
    Hash(String),
    #[error("too many passwords are being checked at once")]
    Busy,
    #[error("the store has stopped")]
    Stopped,
}
