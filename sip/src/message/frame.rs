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

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length : 4\r\nX: 1\r\n\r\nab\r\n";
    const TWO: &[u8] = b"SIP/2.0 200 OK\r\nL:\r\n 0\r\n\r\n";

    fn framer() -> StreamFramer {
        StreamFramer::new(Limits { message: 200, ..Limits::default() })
    }

    fn refusal(stream: &str) -> Option<(u16, String)> {
        let mut framer = framer();
        framer.push(stream.as_bytes());
        let error = framer.find_map(Result::err)?;
        assert!(framer.next().is_none() && !framer.is_midway(), "{stream:?}: closed for good");
        Some((error.0.status.as_u16(), error.0.reason))
    }

    #[test]
    fn octet_by_octet_and_all_at_once_give_the_same() {
        let stream = [b"\r\n", ONE, TWO, b"\r\n\r\n", ONE].concat();
        let message = |octets: &'static [u8]| Framed::Message(Bytes::from_static(octets));
        let expected = [message(ONE), message(TWO), Framed::Ping, message(ONE)];
        for step in 1..=stream.len() {
            let mut framer = framer();
            let mut framed = Vec::new();
            for octets in stream.chunks(step) {
                framer.push(octets);
                framed.extend(framer.by_ref().map(|frame| frame.expect("sound")));
            }
            assert_eq!(framed, expected, "{step} octets at a time");
            assert!(!framer.is_midway());
        }
    }

    #[test]
    fn a_body_that_holds_an_end_of_headers_is_no_message() {
        let mut framer = framer();
        framer.push(b"MESSAGE sip:a SIP/2.0\r\nl: 14\r\n\r\nA: b\r\n\r\nl: 0\r\n");
        assert_eq!(framer.by_ref().count(), 1);
        assert!(!framer.is_midway());
    }

    #[test]
    fn every_doubt_about_the_length_ends_the_stream() {
        for (lines, reason) in [
            ("", "no Content-Length on a stream"),
            ("l: 1\r\nContent-Length: 1\r\n", "more than one Content-Length"),
            ("CONTENT-LENGTH: 13\r\nContent-Length: 5\r\n", "more than one Content-Length"),
            ("l: -1\r\n", "Content-Length is not a number"),
            ("l: +1\r\n", "Content-Length is not a number"),
            ("l: 1, 1\r\n", "Content-Length is not a number"),
            ("l:\r\n", "Content-Length is not a number"),
            ("l: 99999999999999999999999\r\n", "Content-Length too large"),
            ("l: 0\nX: 1\r\n", "line end without CR"),
        ] {
            let stream = format!("OPTIONS sip:a SIP/2.0\r\n{lines}\r\n");
            assert_eq!(refusal(&stream), Some((400, reason.to_owned())), "{lines:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_there() {
        assert_eq!(refusal("A sip:a SIP/2.0\r\nl: 100000000\r\n\r\n"), Some((413, "body too large".into())));
        assert_eq!(refusal("A sip:a SIP/2.0\r\nl: 190\r\n\r\n"), Some((513, "message too large".into())));
        assert_eq!(refusal(&"x".repeat(201)), Some((513, "headers too large".into())));
        assert_eq!(refusal(&"x".repeat(200)), None);
    }

    #[test]
    fn one_line_end_may_become_a_ping() {
        let mut framer = framer();
        for (octets, expected) in [("\r", None), ("\n", None), ("\r", None), ("\n", Some(Framed::Ping)), ("\r\n", None)]
        {
            framer.push(octets.as_bytes());
            assert_eq!(framer.next().map(|frame| frame.expect("sound")), expected);
        }
    }

    #[test]
    fn keep_alives_in_datagrams() {
        assert!(is_keep_alive(b"") && is_keep_alive(b"\r\n\r\n") && is_keep_alive(&[0, 0, 0, 0]));
        assert!(!is_keep_alive(b"\r\n\r\nA"));
    }
}
