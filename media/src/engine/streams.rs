//! Streams.

#[derive(Debug)]
pub(super) struct Streams {}
