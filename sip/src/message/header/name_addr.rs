//! Addresses with a display name: `name-addr` and `addr-spec` of RFC 3261 §20.10, with the clarification of RFC 8217.

use std::fmt;
use std::str::FromStr;

use super::Params;
use crate::message::scan::{is_space, quoted, trim, trim_start, unescape, write_quoted};
use crate::message::{SyntaxError, Uri};

/// `"Display name" <uri>;params`: From, To, Contact, Route, Refer-To, P-Asserted-Identity, …
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// Without quotes and escapes. `None` when there is none or an empty one.
    pub display_name: Option<String>,
    pub uri: Uri,
    pub params: Params,
}

/// The values of Contact: `*` stands alone (§10.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contacts {
    Star,
    List(Vec<NameAddr>),
}

impl NameAddr {
    pub fn new(uri: Uri) -> Self {
        Self { display_name: None, uri, params: Params::new() }
    }

    pub fn with_display_name(self, name: &str) -> Self {
        Self { display_name: (!name.is_empty()).then(|| name.to_owned()), ..self }
    }

    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.set(name, value);
        self
    }

    pub fn with_tag(self, tag: &str) -> Self {
        self.with_param("tag", Some(tag))
    }

    pub fn tag(&self) -> Option<&str> {
        self.params.value("tag")
    }

    /// `expires` of a Contact, in seconds. One that is malformed or too large means 3600 (§10.2.1.1).
    pub fn expires(&self) -> Option<u32> {
        self.params.get("expires").map(|value| value.and_then(|digits| digits.parse().ok()).unwrap_or(3600))
    }

    /// `q` of a Contact in thousandths, 0–1000. One that is malformed counts as absent.
    pub fn q_thousandths(&self) -> Option<u16> {
        let (whole, fraction) = {
            let q = self.params.value("q")?;
            q.split_once('.').unwrap_or((q, ""))
        };
        if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
        match whole {
            "0" | "" => Some(thousandths),
            "1" if thousandths == 0 => Some(1000),
            _ => None,
        }
    }
}

impl FromStr for NameAddr {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let text = trim(text);
        if text.starts_with('"') {
            let (inside, rest) = quoted(text).ok_or(SyntaxError("quoted display name that does not end"))?;
            return bracketed(Some(unescape(inside)), trim_start(rest));
        }
        match text.find(['<', ';', ':', '"']).map(|at| text.split_at_checked(at).unwrap_or((text, ""))) {
            Some((name, rest)) if rest.starts_with('<') => bracketed(unquoted(name)?, rest),
            _ => bare(text),
        }
    }
}

/// Reads `<uri>` and the parameters behind it.
fn bracketed(display_name: Option<String>, rest: &str) -> Result<NameAddr, SyntaxError> {
    let inside = rest.strip_prefix('<').ok_or(SyntaxError("display name without <URI>"))?;
    let (uri, params) = inside.split_once('>').ok_or(SyntaxError("URI whose < is never closed"))?;
    Ok(NameAddr {
        display_name: display_name.filter(|name| !name.is_empty()),
        uri: uri.parse()?,
        params: Params::read(params)?,
    })
}

/// Reads a URI without brackets. What follows its first `;` belongs to the header, and `,` and `?` need brackets.
fn bare(text: &str) -> Result<NameAddr, SyntaxError> {
    let at = text.find(';').unwrap_or(text.len());
    let (uri, params) = text.split_at_checked(at).unwrap_or((text, ""));
    if uri.contains([',', '?']) {
        return Err(SyntaxError("URI with comma or question mark outside of < >"));
    }
    Ok(NameAddr { display_name: None, uri: trim(uri).parse()?, params: Params::read(params)? })
}

/// A display name without quotes is tokens by the letter; phones also write umlauts and parentheses. A comma could as
/// well part two addresses (RFC 4475 §3.1.2.15).
fn unquoted(name: &str) -> Result<Option<String>, SyntaxError> {
    if name.contains([',', '>', '\\']) {
        return Err(SyntaxError("display name that needs quotes"));
    }
    let words: Vec<&str> = name.split(is_space).filter(|word| !word.is_empty()).collect();
    Ok((!words.is_empty()).then(|| words.join(" ")))
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.display_name {
            write_quoted(f, name)?;
            f.write_str(" ")?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> NameAddr {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn quoted_names_keep_all_that_stands_in_them() {
        let address = read(r#""a;b, <x> \"c\" \\"   <sip:a@b>  ;  tag = 98asjd8"#);
        assert_eq!(address.display_name.as_deref(), Some(r#"a;b, <x> "c" \"#));
        assert_eq!(address.tag(), Some("98asjd8"));
        assert_eq!(read(&address.to_string()), address);
    }

    #[test]
    fn a_quoted_nul_survives() {
        let address = read("\"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f\" <sip:a@b>");
        assert_eq!(address.display_name.as_deref(), Some("BEL:\x07 NUL:\0 DEL:\x7f"));
        assert_eq!(address.to_string(), "\"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f\" <sip:a@b>");
    }

    #[test]
    fn without_brackets_the_parameters_are_the_headers() {
        let address = read("sip:a@b ;tag=1;x");
        assert_eq!((address.uri.as_str(), address.tag()), ("sip:a@b", Some("1")));
        let address = read("sip:a@b;+sip.instance=\"<urn:uuid:1>\"");
        assert_eq!(address.params.value("+sip.instance"), Some("<urn:uuid:1>"));
        let address = read("<sip:a@b;x>;tag=1");
        assert_eq!((address.uri.as_str(), address.params.contains("x")), ("sip:a@b;x", false));
    }

    #[test]
    fn names_without_quotes() {
        assert_eq!(read("caller<sip:a@b>").display_name.as_deref(), Some("caller"));
        assert_eq!(read("Jürgen  (home) <tel:+1>").display_name.as_deref(), Some("Jürgen (home)"));
        assert_eq!(
            read("token1~` token2'+_ token3*%!.- <sip:a@b>").display_name.as_deref(),
            Some("token1~` token2'+_ token3*%!.-")
        );
    }

    #[test]
    fn refused() {
        for text in [
            "\"Mr. J. User <sip:a@b>",
            "Bell, Alexander <sip:a@b>",
            "\"B\" < sip:a@b >",
            "sip:a@b?Route=%3Csip:c%3E",
            "<sip:a@b",
            "\"A\" sip:a@b",
            "\"Joe\" <sip:a@b>;;;;",
            "<sip:a@b>tag=1",
            "",
        ] {
            assert!(text.parse::<NameAddr>().is_err(), "{text}");
        }
    }

    #[test]
    fn contact_parameters() {
        let contact = read("<sip:a@b>;q=0.33;expires=99999999999");
        assert_eq!((contact.q_thousandths(), contact.expires()), (Some(330), Some(3600)));
        assert_eq!(read("<sip:a@b>;q=1.1").q_thousandths(), None);
    }
}
