//! `sip:` and `sips:` URIs, RFC 3261 §19.1.
//!
//! ```text
//!   sip:user:password@host:port;params?headers
//!       └────┬──────┘ └──┬───┘ └──┬──┘└──┬───┘    ranges into the one text
//! ```

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::Range;

use super::escape::{bare_in_param, bare_in_user, canonical, decode, encode};
use super::host::{Host, split_host_port};
use crate::message::SyntaxError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SipScheme {
    Sip,
    Sips,
}

/// A SIP URI: its text, and where its parts lie in it.
#[derive(Clone, Debug)]
pub struct SipUri {
    text: Box<str>,
    scheme: SipScheme,
    user: Option<Range<usize>>,
    password: Option<Range<usize>>,
    host: Host,
    port: Option<u16>,
    params: Range<usize>,
    headers: Option<Range<usize>>,
}

impl SipUri {
    /// `user` is plain text and gets escaped as needed.
    pub fn new(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        let mut escaped = String::new();
        if let Some(user) = user {
            encode(user, bare_in_user, &mut escaped);
        }
        Parts {
            scheme: SipScheme::Sip,
            user: user.map(|_| escaped.as_str()),
            password: None,
            host,
            port,
            params: "",
            headers: None,
        }
        .assemble()
    }

    pub(super) fn read(text: &str, scheme: SipScheme, rest: &str) -> Result<Self, SyntaxError> {
        let range = |part: &str| {
            let start = part.as_ptr().addr() - text.as_ptr().addr();
            start..start + part.len()
        };
        // `;` and `?` may stand in the user part, `@` nowhere else (RFC 4475 §3.1.1.9).
        let (userinfo, rest) = match rest.split_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        if rest.contains('@') {
            return Err(SyntaxError("more than one @ in a SIP URI"));
        }
        let (user, password) = match userinfo.map(|info| (info, info.split_once(':'))) {
            None => (None, None),
            Some((_, Some((user, password)))) => (Some(user), Some(password)),
            Some((user, None)) => (Some(user), None),
        };
        if user.is_some_and(str::is_empty) {
            return Err(SyntaxError("nothing before the @ of a SIP URI"));
        }
        let (rest, headers) = match rest.split_once('?') {
            Some((rest, headers)) => (rest, Some(headers)),
            None => (rest, None),
        };
        let hostport = rest.split(';').next().unwrap_or("");
        let params = rest.get(hostport.len()..).unwrap_or("");
        let (host, port) = split_host_port(hostport)?;
        if params.split(';').skip(1).any(|param| param.is_empty() || param.starts_with('=')) {
            return Err(SyntaxError("URI parameter without name"));
        }
        Ok(Self {
            text: text.into(),
            scheme,
            user: user.map(range),
            password: password.map(range),
            host,
            port,
            params: range(params),
            headers: headers.map(range),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn scheme(&self) -> SipScheme {
        self.scheme
    }

    pub fn is_sips(&self) -> bool {
        self.scheme == SipScheme::Sips
    }

    /// The user part, decoded, without password.
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.raw_user().map(decode)
    }

    /// The user part as written.
    pub fn raw_user(&self) -> Option<&str> {
        self.user.clone().and_then(|range| self.text.get(range))
    }

    pub fn password(&self) -> Option<Cow<'_, str>> {
        self.raw_password().map(decode)
    }

    pub(super) fn raw_password(&self) -> Option<&str> {
        self.password.clone().and_then(|range| self.text.get(range))
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// A parameter by its name, decoded: `Some(None)` for `;lr`, `Some(Some(v))` for `;transport=v`.
    pub fn param(&self, name: &str) -> Option<Option<Cow<'_, str>>> {
        let (_, value) = self.params().find(|(known, _)| decode(known).eq_ignore_ascii_case(name))?;
        Some(value.map(decode))
    }

    pub fn has_param(&self, name: &str) -> bool {
        self.param(name).is_some()
    }

    /// `transport=`, in lower case.
    pub fn transport(&self) -> Option<String> {
        Some(self.param("transport")??.to_ascii_lowercase())
    }

    /// Parameters as written, in order.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.raw_params().split(';').skip(1).map(|param| match param.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (param, None),
        })
    }

    fn raw_params(&self) -> &str {
        self.text.get(self.params.clone()).unwrap_or("")
    }

    /// Headers as written, in order. Decode a value with care: it is the peer's wish, not a header.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.raw_headers().unwrap_or("").split('&').filter(|field| !field.is_empty());
        fields.map(|field| field.split_once('=').unwrap_or((field, "")))
    }

    /// A header by its name, decoded once.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.headers().find(|(known, _)| decode(known).eq_ignore_ascii_case(name))?;
        Some(decode(value))
    }

    pub fn has_headers(&self) -> bool {
        self.headers.is_some()
    }

    fn raw_headers(&self) -> Option<&str> {
        self.headers.clone().and_then(|range| self.text.get(range))
    }

    /// Canonical form of the address-of-record (§10.3 step 5): no password, parameters, headers; needless escapes
    /// resolved; host in lower case. Two users that differ in an escaped NUL stay two.
    pub fn address_of_record(&self) -> String {
        let mut aor = String::from(self.scheme.prefix());
        if let Some(user) = self.raw_user() {
            aor.push_str(&canonical(user, bare_in_user));
            aor.push('@');
        }
        aor.push_str(&self.host.to_string().to_ascii_lowercase());
        if let Some(port) = self.port {
            let _ = write!(aor, ":{port}");
        }
        aor
    }

    /// `sips:` or `sip:`.
    pub fn sips(&self, sips: bool) -> Self {
        let scheme = if sips { SipScheme::Sips } else { SipScheme::Sip };
        Parts { scheme, ..self.parts() }.assemble()
    }

    /// With host and port replaced.
    pub fn with_host(&self, host: Host, port: Option<u16>) -> Self {
        Parts { host, port, ..self.parts() }.assemble()
    }

    /// With the user replaced; it is plain text and gets escaped as needed.
    pub fn with_user(&self, user: &str) -> Self {
        let mut escaped = String::new();
        encode(user, bare_in_user, &mut escaped);
        Parts { user: Some(&escaped), password: None, ..self.parts() }.assemble()
    }

    /// With a parameter set, in place of one of that name. `name` and `value` are plain text.
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Self {
        let mut params = self.params_without(name);
        params.push(';');
        encode(name, bare_in_param, &mut params);
        if let Some(value) = value {
            params.push('=');
            encode(value, bare_in_param, &mut params);
        }
        Parts { params: &params, ..self.parts() }.assemble()
    }

    pub fn without_param(&self, name: &str) -> Self {
        Parts { params: &self.params_without(name), ..self.parts() }.assemble()
    }

    /// Without the headers part, which no Request-URI may have (§19.1.1).
    pub fn without_headers(&self) -> Self {
        Parts { headers: None, ..self.parts() }.assemble()
    }

    fn params_without(&self, name: &str) -> String {
        let mut params = String::new();
        for (known, value) in self.params().filter(|(known, _)| !decode(known).eq_ignore_ascii_case(name)) {
            params.extend([";", known]);
            params.extend(value.map(|value| ["=", value]).into_iter().flatten());
        }
        params
    }

    fn parts(&self) -> Parts<'_> {
        Parts {
            scheme: self.scheme,
            user: self.raw_user(),
            password: self.raw_password(),
            host: self.host.clone(),
            port: self.port,
            params: self.raw_params(),
            headers: self.raw_headers(),
        }
    }
}

impl SipScheme {
    fn prefix(self) -> &'static str {
        match self {
            Self::Sip => "sip:",
            Self::Sips => "sips:",
        }
    }
}

/// The parts of a URI to be, escaped already.
struct Parts<'a> {
    scheme: SipScheme,
    user: Option<&'a str>,
    password: Option<&'a str>,
    host: Host,
    port: Option<u16>,
    /// From its first `;` on.
    params: &'a str,
    headers: Option<&'a str>,
}

impl Parts<'_> {
    fn assemble(self) -> SipUri {
        let mut text = String::from(self.scheme.prefix());
        let append = |text: &mut String, part: &str| {
            let start = text.len();
            text.push_str(part);
            start..text.len()
        };
        let user = self.user.map(|user| append(&mut text, user));
        let password = self.password.map(|password| {
            text.push(':');
            append(&mut text, password)
        });
        if user.is_some() {
            text.push('@');
        }
        let _ = write!(text, "{}", self.host);
        if let Some(port) = self.port {
            let _ = write!(text, ":{port}");
        }
        let params = append(&mut text, self.params);
        let headers = self.headers.map(|headers| {
            text.push('?');
            append(&mut text, headers)
        });
        let (scheme, host, port) = (self.scheme, self.host, self.port);
        SipUri { text: text.into(), scheme, user, password, host, port, params, headers }
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for SipUri {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for SipUri {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Uri;

    fn sip(text: &str) -> SipUri {
        match text.parse() {
            Ok(Uri::Sip(uri)) => uri,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_user_part_may_hold_what_elsewhere_parts() {
        let uri = sip("sip:user;par=u%40example.net@example.com");
        assert_eq!(uri.user().as_deref(), Some("user;par=u@example.net"));
        assert_eq!(uri.params().count(), 0);
        let uri = sip("sip:a?,/;;*:&it=1,$@example.com;lr");
        assert_eq!((uri.user().as_deref(), uri.password().as_deref()), (Some("a?,/;;*"), Some("&it=1,$")));
    }

    #[test]
    fn escapes_hide_nothing_and_are_resolved_once() {
        let uri = sip("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31");
        assert_eq!(uri.user().as_deref(), Some("caller"));
        assert_eq!(uri.param("lr"), Some(None));
        assert_eq!(uri.param("NAME"), Some(Some("value%41".into())));
        assert_eq!(uri.to_string(), "sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31");
    }

    #[test]
    fn what_is_built_is_escaped_and_reads_back() {
        let uri = SipUri::new(Some("a b@c:d\r\n"), Host::Name("example.com".into()), Some(5070))
            .with_param("transport", Some("tcp"))
            .with_param("gr", Some("urn:uuid:f81d"))
            .with_param("Transport", Some("x;y"))
            .sips(true);
        assert_eq!(uri.as_str(), "sips:a%20b%40c%3Ad%0D%0A@example.com:5070;gr=urn:uuid:f81d;Transport=x%3By");
        let read = sip(uri.as_str());
        assert_eq!(read.user().as_deref(), Some("a b@c:d\r\n"));
        assert_eq!((read.port(), read.transport().as_deref()), (Some(5070), Some("x;y")));
    }

    #[test]
    fn a_changed_part_leaves_the_others_as_they_were_written() {
        let uri = sip("SIP:%75ser:p%77@Example.COM;foo=%41%42;lr?Subject=a%20b");
        assert_eq!(uri.without_param("lr").as_str(), "sip:%75ser:p%77@Example.COM;foo=%41%42?Subject=a%20b");
        assert_eq!(uri.without_headers().as_str(), "sip:%75ser:p%77@Example.COM;foo=%41%42;lr");
        assert_eq!(uri.header("subject").as_deref(), Some("a b"));
        assert_eq!(uri.address_of_record(), "sip:user@example.com");
    }

    #[test]
    fn a_nul_keeps_two_users_apart() {
        let (one, two) = (sip("sip:%00@example.com"), sip("sip:%00%00@example.com"));
        assert_eq!(one.user().as_deref(), Some("\0"));
        assert_ne!(one.address_of_record(), two.address_of_record());
        assert_ne!(sip("sip:%ff@a").address_of_record(), sip("sip:%fe@a").address_of_record());
    }

    #[test]
    fn refused() {
        for text in ["sip:@host", "sip:a@b@c", "sip:a@", "sip:a@b;", "sip:a@b;;lr", "sip:a@b;=x", "sip:2001:db8::10"] {
            assert!(text.parse::<Uri>().is_err(), "{text}");
        }
    }
}
