//! Media of Plenary: RTP, SRTP, ICE, DTLS, codecs and mixing as plain structs; with the `engine` feature the threads and
//! sockets that run them.

pub mod codec;
pub mod demux;
pub mod dtmf;
#[cfg(feature = "engine")]
pub mod engine;
pub mod ice;
pub mod id;
pub mod mix;
pub mod plan;
pub mod quality;
pub mod random;
pub mod rtp;
pub mod secure;
pub mod tone;

pub use id::{LegId, RoomId};
