//! Media of Plenary: RTP, SRTP, codecs and mixing as plain structs; with the `engine` feature the threads and
//! sockets that run them.

pub mod engine;
pub mod id;
pub mod plan;

pub use id::{LegId, RoomId};
