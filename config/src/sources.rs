//! Where settings are looked for.

use std::path::{Path, PathBuf};

/// The places to read, all of them explicit, so that a test can name its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// `--config FILE`: must exist.
    pub file: Option<PathBuf>,
    /// Without `file`: the first of these that exists.
    pub search: Vec<PathBuf>,
    /// Variables of the environment; those that are not `PLENARY_SECTION__KEY` are passed over.
    pub environment: Vec<(String, String)>,
    /// `--set`: `section.key=value`.
    pub overrides: Vec<String>,
}

impl Sources {
    /// Those of this process: its environment, and the usual places of the file.
    pub fn of_process(file: Option<PathBuf>, overrides: Vec<String>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("PLENARY_"))
            .collect();
        let search = ["plenary.toml", "/etc/plenary/plenary.toml"].map(PathBuf::from).into();
        Self { file, search, environment, overrides }
    }

    /// The file that will be read, if any.
    pub fn chosen_file(&self) -> Option<&Path> {
        let found = || self.search.iter().find(|path| path.is_file());
        self.file.as_ref().or_else(found).map(PathBuf::as_path)
    }
}
