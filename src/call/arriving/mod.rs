//! Calls that come in: by whom, where to, and in; with what is asked by voice before.

pub(super) mod early;
pub(super) mod entrance;
pub(super) mod incoming;
pub(super) mod joining;
pub(super) mod keys;
pub(super) mod pin_patience;
pub(super) mod replacing;
pub(super) mod unconfirmed;
