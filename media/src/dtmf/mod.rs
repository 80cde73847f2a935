//! Keys pressed on a telephone: as named events in RTP (RFC 4733), and as tones in the voice.

pub mod event;
pub mod once;
pub mod receive;
pub mod send;
pub mod tone;

pub use event::Event;
pub use once::{KeyWay, OnceOnly};
pub use receive::{KeyPress, KeyReceiver};
pub use send::{KeyPacket, KeySender};
pub use tone::ToneReceiver;
