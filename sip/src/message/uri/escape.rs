//! Percent escapes: RFC 3261 §19.1.2 and RFC 3986 §2.1.

use std::borrow::Cow;

/// Resolves every `%HH` once. What is not followed by two hex digits stays. Octets that make no UTF-8 are read as
/// Latin-1, so two different texts may decode alike: compare with [`octets`], not with this.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let octets: Vec<u8> = octets(text).map(|octet| octet.value).collect();
    Cow::Owned(match String::from_utf8(octets) {
        Ok(text) => text,
        Err(error) => error.as_bytes().iter().map(|b| char::from(*b)).collect(),
    })
}

/// Writes `plain` with all escaped but what `bare` lets stand.
pub(super) fn encode(plain: &str, bare: fn(u8) -> bool, into: &mut String) {
    for octet in plain.bytes() {
        push(octet, octet.is_ascii() && bare(octet), into);
    }
}

/// Rewrites an escaped text so that equal texts (§19.1.4) become identical: escapes only where needed, upper case.
pub(super) fn canonical(text: &str, bare: fn(u8) -> bool) -> String {
    let mut canonical = String::with_capacity(text.len());
    for octet in octets(text) {
        push(octet.value, !octet.shielded && octet.value.is_ascii() && bare(octet.value), &mut canonical);
    }
    canonical
}

fn push(octet: u8, bare: bool, into: &mut String) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    if bare {
        into.push(char::from(octet));
    } else {
        into.push('%');
        into.extend(HEX.get(usize::from(octet >> 4)));
        into.extend(HEX.get(usize::from(octet & 15)));
    }
}

/// An octet of an escaped text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Octet {
    pub value: u8,
    /// Escaped, and of the reserved set (or `%` itself): not the same as the bare character (§19.1.4).
    pub shielded: bool,
}

impl Octet {
    pub fn lower(self) -> Self {
        Self { value: self.value.to_ascii_lowercase(), ..self }
    }
}

pub(super) fn octets(text: &str) -> impl Iterator<Item = Octet> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        if let [b'%', high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            rest = tail;
            let value = high << 4 | low;
            return Some(Octet { value, shielded: is_reserved(value) || value == b'%' });
        }
        let (value, tail) = rest.split_first()?;
        rest = tail;
        Some(Octet { value: *value, shielded: false })
    })
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// `reserved` of RFC 3261 §25.1.
fn is_reserved(octet: u8) -> bool {
    matches!(octet, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',')
}

fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

/// What may stand bare in a user part.
pub(super) fn bare_in_user(octet: u8) -> bool {
    is_unreserved(octet) || matches!(octet, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/')
}

/// What may stand bare in a URI parameter.
pub(super) fn bare_in_param(octet: u8) -> bool {
    is_unreserved(octet) || matches!(octet, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved_exactly_once() {
        assert_eq!(decode("v%61lue%25%34%31"), "value%41");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%4g"), "%4g");
        assert_eq!(decode("null-%00-null"), "null-\0-null");
    }

    #[test]
    fn the_canonical_form_tells_reserved_from_escaped() {
        assert_eq!(canonical("%61%6a%3b;%00%ff%25", bare_in_user), "aj%3B;%00%FF%25");
    }
}
