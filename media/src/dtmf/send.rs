//! Sending key presses: a packet every 20 ms with growing duration, the end three times (RFC 4733 §2.5.1).

use std::time::Duration;

use super::event::EVENT_LEN;

/// What to send in place of audio at this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPacket {
    /// Set on the first packet of a press.
    pub marker: bool,
    /// Start of the press (of its segment), in event clock units since tick 0.
    pub position: u64,
    pub payload: [u8; EVENT_LEN],
}

#[derive(Debug)]
pub struct KeySender {}

impl KeySender {
    /// `clock_rate`: of the telephone-event format that we send with.
    pub fn new(clock_rate: u32) -> Self {
        let _ = clock_rate;
        Self {}
    }

    /// Queues a key press. False when the key is none, or 32 wait already.
    pub fn press(&mut self, key: char, duration: Duration) -> bool {
        let _ = (key, duration);
        unimplemented!()
    }

    /// The packet of tick number `tick`; while there is one, audio pauses.
    pub fn next_packet(&mut self, tick: u64) -> Option<KeyPacket> {
        let _ = tick;
        unimplemented!()
    }
}
