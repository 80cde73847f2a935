//! Hosts: `host` of RFC 3261 §25.1, with the IPv6 grammar of RFC 5954.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::message::SyntaxError;
use crate::message::scan::trim;

/// A host of a URI or a Via. Names compare without case.
#[derive(Clone, Debug)]
pub enum Host {
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Host {
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(ip) => Some(IpAddr::V4(*ip)),
            Self::V6(ip) => Some(IpAddr::V6(*ip)),
        }
    }
}

/// Whether a host is this domain or one below it.
pub fn lies_in(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.trim_end_matches('.'), domain.trim_end_matches('.'));
    let Some(above) = host.len().checked_sub(domain.len()) else { return false };
    let (Some(below), Some(end)) = (host.get(..above), host.get(above..)) else { return false };
    end.eq_ignore_ascii_case(domain) && (below.is_empty() || below.ends_with('.'))
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6(ip),
        }
    }
}

impl FromStr for Host {
    type Err = SyntaxError;

    /// Reads a name, an IPv4 address, or an IPv6 address in brackets. The underscore is let pass: names in the wild
    /// have it.
    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return ipv6(inside).map(Self::V6).ok_or(SyntaxError("no IPv6 address between the brackets"));
        }
        if text.is_empty() {
            return Err(SyntaxError("no host"));
        }
        if let Some(ip) = ipv4(text) {
            return Ok(Self::V4(ip));
        }
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if text.len() <= 255 && text.bytes().all(legal) {
            Ok(Self::Name(text.to_owned()))
        } else {
            Err(SyntaxError("not a host name"))
        }
    }
}

/// Four decimal groups. Leading zeros stay decimal: `1*3DIGIT`.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut groups = text.split('.').map(|group| {
        let digits = (1..=3).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_digit());
        group.parse::<u8>().ok().filter(|_| digits)
    });
    let address = [groups.next()??, groups.next()??, groups.next()??, groups.next()??];
    groups.next().is_none().then(|| address.into())
}

/// `[2001:db8:::192.0.2.1]` is legal by the letter of RFC 3261 and means `::` (RFC 5118 §4.10).
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| text.replacen(":::", "::", 1).parse().ok())
}

/// Reads `host [ ":" port ]`, with white space about the colon as Via allows it.
pub(crate) fn split_host_port(text: &str) -> Result<(Host, Option<u16>), SyntaxError> {
    let name_ends = if text.starts_with('[') { text.find(']').map(|at| at + 1) } else { text.find(':') };
    let (host, rest) = text.split_at_checked(name_ends.unwrap_or(text.len())).unwrap_or((text, ""));
    let host = trim(host).parse()?;
    let rest = trim(rest);
    if rest.is_empty() {
        return Ok((host, None));
    }
    let digits = rest.strip_prefix(':').map(trim).ok_or(SyntaxError("something other than a port behind the host"))?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(SyntaxError("port is not a number"));
    }
    let port = digits.parse().map_err(|_| SyntaxError("port above 65535"))?;
    Ok((host, Some(port)))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(ip) => write!(f, "{ip}"),
            Self::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one.ip().is_some() && one.ip() == other.ip(),
        }
    }
}

impl Eq for Host {}

impl Hash for Host {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Name(name) => name.bytes().for_each(|b| state.write_u8(b.to_ascii_lowercase())),
            _ => self.ip().hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_itself_and_what_lies_below() {
        for (host, inside) in
            [("example.org", true), ("SIP.Example.ORG.", true), ("badexample.org", false), ("org", false)]
        {
            assert_eq!(lies_in(host, "example.org"), inside, "{host}");
        }
        assert!(!lies_in("\u{e9}xample.org", "xample.org"), "no character is cut in two");
    }

    #[test]
    fn a_port_inside_the_brackets_is_part_of_the_address() {
        let (host, port) = split_host_port("[2001:db8::10:5070]").expect("well-formed");
        assert_eq!((host.to_string().as_str(), port), ("[2001:db8::10:5070]", None));
        let (host, port) = split_host_port("[2001:db8::10]:5070").expect("well-formed");
        assert_eq!((host.to_string().as_str(), port), ("[2001:db8::10]", Some(5070)));
    }

    #[test]
    fn three_colons_mean_two() {
        assert_eq!("[2001:db8:::192.0.2.1]".parse(), "[2001:db8::192.0.2.1]".parse::<Host>());
    }

    #[test]
    fn leading_zeros_stay_decimal() {
        assert_eq!("192.0.002.010".parse(), Ok(Host::V4([192, 0, 2, 10].into())));
    }

    #[test]
    fn refused_hosts_and_ports() {
        for text in
            ["", "2001:db8::10", "a:", "a:70000", "a:-1", "[::1", "[::1]5060", "a b", "a:50 60", "[]", "[fe80::1%eth0]"]
        {
            assert!(split_host_port(text).is_err(), "{text:?}");
        }
    }
}
