//! Keys pressed on a telephone, as named events in RTP (RFC 4733).

pub mod event;
pub mod receive;
pub mod send;

pub use event::Event;
pub use receive::{KeyPress, KeyReceiver};
pub use send::{KeyPacket, KeySender};
