//! A datagram, a WebSocket message or one framed message of a stream, read: RFC 3261 §7 and §18.3.
//!
//! Reading goes on past the first fault, so that the request to be refused has the headers its answer needs.

use bytes::Bytes;

use super::scan::{Line, is_token, line_at, physical_line_at, text};
use super::uri::OtherUri;
use super::validate::{Refusal, validate, validate_response};
use super::{Header, HeaderName, Headers, Limits, Message, Method, ParseError, Request, Response, StatusCode, Uri};

/// Reads one message and checks it ([`validate`], [`validate_response`]).
///
/// CRLFs before the start line are skipped, a lone LF ends a line, a missing Content-Length means "to the end", octets
/// behind the body are noise (§18.3).
pub fn parse_datagram(octets: &Bytes, limits: &Limits) -> Result<Message, ParseError> {
    parse(octets, limits, Behind::Noise)
}

/// As [`parse_datagram`], for a WebSocket message: it is one SIP message, and nothing is behind that (RFC 7118 §5).
pub fn parse_whole(octets: &Bytes, limits: &Limits) -> Result<Message, ParseError> {
    parse(octets, limits, Behind::Fault)
}

/// What octets behind the body are.
#[derive(Clone, Copy, PartialEq)]
enum Behind {
    Noise,
    Fault,
}

fn parse(octets: &Bytes, limits: &Limits, behind: Behind) -> Result<Message, ParseError> {
    let mut reader = Reader { octets, limits, at: 0, fault: None };
    if octets.len() > limits.message {
        reader.fail(StatusCode::MESSAGE_TOO_LARGE, "message too large");
    }
    let Some(start) = reader.start_line() else {
        return Err(ParseError { status: StatusCode::BAD_REQUEST, reason: "not SIP".into(), reply: None });
    };
    let headers = reader.headers();
    let body = reader.body(&headers, behind);
    match start {
        StartLine::Request { method, uri } => {
            let request = Request { method, uri, headers, body };
            match reader.fault.or_else(|| validate(&request, limits).err()) {
                None => Ok(Message::Request(request)),
                Some(Refusal { status, reason }) => {
                    let reply = (request.method != Method::Ack).then(|| Box::new(request));
                    Err(ParseError { status, reason, reply })
                }
            }
        }
        StartLine::Response { status, reason } => {
            let response = Response { status, reason, headers, body };
            match reader.fault.or_else(|| validate_response(&response, limits).err()) {
                None => Ok(Message::Response(response)),
                Some(Refusal { status, reason }) => Err(ParseError { status, reason, reply: None }),
            }
        }
    }
}

enum StartLine {
    Request { method: Method, uri: Uri },
    Response { status: StatusCode, reason: String },
}

struct Reader<'a> {
    octets: &'a Bytes,
    limits: &'a Limits,
    at: usize,
    /// The first fault found.
    fault: Option<Refusal>,
}

impl Reader<'_> {
    fn fail(&mut self, status: StatusCode, reason: impl Into<String>) {
        self.fault.get_or_insert_with(|| Refusal { status, reason: reason.into() });
    }

    fn start_line(&mut self) -> Option<StartLine> {
        while let Some(b'\r' | b'\n') = self.octets.get(self.at) {
            self.at += 1;
        }
        let line = physical_line_at(self.octets, self.at)?;
        self.at = line.next;
        let octets = self.octets.get(line.text)?;
        if octets.iter().any(|b| *b < b' ' && *b != b'\t' || *b == 0x7f) {
            self.fail(StatusCode::BAD_REQUEST, "control character in the start line");
        }
        let line = text(octets);
        if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/")) {
            status_line(&line)
        } else {
            self.request_line(&line)
        }
    }

    /// `Method SP Request-URI SP SIP-Version`, and not one SP more (§7.1).
    fn request_line(&mut self, line: &str) -> Option<StartLine> {
        let (method, rest) = line.split_once(' ')?;
        if method.is_empty() || !method.bytes().all(is_token) {
            return None;
        }
        let (uri, version) = rest.rsplit_once(' ').unwrap_or((rest, ""));
        if !version.eq_ignore_ascii_case("SIP/2.0") {
            match is_version(version) {
                true => self.fail(StatusCode::VERSION_NOT_SUPPORTED, "SIP version is not 2.0"),
                false => self.fail(StatusCode::BAD_REQUEST, "request line does not end in SIP/2.0"),
            }
        }
        if uri.len() > self.limits.uri {
            self.fail(StatusCode::REQUEST_URI_TOO_LONG, "Request-URI too long");
        }
        let uri = match uri.parse() {
            Ok(Uri::Sip(uri)) if uri.has_headers() => {
                self.fail(StatusCode::BAD_REQUEST, "Request-URI with headers");
                Uri::Sip(uri)
            }
            Ok(uri) => uri,
            Err(error) => {
                self.fail(StatusCode::BAD_REQUEST, format!("Request-URI: {error}"));
                Uri::Other(OtherUri::unreadable(uri))
            }
        };
        Some(StartLine::Request { method: method.into(), uri })
    }

    /// Header lines up to the empty one.
    fn headers(&mut self) -> Headers {
        let mut headers = Headers::with_capacity(24);
        loop {
            let Some(Line { text, next }) = line_at(self.octets, self.at) else {
                self.fail(StatusCode::BAD_REQUEST, "no empty line behind the headers");
                self.at = self.octets.len();
                return headers;
            };
            self.at = next;
            if text.is_empty() {
                return headers;
            }
            if headers.len() >= self.limits.headers {
                self.fail(StatusCode::BAD_REQUEST, "too many headers");
                return headers;
            }
            if text.len() > self.limits.line {
                self.fail(StatusCode::BAD_REQUEST, "header line too long");
                continue;
            }
            match Header::read(self.octets.slice(text)) {
                Ok(header) => headers.push(header),
                Err(error) => self.fail(StatusCode::BAD_REQUEST, error.0),
            }
        }
    }

    fn body(&mut self, headers: &Headers, behind: Behind) -> Bytes {
        let rest = self.octets.slice(self.at.min(self.octets.len())..);
        match content_length(headers) {
            Ok(None) => rest,
            Ok(Some(length)) if length <= rest.len() => {
                if behind == Behind::Fault && length < rest.len() {
                    self.fail(StatusCode::BAD_REQUEST, "more than one message at once");
                }
                rest.slice(..length)
            }
            Ok(Some(_)) => {
                self.fail(StatusCode::BAD_REQUEST, "Content-Length beyond the message");
                rest
            }
            Err(reason) => {
                self.fail(StatusCode::BAD_REQUEST, reason);
                rest
            }
        }
    }
}

/// The one Content-Length: two are a fault even when they agree, lest the next reader takes the other one.
fn content_length(headers: &Headers) -> Result<Option<usize>, &'static str> {
    let mut lines = headers.all(&HeaderName::ContentLength);
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => read_content_length(&line.raw_value()).map(Some),
        _ => Err("more than one Content-Length"),
    }
}

/// Reads a Content-Length. Digits only: no sign may slip through.
pub(super) fn read_content_length(value: &[u8]) -> Result<usize, &'static str> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err("Content-Length is not a number");
    }
    text(value).parse().map_err(|_| "Content-Length too large")
}

/// `SIP-Version SP Status-Code SP Reason-Phrase`; the second SP may be missing when no phrase follows. `None` drops it.
fn status_line(line: &str) -> Option<StartLine> {
    let (version, rest) = line.split_once(' ')?;
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    if !version.eq_ignore_ascii_case("SIP/2.0") || code.len() != 3 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let status = StatusCode::new(code.parse().ok()?)?;
    Some(StartLine::Response { status, reason: reason.to_owned() })
}

/// `SIP/1*DIGIT.1*DIGIT`.
fn is_version(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/"))
        && text
            .get(4..)
            .and_then(|rest| rest.split_once('.'))
            .is_some_and(|(major, minor)| digits(major) && digits(minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:b@c>;tag=1\r\nTo: <sip:d@e>\r\nCall-ID: f\r\n";

    fn read(text: &str) -> Result<Message, ParseError> {
        parse_datagram(&Bytes::copy_from_slice(text.as_bytes()), &Limits::default())
    }

    fn options(uri: &str, more: &str) -> String {
        format!("OPTIONS {uri} SIP/2.0\r\n{REST}CSeq: 1 OPTIONS\r\n{more}\r\n")
    }

    fn refusal(text: &str) -> (u16, bool) {
        let error = read(text).expect_err(text);
        (error.status.as_u16(), error.reply.is_some())
    }

    #[test]
    fn line_ends_before_and_lone_line_feeds_within_are_let_pass() {
        let text = options("sip:a", "X: 1\r\n 2\r\n");
        assert!(read(&format!("\r\n\r\n{text}")).is_ok());
        assert!(read(&text.replace("\r\n", "\n")).is_ok());
    }

    #[test]
    fn each_limit_has_its_answer() {
        let limits = Limits { message: 2000, headers: 8, line: 300, vias: 3, uri: 20 };
        let via = "Via: SIP/2.0/UDP a, SIP/2.0/UDP b\r\n";
        for (text, status) in [
            (options(&format!("sip:{}", "a".repeat(17)), ""), 414),
            (options("sip:a", &"X: 1\r\n".repeat(4)), 400),
            (options("sip:a", &format!("X: {}\r\n", "x".repeat(300))), 400),
            (options("sip:a", &via.repeat(2)), 400),
            (options("sip:a", &format!("\r\n{}", "x".repeat(2000))), 513),
        ] {
            let error = parse_datagram(&text.into(), &limits).expect_err("too much");
            assert_eq!((error.status.as_u16(), error.reply.is_some()), (status, true), "{}", error.reason);
        }
        let text = options(&format!("sip:{}", "a".repeat(16)), &format!("X: 1\r\n{via}"));
        assert!(parse_datagram(&text.into(), &limits).is_ok());
    }

    #[test]
    fn a_length_must_fit_the_datagram() {
        assert_eq!(refusal(&options("sip:a", "Content-Length: 1\r\n")), (400, true));
        assert_eq!(refusal(&options("sip:a", "l: 0\r\nContent-Length: 0\r\n")), (400, true));
        let Ok(Message::Request(request)) = read(&(options("sip:a", "l: 1\r\n") + "xyz")) else { panic!("legal") };
        assert_eq!(&*request.body, b"x");
        let Ok(Message::Request(request)) = read(&(options("sip:a", "") + "xyz")) else { panic!("legal") };
        assert_eq!(&*request.body, b"xyz");
    }

    #[test]
    fn smuggled_headers_are_refused_not_guessed() {
        for line in ["To\x01: <sip:x@y>", "To\x0b: <sip:x@y>", "X: a\rTo: b", "X: \0", "X\r\n : a", "X", " X: a"] {
            assert_eq!(refusal(&options("sip:a", &format!("{line}\r\n"))), (400, true), "{line:?}");
        }
        assert!(read(&options("sip:a", "X \t: a\r\n")).is_ok());
        assert!(read(&options("sip:a", "To : <sip:x@y>\r\n")).is_err(), "a second To");
    }

    #[test]
    fn nobody_answers_an_ack_a_response_or_noise() {
        let ack = format!("ACK sip:a SIP/2.0\r\n{REST}CSeq: 1 INVITE\r\n\r\n");
        assert_eq!(refusal(&ack), (400, false));
        assert_eq!(refusal(&format!("SIP/2.0 200 OK\r\n{REST}\r\n")), (400, false));
        for noise in
            ["", "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}", "OPTIONS", "SIP/2.0 4294967301 X\r\n\r\n"]
        {
            assert!(read(noise).is_err_and(|error| error.reply.is_none() || noise.starts_with("GET")), "{noise:?}");
        }
    }

    #[test]
    fn versions() {
        assert_eq!(refusal(&options("sip:a", "").replace(" SIP/2.0", " SIP/3.0")), (505, true));
        assert_eq!(refusal(&options("sip:a", "").replacen(" SIP/2.0", " SIP/x", 1)), (400, true));
        assert!(read(&options("sip:a", "").replacen(" SIP/2.0", " sip/2.0", 1)).is_ok());
    }

    #[test]
    fn truncated_headers_are_refused() {
        let text = options("sip:a", "");
        assert_eq!(refusal(text.strip_suffix("\r\n").expect("ends so")), (400, true));
    }
}
