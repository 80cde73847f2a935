//! The numbers of the stream in the buffer: counted on over wraps, duplicates and jumps told.

use super::slots::Position;
use crate::plan::AudioCodec;
use crate::rtp::{RtpHeader, RtpTimestamp, SequenceNumber, Ssrc};

/// Sequence numbers may jump by this much within a stream.
const FARTHEST: i64 = 1_000;

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    At(Position),
    /// It came before.
    Duplicate,
    /// Not this stream, or this stream started again.
    Elsewhere,
}

#[derive(Clone, Copy, Debug)]
pub struct Stream {
    pub ssrc: Ssrc,
    pub clock_rate: u32,
    /// The newest numbers as sent.
    sequence: SequenceNumber,
    timestamp: RtpTimestamp,
    /// The same, counting on.
    newest: Position,
    /// Bit n: the nth packet before the newest came.
    seen: u64,
}

impl Stream {
    pub fn starting_with(codec: AudioCodec, header: &RtpHeader) -> (Self, Position) {
        let newest = Position { sequence: i64::from(header.sequence.0), timestamp: i64::from(header.timestamp.0) };
        let stream = Self {
            ssrc: header.ssrc,
            clock_rate: codec.clock_rate(),
            sequence: header.sequence,
            timestamp: header.timestamp,
            newest,
            seen: 1,
        };
        (stream, newest)
    }

    pub fn place(&mut self, codec: AudioCodec, header: &RtpHeader) -> Place {
        let steps = i64::from(header.sequence.since(self.sequence));
        let units = i64::from(header.timestamp.since(self.timestamp));
        let backwards = steps > 0 && units < 0;
        if header.ssrc != self.ssrc || codec.clock_rate() != self.clock_rate || steps.abs() > FARTHEST || backwards {
            return Place::Elsewhere;
        }
        if self.note(header.sequence) {
            return Place::Duplicate;
        }
        let at = Position { sequence: self.newest.sequence + steps.min(0), timestamp: self.newest.timestamp + units };
        if steps > 0 {
            self.timestamp = header.timestamp;
            self.newest.timestamp = at.timestamp;
        }
        Place::At(at)
    }

    /// Notes a sequence number, of audio or of anything in its place. Returns whether it came before.
    pub fn note(&mut self, sequence: SequenceNumber) -> bool {
        let steps = sequence.since(self.sequence);
        if steps > 0 {
            self.seen = self.seen.checked_shl(u32::from(steps.unsigned_abs())).unwrap_or(0) | 1;
            self.sequence = sequence;
            self.newest.sequence += i64::from(steps);
            return false;
        }
        let bit = 1_u64.checked_shl(u32::from(steps.unsigned_abs())).unwrap_or(0);
        let came = self.seen & bit != 0;
        self.seen |= bit;
        came
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sequence: u16, timestamp: u32) -> RtpHeader {
        RtpHeader {
            marker: false,
            payload_type: 0,
            sequence: SequenceNumber(sequence),
            timestamp: RtpTimestamp(timestamp),
            ssrc: Ssrc(7),
        }
    }

    #[test]
    fn numbers_count_on_over_both_wraps_in_any_order() {
        let (mut stream, first) = Stream::starting_with(AudioCodec::Pcmu, &header(65_535, u32::MAX - 159));
        for (n, sequence, timestamp) in [(2, 1, 160), (1, 0, 0), (3, 2, 320)] {
            let expected = Position { sequence: first.sequence + n, timestamp: first.timestamp + n * 160 };
            assert_eq!(stream.place(AudioCodec::Pcmu, &header(sequence, timestamp)), Place::At(expected));
        }
        assert_eq!(stream.place(AudioCodec::Pcmu, &header(0, 0)), Place::Duplicate);
    }

    #[test]
    fn another_source_clock_or_a_jump_is_elsewhere() {
        let (mut stream, _) = Stream::starting_with(AudioCodec::Pcmu, &header(1, 160));
        let other = RtpHeader { ssrc: Ssrc(8), ..header(2, 320) };
        assert_eq!(stream.place(AudioCodec::Pcmu, &other), Place::Elsewhere);
        assert_eq!(stream.place(AudioCodec::Opus, &header(2, 320)), Place::Elsewhere);
        assert_eq!(stream.place(AudioCodec::Pcmu, &header(5_000, 320)), Place::Elsewhere);
        assert_eq!(stream.place(AudioCodec::Pcmu, &header(2, u32::MAX)), Place::Elsewhere);
        assert!(matches!(stream.place(AudioCodec::Pcma, &header(2, 320)), Place::At(_)));
    }
}
