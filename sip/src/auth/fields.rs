//! `scheme name=value, name="value", …`: the form of challenges and credentials, RFC 3261 §25.1.

use std::fmt::Write;

use super::AuthError;
use crate::message::scan::{is_token, quoted, trim, trim_start, unescape, write_quoted};

/// A challenge or credentials, taken apart.
pub(super) struct Fields<'a> {
    pub scheme: &'a str,
    fields: Vec<Field<'a>>,
}

struct Field<'a> {
    name: &'a str,
    value: String,
    quoted: bool,
}

impl<'a> Fields<'a> {
    /// Reads a value. A name that comes twice is a fault: two readers could take different ones.
    pub fn parse(text: &'a str) -> Result<Self, AuthError> {
        let text = trim(text);
        let (scheme, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        if scheme.is_empty() || !scheme.bytes().all(is_token) {
            return Err(AuthError::Malformed("no scheme"));
        }
        let mut this = Self { scheme, fields: Vec::new() };
        if this.is_digest() {
            this.read(trim(rest))?;
        }
        Ok(this)
    }

    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("Digest")
    }

    fn read(&mut self, mut rest: &'a str) -> Result<(), AuthError> {
        while !rest.is_empty() {
            let (name, value) = rest.split_once('=').ok_or(AuthError::Malformed("parameter without value"))?;
            let (name, value) = (trim(name), trim_start(value));
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(AuthError::Malformed("parameter name is not a token"));
            }
            if self.field(name).is_some() {
                return Err(AuthError::Malformed("parameter twice"));
            }
            let (value, quoted, behind) = if value.starts_with('"') {
                let (inside, behind) = quoted(value).ok_or(AuthError::Malformed("quote without end"))?;
                (unescape(inside), true, behind)
            } else {
                let at = value.find(',').unwrap_or(value.len());
                let (token, behind) = value.split_at_checked(at).unwrap_or((value, ""));
                let token = trim(token);
                if token.contains([' ', '\t', '"']) {
                    return Err(AuthError::Malformed("no comma between parameters"));
                }
                (token.to_owned(), false, behind)
            };
            self.fields.push(Field { name, value, quoted });
            rest = match trim_start(behind) {
                "" => "",
                more => trim_start(more.strip_prefix(',').ok_or(AuthError::Malformed("no comma between parameters"))?),
            };
        }
        Ok(())
    }

    fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.field(name).map(|field| field.value.as_str())
    }

    /// A value that must be there.
    pub fn need(&self, name: &str, missing: &'static str) -> Result<String, AuthError> {
        self.get(name).map(str::to_owned).ok_or(AuthError::Malformed(missing))
    }

    /// Whether the value stands in quotes.
    pub fn is_quoted(&self, name: &str) -> bool {
        self.field(name).is_some_and(|field| field.quoted)
    }
}

/// Appends `, name="value"`, without comma behind the scheme.
pub(super) fn push_quoted(into: &mut String, name: &str, value: &str) {
    push_name(into, name);
    let _ = write_quoted(into, value);
}

/// Appends `, name=value`.
pub(super) fn push_bare(into: &mut String, name: &str, value: &str) {
    push_name(into, name);
    into.push_str(value);
}

fn push_name(into: &mut String, name: &str) {
    let separator = if into.contains('=') { ", " } else { " " };
    let _ = write!(into, "{separator}{name}=");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_white_space() {
        let fields = Fields::parse("digest  realm = \"a, \\\"b\\\"=c\" ,qop=auth , Nonce=\"\"").expect("well-formed");
        assert!(fields.is_digest());
        assert_eq!(fields.get("realm"), Some("a, \"b\"=c"));
        assert_eq!((fields.get("QOP"), fields.is_quoted("qop"), fields.get("nonce")), (Some("auth"), false, Some("")));
    }

    #[test]
    fn other_schemes_are_named_not_read() {
        assert_eq!(Fields::parse("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").map(|fields| fields.scheme), Ok("Basic"));
    }

    #[test]
    fn refused() {
        for text in [
            "",
            " ",
            "Digest a",
            "Digest =b",
            "Digest a=b c=d",
            "Digest a=\"b",
            "Digest a=\"b\" c=\"d\"",
            "Digest a=1, A=2",
        ] {
            assert!(Fields::parse(text).is_err(), "{text}");
        }
    }
}
