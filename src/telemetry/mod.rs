//! What the server says about itself: log lines, metrics, ladders of calls, and export to capture tools.

pub mod capture;
pub mod distribution;
pub mod ladder;
pub mod log;
mod mask;
pub mod memory;
pub mod metrics;
pub mod readings;
