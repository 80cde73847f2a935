//! `[voice]`: what callers by telephone hear in words.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Voice {
    /// Spoken to callers where their conference says nothing else.
    pub language: Language,
}

/// The languages that words are made in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    En,
    It,
    Ru,
    Zh,
}

impl Language {
    pub const ALL: [Self; 4] = [Self::En, Self::It, Self::Ru, Self::Zh];

    /// ISO 639-1; the name of the language's folders and files.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::It => "it",
            Self::Ru => "ru",
            Self::Zh => "zh",
        }
    }
}
