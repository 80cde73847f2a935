//! Telephone numbers as URIs: RFC 3966; in the user part of a SIP URI: RFC 3261 §19.1.6; trunk groups: RFC 4904.

use std::borrow::Cow;

use super::escape::decode;
use super::{Host, SipUri, Uri};
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

    /// Whether it says whose number it is: a global one, or a local one with its context (§5.1.5).
    pub fn is_complete(&self) -> bool {
        self.is_global() || self.phone_context().is_some()
    }

    /// Where a local number is dialled: a domain, or the leading digits that make it global.
    pub fn phone_context(&self) -> Option<Cow<'_, str>> {
        self.param("phone-context").flatten().filter(|context| !context.is_empty())
    }

    /// `tgrp` and `trunk-context`: one without the other means nothing (RFC 4904 §5).
    pub fn trunk_group(&self) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
        let group = self.param("tgrp").flatten();
        group.zip(self.param("trunk-context").flatten())
    }

    /// `sip:NUMBER;params@host;user=phone`, so that equal numbers look equal: in lower case, without separators,
    /// `isub` and `ext` first, the other parameters by name (RFC 3261 §19.1.6).
    pub fn to_sip(&self, host: Host, port: Option<u16>) -> SipUri {
        let mut params: Vec<_> = self.params().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        params.sort_by_key(|(name, _)| (!matches!(name.as_str(), "isub" | "ext"), name.clone()));
        let mut user = self.digits().to_ascii_lowercase();
        for (name, value) in params {
            user.push(';');
            user.push_str(&name);
            user.extend(value.map(|value| format!("={}", decode(value).to_ascii_lowercase())));
        }
        SipUri::new(Some(&user), host, port).with_param("user", Some("phone"))
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

impl SipUri {
    /// The number in the user part: of `user=phone`, or where a `+` shows one.
    pub fn to_tel(&self) -> Option<TelUri> {
        let user = self.user()?;
        let is_phone = self.param("user").flatten().is_some_and(|user| user.eq_ignore_ascii_case("phone"));
        let tel = format!("tel:{user}").parse().ok().filter(|_| is_phone || user.starts_with('+'));
        tel.and_then(|uri| if let Uri::Tel(tel) = uri { Some(tel) } else { None })
    }
}

impl std::fmt::Display for TelUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// RFC 3261 §19.1.6 gives the order.
    #[test]
    fn as_a_sip_uri_and_back_it_is_the_same_number() {
        for (tel, sip) in [
            ("tel:+1-201-555-0123", "sip:+12015550123@pbx.example;user=phone"),
            (
                "tel:7042;phone-context=Example.com;tgrp=TG-1;ext=5;isub=9",
                "sip:7042;ext=5;isub=9;phone-context=example.com;tgrp=tg-1@pbx.example;user=phone",
            ),
        ] {
            let uri: Uri = tel.parse().expect("well-formed");
            let mapped = uri.as_tel().expect("tel").to_sip(Host::Name("pbx.example".into()), None);
            assert_eq!(mapped.as_str(), sip);
            let back = Uri::Tel(mapped.to_tel().expect("a number"));
            assert!(back.equivalent(&uri), "{back} {uri}");
        }
        let of = |text: &str| text.parse::<Uri>().expect("well-formed").as_sip().and_then(SipUri::to_tel);
        assert!(of("sip:alice@a.example").is_none() && of("sip:3001@a.example").is_none());
        assert_eq!(of("sip:3001@a.example;user=phone").map(|tel| tel.digits()), Some("3001".into()));
        assert_eq!(of("sip:+4930;x=1@a.example").map(|tel| tel.to_string()), Some("tel:+4930;x=1".into()));
    }

    #[test]
    fn a_trunk_group_needs_its_context() {
        let group = |text: &str| {
            let uri: Uri = text.parse().expect("well-formed");
            let tel = uri.as_tel().expect("tel");
            tel.trunk_group().map(|(group, context)| format!("{group} {context}"))
        };
        assert_eq!(group("tel:+1555;tgrp=TG-1;trunk-context=example.com").as_deref(), Some("TG-1 example.com"));
        assert_eq!(group("tel:+1555;tgrp=TG-1"), None);
        assert_eq!(group("tel:+1555;trunk-context=example.com"), None);
    }

    #[test]
    fn words_are_no_numbers() {
        for text in ["tel:", "tel:+", "tel:-", "tel:bob@example.com", "tel:1 2"] {
            assert!(text.parse::<Uri>().is_err(), "{text}");
        }
    }
}
