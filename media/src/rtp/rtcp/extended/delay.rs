//! DLRR: how long ago the reader's reference time came, for the round trip of who sends no media (RFC 3611 §4.5).

use std::time::Duration;

use crate::rtp::{NtpTime, Ssrc};

/// Octets of one answer.
pub(super) const LEN: usize = 12;

/// The answer to one receiver's reference time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DelaySince {
    /// Whose reference time it was.
    pub ssrc: Ssrc,
    /// Middle of that time; 0: none came.
    pub last_reference: u32,
    /// 1/65536 s since it came.
    pub delay: u32,
}

impl DelaySince {
    /// The round trip. `now`: by the clock that stamped the reference time.
    pub fn round_trip(&self, now: NtpTime) -> Option<Duration> {
        round_trip(self.last_reference, self.delay, now)
    }

    pub(super) fn write(&self) -> [u8; LEN] {
        let mut out = [0; LEN];
        out[..4].copy_from_slice(&self.ssrc.0.to_be_bytes());
        out[4..8].copy_from_slice(&self.last_reference.to_be_bytes());
        out[8..].copy_from_slice(&self.delay.to_be_bytes());
        out
    }
}

/// `sent`, `delay` and the result as in RFC 3550 §6.4.1: A − LSR − DLSR, of the middle 32 bits of NTP times.
pub(in crate::rtp::rtcp) fn round_trip(sent: u32, delay: u32, now: NtpTime) -> Option<Duration> {
    if sent == 0 {
        return None;
    }
    let units = now.middle().wrapping_sub(sent).wrapping_sub(delay).cast_signed();
    // A little below zero is two clocks' rounding; far below is not our report.
    if units < -65_536 {
        return None;
    }
    Some(Duration::from_micros(u64::from(units.max(0).unsigned_abs()) * 1_000_000 / 65_536))
}

/// Answers as they stand in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelaysSince<'a>(&'a [u8]);

impl<'a> DelaysSince<'a> {
    pub(super) fn parse(content: &'a [u8]) -> Option<Self> {
        content.len().is_multiple_of(LEN).then_some(Self(content))
    }

    pub fn iter(&self) -> impl Iterator<Item = DelaySince> + 'a {
        self.0.as_chunks::<LEN>().0.iter().map(|&[s0, s1, s2, s3, l0, l1, l2, l3, d0, d1, d2, d3]| DelaySince {
            ssrc: Ssrc(u32::from_be_bytes([s0, s1, s2, s3])),
            last_reference: u32::from_be_bytes([l0, l1, l2, l3]),
            delay: u32::from_be_bytes([d0, d1, d2, d3]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_trip_is_what_is_left_of_the_time_since() {
        let sent = NtpTime(0x1_0000_0000 * 100);
        let answer = DelaySince { ssrc: Ssrc(1), last_reference: sent.middle(), delay: 65_536 };
        let trip = |seconds: u64, fraction: u64| answer.round_trip(NtpTime((100 + seconds) << 32 | fraction));
        assert_eq!(trip(1, 0x4000_0000), Some(Duration::from_millis(250)));
        assert_eq!(trip(1, 0), Some(Duration::ZERO));
        assert_eq!(DelaySince { last_reference: 0, ..answer }.round_trip(sent), None);
    }
}
