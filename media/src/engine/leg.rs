//! Leg.

#[derive(Debug)]
pub(super) struct Leg {}
