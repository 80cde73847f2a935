//! Payloads of AMR-WB: a request, a table of contents, the frames (RFC 4867 §4.3, §4.4).
//!
//! ```text
//!  bandwidth-efficient   | CMR 4 | F FT 4 Q | F FT 4 Q | … | frame bits | frame bits | … 0 to 7 bits of zero |
//!  octet-aligned         | CMR 4, 0000 | F FT 4 Q 00 | F FT 4 Q 00 | … | frame, filled up | frame, filled up | … |
//! ```

use super::{FrameType, Layout, Mode};

/// CMR of who asks for nothing.
pub const NO_REQUEST: u8 = 15;
/// 120 ms, more than anybody sends.
const MOST_FRAMES: usize = 6;
/// Octets of the longest frame, with its header as files store it (§5.3).
const STORED: usize = 61;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    #[error("AMR-WB payload of {len} octets is cut short")]
    Short { len: usize },
    #[error("AMR-WB payload of {len} octets holds more than its {used}: the layout is another one")]
    Long { len: usize, used: usize },
    #[error("AMR-WB payload holds a frame of type {0}")]
    FrameType(u8),
    #[error("AMR-WB payload holds more than {MOST_FRAMES} frames")]
    Frames,
}

/// A payload whose lengths hold.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    octets: &'a [u8],
    layout: Layout,
    request: u8,
    count: usize,
}

/// A frame as decoders take it and files hold it (§5.3): a header octet, then the bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredFrame {
    octets: [u8; STORED],
    frame_type: FrameType,
}

impl<'a> Payload<'a> {
    pub fn parse(layout: Layout, octets: &'a [u8]) -> Result<Self, PayloadError> {
        let short = PayloadError::Short { len: octets.len() };
        let request = read(octets, 0, 4).ok_or(short)?;
        let mut payload = Self { octets, layout, request, count: 0 };
        let mut bits = 0;
        loop {
            let entry = payload.entry(payload.count).ok_or(short)?;
            let frame_type = FrameType::new(entry.number).ok_or(PayloadError::FrameType(entry.number))?;
            bits += layout.frame_bits(frame_type);
            payload.count += 1;
            match entry.follows {
                false => break,
                true if payload.count == MOST_FRAMES => return Err(PayloadError::Frames),
                true => {}
            }
        }
        let used = (payload.frames_begin() + bits).div_ceil(8);
        match octets.len() {
            len if len < used => Err(short),
            len if len > used => Err(PayloadError::Long { len, used }),
            _ => Ok(payload),
        }
    }

    /// The mode that the peer wants to be sent, if any.
    pub fn request(&self) -> Option<Mode> {
        Mode::new(self.request)
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// The frames, the oldest first. One whose quality bit is off counts as lost.
    pub fn frames(&self) -> impl Iterator<Item = StoredFrame> + '_ {
        let mut at = self.frames_begin();
        (0..self.count).filter_map(move |n| {
            let entry = self.entry(n)?;
            let frame_type = FrameType::new(entry.number)?;
            let (from, bits) = (at, frame_type.bits());
            at += self.layout.frame_bits(frame_type);
            if !entry.is_good {
                return Some(StoredFrame::empty(FrameType::Lost));
            }
            let mut frame = StoredFrame::empty(frame_type);
            for (n, octet) in frame.octets.iter_mut().skip(1).take(frame_type.octets()).enumerate() {
                let count = (bits - 8 * n).min(8);
                *octet = read(self.octets, from + 8 * n, count)? << (8 - count);
            }
            Some(frame)
        })
    }

    fn entry(&self, n: usize) -> Option<Entry> {
        let at = self.layout.request_bits() + n * self.layout.entry_bits();
        let bits = read(self.octets, at, 6)?;
        Some(Entry { follows: bits & 0x20 != 0, number: bits >> 1 & 0x0f, is_good: bits & 1 != 0 })
    }

    fn frames_begin(&self) -> usize {
        self.layout.request_bits() + self.count * self.layout.entry_bits()
    }
}

/// Of the table of contents.
#[derive(Clone, Copy)]
struct Entry {
    follows: bool,
    number: u8,
    is_good: bool,
}

impl Layout {
    fn request_bits(self) -> usize {
        match self {
            Self::BandwidthEfficient => 4,
            Self::OctetAligned => 8,
        }
    }

    fn entry_bits(self) -> usize {
        match self {
            Self::BandwidthEfficient => 6,
            Self::OctetAligned => 8,
        }
    }

    fn frame_bits(self, frame_type: FrameType) -> usize {
        match self {
            Self::BandwidthEfficient => frame_type.bits(),
            Self::OctetAligned => 8 * frame_type.octets(),
        }
    }
}

impl StoredFrame {
    pub fn empty(frame_type: FrameType) -> Self {
        let mut octets = [0; STORED];
        octets[0] = frame_type.number() << 3 | 0x04;
        Self { octets, frame_type }
    }

    /// `None`: not a frame, or not all of one.
    pub fn read(octets: &[u8]) -> Option<Self> {
        let (&header, bits) = octets.split_first()?;
        let mut frame = Self::empty(FrameType::new(header >> 3 & 0x0f)?);
        let len = frame.frame_type.octets();
        frame.octets.get_mut(1..=len)?.copy_from_slice(bits.get(..len)?);
        Some(frame)
    }

    pub fn frame_type(&self) -> FrameType {
        self.frame_type
    }

    /// All 61, whatever the frame: decoders read no further.
    pub fn octets(&self) -> &[u8; STORED] {
        &self.octets
    }
}

/// Writes a payload that asks for nothing. Returns its length; `None`: it does not fit.
pub fn write(layout: Layout, frames: &[StoredFrame], out: &mut [u8]) -> Option<usize> {
    let mut writer = Writer { out, at: 0 };
    writer.put(NO_REQUEST << 4, layout.request_bits())?;
    for (n, frame) in frames.iter().enumerate() {
        let follows = u8::from(n + 1 < frames.len());
        writer.put(follows << 7 | frame.frame_type.number() << 3 | 0x04, layout.entry_bits())?;
    }
    for frame in frames {
        let bits = layout.frame_bits(frame.frame_type);
        for (n, octet) in frame.octets.iter().skip(1).take(bits.div_ceil(8)).enumerate() {
            writer.put(*octet, (bits - 8 * n).min(8))?;
        }
    }
    Some(writer.at.div_ceil(8))
}

struct Writer<'a> {
    out: &'a mut [u8],
    /// Bits.
    at: usize,
}

impl Writer<'_> {
    /// Appends the upper bits of an octet, at most 8.
    fn put(&mut self, octet: u8, bits: usize) -> Option<()> {
        let (place, shift) = (self.at / 8, self.at % 8);
        let octet = octet & (0xff00_u16 >> bits) as u8;
        let first = self.out.get_mut(place)?;
        *first = if shift == 0 { octet } else { *first | octet >> shift };
        if shift + bits > 8 {
            *self.out.get_mut(place + 1)? = octet << (8 - shift);
        }
        self.at += bits;
        Some(())
    }
}

/// At most eight bits from bit `at` on, the last of them the lowest of the result.
fn read(octets: &[u8], at: usize, bits: usize) -> Option<u8> {
    let first = u16::from(*octets.get(at / 8)?);
    let end = at % 8 + bits;
    let second = if end > 8 { u16::from(*octets.get(at / 8 + 1)?) } else { 0 };
    let window = first << 8 | second;
    let bits = (window >> (16 - end)) & ((1 << bits) - 1);
    u8::try_from(bits).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LAYOUTS: [Layout; 2] = [Layout::BandwidthEfficient, Layout::OctetAligned];

    /// A frame of this type whose bits are none alike.
    fn frame(number: u8) -> StoredFrame {
        let frame_type = FrameType::new(number).expect("a type");
        let mut frame = StoredFrame::empty(frame_type);
        for n in 0..frame_type.octets() {
            frame.octets[1 + n] = (n as u8).wrapping_mul(37) ^ number.wrapping_mul(11) ^ 0x5a;
        }
        let unused = 8 * frame_type.octets() - frame_type.bits();
        if unused > 0 {
            frame.octets[frame_type.octets()] &= 0xff << unused;
        }
        frame
    }

    #[test]
    fn every_frame_and_several_are_read_as_written_in_both_layouts() {
        let of = |numbers: &[u8]| numbers.iter().map(|number| frame(*number)).collect::<Vec<_>>();
        let mut sets: Vec<_> = (0..=9).chain([14, 15]).map(|number| of(&[number])).collect();
        sets.extend([of(&[0, 8, 9]), of(&[2, 2]), of(&[15, 15, 7]), of(&[1, 3, 5, 7, 8, 8])]);
        for layout in LAYOUTS {
            for frames in &sets {
                let mut out = [0xff; 400];
                let len = write(layout, frames, &mut out).expect("fits");
                let payload = Payload::parse(layout, &out[..len]).expect("reads");
                assert_eq!((payload.request(), payload.count()), (None, frames.len()));
                assert_eq!(&payload.frames().collect::<Vec<_>>(), frames, "{layout:?}");
            }
        }
    }

    /// RFC 4867 §4.3.5.1: one frame of 14.25 kbit/s takes 37 octets with 1 bit to fill; octet-aligned it takes 38.
    #[test]
    fn lengths_are_the_rfcs() {
        let mut out = [0; 64];
        assert_eq!(write(Layout::BandwidthEfficient, &[frame(3)], &mut out), Some(37));
        assert_eq!(out[..2], [0xf1, 0xc0 | frame(3).octets[1] >> 2]);
        assert_eq!(write(Layout::OctetAligned, &[frame(3)], &mut out), Some(38));
        assert_eq!(out[..3], [0xf0, 0x1c, frame(3).octets[1]]);
        assert_eq!(write(Layout::OctetAligned, &[frame(3)], &mut [0; 37]), None);
    }

    #[test]
    fn the_peers_request_and_its_doubts_are_read() {
        // CMR 2, one SID frame of bad quality.
        let payload = [0x20, 9 << 3, 1, 2, 3, 4, 5];
        let payload = Payload::parse(Layout::OctetAligned, &payload).expect("reads");
        assert_eq!(payload.request(), Mode::new(2));
        assert_eq!(payload.frames().next().map(|frame| frame.frame_type()), Some(FrameType::Lost));
    }

    #[test]
    fn what_does_not_hold_its_frames_is_refused() {
        let parse = |layout, octets: &[u8]| Payload::parse(layout, octets).err();
        assert_eq!(parse(Layout::OctetAligned, &[]), Some(PayloadError::Short { len: 0 }));
        assert_eq!(parse(Layout::OctetAligned, &[0xf0]), Some(PayloadError::Short { len: 1 }));
        assert_eq!(parse(Layout::OctetAligned, &[0xf0, 0x04, 1]), Some(PayloadError::Short { len: 3 }));
        assert_eq!(parse(Layout::OctetAligned, &[0xf0, 12 << 3]), Some(PayloadError::FrameType(12)));
        assert_eq!(parse(Layout::OctetAligned, &[0xf0, 0x7c, 0]), Some(PayloadError::Long { len: 3, used: 2 }));
        assert_eq!(parse(Layout::OctetAligned, &[0xff; 40]), Some(PayloadError::Frames));
        let mut out = [0; 64];
        let len = write(Layout::OctetAligned, &[frame(2)], &mut out).expect("fits");
        assert!(Payload::parse(Layout::BandwidthEfficient, &out[..len]).is_err(), "the other layout is not mistaken");
    }

    proptest! {
        #[test]
        fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..400)) {
            for layout in LAYOUTS {
                if let Ok(payload) = Payload::parse(layout, &octets) {
                    prop_assert_eq!(payload.frames().count(), payload.count());
                }
            }
        }
    }
}
