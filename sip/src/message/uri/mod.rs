//! URIs: RFC 3261 §19.1, RFC 3966 (tel), RFC 3986 for all others.
//!
//! The text stays as it was read, escapes and all, and is printed again as it stands; views decode it once.

mod compare;
mod escape;
mod host;
mod other;
mod sip;
mod tel;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

pub(crate) use host::split_host_port;
pub use host::{Host, lies_in};
pub use other::OtherUri;
pub use sip::{SipScheme, SipUri};
pub use tel::TelUri;

use super::SyntaxError;

/// A URI. `==` compares the text; [`Uri::equivalent`] compares what it names.
#[derive(Clone, Debug)]
pub enum Uri {
    Sip(SipUri),
    Tel(TelUri),
    Other(OtherUri),
}

impl Uri {
    /// The longest URI that is read, in octets.
    pub const MAX_LEN: usize = 2048;

    /// The text as it was read or built.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sip(uri) => uri.as_str(),
            Self::Tel(uri) => uri.as_str(),
            Self::Other(uri) => uri.as_str(),
        }
    }

    /// As written; schemes compare without case.
    pub fn scheme(&self) -> &str {
        self.as_str().split_once(':').map_or("", |(scheme, _)| scheme)
    }

    pub fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Self::Sip(uri) => Some(uri),
            _ => None,
        }
    }

    pub fn as_tel(&self) -> Option<&TelUri> {
        match self {
            Self::Tel(uri) => Some(uri),
            _ => None,
        }
    }
}

impl FromStr for Uri {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        if text.len() > Self::MAX_LEN {
            return Err(SyntaxError("URI above 2048 octets"));
        }
        if text.bytes().any(|b| b <= b' ' || matches!(b, b'<' | b'>' | b'"' | 0x7f)) {
            return Err(SyntaxError("URI with white space, control, quote or angle bracket"));
        }
        let (scheme, rest) = text.split_once(':').ok_or(SyntaxError("URI without scheme"))?;
        if scheme.eq_ignore_ascii_case("sip") {
            SipUri::read(text, SipScheme::Sip, rest).map(Self::Sip)
        } else if scheme.eq_ignore_ascii_case("sips") {
            SipUri::read(text, SipScheme::Sips, rest).map(Self::Sip)
        } else if scheme.eq_ignore_ascii_case("tel") {
            TelUri::read(text, rest).map(Self::Tel)
        } else {
            OtherUri::read(text, scheme, rest).map(Self::Other)
        }
    }
}

impl From<SipUri> for Uri {
    fn from(uri: SipUri) -> Self {
        Self::Sip(uri)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Uri {}

impl Hash for Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_schemes_are_kept_as_text() {
        for text in ["nobodyKnowsThisScheme:totallyopaquecontent", "soap.beep://192.0.2.103:3002", "urn:service:sos"] {
            let uri: Uri = text.parse().expect("well-formed");
            assert!(matches!(uri, Uri::Other(_)));
            assert_eq!(uri.to_string(), text);
        }
    }

    #[test]
    fn what_could_end_a_header_or_a_bracket_is_no_uri() {
        for text in ["<sip:a@b>", "sip:a b@c", "sip:a@b\r\nX: y", "sip:a@b\0", "noscheme", "*", ":x", "1a:x", "sip:"] {
            assert!(text.parse::<Uri>().is_err(), "{text:?}");
        }
    }
}
