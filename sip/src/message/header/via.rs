//! Via, RFC 3261 §20.42, with `rport` of RFC 3581.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::Params;
use crate::message::scan::{is_space, is_token, trim, trim_start};
use crate::message::uri::split_host_port;
use crate::message::{Host, SyntaxError};

/// One hop: `SIP/2.0/UDP host:port;params`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// As written; unknown ones are let pass.
    pub transport: String,
    pub host: Host,
    pub port: Option<u16>,
    pub params: Params,
}

impl Via {
    /// What a branch of RFC 3261 begins with (§8.1.1.7).
    pub const COOKIE: &str = "z9hG4bK";

    pub fn new(transport: &str, host: Host, port: Option<u16>, branch: &str) -> Self {
        let mut params = Params::new();
        params.push("branch", Some(branch));
        Self { transport: transport.to_owned(), host, port, params }
    }

    pub fn branch(&self) -> Option<&str> {
        self.params.value("branch")
    }

    /// The branch if it names the transaction: the magic cookie with something behind it. Without one, a transaction
    /// is matched by the rules of RFC 2543 (§17.2.3).
    pub fn transaction_branch(&self) -> Option<&str> {
        self.branch().filter(|branch| branch.len() > Self::COOKIE.len() && branch.starts_with(Self::COOKIE))
    }

    /// `host:port` as a key: the host in lower case, the port only if it stands there.
    pub fn sent_by(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host).to_ascii_lowercase(),
            None => self.host.to_string().to_ascii_lowercase(),
        }
    }

    /// The address the request came from, with or without the brackets that some put about it (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.value("received")?;
        text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text).parse().ok()
    }

    /// `Some(None)` asks for the source port, `Some(Some(_))` tells it. A port that is no number counts as absent.
    pub fn rport(&self) -> Option<Option<u16>> {
        match self.params.get("rport")? {
            None | Some("") => Some(None),
            Some(digits) => digits.parse().ok().map(Some),
        }
    }

    /// Never with brackets.
    pub fn set_received(&mut self, address: IpAddr) {
        self.params.set("received", Some(&address.to_string()));
    }

    pub fn set_rport(&mut self, port: u16) {
        self.params.set("rport", Some(&port.to_string()));
    }
}

impl FromStr for Via {
    type Err = SyntaxError;

    /// White space may stand about each `/`, `:`, `;` and `=`.
    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let mut fields = text.splitn(3, '/');
        let (protocol, version) = (fields.next().map(trim), fields.next().map(trim));
        let rest = trim(fields.next().ok_or(SyntaxError("not protocol/version/transport"))?);
        if !protocol.is_some_and(|name| name.eq_ignore_ascii_case("SIP")) || version != Some("2.0") {
            return Err(SyntaxError("protocol is not SIP/2.0"));
        }
        let (transport, rest) = rest.split_once(is_space).ok_or(SyntaxError("no sent-by"))?;
        if transport.is_empty() || !transport.bytes().all(is_token) {
            return Err(SyntaxError("transport is not a token"));
        }
        let rest = trim_start(rest);
        let at = rest.find(';').unwrap_or(rest.len());
        let (sent_by, params) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let (host, port) = split_host_port(trim(sent_by))?;
        Ok(Self { transport: transport.to_owned(), host, port, params: Params::read(params)? })
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Via {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn white_space_about_every_separator() {
        let via = read("SIP  /   2.0  /UDP   192.0.2.2 : 5060 ; branch = z9hG4bK1 ;rport");
        assert_eq!(via.to_string(), "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1;rport");
        assert_eq!(via.rport(), Some(None));
    }

    #[test]
    fn received_is_read_with_brackets_and_written_without() {
        let mut via = read("SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111");
        assert_eq!(via.received(), "2001:db8::9:255".parse().ok());
        via.set_received("2001:db8::1".parse().expect("address"));
        via.set_rport(5070);
        assert_eq!(
            via.to_string(),
            "SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::1;branch=z9hG4bKas3-111;rport=5070"
        );
    }

    #[test]
    fn a_cookie_alone_names_no_transaction() {
        assert_eq!(read("SIP/2.0/UDP a;branch=z9hG4bK").transaction_branch(), None);
        assert_eq!(read("SIP/2.0/UDP a;branch=390skdjuw").transaction_branch(), None);
        assert_eq!(read("SIP/2.0/UDP a;branch=z9hG4bK1").transaction_branch(), Some("z9hG4bK1"));
        assert_eq!(read("SIP/2.0/UNKNOWN A.b:1").sent_by(), "a.b:1");
    }

    #[test]
    fn refused() {
        for text in
            ["", "SIP/2.0/UDP", "SIP/7.0/UDP a", "HTTP/2.0/UDP a", "SIP/2.0/UDP 192.0.2.15;;", "SIP/2.0/UDP a b"]
        {
            assert!(text.parse::<Via>().is_err(), "{text}");
        }
    }
}
