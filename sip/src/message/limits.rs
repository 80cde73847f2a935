//! How much of a message we are willing to read.

/// Bounds of one message. Beyond them the sender is answered, not served: 413, 414, 513 or 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Start line, headers and body together, in octets: 513. A Content-Length above it: 413.
    pub message: usize,
    /// Header lines: 400.
    pub headers: usize,
    /// One header line with its continuations, in octets: 400.
    pub line: usize,
    /// Via values; RFC 3261 starts Max-Forwards at 70: 400.
    pub vias: usize,
    /// Request-URI, in octets: 414. URIs in headers have the fixed bound [`crate::message::Uri::MAX_LEN`].
    pub uri: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message: 64 * 1024, headers: 256, line: 8 * 1024, vias: 70, uri: 2 * 1024 }
    }
}
