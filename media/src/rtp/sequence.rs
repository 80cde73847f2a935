//! Sequence numbers that wrap: 16 bits on the wire, extended by their cycles in memory (RFC 3550 §5.1, A.1).

use std::ops::Add;

/// A packet's number in its stream. Comparison wraps, so it has a distance but no order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SequenceNumber(pub u16);

impl SequenceNumber {
    /// Steps from `earlier` to here, −32768 to 32767: positive when this one is the newer.
    pub fn since(self, earlier: Self) -> i16 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    pub fn is_after(self, other: Self) -> bool {
        self.since(other) > 0
    }

    pub fn next(self) -> Self {
        self + 1
    }
}

impl Add<u16> for SequenceNumber {
    type Output = Self;

    fn add(self, steps: u16) -> Self {
        Self(self.0.wrapping_add(steps))
    }
}

/// Extends sequence numbers by counting their wraps, whatever the order in which they come.
#[derive(Clone, Copy, Debug, Default)]
pub struct SequenceExtender {
    newest: Option<i64>,
}

impl SequenceExtender {
    /// The extended number: consecutive over wraps, and below zero for what precedes the first one seen.
    pub fn extend(&mut self, sequence: SequenceNumber) -> i64 {
        let Some(newest) = self.newest else {
            self.newest = Some(i64::from(sequence.0));
            return i64::from(sequence.0);
        };
        let newest_low = SequenceNumber((newest & 0xffff) as u16);
        let extended = newest + i64::from(sequence.since(newest_low));
        self.newest = Some(newest.max(extended));
        extended
    }

    /// Forgets the stream: the next number seen starts anew.
    pub fn reset(&mut self) {
        self.newest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_wraps() {
        assert_eq!(SequenceNumber(2).since(SequenceNumber(65_534)), 4);
        assert_eq!(SequenceNumber(65_534).since(SequenceNumber(2)), -4);
        assert!(SequenceNumber(0).is_after(SequenceNumber(65_535)));
        assert!(!SequenceNumber(7).is_after(SequenceNumber(7)));
    }

    #[test]
    fn extended_numbers_run_on_over_the_wrap_in_any_order() {
        let mut extender = SequenceExtender::default();
        let extended: Vec<i64> =
            [65_534, 0, 65_535, 1, 65_533].into_iter().map(|n| extender.extend(SequenceNumber(n))).collect();
        assert_eq!(extended, [65_534, 65_536, 65_535, 65_537, 65_533]);
    }

    #[test]
    fn what_precedes_the_first_is_below_it() {
        let mut extender = SequenceExtender::default();
        assert_eq!(extender.extend(SequenceNumber(1)), 1);
        assert_eq!(extender.extend(SequenceNumber(65_535)), -1);
    }
}
