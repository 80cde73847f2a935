//! Messages out of a stream: RFC 3261 §18.3 and §7.5, keep-alives of RFC 5626 §3.5.1.
//!
//! A stream has no second chance: whoever loses count of the octets reads one peer's body as another one's request. So
//! Content-Length is mandatory here, line ends are CRLF and nothing else, and after the first fault the stream is over.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;

use super::parse::{parse_datagram, read_content_length};
use super::scan::{has_bare_lf, line_at, split_name, unfold};
use super::{Limits, ParseError, StatusCode};

/// Cuts a stream into messages. Feed it with [`Self::push`], then take all that [`Iterator::next`] has.
#[derive(Debug)]
pub struct StreamFramer {
    limits: Limits,
    buffer: BytesMut,
    /// Octets in which no end of the headers begins.
    searched: usize,
    /// The length of the message whose headers are complete.
    expected: Option<usize>,
    broken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// One whole message, for [`parse_datagram`].
    Message(Bytes),
    /// CRLF CRLF: to be answered with CRLF.
    Ping,
}

/// The stream cannot be read on: answer, if there is somebody to answer, and close.
#[derive(Clone, Debug, thiserror::Error)]
#[error("stream broken: {0}")]
pub struct FrameError(pub ParseError);

impl StreamFramer {
    pub fn new(limits: Limits) -> Self {
        Self { limits, buffer: BytesMut::new(), searched: 0, expected: None, broken: false }
    }

    pub fn push(&mut self, octets: &[u8]) {
        if !self.broken {
            self.buffer.extend_from_slice(octets);
        }
    }

    /// Whether part of a message is waiting for the rest: the time a peer may take for it should be bounded.
    ///
    /// Line ends alone are no message: some phones keep connections alive with one CRLF.
    pub fn is_midway(&self) -> bool {
        self.buffer.iter().any(|octet| !matches!(octet, b'\r' | b'\n'))
    }

    /// Skips CRLFs before a message. Two of them are a ping; one may be the first half of a ping.
    fn skip_line_ends(&mut self) -> Option<Framed> {
        if self.buffer.starts_with(b"\r\n\r\n") {
            self.buffer.advance(4);
            return Some(Framed::Ping);
        }
        if self.buffer.starts_with(b"\r\n") && !matches!(self.buffer.get(2), None | Some(b'\r')) {
            self.buffer.advance(2);
        }
        None
    }

    /// Where the headers end, once they do.
    fn head(&mut self) -> Result<Option<usize>, FrameError> {
        let rest = self.buffer.get(self.searched..).unwrap_or(&[]);
        if let Some(at) = memmem::find(rest, b"\r\n\r\n") {
            return Ok(Some(self.searched + at + 4));
        }
        self.searched = self.buffer.len().saturating_sub(3);
        if self.buffer.len() > self.limits.message {
            return Err(self.fail(StatusCode::MESSAGE_TOO_LARGE, "headers too large"));
        }
        Ok(None)
    }

    fn length(&mut self, head: usize) -> Result<usize, FrameError> {
        let octets = self.buffer.get(..head).unwrap_or(&[]);
        if has_bare_lf(octets) {
            return Err(self.fail(StatusCode::BAD_REQUEST, "line end without CR"));
        }
        let body = match content_length(octets) {
            Ok(length) => length,
            Err(reason) => return Err(self.fail(StatusCode::BAD_REQUEST, reason)),
        };
        if body > self.limits.message {
            return Err(self.fail(StatusCode::REQUEST_ENTITY_TOO_LARGE, "body too large"));
        }
        if head + body > self.limits.message {
            return Err(self.fail(StatusCode::MESSAGE_TOO_LARGE, "message too large"));
        }
        Ok(head + body)
    }

    /// Ends the stream. What could be read of the headers serves for the answer.
    fn fail(&mut self, status: StatusCode, reason: &str) -> FrameError {
        self.broken = true;
        let octets = std::mem::take(&mut self.buffer).freeze();
        let limits = Limits { message: usize::MAX, ..self.limits.clone() };
        let reply = match parse_datagram(&octets, &limits) {
            Ok(super::Message::Request(request)) if request.method != super::Method::Ack => Some(Box::new(request)),
            Ok(_) => None,
            Err(error) => error.reply,
        };
        FrameError(ParseError { status, reason: reason.to_owned(), reply })
    }
}

impl Iterator for StreamFramer {
    type Item = Result<Framed, FrameError>;

    /// The next message or ping, if it is complete. `None` means "not yet": push more and ask again.
    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        if self.expected.is_none() {
            if let Some(ping) = self.skip_line_ends() {
                return Some(Ok(ping));
            }
            if matches!(&*self.buffer, b"\r" | b"\r\n" | b"\r\n\r") {
                return None;
            }
            let found = self.head().and_then(|head| head.map(|head| self.length(head)).transpose());
            match found {
                Ok(length) => self.expected = length,
                Err(error) => return Some(Err(error)),
            }
        }
        let length = self.expected.filter(|length| *length <= self.buffer.len())?;
        self.expected = None;
        self.searched = 0;
        Some(Ok(Framed::Message(self.buffer.split_to(length).freeze())))
    }
}

/// The one Content-Length of a complete head.
fn content_length(head: &[u8]) -> Result<usize, &'static str> {
    let mut found = None;
    let mut at = 0;
    while let Some(line) = line_at(head, at) {
        at = line.next;
        let line = head.get(line.text).unwrap_or(&[]);
        let Some((name, value)) = split_name(line) else { continue };
        if !name.eq_ignore_ascii_case(b"content-length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        let value = unfold(line.get(value..).unwrap_or(&[]));
        if found.replace(read_content_length(value.trim_ascii())?).is_some() {
            return Err("more than one Content-Length");
        }
    }
    found.ok_or("no Content-Length on a stream")
}

/// Whether a datagram is no message but a keep-alive: nothing, CRLFs, or the NULs that some send.
pub fn is_keep_alive(octets: &[u8]) -> bool {
    octets.iter().all(|b| matches!(b, b'\r' | b'\n' | b'\0'))
}
