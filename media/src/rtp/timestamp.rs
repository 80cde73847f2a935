//! Times as they stand in RTP and RTCP: media clock units that wrap, and NTP's 64 bits (RFC 3550 §4, §5.1).

use std::ops::Add;
use std::time::Duration;

/// The sampling instant of a packet's first octet, in units of the stream's clock rate. Wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RtpTimestamp(pub u32);

impl RtpTimestamp {
    /// Clock units from `earlier` to here: positive when this one is the later.
    pub fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    pub fn is_after(self, other: Self) -> bool {
        self.since(other) > 0
    }
}

impl Add<u32> for RtpTimestamp {
    type Output = Self;

    fn add(self, units: u32) -> Self {
        Self(self.0.wrapping_add(units))
    }
}

/// `duration` in units of a clock of `rate` Hz, rounded down; at most `u32::MAX`.
pub fn units_of(duration: Duration, rate: u32) -> u32 {
    let units = duration.as_nanos() * u128::from(rate) / 1_000_000_000;
    u32::try_from(units).unwrap_or(u32::MAX)
}

/// How long `units` of a clock of `rate` Hz take.
pub fn duration_of(units: u32, rate: u32) -> Duration {
    let nanos = u64::from(units) * 1_000_000_000 / u64::from(rate.max(1));
    Duration::from_nanos(nanos)
}

/// Wall-clock time: seconds since 1900 in the upper 32 bits, their fraction in the lower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// Seconds from 1900 to 1970.
    const UNIX_EPOCH: u64 = 2_208_988_800;

    pub fn from_unix(since_1970: Duration) -> Self {
        let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
        Self((since_1970.as_secs().wrapping_add(Self::UNIX_EPOCH) << 32) | fraction)
    }

    /// The middle 32 bits: what LSR carries, in units of 1/65536 s.
    pub fn middle(self) -> u32 {
        ((self.0 >> 16) & 0xffff_ffff) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_wrap() {
        assert_eq!((RtpTimestamp(u32::MAX) + 160).since(RtpTimestamp(u32::MAX)), 160);
        assert!(RtpTimestamp(10).is_after(RtpTimestamp(u32::MAX - 10)));
    }

    #[test]
    fn twenty_milliseconds_are_160_units_at_8_khz_and_960_at_48() {
        let tick = Duration::from_millis(20);
        assert_eq!(units_of(tick, 8_000), 160);
        assert_eq!(units_of(tick, 48_000), 960);
        assert_eq!(duration_of(960, 48_000), tick);
    }

    #[test]
    fn the_unix_epoch_is_2208988800_seconds_after_1900() {
        let ntp = NtpTime::from_unix(Duration::from_millis(1_500));
        assert_eq!(ntp.0 >> 32, 2_208_988_801);
        assert_eq!(ntp.0 & 0xffff_ffff, 0x8000_0000);
        assert_eq!(ntp.middle(), ((2_208_988_801_u64 & 0xffff) << 16 | 0x8000) as u32);
    }
}
