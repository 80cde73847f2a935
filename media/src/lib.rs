//! Media of Plenary: RTP, SRTP, codecs and mixing as plain structs; with the `engine` feature the threads and
//! sockets that run them.

#[cfg(feature = "engine")]
pub mod engine;
pub mod id;
pub mod plan;
pub mod random;

pub use id::{LegId, RoomId};
