//! Feed.

#[derive(Debug)]
pub(super) struct Feed {}
