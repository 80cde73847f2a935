//! How values that SQL has no type for stand in a column: lists and objects as JSON, times as seconds since 1970.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;

use super::error::StoreError;

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| unreadable("a value".into(), error))
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str, what: impl Fn() -> String) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| unreadable(what(), error))
}

/// A unit variant as its bare name.
pub(super) fn to_word<T: Serialize>(value: &T) -> Result<String, StoreError> {
    Ok(to_json(value)?.trim_matches('"').to_owned())
}

pub(super) fn from_word<T: DeserializeOwned>(word: &str, what: impl Fn() -> String) -> Result<T, StoreError> {
    let word = serde_json::Value::String(word.to_owned());
    serde_json::from_value(word).map_err(|error| unreadable(what(), error))
}

pub(super) fn from_unix(seconds: i64, what: impl Fn() -> String) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|error| unreadable(what(), error))
}

/// The present, to the second that a column keeps.
pub(super) fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}

/// For a field of a change where `null` (remove it) differs from absent (leave it): RFC 7396.
pub(super) fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

fn unreadable(what: String, error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { what, reason: error.to_string() }
}
