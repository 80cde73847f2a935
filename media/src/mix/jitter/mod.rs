//! Jitter buffer: puts packets in order and decides, tick by tick, what is played.
//!
//! Time is that of the packets' timestamps. Playing starts as soon as a tick's worth is there and has waited for a
//! margin; that wait is the buffer's slack, and everything else follows from it:
//!
//! - the margin follows the jitter measured at arrival; when the wait is shorter, the reader stretches sound;
//! - a packet that comes too late for its tick is played a tick later: the delay grows by the wait;
//! - when for a while every packet waited a whole packet longer than the margin, the reader says things in less time;
//! - a packet that never comes was concealed while it was waited for, so loss costs no delay;
//! - more than fits the delay (after a stall) is dropped, the oldest first.
//!
//! ```text
//!            first packet          margin has passed
//!    Idle ─────────────▶ Filling ─────────────────▶ Playing
//!      ▲                                               │ nothing for 60 ms, or silence announced
//!      └───────────────────────────────────────────────┘
//! ```
//!
//! A timestamp that runs on while sequence numbers are consecutive is a pause (DTX, comfort noise), not loss
//! (RFC 3551 §4.1, RFC 3389 §4, RFC 7587 §3.1.3).

mod buffer;
mod delay;
mod slots;
mod stream;

pub use buffer::{Inserted, JitterBuffer, JitterStats, Step};
pub use delay::MOST as LONGEST_DELAY;
pub use slots::PAYLOAD;
