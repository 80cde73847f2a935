//! `a=rtcp` (RFC 3605) and `a=rtcp-mux` (RFC 5761): where RTCP goes.

use super::Attributes;
use crate::sdp::connection::Address;

/// `a=rtcp:53020` or `a=rtcp:53020 IN IP4 192.0.2.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtcpAddress {
    pub port: u16,
    pub address: Option<Address>,
}

impl Attributes {
    /// Where RTCP is wanted, when not at the port after RTP's.
    pub fn rtcp(&self) -> Option<RtcpAddress> {
        let mut fields = self.value("rtcp")?.split_ascii_whitespace();
        let port = fields.next()?.parse().ok()?;
        Some(RtcpAddress { port, address: fields.nth(2).map(Address::read) })
    }

    pub fn rtcp_mux(&self) -> bool {
        self.has("rtcp-mux")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtcp(value: &str) -> Option<RtcpAddress> {
        let mut attributes = Attributes::default();
        attributes.push("rtcp", value);
        attributes.rtcp()
    }

    #[test]
    fn rtcp_names_a_port_and_perhaps_an_address() {
        assert_eq!(rtcp("53020"), Some(RtcpAddress { port: 53020, address: None }));
        let far = rtcp("53020 IN IP6 2001:db8::1").and_then(|rtcp| rtcp.address);
        assert_eq!(far, Some(Address::read("2001:db8::1")));
        assert_eq!(rtcp("many"), None);
    }
}
