//! The engine: shards of rooms and legs, driven by commands, telling by events.

mod command;
mod event;

pub use command::{Clip, Deaf, MediaCommand, Mute};
pub use event::{LegStats, MediaEvent, SpeakerLevel};
