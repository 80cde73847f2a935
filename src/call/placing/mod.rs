//! Calls that we place: the ways to a person, which of them ring, and whose answer counts.

pub(super) mod budget;
pub(super) mod dial;
pub(super) mod fork;
pub(super) mod outgoing;
pub(super) mod trunk_media;
pub(super) mod way;
