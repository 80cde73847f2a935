//! What a datagram is, by its first two octets: RFC 7983 §7 (the ranges), RFC 5761 §4 (RTP or RTCP).

/// Kinds that share a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rtp,
    Rtcp,
    /// ICE checks (RFC 8445).
    Stun,
    Dtls,
    /// ZRTP, TURN channels, or noise: no leg here speaks it.
    Other,
}

impl Kind {
    /// RTCP packet types, 192 to 223, are payload types 64 to 95 with the marker set, which RTP leaves free.
    pub fn of(datagram: &[u8]) -> Self {
        match datagram {
            [128..=191, 192..=223, ..] => Self::Rtcp,
            [128..=191, _, ..] => Self::Rtp,
            [0..=3, ..] => Self::Stun,
            [20..=63, ..] => Self::Dtls,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_two_octets() {
        assert_eq!(Kind::of(&[0x80, 0, 1, 2]), Kind::Rtp);
        assert_eq!(Kind::of(&[0x90, 0x80 | 101, 1]), Kind::Rtp);
        assert_eq!(Kind::of(&[0x81, 200, 0]), Kind::Rtcp);
        assert_eq!(Kind::of(&[0x81, 206, 0]), Kind::Rtcp);
        assert_eq!(Kind::of(&[0x00, 0x01, 0, 8]), Kind::Stun);
        assert_eq!(Kind::of(&[22, 254, 253]), Kind::Dtls);
        assert_eq!(Kind::of(&[0x80]), Kind::Other);
        assert_eq!(Kind::of(&[]), Kind::Other);
    }

    /// RFC 7983 §7, every first octet.
    #[test]
    fn all_ranges_are_told_apart() {
        for first in 0..=255 {
            let expected = match first {
                0..=3 => Kind::Stun,
                20..=63 => Kind::Dtls,
                128..=191 => Kind::Rtp,
                _ => Kind::Other,
            };
            assert_eq!(Kind::of(&[first, 0, 0, 0]), expected, "{first}");
        }
    }
}
