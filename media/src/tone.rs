//! Beeps and tones: what callers hear where no words are recorded. Mono, 48 kHz.

/// Somebody came in.
pub fn entry_beep() -> Vec<i16> {
    Vec::new()
}

/// Somebody left.
pub fn exit_beep() -> Vec<i16> {
    Vec::new()
}

/// The PIN is wanted: two rising notes.
pub fn pin_wanted() -> Vec<i16> {
    Vec::new()
}

/// The PIN was wrong: low and twice.
pub fn pin_wrong() -> Vec<i16> {
    Vec::new()
}

/// A key was understood.
pub fn confirmed() -> Vec<i16> {
    Vec::new()
}

/// One cadence of ringing (ITU-T E.180, Europe): 425 Hz, 1 s of 5 s.
pub fn ringback() -> Vec<i16> {
    Vec::new()
}

/// Busy: 425 Hz, half a second on and off, four times.
pub fn busy() -> Vec<i16> {
    Vec::new()
}
