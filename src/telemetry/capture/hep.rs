//! HEP version 3, also called EEP: one captured message as a datagram of chunks.
//!
//! ```text
//!   "HEP3" | length u16 | chunk…       chunk: vendor u16 (0) | type u16 | length u16 with these 6 | value
//! ```
//!
//! From the published description of the protocol, revision 12; all numbers are in network order.

use std::net::{IpAddr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

/// The longest datagram of UDP over IPv4.
const LONGEST: usize = 65_507;
/// Of a Call-ID; a longer one is cut, so that the payload has room.
const LONGEST_CORRELATION: usize = 256;
const HEADER: usize = 6;
const CHUNK_HEADER: usize = 6;

/// Types of chunks.
mod chunk {
    pub const FAMILY: u16 = 1;
    pub const PROTOCOL: u16 = 2;
    pub const SOURCE_V4: u16 = 3;
    pub const DESTINATION_V4: u16 = 4;
    pub const SOURCE_V6: u16 = 5;
    pub const DESTINATION_V6: u16 = 6;
    pub const SOURCE_PORT: u16 = 7;
    pub const DESTINATION_PORT: u16 = 8;
    pub const SECONDS: u16 = 9;
    pub const MICROSECONDS: u16 = 10;
    pub const KIND: u16 = 11;
    pub const NODE: u16 = 12;
    pub const PASSWORD: u16 = 14;
    pub const PAYLOAD: u16 = 15;
    pub const CORRELATION: u16 = 17;
}

const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 10;
const TCP: u8 = 6;
const UDP: u8 = 17;
const SIP: u8 = 1;

/// A message on its way to the capture tool.
#[derive(Clone, Copy, Debug)]
pub struct Captured<'a> {
    pub at: SystemTime,
    pub from: SocketAddr,
    pub to: SocketAddr,
    /// Over UDP, not over a connection.
    pub is_datagram: bool,
    pub node_id: u32,
    pub password: Option<&'a str>,
    /// What the tool is to group by: the Call-ID.
    pub correlation: Option<&'a str>,
    pub payload: &'a [u8],
}

impl Captured<'_> {
    /// As a datagram. A payload that does not fit into one is cut.
    pub fn frame(&self) -> Vec<u8> {
        let since = self.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut frame = Frame(Vec::with_capacity(160 + self.payload.len()));
        frame.0.extend(b"HEP3\0\0");
        // Both or neither of IPv4: addresses of one socket are of one family.
        match (self.from.ip(), self.to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                frame.put(chunk::FAMILY, &[FAMILY_V4]);
                frame.put(chunk::SOURCE_V4, &from.octets());
                frame.put(chunk::DESTINATION_V4, &to.octets());
            }
            (from, to) => {
                frame.put(chunk::FAMILY, &[FAMILY_V6]);
                frame.put(chunk::SOURCE_V6, &as_v6(from));
                frame.put(chunk::DESTINATION_V6, &as_v6(to));
            }
        }
        frame.put(chunk::PROTOCOL, &[if self.is_datagram { UDP } else { TCP }]);
        frame.put(chunk::SOURCE_PORT, &self.from.port().to_be_bytes());
        frame.put(chunk::DESTINATION_PORT, &self.to.port().to_be_bytes());
        // Until the year 2106.
        frame.put(chunk::SECONDS, &u32::try_from(since.as_secs()).unwrap_or(u32::MAX).to_be_bytes());
        frame.put(chunk::MICROSECONDS, &since.subsec_micros().to_be_bytes());
        frame.put(chunk::KIND, &[SIP]);
        frame.put(chunk::NODE, &self.node_id.to_be_bytes());
        if let Some(password) = self.password {
            frame.put(chunk::PASSWORD, password.as_bytes());
        }
        if let Some(correlation) = self.correlation {
            let correlation = correlation.as_bytes();
            frame.put(chunk::CORRELATION, correlation.get(..LONGEST_CORRELATION).unwrap_or(correlation));
        }
        frame.put(chunk::PAYLOAD, self.payload);
        frame.finish()
    }
}

fn as_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

struct Frame(Vec<u8>);

impl Frame {
    fn put(&mut self, kind: u16, value: &[u8]) {
        let room = LONGEST.saturating_sub(self.0.len() + CHUNK_HEADER);
        let value = value.get(..room).unwrap_or(value);
        let length = u16::try_from(CHUNK_HEADER + value.len()).expect("no chunk is longer than a datagram");
        self.0.extend([0, 0]);
        self.0.extend(kind.to_be_bytes());
        self.0.extend(length.to_be_bytes());
        self.0.extend(value);
    }

    fn finish(mut self) -> Vec<u8> {
        let length = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        if let Some(place) = self.0.get_mut(HEADER - 2..HEADER) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn captured(payload: &[u8]) -> Captured<'_> {
        Captured {
            at: UNIX_EPOCH + Duration::from_micros(1_700_000_000_250_000),
            from: "192.0.2.9:40000".parse().expect("an address"),
            to: "192.0.2.1:5060".parse().expect("an address"),
            is_datagram: true,
            node_id: 2001,
            password: Some("myHep"),
            correlation: Some("a@b"),
            payload,
        }
    }

    #[test]
    fn the_octets_are_those_of_the_protocol() {
        #[rustfmt::skip]
        let known = [
            &b"HEP3"[..], &[0, 123],
            &[0, 0, 0, 1, 0, 7, 2],
            &[0, 0, 0, 3, 0, 10, 192, 0, 2, 9],
            &[0, 0, 0, 4, 0, 10, 192, 0, 2, 1],
            &[0, 0, 0, 2, 0, 7, 17],
            &[0, 0, 0, 7, 0, 8, 0x9c, 0x40],
            &[0, 0, 0, 8, 0, 8, 0x13, 0xc4],
            &[0, 0, 0, 9, 0, 10, 0x65, 0x53, 0xf1, 0x00],
            &[0, 0, 0, 10, 0, 10, 0, 3, 0xd0, 0x90],
            &[0, 0, 0, 11, 0, 7, 1],
            &[0, 0, 0, 12, 0, 10, 0, 0, 0x07, 0xd1],
            &[0, 0, 0, 14, 0, 11], b"myHep",
            &[0, 0, 0, 17, 0, 9], b"a@b",
            &[0, 0, 0, 15, 0, 10], b"ABCD",
        ].concat();
        assert_eq!(captured(b"ABCD").frame(), known);
    }

    #[test]
    fn ipv6_and_connections_have_their_numbers() {
        let from = "[2001:db8::9]:40000".parse().expect("an address");
        let to = "[2001:db8::1]:5061".parse().expect("an address");
        let frame = Captured { from, to, is_datagram: false, ..captured(b"") }.frame();
        let has = |chunk: &[u8]| frame.windows(chunk.len()).any(|found| found == chunk);
        assert!(has(&[0, 0, 0, 1, 0, 7, 10]) && has(&[0, 0, 0, 2, 0, 7, 6]));
        assert!(has(&[0, 0, 0, 5, 0, 22, 0x20, 0x01, 0x0d, 0xb8]) && has(&[0, 0, 0, 6, 0, 22, 0x20, 0x01]));
    }

    #[test]
    fn whatever_the_length_it_fits_a_datagram_and_says_its_length() {
        let long = "c".repeat(70_000);
        for length in [0, 1, 65_000, 65_507, 65_535, 70_000] {
            let payload = vec![b'x'; length];
            for correlation in [None, Some(long.as_str())] {
                let frame = Captured { correlation, ..captured(&payload) }.frame();
                assert!(frame.len() <= LONGEST, "{length}: {}", frame.len());
                assert_eq!(usize::from(u16::from_be_bytes([frame[4], frame[5]])), frame.len());
            }
        }
    }
}
