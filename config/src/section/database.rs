//! `[database]`

use serde::{Deserialize, Serialize};

use crate::value::DatabaseUrl;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Database {
    /// `sqlite:FILE`, relative to the data directory. Migrations run at start.
    pub url: DatabaseUrl,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: DatabaseUrl::new("sqlite:plenary.db") }
    }
}
