//! Bodies of one or of many parts: RFC 5621, RFC 2046 §5.1, Content-Type and Content-Disposition of RFC 3261 §20.
//!
//! Left out: transfer encodings. SIP is 8-bit clean and asks for `binary` (RFC 3261 §7.4.1).

use bytes::Bytes;
use memchr::memmem;

use super::scan::{is_token, line_at, trim};
use super::{Header, HeaderName, Headers, Params, SyntaxError};

/// How deep parts may lie in parts.
const MAX_DEPTH: usize = 4;
/// How many parts a body may have, at all depths together.
const MAX_PARTS: usize = 64;

/// `type/subtype;params`, type and subtype in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// `application/sdp`.
    pub essence: String,
    pub params: Params,
}

impl MediaType {
    pub fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence)
    }

    pub fn is_multipart(&self) -> bool {
        self.essence.starts_with("multipart/")
    }
}

impl std::str::FromStr for MediaType {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let at = text.find(';').unwrap_or(text.len());
        let (essence, params) = text.split_at_checked(at).unwrap_or((text, ""));
        let (kind, subtype) = essence.split_once('/').ok_or(SyntaxError("not type/subtype"))?;
        let (kind, subtype) = (trim(kind), trim(subtype));
        let legal = |text: &str| !text.is_empty() && text.bytes().all(is_token);
        if !legal(kind) || !legal(subtype) {
            return Err(SyntaxError("not type/subtype"));
        }
        Ok(Self { essence: format!("{kind}/{subtype}").to_ascii_lowercase(), params: Params::read(params)? })
    }
}

/// One part of a body, or a body that is all one part.
#[derive(Clone, Debug)]
pub struct Part {
    /// `text/plain` when a part does not say (RFC 2046 §5.1).
    pub media_type: MediaType,
    /// Content-Disposition and Content-ID among others.
    pub headers: Headers,
    pub content: Bytes,
}

impl Part {
    /// `session`, `render`, `recipient-list`, …; in lower case. What is not said follows from the type
    /// (RFC 3261 §20.11): `session` for SDP, else `render`.
    pub fn disposition(&self) -> String {
        match self.headers.parameterized(&HeaderName::ContentDisposition) {
            Ok(Some(disposition)) => disposition.value.to_ascii_lowercase(),
            _ if self.media_type.is("application/sdp") => "session".to_owned(),
            _ => "render".to_owned(),
        }
    }

    /// Whether who does not understand this part must refuse the message: always, unless `handling=optional`
    /// (RFC 5621 §7.2).
    pub fn is_required(&self) -> bool {
        match self.headers.parameterized(&HeaderName::ContentDisposition) {
            Ok(Some(disposition)) => {
                !disposition.params.value("handling").is_some_and(|handling| handling.eq_ignore_ascii_case("optional"))
            }
            _ => true,
        }
    }
}

/// All parts of a body, in order, parts of parts in place of the part they lie in.
#[derive(Clone, Debug, Default)]
pub struct Multipart {
    pub parts: Vec<Part>,
}

impl Multipart {
    /// Reads a body by the headers of its message. An empty body without Content-Type has no part.
    pub fn of(headers: &Headers, body: &Bytes) -> Result<Self, SyntaxError> {
        let mut multipart = Self::default();
        match headers.get(&HeaderName::ContentType) {
            None if body.is_empty() => {}
            None => return Err(SyntaxError("body without Content-Type")),
            Some(media_type) => {
                let headers = headers.iter().filter(|header| describes_content(header)).cloned().collect();
                multipart.add(Part { media_type: media_type.parse()?, headers, content: body.clone() }, 0)?;
            }
        }
        Ok(multipart)
    }

    /// The first part of that type.
    pub fn find(&self, essence: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.media_type.is(essence))
    }

    /// The first part that may not be ignored and is of none of these types: a reason for 415.
    pub fn first_unsupported(&self, supported: &[&str]) -> Option<&Part> {
        let known = |part: &Part| supported.iter().any(|essence| part.media_type.is(essence));
        self.parts.iter().find(|part| part.is_required() && !known(part))
    }

    fn add(&mut self, part: Part, depth: usize) -> Result<(), SyntaxError> {
        if !part.media_type.is_multipart() {
            if self.parts.len() == MAX_PARTS {
                return Err(SyntaxError("too many body parts"));
            }
            self.parts.push(part);
            return Ok(());
        }
        if depth == MAX_DEPTH {
            return Err(SyntaxError("body parts nested too deep"));
        }
        let boundary = part.media_type.params.value("boundary").filter(|text| (1..=70).contains(&text.len()));
        let boundary = boundary.ok_or(SyntaxError("multipart body without boundary"))?;
        for octets in split(&part.content, boundary)? {
            self.add(read_part(octets)?, depth + 1)?;
        }
        Ok(())
    }
}

/// Finds the part of that type in a body of the given Content-Type: the body itself or a part of it, at any depth.
pub fn find_part(content_type: &str, body: &Bytes, essence: &str) -> Option<Bytes> {
    let headers = Headers::from_iter([Header::new(HeaderName::ContentType, content_type)]);
    let multipart = Multipart::of(&headers, body).ok()?;
    multipart.find(essence).map(|part| part.content.clone())
}

fn describes_content(header: &Header) -> bool {
    header.name().as_str().get(..8).is_some_and(|start| start.eq_ignore_ascii_case("Content-"))
}

/// Cuts a body at its boundary lines. What stands before the first and behind the last is no part.
fn split(body: &Bytes, boundary: &str) -> Result<Vec<Bytes>, SyntaxError> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut start = None;
    for at in memmem::find_iter(body, delimiter.as_bytes()) {
        let Some(line_end) = boundary_line_end(body, at, delimiter.len()) else { continue };
        if let Some(start) = start {
            if parts.len() == MAX_PARTS {
                return Err(SyntaxError("too many body parts"));
            }
            parts.push(body.slice(start..content_end(body, start, at)));
        }
        match line_end {
            BoundaryLine::Opens { content } => start = Some(content),
            BoundaryLine::Closes => return Ok(parts),
        }
    }
    Err(SyntaxError("multipart body that does not end"))
}

enum BoundaryLine {
    Opens { content: usize },
    Closes,
}

/// Whether the delimiter at `at` is a line of its own, and which.
fn boundary_line_end(body: &[u8], at: usize, len: usize) -> Option<BoundaryLine> {
    if at > 0 && body.get(at - 1) != Some(&b'\n') {
        return None;
    }
    let rest = body.get(at + len..)?;
    if rest.starts_with(b"--") {
        return Some(BoundaryLine::Closes);
    }
    let padding = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let content = match rest.get(padding..)? {
        [b'\r', b'\n', ..] => padding + 2,
        [b'\n', ..] => padding + 1,
        _ => return None,
    };
    Some(BoundaryLine::Opens { content: at + len + content })
}

/// The line end before a boundary belongs to the boundary.
fn content_end(body: &[u8], start: usize, boundary: usize) -> usize {
    let content = body.get(start..boundary).unwrap_or(&[]);
    let content = content.strip_suffix(b"\n").map_or(content, |rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    start + content.len()
}

fn read_part(octets: Bytes) -> Result<Part, SyntaxError> {
    let mut headers = Headers::new();
    let mut at = 0;
    while let Some(line) = line_at(&octets, at) {
        at = line.next;
        if line.text.is_empty() {
            break;
        }
        headers.push(Header::read(octets.slice(line.text))?);
    }
    let media_type = match headers.get(&HeaderName::ContentType) {
        Some(text) => text.parse()?,
        None => MediaType { essence: "text/plain".to_owned(), params: Params::new() },
    };
    Ok(Part { media_type, headers, content: octets.slice(at..) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str) -> Headers {
        Headers::from_iter([Header::new(HeaderName::ContentType, content_type)])
    }

    fn read(content_type: &str, body: &str) -> Result<Multipart, SyntaxError> {
        Multipart::of(&headers(content_type), &Bytes::copy_from_slice(body.as_bytes()))
    }

    const SDP_AND_ISUP: &str = "preamble\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b \r\n\
        Content-Type: application/ISUP\r\nContent-Disposition: signal;handling=optional\r\n\r\n\0--b\r\n--b--\r\nend";

    #[test]
    fn sdp_is_found_beside_what_may_be_ignored() {
        let body = Bytes::from(SDP_AND_ISUP);
        let sdp = find_part("multipart/mixed; boundary=\"b\"", &body, "application/sdp");
        assert_eq!(sdp.as_deref(), Some(&b"v=0\r\n"[..]));
        let multipart = read("Multipart/Mixed;boundary=b", SDP_AND_ISUP).expect("sound");
        assert_eq!(multipart.parts[0].disposition(), "session");
        assert_eq!(&*multipart.parts[1].content, b"\0--b");
        assert!(multipart.first_unsupported(&["application/sdp"]).is_none());
        let required = SDP_AND_ISUP.replace("optional", "required");
        let multipart = read("multipart/mixed;boundary=b", &required).expect("sound");
        let unsupported = multipart.first_unsupported(&["application/sdp"]).expect("ISUP");
        assert_eq!(unsupported.media_type.essence, "application/isup");
    }

    #[test]
    fn a_body_of_one_part() {
        let body = Bytes::from_static(b"v=0\r\n");
        assert_eq!(find_part("Application/SDP;charset=utf-8", &body, "application/sdp"), Some(body.clone()));
        assert_eq!(find_part("text/plain", &body, "application/sdp"), None);
        assert!(Multipart::of(&Headers::new(), &Bytes::new()).is_ok_and(|none| none.parts.is_empty()));
        assert!(Multipart::of(&Headers::new(), &body).is_err());
    }

    #[test]
    fn parts_without_headers_are_text_and_may_be_empty() {
        let multipart = read("multipart/mixed;boundary=b", "--b\r\n\r\n--b\r\n\r\nx\r\n--b--").expect("sound");
        let parts: Vec<_> =
            multipart.parts.iter().map(|part| (part.media_type.essence.as_str(), &*part.content)).collect();
        assert_eq!(parts, [("text/plain", &b""[..]), ("text/plain", &b"x"[..])]);
    }

    #[test]
    fn nesting_and_number_have_bounds() {
        let nest = |depth: usize| {
            let mut body = "Content-Type: text/plain\r\n\r\nx".to_owned();
            for level in 0..depth {
                body = format!(
                    "Content-Type: multipart/mixed;boundary=b{level}\r\n\r\n--b{level}\r\n{body}\r\n--b{level}--\r\n"
                );
            }
            let (header, body) = body.split_once("\r\n\r\n").expect("both");
            read(header.strip_prefix("Content-Type: ").expect("type"), body)
        };
        assert_eq!(nest(MAX_DEPTH).expect("sound").parts.len(), 1);
        assert!(nest(MAX_DEPTH + 1).is_err());
        assert!(read("multipart/mixed;boundary=b", &("--b\r\n\r\nx\r\n".repeat(MAX_PARTS + 1) + "--b--")).is_err());
    }

    #[test]
    fn refused() {
        for (content_type, body) in [
            ("multipart/mixed", "--b--"),
            ("multipart/mixed;boundary=\"\"", "----"),
            ("multipart/mixed;boundary=b", "--b\r\n\r\nx"),
            ("multipart/mixed;boundary=b", ""),
            ("multipart", ""),
            ("text/", ""),
        ] {
            assert!(read(content_type, body).is_err(), "{content_type} {body:?}");
        }
    }
}
