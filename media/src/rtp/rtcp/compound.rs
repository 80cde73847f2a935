//! Compound packets, checked whole before any part is read (RFC 3550 §6.1, A.2).

use super::extended::EXTENDED_REPORT;
use super::{Bye, ExtendedReport, ReceiverReport, Sdes, SenderReport};
use crate::rtp::Ssrc;

/// Packet types (§12.1; RFC 4585 §6.1).
pub(super) const SENDER_REPORT: u8 = 200;
pub(super) const RECEIVER_REPORT: u8 = 201;
pub(super) const SDES: u8 = 202;
pub(super) const BYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
/// Octets before a packet's body.
pub(super) const HEADER_LEN: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    #[error("RTCP packet of {len} octets is cut short")]
    Short { len: usize },
    #[error("RTCP version is {0}, not 2")]
    Version(u8),
    #[error("compound RTCP starts with type {0}, not with a report")]
    NoReport(u8),
    #[error("RTCP padding stands before the last packet, or is longer than it")]
    Padding,
    #[error("RTCP needs {needed} octets, the buffer has {len}")]
    BufferFull { needed: usize, len: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpPacket<'a> {
    SenderReport(SenderReport<'a>),
    ReceiverReport(ReceiverReport<'a>),
    Sdes(Sdes<'a>),
    Bye(Bye<'a>),
    ExtendedReport(ExtendedReport<'a>),
    /// Feedback, APP, or one whose body does not hold what its count says.
    Other {
        packet_type: u8,
        body: &'a [u8],
    },
}

/// A datagram of RTCP whose parts all have their length.
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    datagram: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Checks versions, lengths and padding of all parts. A first part that is no report is taken too when it is
    /// feedback (reduced size, RFC 5506).
    pub fn parse(datagram: &'a [u8]) -> Result<Self, RtcpError> {
        let mut rest = datagram;
        let mut first = true;
        loop {
            let (part, after) = Part::split(rest)?;
            let leads =
                matches!(part.packet_type, SENDER_REPORT | RECEIVER_REPORT | TRANSPORT_FEEDBACK | PAYLOAD_FEEDBACK);
            if first && !leads {
                return Err(RtcpError::NoReport(part.packet_type));
            }
            if part.padded && !after.is_empty() {
                return Err(RtcpError::Padding);
            }
            if after.is_empty() {
                return Ok(Self { datagram });
            }
            (rest, first) = (after, false);
        }
    }

    pub fn packets(&self) -> impl Iterator<Item = RtcpPacket<'a>> + 'a {
        let mut rest = self.datagram;
        std::iter::from_fn(move || {
            let (part, after) = Part::split(rest).ok()?;
            rest = after;
            Some(part.read())
        })
    }
}

/// One packet of a compound, cut by its length.
struct Part<'a> {
    count: u8,
    packet_type: u8,
    padded: bool,
    /// Without padding.
    body: &'a [u8],
}

impl<'a> Part<'a> {
    fn split(datagram: &'a [u8]) -> Result<(Self, &'a [u8]), RtcpError> {
        let short = RtcpError::Short { len: datagram.len() };
        let (&[first, packet_type, l0, l1], rest) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(short)?;
        if first >> 6 != 2 {
            return Err(RtcpError::Version(first >> 6));
        }
        let words = usize::from(u16::from_be_bytes([l0, l1]));
        let (body, after) = rest.split_at_checked(4 * words).ok_or(short)?;
        let padded = first & 0x20 != 0;
        let body = if padded { without_padding(body)? } else { body };
        Ok((Self { count: first & 0x1f, packet_type, padded, body }, after))
    }

    fn read(&self) -> RtcpPacket<'a> {
        let Self { count, packet_type, body, .. } = *self;
        let read = match packet_type {
            SENDER_REPORT => SenderReport::parse(count, body).map(RtcpPacket::SenderReport),
            RECEIVER_REPORT => ReceiverReport::parse(count, body).map(RtcpPacket::ReceiverReport),
            SDES => Some(RtcpPacket::Sdes(Sdes::parse(count, body))),
            BYE => Bye::parse(count, body).map(RtcpPacket::Bye),
            EXTENDED_REPORT => ExtendedReport::parse(body).map(RtcpPacket::ExtendedReport),
            _ => None,
        };
        read.unwrap_or(RtcpPacket::Other { packet_type, body })
    }
}

fn without_padding(body: &[u8]) -> Result<&[u8], RtcpError> {
    let padding = usize::from(body.last().copied().unwrap_or(0));
    let kept = body.len().checked_sub(padding).filter(|_| padding > 0).ok_or(RtcpError::Padding)?;
    Ok(&body[..kept])
}

/// The SSRC that a report starts with.
pub(super) fn ssrc_of(body: &[u8]) -> Option<(Ssrc, &[u8])> {
    let (ssrc, rest) = body.split_first_chunk::<4>()?;
    Some((Ssrc(u32::from_be_bytes(*ssrc)), rest))
}

/// A list of SSRCs.
pub(super) fn sources<'a>(list: &'a [u8]) -> impl Iterator<Item = Ssrc> + 'a {
    list.as_chunks::<4>().0.iter().map(|ssrc| Ssrc(u32::from_be_bytes(*ssrc)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_everything(octets: &[u8]) {
        let Ok(compound) = Compound::parse(octets) else { return };
        for packet in compound.packets() {
            match packet {
                RtcpPacket::SenderReport(report) => assert!(report.blocks.iter().count() < 32),
                RtcpPacket::ReceiverReport(report) => assert!(report.blocks.iter().count() < 32),
                RtcpPacket::Sdes(sdes) => {
                    assert_eq!(sdes.cname(Ssrc(0x0102_0304)).map(<[u8]>::len).unwrap_or(0) >> 8, 0)
                }
                RtcpPacket::Bye(bye) => assert!(bye.sources().count() < 32),
                RtcpPacket::ExtendedReport(report) => assert!(report.blocks().count() <= octets.len() / 4),
                RtcpPacket::Other { .. } => {}
            }
        }
    }

    #[test]
    fn a_goodbye_in_front_is_refused_and_feedback_in_front_is_taken() {
        assert_eq!(Compound::parse(&[0x81, 203, 0, 1, 0, 0, 0, 7]).err(), Some(RtcpError::NoReport(203)));
        assert!(Compound::parse(&[0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]).is_ok());
    }

    #[test]
    fn a_length_beyond_the_datagram_is_refused() {
        assert_eq!(Compound::parse(&[0x80, 201, 0, 2, 0, 0, 0, 7]).err(), Some(RtcpError::Short { len: 8 }));
        assert_eq!(Compound::parse(&[]).err(), Some(RtcpError::Short { len: 0 }));
    }

    #[test]
    fn a_count_beyond_the_body_is_not_believed() {
        let octets = [0x85, 201, 0, 1, 0, 0, 0, 7];
        let packet = Compound::parse(&octets).expect("lengths hold").packets().next();
        assert_eq!(packet, Some(RtcpPacket::Other { packet_type: 201, body: &[0, 0, 0, 7] }));
    }

    #[test]
    fn padding_belongs_to_the_last_packet() {
        let padded = [0xa0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4];
        assert!(Compound::parse(&padded).is_ok());
        let twice = [padded, padded].concat();
        assert_eq!(Compound::parse(&twice).err(), Some(RtcpError::Padding));
    }

    proptest! {
        #[test]
        fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..120)) {
            read_everything(&octets);
        }

        #[test]
        fn no_body_panics(count in 0u8..32, kind in 198u8..208, words in 0u8..20, body in prop::collection::vec(any::<u8>(), 80)) {
            let mut octets = vec![0x80, 201, 0, 1, 0, 0, 0, 9, 0x80 | count, kind, 0, words];
            octets.extend_from_slice(&body[..4 * usize::from(words)]);
            read_everything(&octets);
        }
    }
}
