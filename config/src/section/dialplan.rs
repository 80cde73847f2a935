//! `[dialplan]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dialplan {
    /// Rules in the format of the built-in `dialplan/plans/default.toml`. Absent: that one.
    pub file: Option<PathBuf>,
}
