//! Octets, lines and quotes: what all grammars of RFC 3261 §25.1 are made of.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr2_iter, memchr3};

/// `token` of §25.1.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// White space within a line; folds have become SP before a grammar sees the text.
pub(crate) fn is_space(c: char) -> bool {
    c == ' ' || c == '\t'
}

pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

pub(crate) fn trim_start(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

/// One logical line of a header section.
pub(crate) struct Line {
    /// With the folds in it, without the line end.
    pub text: Range<usize>,
    /// Where the next line begins.
    pub next: usize,
}

/// Finds the logical line at `at`: up to a line end that no SP or HTAB follows (§7.3.1). A lone LF ends a line too.
/// `None` when the octets end first.
pub(crate) fn line_at(octets: &[u8], at: usize) -> Option<Line> {
    let first = physical_line_at(octets, at)?;
    if first.text.is_empty() {
        return Some(first);
    }
    let (mut end, mut next) = (first.text.end, first.next);
    while let Some(b' ' | b'\t') = octets.get(next) {
        let continuation = physical_line_at(octets, next)?;
        (end, next) = (continuation.text.end, continuation.next);
    }
    Some(Line { text: at..end, next })
}

/// As [`line_at`], but takes no continuation: the start line has none.
pub(crate) fn physical_line_at(octets: &[u8], at: usize) -> Option<Line> {
    let rest = octets.get(at..)?;
    let lf = memchr(b'\n', rest)?;
    let line = rest.get(..lf)?;
    let text = line.strip_suffix(b"\r").unwrap_or(line);
    Some(Line { text: at..at + text.len(), next: at + lf + 1 })
}

/// Splits a header line at its colon: name without the SP and HTAB before the colon, and where the value begins.
pub(crate) fn split_name(line: &[u8]) -> Option<(&[u8], usize)> {
    let colon = memchr(b':', line)?;
    let name = line.get(..colon)?;
    let len = name.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(0, |last| last + 1);
    Some((name.get(..len)?, colon + 1))
}

/// Whether a line holds an octet that none may: a control that is neither white space, nor part of a fold, nor the
/// second half of a quoted-pair (RFC 4475 §3.1.1.2 has a quoted NUL).
pub(crate) fn has_stray_control(line: &[u8]) -> bool {
    if !line.iter().any(|b| *b < 0x20 || *b == 0x7f) {
        return false;
    }
    let (mut quoted, mut escaped) = (false, false);
    for (at, &octet) in line.iter().enumerate() {
        match octet {
            b'\r' if line.get(at + 1) == Some(&b'\n') => {}
            b'\n' if at + 1 < line.len() => {}
            b'\r' | b'\n' => return true,
            b'\t' => {}
            0..0x20 | 0x7f if !(quoted && escaped) => return true,
            _ => {}
        }
        match octet {
            b'"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && octet == b'\\' && !escaped;
    }
    false
}

/// Reads octets as text: UTF-8, else Latin-1, as old phones still send.
pub(crate) fn text(octets: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(octets.iter().map(|b| char::from(*b)).collect()),
    }
}

/// Turns each fold into one SP. The octets are returned as they are when there is none.
pub(crate) fn unfold(octets: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\n', octets).is_none() {
        return Cow::Borrowed(octets);
    }
    let mut unfolded = Vec::with_capacity(octets.len());
    let mut lines = octets.split(|b| *b == b'\n');
    unfolded.extend(lines.next().map_or(&[][..], without_cr));
    for line in lines {
        let text = line.iter().position(|b| !matches!(b, b' ' | b'\t')).and_then(|at| line.get(at..));
        unfolded.push(b' ');
        unfolded.extend(text.map_or(&[][..], without_cr));
    }
    Cow::Owned(unfolded)
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Whether every LF has its CR. Streams insist, so that no two readers can differ on where a header section ends.
pub(crate) fn has_bare_lf(octets: &[u8]) -> bool {
    let mut before = None;
    memchr2_iter(b'\r', b'\n', octets).any(|at| {
        let bare = octets.get(at) == Some(&b'\n') && (at == 0 || before != Some(at - 1));
        before = (octets.get(at) == Some(&b'\r')).then_some(at);
        bare
    })
}

/// Splits off a quoted-string at the start of `text`: its inside, still escaped, and what follows the closing quote.
pub(crate) fn quoted(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inside.bytes().position(|b| {
        let closes = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        closes
    })?;
    Some((inside.get(..end)?, inside.get(end + 1..)?))
}

/// The inside of a quoted-string with its quoted-pairs resolved.
pub(crate) fn unescape(inside: &str) -> String {
    let mut plain = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

/// Writes a quoted-string. Line ends, which no quoted-pair can carry, become SP.
pub(crate) fn write_quoted(f: &mut impl std::fmt::Write, plain: &str) -> std::fmt::Result {
    f.write_char('"')?;
    for c in plain.chars() {
        match c {
            '"' | '\\' => f.write_char('\\')?,
            '\r' | '\n' => {
                f.write_char(' ')?;
                continue;
            }
            '\t' => {}
            c if c.is_ascii_control() => f.write_char('\\')?,
            _ => {}
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

/// The values of a comma list (§7.3.1). Commas in quotes or between `<` and `>` part nothing. Empty values are given.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = (!trim(text).is_empty()).then_some(text);
    std::iter::from_fn(move || {
        let (value, others) = split_first(rest?);
        rest = others;
        Some(value)
    })
}

/// The first value of a comma list, and the others if there was a comma.
pub(crate) fn split_first(text: &str) -> (&str, Option<&str>) {
    let octets = text.as_bytes();
    let mut at = 0;
    while let Some(found) = octets.get(at..).and_then(|rest| memchr3(b',', b'"', b'<', rest)) {
        at += found;
        let skipped = match octets.get(at) {
            Some(b',') => return (trim(text.get(..at).unwrap_or("")), text.get(at + 1..)),
            Some(b'"') => text.get(at..).and_then(quoted).map(|(inside, _)| inside.len() + 2),
            _ => octets.get(at..).and_then(|rest| memchr(b'>', rest)).map(|close| close + 1),
        };
        match skipped {
            Some(len) => at += len,
            None => break, // never closed: the grammar of the value will refuse it
        }
    }
    (trim(text), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_while_white_space_follows_and_ends_at_the_empty_one() {
        let octets = b"A: 1\r\n 2\n\t3\r\nB: x\n\r\n body";
        let first = line_at(octets, 0).expect("there");
        assert_eq!(&octets[first.text.clone()], b"A: 1\r\n 2\n\t3");
        assert_eq!(&*unfold(&octets[first.text]), b"A: 1 2 3");
        let second = line_at(octets, first.next).expect("there");
        assert_eq!(&octets[second.text], b"B: x");
        let end = line_at(octets, second.next).expect("there");
        assert!(end.text.is_empty());
        assert_eq!(&octets[end.next..], b" body");
    }

    #[test]
    fn controls_live_in_quoted_pairs_only() {
        assert!(!has_stray_control(b"T: \"\\\0 \\\x07\" <sip:a@b>"));
        assert!(has_stray_control(b"T: \\\0"));
        assert!(has_stray_control(b"T: \"\0\""));
        assert!(has_stray_control(b"T: a\rb"));
        assert!(!has_stray_control(b"T: a\r\n\tb"));
    }

    #[test]
    fn only_streams_mind_a_lone_line_feed() {
        assert!(!has_bare_lf(b"a\r\nb\r\n"));
        assert!(has_bare_lf(b"a\nb\r\n"));
        assert!(has_bare_lf(b"\n"));
    }

    #[test]
    fn commas_in_quotes_and_brackets_part_nothing() {
        let values: Vec<_> = list("\"a, \\\"b\" <sip:x,y@z>;p=\"1,2\" , c,, d").collect();
        assert_eq!(values, ["\"a, \\\"b\" <sip:x,y@z>;p=\"1,2\"", "c", "", "d"]);
        assert_eq!(list("  ").count(), 0);
    }
}
