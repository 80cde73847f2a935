//! One header line.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};

use super::HeaderName;
use crate::message::SyntaxError;
use crate::message::scan::{has_stray_control, is_token, split_name, text, unfold};

/// One header line: its name and its value. A line that was read prints back octet for octet.
#[derive(Clone, Debug)]
pub struct Header {
    name: HeaderName,
    line: Line,
}

#[derive(Clone, Debug)]
enum Line {
    /// As read, with the folds in it and without the line end. The value begins at `value`.
    Read { line: Bytes, value: usize },
    /// The value of a line of ours.
    Ours(Box<str>),
}

impl Header {
    /// A line of ours. What no line can carry becomes SP, so that no value can begin another header.
    pub fn new(name: HeaderName, value: impl Into<String>) -> Self {
        let value = value.into();
        let harmless = !value.bytes().any(|b| b.is_ascii_control());
        Self { name, line: Line::Ours(if harmless { value.into() } else { without_controls(&value).into() }) }
    }

    /// Reads a logical line, without its line end.
    pub(crate) fn read(line: Bytes) -> Result<Self, SyntaxError> {
        let (name, value) = split_name(&line).ok_or(SyntaxError("header line without colon"))?;
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
            return Err(SyntaxError("header name is not a token"));
        }
        if has_stray_control(&line) {
            return Err(SyntaxError("control character in a header"));
        }
        let name = HeaderName::from(&*text(name));
        Ok(Self { name, line: Line::Read { line, value } })
    }

    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The value without surrounding white space, folds turned into SP. Octets that are no UTF-8 read as Latin-1.
    pub fn value(&self) -> Cow<'_, str> {
        match self.raw_value() {
            Cow::Borrowed(octets) => text(octets),
            Cow::Owned(octets) => Cow::Owned(text(&octets).into_owned()),
        }
    }

    /// The octets of [`Self::value`].
    pub fn raw_value(&self) -> Cow<'_, [u8]> {
        match &self.line {
            Line::Ours(value) => Cow::Borrowed(value.trim().as_bytes()),
            Line::Read { line, value } => match unfold(line.get(*value..).unwrap_or(&[])) {
                Cow::Borrowed(octets) => Cow::Borrowed(octets.trim_ascii()),
                Cow::Owned(octets) => Cow::Owned(octets.trim_ascii().to_vec()),
            },
        }
    }

    pub(crate) fn print(&self, into: &mut BytesMut) {
        match &self.line {
            Line::Ours(value) => {
                into.put_slice(self.name.as_str().as_bytes());
                into.put_slice(b": ");
                into.put_slice(value.as_bytes());
            }
            Line::Read { line, .. } => print_line(line, into),
        }
        into.put_slice(b"\r\n");
    }
}

/// Replaces controls by SP, but for HTAB and the second half of a quoted-pair.
fn without_controls(value: &str) -> String {
    let mut before = ' ';
    let clean = |c: char| {
        let pair = std::mem::replace(&mut before, c) == '\\' && !matches!(c, '\r' | '\n');
        if c.is_ascii_control() && c != '\t' && !pair { ' ' } else { c }
    };
    value.chars().map(clean).collect()
}

/// Prints a line as it was read, but for folds that had a lone LF: those get their CR.
fn print_line(line: &[u8], into: &mut BytesMut) {
    for part in line.split_inclusive(|b| *b == b'\n') {
        match part.strip_suffix(b"\n") {
            Some(text) => {
                into.put_slice(text.strip_suffix(b"\r").unwrap_or(text));
                into.put_slice(b"\r\n");
            }
            None => into.put_slice(part),
        }
    }
}

/// Same name, same value.
impl PartialEq for Header {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.raw_value() == other.raw_value()
    }
}

impl Eq for Header {}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(header: &Header) -> Vec<u8> {
        let mut octets = BytesMut::new();
        header.print(&mut octets);
        octets.to_vec()
    }

    #[test]
    fn a_line_that_was_read_prints_back_octet_for_octet() {
        for line in ["s :", "TO :\r\n sip:a@b ;   tag    = 1", "f\t:\"\\\\\\\"\"\r\n\t<sip:a@b>"] {
            let header = Header::read(Bytes::from(line)).expect("legal");
            assert_eq!(printed(&header), [line.as_bytes(), b"\r\n"].concat());
        }
        assert_eq!(printed(&Header::read(Bytes::from("A: 1\n 2")).expect("legal")), b"A: 1\r\n 2\r\n");
    }

    #[test]
    fn old_phones_write_latin_1() {
        let header = Header::read(Bytes::from_static(b"Subject: Gr\xfc\xdfe")).expect("legal");
        assert_eq!(header.value(), "Grüße");
        assert_eq!(printed(&header), b"Subject: Gr\xfc\xdfe\r\n");
    }

    #[test]
    fn a_value_of_ours_cannot_begin_another_header() {
        let header = Header::new(HeaderName::Subject, "x\r\nVia: y");
        assert_eq!(printed(&header), b"Subject: x  Via: y\r\n");
        let header = Header::new(HeaderName::To, "\"\\\0\\\r\n\x07\" <sip:a@b>");
        assert_eq!(printed(&header), b"To: \"\\\0\\   \" <sip:a@b>\r\n");
    }

    #[test]
    fn refused_lines() {
        for line in ["To\x01: a", "To", ": a", "To : a\x01", "T o: a", "To\r\n : a", "To: a\0b"] {
            assert!(Header::read(Bytes::from(line)).is_err(), "{line:?}");
        }
    }
}
