//! Lists in pages: `limit` items after the key `after`, in the order of the key.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageOf {
    /// How many at most, 1 to 500.
    #[serde(default)]
    #[param(minimum = 1, maximum = 500, default = 100)]
    pub limit: Option<u16>,
    /// The `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give this as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl PageOf {
    pub const MAX_LIMIT: u16 = 500;
    const DEFAULT_LIMIT: u16 = 100;

    pub fn first(limit: u16) -> Self {
        Self { limit: Some(limit), after: None }
    }

    pub(super) fn limit(&self) -> usize {
        usize::from(self.limit.unwrap_or(Self::DEFAULT_LIMIT).clamp(1, Self::MAX_LIMIT))
    }

    /// One more than wanted, to learn whether there is a next page.
    pub(super) fn rows(&self) -> i64 {
        i64::try_from(self.limit() + 1).unwrap_or(i64::MAX)
    }

    pub(super) fn after(&self) -> &str {
        self.after.as_deref().unwrap_or("")
    }
}

impl<T> Page<T> {
    /// Makes a page of up to [`PageOf::rows`] items.
    pub(super) fn of(mut items: Vec<T>, wanted: &PageOf, key: impl Fn(&T) -> &str) -> Self {
        let more = items.len() > wanted.limit();
        items.truncate(wanted.limit());
        let next = if more { items.last().map(|last| key(last).to_owned()) } else { None };
        Self { items, next }
    }
}
