//! The telephone-event payload (RFC 4733 §2.3) and the sixteen keys (§3.2).
//!
//! ```text
//!  |     event     |E|R| volume    |          duration             |
//! ```

/// Octets of a payload with one event.
pub const EVENT_LEN: usize = 4;

/// By event code.
const KEYS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// 0–9, 10 `*`, 11 `#`, 12–15 `A`–`D`; others are tones and signals.
    pub code: u8,
    pub end: bool,
    /// −dBm0, 0 to 63.
    pub volume: u8,
    /// In units of the event's clock.
    pub duration: u16,
}

impl Event {
    /// Reads the first event; senders that pack several (§2.5.1.4) repeat each in packets of its own.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let &[code, flags, high, low] = payload.first_chunk::<EVENT_LEN>()?;
        let duration = u16::from_be_bytes([high, low]);
        Some(Self { code, end: flags & 0x80 != 0, volume: flags & 0x3f, duration })
    }

    pub fn write(&self) -> [u8; EVENT_LEN] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, u8::from(self.end) << 7 | self.volume & 0x3f, high, low]
    }
}

/// The key of an event code; `None` for tones and signals that are no key.
pub fn key_of(code: u8) -> Option<char> {
    KEYS.get(usize::from(code)).copied()
}

/// The event code of a key.
pub fn code_of(key: char) -> Option<u8> {
    let place = KEYS.iter().position(|known| known.eq_ignore_ascii_case(&key))?;
    u8::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_codes_are_one_to_one() {
        for code in 0..16 {
            assert_eq!(key_of(code).and_then(code_of), Some(code));
        }
        assert_eq!((key_of(16), code_of('x'), code_of('d')), (None, None, Some(15)));
    }

    #[test]
    fn a_payload_is_read_as_written() {
        let event = Event { code: 11, end: true, volume: 10, duration: 1_600 };
        assert_eq!(event.write(), [11, 0x8a, 0x06, 0x40]);
        assert_eq!(Event::parse(&event.write()), Some(event));
        assert_eq!(Event::parse(&[1, 2, 3]), None);
    }
}
