//! Keep-alives by STUN on the SIP port: RFC 5626 §8, of RFC 8489 only what that needs.
//!
//! ```text
//!   phone ──Binding request──▶ here      its NAT keeps the way open, and it learns when that has changed
//!         ◀──XOR-MAPPED-ADDRESS──
//! ```
//!
//! Left out: authentication and error responses. Whoever sends what must be understood and is not gets nothing, so an
//! answer is never longer than 44 octets.

use std::net::{IpAddr, SocketAddr};

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const MAGIC_COOKIE: u32 = 0x2112_A442;
const HEADER: usize = 20;
/// From here on attributes may be passed over (§14).
const OPTIONAL: u16 = 0x8000;

/// The answer to a Binding request; none to anything else.
pub fn answer(request: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let (header, attributes) = request.split_at_checked(HEADER)?;
    let (kind, length) = (u16_at(header, 0)?, u16_at(header, 2)?);
    let cookie = header.get(4..8)?;
    let is_binding = kind == BINDING_REQUEST && cookie == MAGIC_COOKIE.to_be_bytes();
    if !is_binding || usize::from(length) != attributes.len() || !all_optional(attributes) {
        return None;
    }
    let mask = header.get(4..HEADER)?; // the cookie and the transaction id
    let port = from.port() ^ u16::try_from(MAGIC_COOKIE >> 16).ok()?;
    let (family, address) = match from.ip().to_canonical() {
        IpAddr::V4(ip) => (1, masked(&ip.octets(), mask)),
        IpAddr::V6(ip) => (2, masked(&ip.octets(), mask)),
    };
    let value = u16::try_from(4 + address.len()).ok()?;
    let mut answer = Vec::with_capacity(HEADER + 4 + usize::from(value));
    answer.extend(BINDING_SUCCESS.to_be_bytes());
    answer.extend((4 + value).to_be_bytes());
    answer.extend(mask);
    answer.extend(XOR_MAPPED_ADDRESS.to_be_bytes());
    answer.extend(value.to_be_bytes());
    answer.extend([0, family]);
    answer.extend(port.to_be_bytes());
    answer.extend(address);
    Some(answer)
}

/// Whether the attributes are whole, and none of them must be understood.
fn all_optional(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let (Some(kind), Some(length)) = (u16_at(rest, 0), u16_at(rest, 2)) else { return false };
        let Some(next) = rest.get(4 + usize::from(length).next_multiple_of(4)..) else { return false };
        if kind < OPTIONAL {
            return false;
        }
        rest = next;
    }
    true
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?))
}

fn masked(octets: &[u8], mask: &[u8]) -> Vec<u8> {
    octets.iter().zip(mask).map(|(octet, mask)| octet ^ mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transaction id of the vectors of RFC 5769.
    const ID: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn request(attributes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(attributes.len()).expect("short");
        let mut request = vec![0, 1];
        request.extend(length.to_be_bytes());
        request.extend(MAGIC_COOKIE.to_be_bytes());
        request.extend(ID);
        request.extend(attributes);
        request
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// RFC 5769 §2.2 and §2.3: 192.0.2.1 and 2001:db8:1234:5678:11:2233:4455:6677, port 32853.
    #[test]
    fn the_mapped_address_is_masked_as_in_the_vectors() {
        let v4 = answer(&request(&[]), address("192.0.2.1:32853")).expect("answered");
        assert_eq!(v4[..8], [1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42]);
        assert_eq!(v4[8..20], ID);
        assert_eq!(v4[20..], [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let v6 = answer(&request(&[]), address("[2001:db8:1234:5678:11:2233:4455:6677]:32853")).expect("answered");
        let masked = [
            0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
            0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        assert_eq!(v6[20..], masked);
    }

    #[test]
    fn software_is_passed_over_and_what_must_be_understood_is_not_answered() {
        let from = address("192.0.2.1:5060");
        assert!(answer(&request(&[0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]), from).is_some());
        assert!(answer(&request(&[0x00, 0x06, 0, 1, b'u', 0, 0, 0]), from).is_none());
    }

    #[test]
    fn every_other_length_kind_and_cut_is_silence() {
        let from = address("192.0.2.1:5060");
        let whole = request(&[0x80, 0x22, 0, 4, 1, 2, 3, 4]);
        for cut in 0..whole.len() {
            assert!(answer(&whole[..cut], from).is_none(), "{cut}");
        }
        for (at, value) in [(0, 1), (1, 0x11), (3, 9), (4, 0), (23, 5), (23, 255)] {
            let mut other = whole.clone();
            other[at] = value;
            assert!(answer(&other, from).is_none(), "octet {at}");
        }
        let own = answer(&whole, from).expect("answered");
        assert!(answer(&own, from).is_none(), "two servers never answer each other for ever");
    }
}
