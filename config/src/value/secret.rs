//! Values that must never be printed.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

const MASK: &str = "********";

/// A secret: `Debug` and `Serialize` show a mask, only [`Secret::reveal`] shows the text.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// The URL of a database; printed with its password masked.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// With the password, if it has one.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn masked(&self) -> String {
        let parts = self.0.split_once("://").and_then(|(scheme, rest)| {
            let (user_info, host) = rest.rsplit_once('@')?;
            let (user, _) = user_info.split_once(':')?;
            Some(format!("{scheme}://{user}:{MASK}@{host}"))
        });
        parts.unwrap_or_else(|| self.0.clone())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}
