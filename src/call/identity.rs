//! Who calls: what From says, and what digest proved.

use plenary_sip::message::{HeaderName, NameAddr, Request, TelUri, Uri};

/// A caller as the request presents him.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// `sip:user@host`, without parameters.
    pub address: String,
    pub name: String,
    /// He wishes that nobody learns who he is: by Privacy, or by a From that says nothing (RFC 3323 §4).
    pub anonymous: bool,
}

impl Caller {
    pub fn of(request: &Request) -> Option<Self> {
        let said = Self::at(&request.headers.from().ok()?);
        let anonymous = said.anonymous || request.headers.privacy().identity;
        Some(Self { anonymous, ..said })
    }

    pub fn at(said: &NameAddr) -> Self {
        let address = bare(&said.uri);
        let name = shown_name(said).unwrap_or_else(|| address.clone());
        let anonymous = address.to_ascii_lowercase().contains("@anonymous.invalid");
        Self { address, name, anonymous }
    }
}

/// Who sent the caller, as he says himself (RFC 3892): a URI.
pub fn referred_by(request: &Request) -> Option<String> {
    let by = request.headers.name_addr(&HeaderName::ReferredBy).ok()??;
    Some(bare(&by.uri))
}

/// What the Request-URI calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialled {
    /// `sip`, `sips` or `tel`.
    pub scheme: &'static str,
    /// Unescaped; of a telephone number its digits, without separators and parameters.
    pub user: String,
    /// Of a local number of a tel URI: the domain of its context. Empty for other tel URIs.
    pub host: String,
}

impl Dialled {
    /// `None`: a scheme that calls nobody here.
    pub fn of(uri: &Uri) -> Option<Self> {
        match uri {
            Uri::Sip(sip) => Some(Self {
                scheme: if sip.is_sips() { "sips" } else { "sip" },
                user: match sip.to_tel() {
                    Some(tel) => number(&tel).0,
                    None => sip.user().map(|user| user.into_owned()).unwrap_or_default(),
                },
                host: sip.host().to_string(),
            }),
            Uri::Tel(tel) => {
                let (user, host) = number(tel);
                Some(Self { scheme: "tel", user, host })
            }
            Uri::Other(_) => None,
        }
    }
}

/// The digits, and whose they are where that is a domain. A context of digits makes the number global (RFC 3966
/// §5.1.5).
fn number(tel: &TelUri) -> (String, String) {
    match tel.phone_context().filter(|_| !tel.is_global()) {
        Some(context) if context.starts_with('+') => {
            let digits = context.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect::<String>();
            (digits + &tel.digits(), String::new())
        }
        Some(domain) => (tel.digits(), domain.into_owned()),
        None => (tel.digits(), String::new()),
    }
}

/// The URI without parameters and headers.
pub fn bare(uri: &Uri) -> String {
    match uri {
        Uri::Sip(sip) => {
            let scheme = if sip.is_sips() { "sips" } else { "sip" };
            let user = sip.raw_user().map(|user| format!("{user}@")).unwrap_or_default();
            let port = sip.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{scheme}:{user}{}{port}", sip.host())
        }
        other => other.to_string(),
    }
}

/// The display name without what would break a line or a table, else the user part.
fn shown_name(from: &NameAddr) -> Option<String> {
    let display = from.display_name.as_deref().map(|name| name.chars().filter(|c| !c.is_control()).collect::<String>());
    let display = display.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    display.or_else(|| match &from.uri {
        Uri::Sip(sip) => sip.user().map(|user| user.into_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3966 §3 and §5.1.5, RFC 4904 §5: what is dialled are the digits, whatever else the URI says.
    #[test]
    fn a_number_is_its_digits() {
        for (uri, user, host) in [
            ("tel:+39-055-(123)", "+39055123", ""),
            ("tel:3001;phone-context=Example.org", "3001", "Example.org"),
            ("tel:055123;phone-context=+39", "+39055123", ""),
            ("tel:3001", "3001", ""),
            ("sip:+39055123;tgrp=out@example.org;user=phone", "+39055123", "example.org"),
            ("sip:+39-055-123@example.org", "+39055123", "example.org"),
            ("sip:alice@example.org", "alice", "example.org"),
            ("sip:al;ice@example.org", "al;ice", "example.org"),
        ] {
            let dialled = Dialled::of(&uri.parse().expect("a URI")).expect("dialled");
            assert_eq!((dialled.user.as_str(), dialled.host.as_str()), (user, host), "{uri}");
        }
    }
}
