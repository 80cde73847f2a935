//! Telephone numbers as URIs: RFC 3966.

use std::borrow::Cow;

use super::escape::decode;
use crate::message::SyntaxError;

/// `tel:+1-201-555-0123` or `tel:7042;phone-context=example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelUri {
    text: Box<str>,
}

impl TelUri {
    pub(super) fn read(text: &str, rest: &str) -> Result<Self, SyntaxError> {
        let number = rest.split(';').next().unwrap_or("");
        let digits = number.strip_prefix('+').unwrap_or(number);
        let separator = |b: u8| matches!(b, b'-' | b'.' | b'(' | b')');
        if !digits.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'*' | b'#') || separator(b)) {
            return Err(SyntaxError("not a telephone number"));
        }
        if digits.bytes().all(separator) {
            return Err(SyntaxError("telephone number without digits"));
        }
        Ok(Self { text: text.into() })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The number as written, with `+` and visual separators.
    pub fn number(&self) -> &str {
        self.parts().0
    }

    /// The number without visual separators: `+12015550123`.
    pub fn digits(&self) -> String {
        self.number().chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect()
    }

    /// Whether the number is global (E.164), so that no context is needed to dial it.
    pub fn is_global(&self) -> bool {
        self.number().starts_with('+')
    }

    /// `;name` or `;name=value` by its name, decoded.
    pub fn param(&self, name: &str) -> Option<Option<Cow<'_, str>>> {
        let (_, value) = self.params().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.map(decode))
    }

    /// Parameters as written.
    pub(super) fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.parts().1.split(';').filter(|param| !param.is_empty()).map(|param| match param.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (param, None),
        })
    }

    fn parts(&self) -> (&str, &str) {
        let rest = self.text.split_once(':').map_or("", |(_, rest)| rest);
        rest.split_once(';').unwrap_or((rest, ""))
    }
}

#[cfg(test)]
mod tests {
    use crate::message::Uri;

    #[test]
    fn separators_are_not_dialled() {
        let uri: Uri = "tel:+1-(201)-555.0123".parse().expect("well-formed");
        let tel = uri.as_tel().expect("tel");
        assert_eq!(tel.digits(), "+12015550123");
        assert!(tel.is_global());
    }

    #[test]
    fn a_local_number_names_its_context() {
        let uri: Uri = "tel:7042;Phone-Context=example.com;ext=1".parse().expect("well-formed");
        let tel = uri.as_tel().expect("tel");
        assert_eq!(tel.param("phone-context"), Some(Some("example.com".into())));
        assert!(!tel.is_global());
    }

    #[test]
    fn words_are_no_numbers() {
        for text in ["tel:", "tel:+", "tel:-", "tel:bob@example.com", "tel:1 2"] {
            assert!(text.parse::<Uri>().is_err(), "{text}");
        }
    }
}
