//! Statistics summary: loss, duplicates and jitter of one interval (RFC 3611 §4.6).

use crate::rtp::Ssrc;

/// Octets of the contents.
pub(super) const LEN: usize = 36;

/// Flags of what is meant (§4.6): L, D, J.
const LOST: u8 = 0x80;
const DUPLICATES: u8 = 0x40;
const JITTER: u8 = 0x20;

/// Of the packets `begin` to `end`, the last not counted; what is absent was not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The source reported on.
    pub ssrc: Ssrc,
    pub begin: u16,
    pub end: u16,
    pub lost: Option<u32>,
    pub duplicates: Option<u32>,
    /// Read only.
    pub jitter: Option<JitterSummary>,
}

/// Differences of transit times, in units of the media clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JitterSummary {
    pub least: u32,
    pub most: u32,
    pub mean: u32,
    pub deviation: u32,
}

impl Statistics {
    pub(super) fn parse(flags: u8, content: &[u8]) -> Option<Self> {
        let content: &[u8; LEN] = content.try_into().ok()?;
        let word =
            |n: usize| u32::from_be_bytes([content[4 * n], content[4 * n + 1], content[4 * n + 2], content[4 * n + 3]]);
        let told = |flag: u8| flags & flag != 0;
        Some(Self {
            ssrc: Ssrc(word(0)),
            begin: (word(1) >> 16) as u16,
            end: (word(1) & 0xffff) as u16,
            lost: told(LOST).then(|| word(2)),
            duplicates: told(DUPLICATES).then(|| word(3)),
            jitter: told(JITTER).then(|| JitterSummary {
                least: word(4),
                most: word(5),
                mean: word(6),
                deviation: word(7),
            }),
        })
    }

    pub(super) fn flags(&self) -> u8 {
        let flag = |there: bool, flag: u8| if there { flag } else { 0 };
        flag(self.lost.is_some(), LOST) | flag(self.duplicates.is_some(), DUPLICATES)
    }

    pub(super) fn write(&self) -> [u8; LEN] {
        let mut out = [0; LEN];
        let words = [
            self.ssrc.0,
            u32::from(self.begin) << 16 | u32::from(self.end),
            self.lost.unwrap_or(0),
            self.duplicates.unwrap_or(0),
        ];
        for (place, word) in out.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_its_flag_says_was_measured() {
        let mut content = [0; LEN];
        (0..9).for_each(|n| content[4 * n + 3] = n as u8 + 1);
        let read = |flags| Statistics::parse(flags, &content).expect("of its length");
        assert_eq!((read(0).lost, read(0).duplicates, read(0).jitter), (None, None, None));
        let all = read(LOST | DUPLICATES | JITTER);
        let jitter = JitterSummary { least: 5, most: 6, mean: 7, deviation: 8 };
        assert_eq!((all.lost, all.duplicates, all.jitter), (Some(3), Some(4), Some(jitter)));
        assert_eq!(Statistics::parse(0, &content[1..]), None);
    }
}
