//! Where the peer wants its media, and whether it wants any: RFC 3264 §5.1, §6.1, §8.4; RFC 3605; RFC 5761.

use std::net::{IpAddr, SocketAddr};

use plenary_sip::sdp::attribute::Direction;
use plenary_sip::sdp::{MediaDescription, SessionDescription};

use super::error::NegotiationError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) rtp: SocketAddr,
    pub(super) rtcp: SocketAddr,
    pub(super) rtcp_mux: bool,
    /// As the peer sees it.
    pub(super) direction: Direction,
}

/// Port of a description whose address is still to be found by ICE (RFC 8838, RFC 9429): with `0.0.0.0` that is no hold.
const NO_ADDRESS_YET: u16 = 9;

impl Remote {
    /// `before`: the address in use, kept while the peer holds with `0.0.0.0`.
    pub(super) fn read(
        description: &SessionDescription,
        media: &MediaDescription,
        local: IpAddr,
        before: Option<Self>,
    ) -> Result<Self, NegotiationError> {
        let address = &description.connection_of(media).ok_or(NegotiationError::NoAddress)?.address;
        let ip = address.ip().ok_or_else(|| NegotiationError::NameAsAddress { name: address.to_string() })?;
        if ip.is_multicast() {
            return Err(NegotiationError::Multicast { address: ip });
        }
        let direction = description.direction_of(media);
        if address.is_unspecified() && media.port != NO_ADDRESS_YET {
            let held = Self { direction: direction.restricted_to(Direction::SendOnly), ..Self::at(ip, media) };
            return Ok(match before {
                Some(before) => Self { rtp: before.rtp, rtcp: before.rtcp, ..held },
                None => held,
            });
        }
        if ip.is_ipv4() != local.is_ipv4() {
            return Err(NegotiationError::OtherFamily { address: ip, local });
        }
        Ok(Self { direction, ..Self::at(ip, media) })
    }

    /// Of a stream whose peer is found by ICE: its address is only a guess, and `0.0.0.0` no hold (RFC 8839 §4.2.1.2).
    pub(super) fn by_ice(description: &SessionDescription, media: &MediaDescription, local: IpAddr) -> Self {
        let any = if local.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
        let named = description.connection_of(media).and_then(|connection| connection.address.ip());
        let ip = named.filter(|ip| ip.is_ipv4() == local.is_ipv4()).unwrap_or(any);
        Self { direction: description.direction_of(media), ..Self::at(ip, media) }
    }

    fn at(ip: IpAddr, media: &MediaDescription) -> Self {
        let rtp = SocketAddr::new(ip, media.port);
        let rtcp_mux = media.attributes.rtcp_mux();
        let rtcp = if rtcp_mux {
            rtp
        } else {
            let named = media.attributes.rtcp();
            let address = named.as_ref().and_then(|rtcp| rtcp.address.as_ref()?.ip());
            let port = named.map_or(media.port.saturating_add(1), |rtcp| rtcp.port);
            SocketAddr::new(address.filter(|other| other.is_ipv4() == ip.is_ipv4()).unwrap_or(ip), port)
        };
        Self { rtp, rtcp, rtcp_mux, direction: Direction::SendRecv }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str, before: Option<Remote>) -> Result<Remote, NegotiationError> {
        let text = format!("v=0\r\n{lines}\r\n");
        let description = SessionDescription::parse(text.as_bytes()).expect("readable");
        Remote::read(&description, &description.media[0], "192.0.2.1".parse().expect("address"), before)
    }

    #[test]
    fn rtcp_goes_where_it_is_wanted() {
        let table = [
            ("", "10.0.0.1:4001"),
            ("a=rtcp:5000", "10.0.0.1:5000"),
            ("a=rtcp:5000 IN IP4 10.0.0.2", "10.0.0.2:5000"),
            ("a=rtcp:5000\r\na=rtcp-mux", "10.0.0.1:4000"),
        ];
        for (lines, expected) in table {
            let remote = read(&format!("c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n{lines}"), None).expect(lines);
            assert_eq!(remote.rtcp.to_string(), expected, "{lines}");
        }
    }

    #[test]
    fn unusable_addresses_are_refused() {
        for (lines, code) in [
            ("m=audio 4000 RTP/AVP 0", "301"),
            ("c=IN IP4 media.example.com\r\nm=audio 4000 RTP/AVP 0", "301"),
            ("c=IN IP4 224.0.0.1/32\r\nm=audio 4000 RTP/AVP 0", "330"),
            ("c=IN IP6 2001:db8::1\r\nm=audio 4000 RTP/AVP 0", "300"),
        ] {
            let warning = read(lines, None).expect_err(lines).warning().expect("has one");
            assert!(warning.starts_with(code), "{lines}: {warning}");
        }
    }

    #[test]
    fn unspecified_address_is_hold_and_keeps_the_one_before() {
        let before = read("c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0", None).expect("readable");
        let held = read("c=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0", Some(before)).expect("readable");
        assert_eq!((held.direction, held.rtp), (Direction::SendOnly, before.rtp));
        let waiting = read("c=IN IP4 0.0.0.0\r\nm=audio 9 RTP/AVP 0", None).expect("readable");
        assert_eq!(waiting.direction, Direction::SendRecv);
    }
}
