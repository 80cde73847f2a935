//! Media of Plenary: RTP, SRTP, codecs and mixing as plain structs; with the `engine` feature the threads and
//! sockets that run them.

pub mod codec;
pub mod dtmf;
pub mod engine;
pub mod id;
pub mod mix;
pub mod plan;
pub mod random;
pub mod rtp;
pub mod secure;
pub mod tone;

pub use id::{LegId, RoomId};
