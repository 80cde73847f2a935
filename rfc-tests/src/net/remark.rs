//! What stands to the right of a figure: what its message says besides, and when it passes.

use std::ops::RangeInclusive;
use std::time::Duration;

use plenary_sip::message::{Header, HeaderName, Headers, Message};

/// How far a time may lie beside the one that the figure names: a few hops.
const TOLERANCE: Duration = Duration::from_millis(50);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// `Contact has isfocus`: somewhere in a value of that header.
    Has(HeaderName, String),
    /// `Unsupported: foo`: the value of that header. What a stranger sends gets it.
    Is(HeaderName, String),
    /// `some Retry-After`, `no Contact`: whether there is such a header.
    Present(HeaderName),
    Lacks(HeaderName),
    /// `after 0.5 s`: since the message before it.
    After(RangeInclusive<Duration>),
    /// `at 32 s`: since the figure began.
    At(RangeInclusive<Duration>),
    /// `5 s pass`: beside a row without a message.
    Pass(Duration),
    /// `(her battery is low)`: for the reader.
    Aside,
}

/// Reads all remarks of a row: they are parted by `; `.
pub fn parse_all(text: &str) -> Result<Vec<Remark>, String> {
    text.split("; ").map(str::trim).filter(|text| !text.is_empty()).map(Remark::parse).collect()
}

impl Remark {
    fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('(') && text.ends_with(')') {
            return Ok(Self::Aside);
        }
        if let Some(span) = text.strip_suffix(" pass").or(text.strip_suffix(" passes")) {
            return Ok(Self::Pass(duration(span)?));
        }
        if let Some(span) = text.strip_prefix("after ") {
            return Ok(Self::After(span_of(span)?));
        }
        if let Some(span) = text.strip_prefix("at ") {
            return Ok(Self::At(span_of(span)?));
        }
        if let Some(name) = text.strip_prefix("some ") {
            return Ok(Self::Present(header_name(name)?));
        }
        if let Some(name) = text.strip_prefix("no ") {
            return Ok(Self::Lacks(header_name(name)?));
        }
        if let Some((name, value)) = text.split_once(" has ") {
            return Ok(Self::Has(header_name(name)?, value.trim().to_owned()));
        }
        match text.split_once(':') {
            Some((name, value)) => Ok(Self::Is(header_name(name)?, value.trim().to_owned())),
            None => Err(format!("nobody knows the remark {text:?}")),
        }
    }

    /// What the remark says of the message itself, times aside.
    pub fn check(&self, message: &Message) -> Result<(), String> {
        let headers = message.headers();
        let values =
            |name: &HeaderName| headers.all(name).map(|header| header.value().into_owned()).collect::<Vec<_>>();
        let (name, holds) = match self {
            Self::Has(name, text) => (name, values(name).iter().any(|value| value.contains(text))),
            Self::Is(name, text) => (name, values(name).iter().any(|value| value == text)),
            Self::Present(name) => (name, !values(name).is_empty()),
            Self::Lacks(name) => (name, values(name).is_empty()),
            Self::After(_) | Self::At(_) | Self::Pass(_) | Self::Aside => return Ok(()),
        };
        if holds { Ok(()) } else { Err(format!("its {name} is {:?}", values(name).join(", "))) }
    }

    /// Writes the header that a stranger is to send.
    pub fn write(&self, headers: &mut Headers) {
        if let Self::Is(name, value) = self {
            headers.set(Header::new(name.clone(), value.clone()));
        }
    }
}

fn header_name(text: &str) -> Result<HeaderName, String> {
    let text = text.trim();
    let is_token = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    is_token.then(|| HeaderName::from(text)).ok_or_else(|| format!("{text:?} is no header"))
}

/// `0.5 s`, or `2.1 to 4 s`.
fn span_of(text: &str) -> Result<RangeInclusive<Duration>, String> {
    match text.split_once(" to ") {
        Some((from, to)) => Ok(duration(&format!("{from} s"))?..=duration(to)?),
        None => duration(text).map(|exact| exact.saturating_sub(TOLERANCE)..=exact + TOLERANCE),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.trim().strip_suffix(" s").and_then(|number| number.parse::<f64>().ok());
    let seconds = seconds.ok_or_else(|| format!("{text:?} is no time; 0.5 s would be"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn remarks_are_parted_and_read() {
        let remarks = parse_all("Contact has ;isfocus; Event: conference; no Warning; (as ever)").expect("remarks");
        let name = |text| HeaderName::from(text);
        let expected = [
            Remark::Has(name("Contact"), ";isfocus".into()),
            Remark::Is(name("Event"), "conference".into()),
            Remark::Lacks(name("Warning")),
            Remark::Aside,
        ];
        assert_eq!(remarks, expected);
        assert_eq!(parse_all(""), Ok(vec![]));
        assert!(parse_all("as you like it").is_err());
    }

    #[test]
    fn times() {
        assert_eq!(parse_all("after 0.5 s"), Ok(vec![Remark::After(ms(450)..=ms(550))]));
        assert_eq!(parse_all("at 2.1 to 4 s"), Ok(vec![Remark::At(ms(2100)..=ms(4000))]));
        assert_eq!(parse_all("5 s pass"), Ok(vec![Remark::Pass(ms(5000))]));
        assert!(parse_all("after a while").is_err());
    }
}
