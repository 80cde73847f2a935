//! The telephone-event payload (RFC 4733 §2.3) and the sixteen keys (§3.2).

/// Octets of a payload with one event.
pub const EVENT_LEN: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// 0–9, 10 `*`, 11 `#`, 12–15 `A`–`D`.
    pub code: u8,
    pub end: bool,
    /// −dBm0, 0 to 63.
    pub volume: u8,
    /// In units of the event's clock.
    pub duration: u16,
}

impl Event {
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let _ = payload;
        unimplemented!()
    }

    pub fn write(&self) -> [u8; EVENT_LEN] {
        unimplemented!()
    }
}

/// The key of an event code; `None` for tones and signals that are no key.
pub fn key_of(code: u8) -> Option<char> {
    let _ = code;
    unimplemented!()
}

pub fn code_of(key: char) -> Option<u8> {
    let _ = key;
    unimplemented!()
}
