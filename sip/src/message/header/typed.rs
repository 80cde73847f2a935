//! Headers as what they mean. Each is read when asked for; nothing is remembered.

use std::time::Duration;

use std::str::FromStr;

use super::{CSeq, Contacts, HeaderName, Headers, NameAddr, Parameterized, Via};
use crate::message::scan::{list, split_first};
use crate::message::{Fault, HeaderError, SyntaxError};

impl Headers {
    pub fn from(&self) -> Result<NameAddr, HeaderError> {
        self.required(&HeaderName::From)
    }

    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        self.required(&HeaderName::To)
    }

    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        self.required(&HeaderName::CSeq)
    }

    /// `word [ "@" word ]`, compared octet for octet. What else stands in it is let pass, white space is not.
    pub fn call_id(&self) -> Result<String, HeaderError> {
        let name = &HeaderName::CallId;
        let id = self.single_text(name)?.ok_or_else(|| HeaderError::new(name, Fault::Missing))?;
        match id {
            id if id.is_empty() => Err(HeaderError::new(name, Fault::Missing)),
            id if id.contains([' ', '\t']) => Err(HeaderError::new(name, SyntaxError("white space in it"))),
            id => Ok(id),
        }
    }

    /// All Contact values; an empty list when there is none.
    pub fn contacts(&self) -> Result<Contacts, HeaderError> {
        let name = &HeaderName::Contact;
        let mut lines = self.all(name);
        if lines.next().is_some_and(|first| &*first.value() == "*") {
            return match lines.next() {
                None => Ok(Contacts::Star),
                Some(_) => Err(HeaderError::new(name, SyntaxError("* beside other values"))),
            };
        }
        self.list(name).map(Contacts::List)
    }

    /// Whether a body of this type may be sent back. Without Accept it is the one that the method calls for (§20.1); a
    /// range with `q=0` takes itself out (RFC 9110 §12.4.2).
    pub fn accepts(&self, content_type: &str) -> bool {
        if !self.contains(&HeaderName::Accept) {
            return true;
        }
        let family = content_type.split('/').next().unwrap_or_default();
        self.values(&HeaderName::Accept).iter().any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let range = parts.next().unwrap_or_default();
            let fits = range == "*/*"
                || range.eq_ignore_ascii_case(content_type)
                || range.eq_ignore_ascii_case(&format!("{family}/*"));
            let is_out = |param: &str| {
                let weight = param.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
                weight.is_some_and(|(_, weight)| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
            };
            fits && !parts.any(is_out)
        })
    }

    /// All Via values, top first.
    pub fn vias(&self) -> Result<Vec<Via>, HeaderError> {
        self.list(&HeaderName::Via)
    }

    pub fn top_via(&self) -> Result<Via, HeaderError> {
        let name = &HeaderName::Via;
        let line = self.all(name).next().ok_or_else(|| HeaderError::new(name, Fault::Missing))?;
        split_first(&line.value()).0.parse().map_err(|error: SyntaxError| HeaderError::new(name, error))
    }

    /// Hops left. `None` when absent, and when above 255, which counts as absent (RFC 4475 §3.1.2.4).
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        let name = &HeaderName::MaxForwards;
        match self.single_text(name)? {
            Some(digits) if is_number(&digits) => Ok(digits.parse().ok()),
            Some(_) => Err(HeaderError::new(name, SyntaxError("not a number"))),
            None => Ok(None),
        }
    }

    /// Seconds. A value that is malformed or too large means 3600 (§20.19).
    pub fn expires(&self) -> Option<u32> {
        self.seconds(&HeaderName::Expires).map(|seconds| seconds.unwrap_or(3600))
    }

    /// A header of seconds, parameters and comments left aside: Expires, Min-Expires, Retry-After, Session-Expires.
    /// `Some(None)` when it is there but not a number below 2³².
    pub fn seconds(&self, name: &HeaderName) -> Option<Option<u32>> {
        let value = self.get(name)?;
        let digits = value.split([';', '(', ' ', '\t']).next().unwrap_or("");
        Some(is_number(digits).then(|| digits.parse().ok()).flatten())
    }

    /// The Route values that are left, next first.
    /// How long to stay away: §20.33, without its comment and parameters.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.get(&HeaderName::RetryAfter)?;
        value.split([';', '(', ' ']).next()?.parse().ok().map(Duration::from_secs)
    }

    pub fn routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.list(&HeaderName::Route)
    }

    pub fn record_routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.list(&HeaderName::RecordRoute)
    }

    /// RFC 3327.
    pub fn paths(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.list(&HeaderName::Path)
    }

    /// RFC 3608.
    pub fn service_routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.list(&HeaderName::ServiceRoute)
    }

    /// Require, Proxy-Require, Supported or Unsupported: in lower case.
    pub fn option_tags(&self, name: &HeaderName) -> Vec<String> {
        self.values(name).into_iter().map(|tag| tag.to_ascii_lowercase()).collect()
    }

    /// A header with one address: Refer-To, Referred-By, Reply-To.
    pub fn name_addr(&self, name: &HeaderName) -> Result<Option<NameAddr>, HeaderError> {
        self.single(name)
    }

    /// A header with any number of addresses: P-Asserted-Identity, Diversion, History-Info.
    pub fn name_addrs(&self, name: &HeaderName) -> Result<Vec<NameAddr>, HeaderError> {
        self.list(name)
    }

    /// Why a request came: RFC 3326 §2, its values in one line.
    pub fn reason(&self) -> Option<String> {
        let values = self.values(&HeaderName::Reason);
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// A header of the form `value;params`: Event, Session-Expires, Subscription-State, Replaces, Content-Disposition.
    pub fn parameterized(&self, name: &HeaderName) -> Result<Option<Parameterized>, HeaderError> {
        self.single(name)
    }

    fn required<T: FromStr<Err = SyntaxError>>(&self, name: &HeaderName) -> Result<T, HeaderError> {
        self.single(name)?.ok_or_else(|| HeaderError::new(name, Fault::Missing))
    }

    pub(super) fn single<T: FromStr<Err = SyntaxError>>(&self, name: &HeaderName) -> Result<Option<T>, HeaderError> {
        let mut lines = self.all(name);
        match (lines.next(), lines.next()) {
            (None, _) => Ok(None),
            (Some(line), None) => line.value().parse().map(Some).map_err(|error| HeaderError::new(name, error)),
            _ => Err(HeaderError::new(name, Fault::Repeated)),
        }
    }

    fn single_text(&self, name: &HeaderName) -> Result<Option<String>, HeaderError> {
        let mut lines = self.all(name);
        match (lines.next(), lines.next()) {
            (_, Some(_)) => Err(HeaderError::new(name, Fault::Repeated)),
            (line, None) => Ok(line.map(|line| line.value().into_owned())),
        }
    }

    fn list<T: FromStr<Err = SyntaxError>>(&self, name: &HeaderName) -> Result<Vec<T>, HeaderError> {
        let mut values = Vec::new();
        for line in self.all(name) {
            for value in list(&line.value()) {
                values.push(value.parse().map_err(|error| HeaderError::new(name, error))?);
            }
        }
        Ok(values)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
