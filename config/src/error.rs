//! What is wrong with a setting, and where it was written.

use std::fmt;
use std::path::PathBuf;

/// One fault. Printed: `sip.udp = "nonsense" (plenary.toml, line 4): …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Sentence(self))]
pub struct SettingsError {
    /// `section.key`; empty when the fault is of the source as a whole.
    pub key: String,
    /// As written; secrets are masked, and an absent value stands empty.
    pub value: String,
    pub reason: String,
    pub origin: Origin,
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File {
        path: PathBuf,
        line: Option<usize>,
    },
    Environment {
        variable: String,
    },
    /// `--set section.key=value`
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: Some(line) } => write!(f, "{}, line {line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Environment { variable } => write!(f, "environment {variable}"),
            Self::CommandLine => f.write_str("--set"),
        }
    }
}

struct Sentence<'a>(&'a SettingsError);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SettingsError { key, value, reason, origin } = self.0;
        match (key.as_str(), value.as_str()) {
            ("", "") => write!(f, "{origin}: {reason}"),
            ("", value) => write!(f, "{value} ({origin}): {reason}"),
            (key, "") => write!(f, "{key} ({origin}): {reason}"),
            (key, value) => write!(f, "{key} = {value} ({origin}): {reason}"),
        }
    }
}
