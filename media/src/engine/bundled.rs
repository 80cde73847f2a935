//! Which packets of a bundle are the audio's: RFC 9143 §9.2.
//!
//! By the medium that the packet names (MID), else by its SSRC, else by its payload type, which the receiver looks up.

use super::counters::Refusal;
use crate::plan::Bundle;
use crate::rtp::{RtpPacket, Ssrc};

/// SSRCs remembered of the audio, and as many of the other media.
const REMEMBERED: usize = 8;

#[derive(Debug)]
pub(super) struct Bundled {
    plan: Bundle,
    audio: Remembered,
    others: Remembered,
}

/// The longest unseen gives way.
#[derive(Debug, Default)]
struct Remembered([Option<Ssrc>; REMEMBERED]);

/// Why a packet is the audio's, if it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Audio,
    Other,
    /// Its payload type decides.
    Untold,
}

impl Bundled {
    pub fn new(plan: Bundle) -> Self {
        let (audio, others) = (Remembered::of(&plan.audio), Remembered::of(&plan.others));
        Self { plan, audio, others }
    }

    /// Goes on where another plan stood, if the audio has the same name.
    pub fn take_over(&mut self, before: &Self) {
        if self.plan.mid == before.plan.mid {
            before.audio.0.iter().rev().flatten().for_each(|ssrc| self.audio.remember(*ssrc));
            // What was refused then may be the audio's now only if the description says so.
            let others = before.others.0.iter().rev().flatten();
            others.filter(|ssrc| !self.plan.audio.contains(ssrc)).for_each(|ssrc| self.others.remember(*ssrc));
        }
    }

    pub fn medium_of(&self, packet: &RtpPacket<'_>) -> Medium {
        match self.named(packet) {
            Some(true) => Medium::Audio,
            Some(false) => Medium::Other,
            None if self.audio.holds(packet.header.ssrc) => Medium::Audio,
            None if self.others.holds(packet.header.ssrc) => Medium::Other,
            None => Medium::Untold,
        }
    }

    /// Remembers what the packet says of its SSRC. Only of a packet that is the peer's.
    pub fn learn(&mut self, packet: &RtpPacket<'_>) {
        let ssrc = packet.header.ssrc;
        match self.named(packet) {
            Some(true) => {
                self.audio.remember(ssrc);
                self.others.forget(ssrc);
            }
            Some(false) => {
                self.others.remember(ssrc);
                self.audio.forget(ssrc);
            }
            None => {}
        }
    }

    /// Whether the packet names the audio; absent: it names nothing.
    fn named(&self, packet: &RtpPacket<'_>) -> Option<bool> {
        let mid = packet.extension?.element(self.plan.mid_extension?)?;
        Some(mid == self.plan.mid.as_bytes())
    }
}

impl Medium {
    pub fn check(self) -> Result<(), Refusal> {
        if self == Self::Other { Err(Refusal::Medium) } else { Ok(()) }
    }
}

impl Remembered {
    fn of(ssrcs: &[Ssrc]) -> Self {
        let mut remembered = Self::default();
        ssrcs.iter().for_each(|ssrc| remembered.remember(*ssrc));
        remembered
    }

    fn holds(&self, ssrc: Ssrc) -> bool {
        self.0.contains(&Some(ssrc))
    }

    fn remember(&mut self, ssrc: Ssrc) {
        let place = self.0.iter().position(|known| *known == Some(ssrc)).unwrap_or(REMEMBERED - 1);
        self.0[..=place].rotate_right(1);
        self.0[0] = Some(ssrc);
    }

    fn forget(&mut self, ssrc: Ssrc) {
        self.0.iter_mut().filter(|known| **known == Some(ssrc)).for_each(|known| *known = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::{RtpHeader, RtpTimestamp, SequenceNumber};

    const AUDIO: Ssrc = Ssrc(1);
    const VIDEO: Ssrc = Ssrc(2);

    fn bundled() -> Bundled {
        let bundle = Bundle { mid_extension: Some(4), mid: "a".into(), audio: vec![AUDIO], ..Bundle::default() };
        Bundled::new(Bundle { others: vec![VIDEO], ..bundle })
    }

    /// What a packet of this SSRC is, that names this medium; the bundle learns it if it is the peer's.
    fn medium(bundled: &mut Bundled, ssrc: Ssrc, mid: &[u8], is_peers: bool) -> Medium {
        let (sequence, timestamp) = (SequenceNumber(1), RtpTimestamp(1));
        let header = RtpHeader { marker: false, payload_type: 0, sequence, timestamp, ssrc };
        let mut packet = [0; 60];
        let element = Some((4, mid)).filter(|_| !mid.is_empty());
        let len = header.write_extended(&[], element, &mut packet).expect("room");
        let packet = RtpPacket::parse(&packet[..len]).expect("reads");
        let medium = bundled.medium_of(&packet);
        if is_peers {
            bundled.learn(&packet);
        }
        medium
    }

    #[test]
    fn the_name_goes_before_the_ssrc_and_that_before_the_payload_type() {
        let mut bundled = bundled();
        let mut medium = |ssrc, mid: &[u8]| medium(&mut bundled, ssrc, mid, true);
        assert_eq!((medium(AUDIO, b""), medium(VIDEO, b"")), (Medium::Audio, Medium::Other));
        assert_eq!(medium(Ssrc(3), b""), Medium::Untold);
        assert_eq!(medium(Ssrc(3), b"v"), Medium::Other);
        assert_eq!(medium(Ssrc(3), b""), Medium::Other, "learnt");
        assert_eq!(medium(VIDEO, b"a"), Medium::Audio);
        assert_eq!(medium(VIDEO, b""), Medium::Audio, "whatever the description said");
        assert_eq!(medium(AUDIO, b"aa"), Medium::Other, "no more than its beginning is the audio's");
    }

    #[test]
    fn who_is_not_the_peer_teaches_nothing() {
        let mut bundled = bundled();
        assert_eq!(medium(&mut bundled, AUDIO, b"v", false), Medium::Other);
        assert_eq!(medium(&mut bundled, AUDIO, b"", true), Medium::Audio);
    }

    #[test]
    fn a_later_plan_knows_what_was_learnt() {
        let mut before = bundled();
        medium(&mut before, Ssrc(7), b"a", true);
        medium(&mut before, Ssrc(8), b"v", true);
        let mut after = bundled();
        after.take_over(&before);
        assert_eq!(medium(&mut after, Ssrc(7), b"", true), Medium::Audio);
        assert_eq!(medium(&mut after, Ssrc(8), b"", true), Medium::Other);
        for n in 100..200 {
            medium(&mut after, Ssrc(n), b"a", true);
        }
        assert_eq!(medium(&mut after, Ssrc(7), b"", true), Medium::Untold, "no list grows for ever");
    }
}
