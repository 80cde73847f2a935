//! URIs of schemes we have no use for: kept, printed, compared as text.

use crate::message::SyntaxError;

/// `urn:`, `http:`, `isbn:`, …
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherUri {
    text: Box<str>,
}

impl OtherUri {
    pub(super) fn read(text: &str, scheme: &str, rest: &str) -> Result<Self, SyntaxError> {
        let mut letters = scheme.bytes();
        let legal = letters.next().is_some_and(|b| b.is_ascii_alphabetic())
            && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        match (legal, rest.is_empty()) {
            (false, _) => Err(SyntaxError("URI without scheme")),
            (_, true) => Err(SyntaxError("URI with nothing behind the scheme")),
            _ => Ok(Self { text: text.into() }),
        }
    }

    /// Holds what stood in place of a URI, for the request that is only read to be refused.
    pub(crate) fn unreadable(text: &str) -> Self {
        Self { text: text.into() }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What follows the scheme.
    pub fn rest(&self) -> &str {
        self.text.split_once(':').map_or("", |(_, rest)| rest)
    }
}
