//! RTP packets: read in place, written in place.
//!
//! RFC 3550 §5.1 (fixed header), §5.3.1 (extension), RFC 8285 §4 (one- and two-byte elements).
//! Every length is checked before it is used. Padding is looked at only in a packet known to be in clear, since
//! SRTP encrypts its count.
//!
//! ```text
//!  0                   1                   2                   3
//!  |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//!  |                           timestamp                           |
//!  |           synchronization source (SSRC) identifier            |
//!  |            contributing source (CSRC) identifiers  ...        |
//! ```

use std::ops::RangeInclusive;

use super::{RtpTimestamp, SequenceNumber, Ssrc};

/// Octets of a header without CSRCs and extension.
pub const FIXED_HEADER_LEN: usize = 12;
/// CC has four bits.
pub const MAX_CSRCS: usize = 15;
/// Payload types that stand for RTCP when both share a port (RFC 5761 §4).
const RTCP_PAYLOAD_TYPES: RangeInclusive<u8> = 64..=95;
/// Profile of one-byte elements (RFC 8285 §4.2).
const ONE_BYTE_PROFILE: u16 = 0xbede;
/// Profile of two-byte elements, less its four application bits (RFC 8285 §4.3).
const TWO_BYTE_PROFILE: u16 = 0x100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    #[error("RTP packet of {len} octets ends before its {wanted}")]
    Short { len: usize, wanted: &'static str },
    #[error("RTP version is {0}, not 2")]
    Version(u8),
    #[error("RTP padding of {padding} octets in a payload of {payload}")]
    Padding { padding: u8, payload: usize },
    #[error("payload type {0} is RTCP's (RFC 5761 §4)")]
    Rtcp(u8),
    #[error("{csrcs} contributing sources, and 15 fit")]
    TooManyCsrcs { csrcs: usize },
    #[error("RTP header needs {needed} octets, the buffer has {len}")]
    BufferFull { needed: usize, len: usize },
}

/// The fixed header, less the counts that its lists tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    pub sequence: SequenceNumber,
    pub timestamp: RtpTimestamp,
    pub ssrc: Ssrc,
}

impl RtpHeader {
    /// Writes the header and its contributing sources, 12 + 4·`csrcs` octets. Returns that length.
    pub fn write(&self, csrcs: &[Ssrc], out: &mut [u8]) -> Result<usize, RtpError> {
        self.write_extended(csrcs, None, out)
    }

    /// The same, with one element of a header extension in its one-byte form (RFC 8285 §4.2): its identifier, 1 to 14,
    /// and its 1 to 16 octets. What does not fit that form is left out.
    pub fn write_extended(
        &self,
        csrcs: &[Ssrc],
        element: Option<(u8, &[u8])>,
        out: &mut [u8],
    ) -> Result<usize, RtpError> {
        self.write_with_elements(csrcs, element.as_slice(), out)
    }

    /// The same, with several elements in their order.
    pub fn write_with_elements(
        &self,
        csrcs: &[Ssrc],
        elements: &[(u8, &[u8])],
        out: &mut [u8],
    ) -> Result<usize, RtpError> {
        let start = self.write_fixed(csrcs, out)?;
        let fits = |(id, data): &&(u8, &[u8])| (1..=14).contains(id) && (1..=16).contains(&data.len());
        let octets: usize = elements.iter().filter(fits).map(|(_, data)| 1 + data.len()).sum();
        if octets == 0 {
            return Ok(start);
        }
        let words = octets.div_ceil(4);
        let (needed, len) = (start + 4 + 4 * words, out.len());
        let extension = out.get_mut(start..needed).ok_or(RtpError::BufferFull { needed, len })?;
        extension.fill(0);
        extension[..2].copy_from_slice(&ONE_BYTE_PROFILE.to_be_bytes());
        extension[3] = words as u8; // at most 14 elements of 17 octets
        let mut rest = &mut extension[4..];
        for (id, data) in elements.iter().filter(fits) {
            let (element, after) = rest.split_at_mut(1 + data.len());
            element[0] = id << 4 | (data.len() - 1) as u8;
            element[1..].copy_from_slice(data);
            rest = after;
        }
        out[0] |= 0x10;
        Ok(needed)
    }

    fn write_fixed(&self, csrcs: &[Ssrc], out: &mut [u8]) -> Result<usize, RtpError> {
        let count = u8::try_from(csrcs.len()).unwrap_or(u8::MAX);
        if csrcs.len() > MAX_CSRCS {
            return Err(RtpError::TooManyCsrcs { csrcs: csrcs.len() });
        }
        let (needed, len) = (FIXED_HEADER_LEN + 4 * csrcs.len(), out.len());
        let out = out.get_mut(..needed).ok_or(RtpError::BufferFull { needed, len })?;
        let (fixed, list) = out.split_at_mut(FIXED_HEADER_LEN);
        let [sequence_high, sequence_low] = self.sequence.0.to_be_bytes();
        fixed[0] = 0x80 | count;
        fixed[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7f);
        fixed[2] = sequence_high;
        fixed[3] = sequence_low;
        fixed[4..8].copy_from_slice(&self.timestamp.0.to_be_bytes());
        fixed[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
        for (place, csrc) in list.chunks_exact_mut(4).zip(csrcs) {
            place.copy_from_slice(&csrc.0.to_be_bytes());
        }
        Ok(needed)
    }
}

/// A header extension: its profile (0xBEDE: one-byte elements) and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    pub profile: u16,
    pub data: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The element with this identifier (RFC 8285 §4.2, §4.3).
    pub fn element(&self, id: u8) -> Option<&'a [u8]> {
        let one_byte = self.profile == ONE_BYTE_PROFILE;
        if !one_byte && self.profile >> 4 != TWO_BYTE_PROFILE {
            return None;
        }
        let mut rest = self.data;
        while let Some((&first, after)) = rest.split_first() {
            if first == 0 {
                rest = after; // padding between elements
                continue;
            }
            let (found, len, after) = if one_byte {
                (first >> 4, usize::from(first & 0x0f) + 1, after)
            } else {
                let (&len, after) = after.split_first()?;
                (first, usize::from(len), after)
            };
            if one_byte && found == 15 {
                return None; // reserved: ends the reading
            }
            let (element, after) = after.split_at_checked(len)?;
            if found == id {
                return Some(element);
            }
            rest = after;
        }
        None
    }
}

/// A packet read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    pub header: RtpHeader,
    csrcs: &'a [u8],
    pub extension: Option<Extension<'a>>,
    /// Without padding.
    pub payload: &'a [u8],
}

impl<'a> RtpPacket<'a> {
    /// Reads a packet in clear.
    pub fn parse(packet: &'a [u8]) -> Result<Self, RtpError> {
        let Parts { header, padded, csrcs, extension, payload } = Parts::split(packet)?;
        let payload = if padded { without_padding(payload)? } else { payload };
        Ok(Self { header, csrcs, extension, payload })
    }

    /// Contributing sources, in their order.
    pub fn csrcs(&self) -> impl Iterator<Item = Ssrc> + 'a {
        self.csrcs.as_chunks::<4>().0.iter().map(|csrc| Ssrc(u32::from_be_bytes(*csrc)))
    }
}

/// Where the payload starts: the length of the header with CSRCs and extension, for a packet whose payload may be
/// encrypted; and the header itself.
pub fn header_len(packet: &[u8]) -> Result<(RtpHeader, usize), RtpError> {
    let parts = Parts::split(packet)?;
    Ok((parts.header, packet.len() - parts.payload.len()))
}

/// A packet cut where its counts say, padding not yet looked at.
struct Parts<'a> {
    header: RtpHeader,
    padded: bool,
    csrcs: &'a [u8],
    extension: Option<Extension<'a>>,
    payload: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(packet: &'a [u8]) -> Result<Self, RtpError> {
        let short = |wanted| RtpError::Short { len: packet.len(), wanted };
        let (&[first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3], rest) =
            packet.split_first_chunk::<FIXED_HEADER_LEN>().ok_or(short("fixed header"))?;
        if first >> 6 != 2 {
            return Err(RtpError::Version(first >> 6));
        }
        let payload_type = second & 0x7f;
        if RTCP_PAYLOAD_TYPES.contains(&payload_type) {
            return Err(RtpError::Rtcp(payload_type));
        }
        let header = RtpHeader {
            marker: second & 0x80 != 0,
            payload_type,
            sequence: SequenceNumber(u16::from_be_bytes([s0, s1])),
            timestamp: RtpTimestamp(u32::from_be_bytes([t0, t1, t2, t3])),
            ssrc: Ssrc(u32::from_be_bytes([c0, c1, c2, c3])),
        };
        let (csrcs, rest) = rest.split_at_checked(4 * usize::from(first & 0x0f)).ok_or(short("CSRCs"))?;
        let (extension, payload) = if first & 0x10 == 0 {
            (None, rest)
        } else {
            let (&[p0, p1, l0, l1], rest) = rest.split_first_chunk::<4>().ok_or(short("extension header"))?;
            let words = usize::from(u16::from_be_bytes([l0, l1]));
            let (data, payload) = rest.split_at_checked(4 * words).ok_or(short("extension"))?;
            (Some(Extension { profile: u16::from_be_bytes([p0, p1]), data }), payload)
        };
        Ok(Self { header, padded: first & 0x20 != 0, csrcs, extension, payload })
    }
}

/// The last octet counts the padding, itself included.
fn without_padding(payload: &[u8]) -> Result<&[u8], RtpError> {
    let padding = payload.last().copied().unwrap_or(0);
    let fault = RtpError::Padding { padding, payload: payload.len() };
    let kept = payload.len().checked_sub(usize::from(padding)).ok_or(fault)?;
    if padding == 0 { Err(fault) } else { Ok(&payload[..kept]) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: RtpHeader = RtpHeader {
        marker: true,
        payload_type: 8,
        sequence: SequenceNumber(0xf17b),
        timestamp: RtpTimestamp(0x8041_f8d3),
        ssrc: Ssrc(0x5501_a0b2),
    };

    #[test]
    fn a_plain_packet_is_read_as_written() {
        let mut packet = [0; 12 + 8 + 3];
        let len = HEADER.write(&[Ssrc(1), Ssrc(2)], &mut packet).expect("fits");
        packet[len..].copy_from_slice(b"abc");
        let read = RtpPacket::parse(&packet).expect("reads");
        assert_eq!(read.header, HEADER);
        assert_eq!(read.csrcs().collect::<Vec<_>>(), [Ssrc(1), Ssrc(2)]);
        assert_eq!(read.payload, b"abc");
        assert_eq!(header_len(&packet), Ok((HEADER, 20)));
    }

    #[test]
    fn an_element_is_read_as_written() {
        for data in [&[7_u8][..], &[1, 2, 3], &[9; 15], &[9; 16]] {
            let mut packet = [0xff; 60];
            let len = HEADER.write_extended(&[Ssrc(1)], Some((3, data)), &mut packet).expect("fits");
            let read = RtpPacket::parse(&packet[..len]).expect("reads");
            assert_eq!(read.extension.and_then(|extension| extension.element(3)), Some(data));
            assert_eq!((read.csrcs().count(), read.payload.len(), read.header), (1, 0, HEADER));
        }
        assert_eq!(HEADER.write_extended(&[], Some((15, &[1])), &mut [0; 60]), Ok(12), "15 is reserved");
        assert!(HEADER.write_extended(&[], Some((1, &[1])), &mut [0; 15]).is_err());
    }

    #[test]
    fn several_elements_stand_side_by_side() {
        let mut packet = [0xff; 60];
        let elements = [(1, &[0x80 | 20][..]), (15, &[9]), (2, &[5, 6])];
        let len = HEADER.write_with_elements(&[], &elements, &mut packet).expect("fits");
        let extension = RtpPacket::parse(&packet[..len]).expect("reads").extension.expect("there");
        assert_eq!((len, extension.data), (12 + 4 + 8, &[0x10, 0x80 | 20, 0x21, 5, 6, 0, 0, 0][..]));
        assert_eq!(extension.element(2), Some(&[5, 6][..]));
    }

    #[test]
    fn sixteen_contributors_do_not_fit() {
        let fault = HEADER.write(&[Ssrc(0); 16], &mut [0; 200]).expect_err("too many");
        assert_eq!(fault, RtpError::TooManyCsrcs { csrcs: 16 });
    }

    #[test]
    fn padding_is_taken_off_and_never_more_than_there_is() {
        let mut packet = [0; 16];
        HEADER.write(&[], &mut packet).expect("fits");
        packet[0] |= 0x20;
        packet[15] = 3;
        assert_eq!(RtpPacket::parse(&packet).expect("reads").payload.len(), 1);
        for padding in [0, 5, 255] {
            packet[15] = padding;
            assert_eq!(RtpPacket::parse(&packet), Err(RtpError::Padding { padding, payload: 4 }));
        }
    }

    #[test]
    fn extension_elements_are_found_by_identifier() {
        let extension = Extension { profile: 0xbede, data: &[0x10, 0xaa, 0, 0, 0x31, 1, 2, 0] };
        assert_eq!(extension.element(1), Some(&[0xaa][..]));
        assert_eq!(extension.element(3), Some(&[1, 2][..]));
        assert_eq!(extension.element(2), None);
        let extension = Extension { profile: 0x1000, data: &[1, 0, 5, 2, 7, 8, 0, 0] };
        assert_eq!(extension.element(1), Some(&[][..]));
        assert_eq!(extension.element(5), Some(&[7, 8][..]));
    }

    #[test]
    fn an_extension_longer_than_the_packet_is_refused() {
        let mut packet = [0; 20];
        HEADER.write(&[], &mut packet).expect("fits");
        packet[0] |= 0x10;
        packet[15] = 2;
        assert_eq!(RtpPacket::parse(&packet), Err(RtpError::Short { len: 20, wanted: "extension" }));
    }

    #[test]
    fn rtcp_on_the_same_port_is_told_apart() {
        assert_eq!(RtpPacket::parse(&[0x80, 200, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Err(RtpError::Rtcp(72)));
    }

    proptest! {
        #[test]
        fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..80), id in 0u8..16) {
            if let Ok(packet) = RtpPacket::parse(&octets) {
                prop_assert!(packet.payload.len() <= octets.len() - FIXED_HEADER_LEN);
                let _ = packet.csrcs().count();
                let _ = packet.extension.and_then(|extension| extension.element(id));
            }
        }

        #[test]
        fn every_header_is_read_back(
            marker in any::<bool>(), payload_type in 0u8..64, sequence in any::<u16>(), timestamp in any::<u32>(),
            ssrc in any::<u32>(), csrcs in prop::collection::vec(any::<u32>(), 0..=15), payload in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let header = RtpHeader {
                marker, payload_type, sequence: SequenceNumber(sequence), timestamp: RtpTimestamp(timestamp), ssrc: Ssrc(ssrc),
            };
            let csrcs: Vec<Ssrc> = csrcs.into_iter().map(Ssrc).collect();
            let mut packet = vec![0; 300];
            let len = header.write(&csrcs, &mut packet).expect("fits");
            packet.truncate(len);
            packet.extend_from_slice(&payload);
            let read = RtpPacket::parse(&packet).expect("reads");
            prop_assert_eq!(read.header, header);
            prop_assert_eq!(read.csrcs().collect::<Vec<_>>(), csrcs);
            prop_assert_eq!(read.payload, &payload[..]);
        }
    }
}
