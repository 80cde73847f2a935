//! Listening by numbers: signals, a line that they go through, and measures of what comes out.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod line;
pub mod measure;
pub mod signal;
