//! Calls while they talk: alone with a conference or in pairs, their keys, their quality, and how they change hands.

pub(super) mod between;
pub(super) mod connected;
pub(super) mod info;
pub(super) mod other;
pub(super) mod party;
pub(super) mod quality;
pub(super) mod quality_metrics;
pub(super) mod report;
pub(super) mod transfer;
