//! Header parameters: `generic-param` of RFC 3261 §25.1.

use std::fmt;
use std::str::FromStr;

use crate::message::SyntaxError;
use crate::message::scan::{is_token, quoted, trim_start, unescape, write_quoted};

/// `;name`, `;name=value` and `;name="value"` in their order. Values are plain: quotes are taken off and put on again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<Param>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Param {
    name: String,
    value: Option<String>,
    /// Whether the value stands in quotes.
    quoted: bool,
}

impl Params {
    pub fn new() -> Self {
        Self::default()
    }

    /// `Some(None)` for `;name`, `Some(Some(v))` for `;name=v`. Names compare without case; the first one counts.
    pub fn get(&self, name: &str) -> Option<Option<&str>> {
        self.0.iter().find(|param| param.is(name)).map(|param| param.value.as_deref())
    }

    /// The value, if the parameter is there and has one.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name).flatten()
    }

    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|param| (param.name.as_str(), param.value.as_deref()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends a parameter. A value that is no token and no host gets quotes.
    pub fn push(&mut self, name: &str, value: Option<&str>) {
        self.0.push(Param::new(name, value));
    }

    /// Puts the parameter in place of the first of its name, or appends it.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        match self.0.iter_mut().find(|param| param.is(name)) {
            Some(place) => *place = Param::new(name, value),
            None => self.push(name, value),
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|param| !param.is(name));
    }

    /// Reads what stands between the value and the next comma: nothing, or parameters each behind its `;`.
    pub(crate) fn read(text: &str) -> Result<Self, SyntaxError> {
        let mut params = Vec::new();
        let mut rest = trim_start(text);
        while !rest.is_empty() {
            let text = rest.strip_prefix(';').ok_or(SyntaxError("something other than a parameter"))?;
            let (param, behind) = Param::read(trim_start(text))?;
            params.push(param);
            rest = trim_start(behind);
        }
        Ok(Self(params))
    }
}

impl Param {
    fn new(name: &str, value: Option<&str>) -> Self {
        let quoted = value.is_some_and(|value| value.is_empty() || !value.bytes().all(stands_bare));
        Self { name: name.to_owned(), value: value.map(str::to_owned), quoted }
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Reads `name [ = value ]`; white space may stand about the `=`.
    fn read(text: &str) -> Result<(Self, &str), SyntaxError> {
        let (name, rest) = until(text, |b| !is_name(b));
        if name.is_empty() {
            return Err(SyntaxError("parameter without name"));
        }
        let name = name.to_owned();
        let Some(rest) = trim_start(rest).strip_prefix('=').map(trim_start) else {
            return Ok((Self { name, value: None, quoted: false }, rest));
        };
        if rest.starts_with('"') {
            let (inside, rest) = quoted(rest).ok_or(SyntaxError("quoted parameter that does not end"))?;
            return Ok((Self { name, value: Some(unescape(inside)), quoted: true }, rest));
        }
        let (value, rest) = until(rest, |b| matches!(b, b';' | b',' | b' ' | b'\t' | b'"' | b'<' | b'>'));
        Ok((Self { name, value: Some(value.to_owned()), quoted: false }, rest))
    }
}

/// Splits before the first octet that `ends`.
fn until(text: &str, ends: fn(u8) -> bool) -> (&str, &str) {
    let at = text.bytes().position(ends).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// A token, and letters beyond ASCII.
fn is_name(octet: u8) -> bool {
    is_token(octet) || octet >= 0x80
}

/// Token and host characters, so `2001:db8::1` and `[2001:db8::1]` stand as they are.
fn stands_bare(octet: u8) -> bool {
    is_token(octet) || matches!(octet, b'[' | b']' | b':') || octet >= 0x80
}

impl FromStr for Params {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Self::read(text)
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for param in &self.0 {
            write!(f, ";{}", param.name)?;
            match &param.value {
                Some(value) if param.quoted => {
                    f.write_str("=")?;
                    write_quoted(f, value)?;
                }
                Some(value) => write!(f, "={value}")?,
                None => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_quotes_and_order() {
        let params: Params = " ;   tag    = 19 ;+sip.instance=\"<urn:uuid:\\\"1>\" ; lr".parse().expect("well-formed");
        assert_eq!(params.value("TAG"), Some("19"));
        assert_eq!(params.value("+sip.instance"), Some("<urn:uuid:\"1>"));
        assert_eq!(params.get("lr"), Some(None));
        assert_eq!(params.to_string(), ";tag=19;+sip.instance=\"<urn:uuid:\\\"1>\";lr");
    }

    #[test]
    fn values_of_ours_are_quoted_when_they_must_be() {
        let mut params = Params::new();
        params.push("received", Some("2001:db8::1"));
        params.push("text", Some("a b\r\n"));
        params.set("TEXT", Some("a;b"));
        assert_eq!(params.to_string(), ";received=2001:db8::1;TEXT=\"a;b\"");
    }

    #[test]
    fn separators_with_nothing_between_are_refused() {
        for text in [";", ";;a", ";a;", ";=b", "a", ";a b", ";a=\"b", ";a=\"b\"c"] {
            assert!(text.parse::<Params>().is_err(), "{text}");
        }
    }
}
