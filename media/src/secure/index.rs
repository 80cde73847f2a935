//! The index of a packet: guessed from 16 bits when it comes, and never taken twice.
//!
//! RFC 3711 §3.3.1 (index = 2^16·ROC + SEQ), §3.3.2 (replay list).

use crate::rtp::{SequenceNumber, Ssrc};

/// SSRCs remembered in a direction. A leg has one at a time; the longest unused gives way to a ninth.
const STREAMS: usize = 8;

/// Indices below the highest that are still told apart: 1.3 s at 10 ms a packet, twice the
/// 64 that the RFC asks for.
const WINDOW: u64 = 128;

/// The highest index of a stream, and which of those just below it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReplayWindow {
    highest: u64,
    /// Bit n: `highest − n` came.
    seen: u128,
}

impl ReplayWindow {
    fn starting_with(index: u64) -> Self {
        Self { highest: index, seen: 1 }
    }

    /// Whether an index is new: neither seen nor too old to tell.
    fn allows(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => true,
            Some(behind) => behind < WINDOW && (self.seen >> behind) & 1 == 0,
        }
    }

    fn accept(&mut self, index: u64) {
        if let Some(ahead) = index.checked_sub(self.highest).filter(|&ahead| ahead > 0) {
            self.seen = if ahead < WINDOW { self.seen << ahead | 1 } else { 1 };
            self.highest = index;
        } else if let Some(behind) = self.highest.checked_sub(index).filter(|&behind| behind < WINDOW) {
            self.seen |= 1 << behind;
        }
    }
}

/// The streams of one direction. Nothing in it changes before [`accept`](Self::accept).
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    /// The most recent first.
    streams: [Option<(Ssrc, ReplayWindow)>; STREAMS],
}

impl Streams {
    fn find(&self, ssrc: Ssrc) -> Option<&ReplayWindow> {
        self.streams.iter().flatten().find(|(known, _)| *known == ssrc).map(|(_, window)| window)
    }

    /// The index that a sequence number most likely means; none for one before the stream's beginning.
    pub fn guess(&self, ssrc: Ssrc, sequence: SequenceNumber) -> Option<u64> {
        match self.find(ssrc) {
            None => Some(u64::from(sequence.0)),
            Some(window) => {
                let newest = SequenceNumber((window.highest & 0xffff) as u16);
                window.highest.checked_add_signed(i64::from(sequence.since(newest)))
            }
        }
    }

    pub fn allows(&self, ssrc: Ssrc, index: u64) -> bool {
        self.find(ssrc).is_none_or(|window| window.allows(index))
    }

    /// Whether an index is higher than all before: what a sender needs.
    pub fn rises(&self, ssrc: Ssrc, index: u64) -> bool {
        self.find(ssrc).is_none_or(|window| index > window.highest)
    }

    pub fn highest(&self, ssrc: Ssrc) -> Option<u64> {
        self.find(ssrc).map(|window| window.highest)
    }

    /// Takes an index for good: the packet is authentic.
    pub fn accept(&mut self, ssrc: Ssrc, index: u64) {
        let known = self.streams.iter().position(|stream| matches!(stream, Some((known, _)) if *known == ssrc));
        let place = known.unwrap_or(STREAMS - 1);
        self.streams[..=place].rotate_right(1);
        match &mut self.streams[0] {
            Some((first, window)) if *first == ssrc => window.accept(index),
            other => *other = Some((ssrc, ReplayWindow::starting_with(index))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: Ssrc = Ssrc(1);

    #[test]
    fn the_rollover_counter_is_guessed_over_the_wrap_in_any_order() {
        let mut streams = Streams::default();
        let mut indices = Vec::new();
        for sequence in [65_534, 0, 65_535, 2, 1, 65_533] {
            let index = streams.guess(A, SequenceNumber(sequence)).expect("within the stream");
            assert!(streams.allows(A, index));
            streams.accept(A, index);
            indices.push(index);
        }
        assert_eq!(indices, [65_534, 65_536, 65_535, 65_538, 65_537, 65_533]);
    }

    #[test]
    fn before_the_beginning_there_is_no_index() {
        let mut streams = Streams::default();
        streams.accept(A, 2);
        assert_eq!(streams.guess(A, SequenceNumber(65_535)), None);
    }

    #[test]
    fn an_index_counts_once_and_the_too_old_not_at_all() {
        let mut streams = Streams::default();
        streams.accept(A, 1000);
        assert!(!streams.allows(A, 1000));
        assert!(streams.allows(A, 1000 - 127));
        assert!(!streams.allows(A, 1000 - 128));
        streams.accept(A, 990);
        assert!(!streams.allows(A, 990));
        streams.accept(A, 5000);
        assert!(!streams.allows(A, 1001));
    }

    #[test]
    fn the_ninth_source_takes_the_place_of_the_longest_unused() {
        let mut streams = Streams::default();
        (0..8).for_each(|n| streams.accept(Ssrc(n), 7));
        streams.accept(Ssrc(0), 8);
        streams.accept(Ssrc(100), 7);
        assert_eq!(streams.highest(Ssrc(0)), Some(8));
        assert_eq!(streams.highest(Ssrc(1)), None);
        assert_eq!((2..8).filter_map(|n| streams.highest(Ssrc(n))).count(), 6);
    }

    proptest! {
        /// A set of all indices ever accepted is the plain model of the window.
        #[test]
        fn no_index_is_allowed_twice(steps in prop::collection::vec(-150i64..200, 1..300)) {
            let (mut streams, mut at, mut model) = (Streams::default(), 100_000_i64, std::collections::HashSet::new());
            streams.accept(A, 100_000);
            model.insert(100_000);
            for step in steps {
                at = (at + step).max(50_000);
                let index = at.unsigned_abs();
                let highest = streams.highest(A).expect("known");
                let expected = !model.contains(&index) && (index > highest || highest - index < WINDOW);
                prop_assert_eq!(streams.allows(A, index), expected);
                if expected {
                    streams.accept(A, index);
                    model.insert(index);
                }
            }
        }
    }
}
