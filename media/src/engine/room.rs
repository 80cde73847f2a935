//! Room.

#[derive(Debug)]
pub(super) struct Room {}
