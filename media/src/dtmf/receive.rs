//! Key presses out of event packets: each told once, by its timestamp, whatever packets are lost or repeated.

use std::time::{Duration, Instant};

use crate::rtp::RtpHeader;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPress {
    /// 0–9, `*`, `#`, A–D.
    pub key: char,
    pub duration: Duration,
}

#[derive(Debug, Default)]
pub struct KeyReceiver {}

impl KeyReceiver {
    /// Takes an event packet. Returns the key press that it ends: its own, or an earlier one whose end was lost.
    pub fn handle_packet(
        &mut self,
        header: &RtpHeader,
        payload: &[u8],
        clock_rate: u32,
        now: Instant,
    ) -> Option<KeyPress> {
        let _ = (header, payload, clock_rate, now);
        unimplemented!()
    }

    /// Ends a press of which nothing more is heard.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<KeyPress> {
        let _ = now;
        unimplemented!()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
