//! The level that a peer puts beside its voice (RFC 6464), and whether it is to be believed.
//!
//! It spares the decoding of who is silent. But who says "loud" of a silence would sit among the speakers for ever, so
//! what is decoded is compared with what was told (§6), and who exaggerates is believed no more.

/// dB by which a peer may exaggerate: levels are of the sound before its codec, and of other stretches of it.
const TOLERANCE_DB: f32 = 10.0;
/// How much of the way both averages go in a decoded tick.
const FOLLOW: f32 = 0.1;
/// Decoded ticks before the averages say anything: a fifth of a second.
const ENOUGH: u8 = 10;
/// Quieter than this all silences are alike.
const BOTTOM_DBOV: i8 = -70;

#[derive(Clone, Copy, Debug, Default)]
pub struct ToldLevel {
    last: Option<i8>,
    /// Averages of what was told and of what was decoded, dBov.
    averages: Option<(f32, f32)>,
    compared: u8,
    exaggerates: bool,
}

impl ToldLevel {
    /// Takes what came with a packet. Returns it if it is believed.
    pub fn handle_told(&mut self, told: Option<i8>) -> Option<i8> {
        self.last = told.filter(|_| !self.exaggerates);
        self.last
    }

    /// Takes what a tick of the same voice was when decoded. Returns whether the peer is still believed.
    pub fn handle_decoded(&mut self, decoded_dbov: i8) -> bool {
        let Some(told) = self.last else { return !self.exaggerates };
        let (told, decoded) = (f32::from(told.max(BOTTOM_DBOV)), f32::from(decoded_dbov.max(BOTTOM_DBOV)));
        let follow = |average: f32, level: f32| average + (level - average) * FOLLOW;
        let (told, decoded) = self.averages.map_or((told, decoded), |(a, b)| (follow(a, told), follow(b, decoded)));
        self.averages = Some((told, decoded));
        self.compared = self.compared.saturating_add(1);
        self.exaggerates = self.compared >= ENOUGH && told > decoded + TOLERANCE_DB;
        if self.exaggerates {
            self.last = None;
        }
        !self.exaggerates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_tells_the_truth_is_believed_and_who_exaggerates_no_more() {
        let mut honest = ToldLevel::default();
        let mut liar = ToldLevel::default();
        for tick in 0..100 {
            let level = if tick % 20 < 12 { -22 } else { -65 };
            assert_eq!(honest.handle_told(Some(level)), Some(level));
            assert!(honest.handle_decoded(level - 4));
            liar.handle_told(Some(0));
            liar.handle_decoded(-127);
        }
        assert_eq!(liar.handle_told(Some(0)), None);
    }

    #[test]
    fn modesty_harms_nobody_else() {
        let mut modest = ToldLevel::default();
        (0..100).for_each(|_| {
            modest.handle_told(Some(-60));
            modest.handle_decoded(-20);
        });
        assert_eq!(modest.handle_told(Some(-60)), Some(-60));
    }
}
