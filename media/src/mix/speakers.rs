//! Who speaks: the loudest K of a room, held for a while so that they do not flicker.
//!
//! A leg's loudness rises at once and falls slowly, over some 300 ms; who is heard already counts three decibels more.
//! So words begin whole, pauses between them do not part them, and two equal voices do not take turns.

use crate::id::LegId;

/// Softer than this nobody speaks: the noise of a quiet line is −60 dBov and less.
const THRESHOLD_DBOV: f32 = -55.0;
/// How much of the way down loudness goes in a tick.
const FALL: f32 = 0.15;
/// Where the way down ends, so that silence by DTX falls no faster than silence that is sent.
const BOTTOM_DBOV: f32 = -70.0;
/// The advantage of who is heard already.
const HOLD_DB: f32 = 3.0;
/// Legs that a room holds before it must grow.
const EXPECTED_LEGS: usize = 64;

/// Who speaks, and how loud.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeakerLevel {
    pub leg: LegId,
    /// −127 (silence) to 0 (loudest), RFC 6464.
    pub level_dbov: i8,
}

#[derive(Debug)]
pub struct Speakers {
    most: usize,
    /// By leg.
    legs: Vec<Loudness>,
    speakers: Vec<SpeakerLevel>,
}

#[derive(Clone, Copy, Debug)]
struct Loudness {
    leg: LegId,
    /// Told for the coming tick.
    told: Option<i8>,
    dbov: f32,
    speaks: bool,
}

impl Loudness {
    fn rank(&self) -> f32 {
        if self.speaks { self.dbov + HOLD_DB } else { self.dbov }
    }
}

impl Speakers {
    /// `most`: how many speak at once.
    pub fn new(most: usize) -> Self {
        Self { most, legs: Vec::with_capacity(EXPECTED_LEGS), speakers: Vec::with_capacity(most + 1) }
    }

    /// Takes a leg in, silent. May allocate.
    pub fn join(&mut self, leg: LegId) {
        if let Err(place) = self.find(leg) {
            let silent = Loudness { leg, told: None, dbov: BOTTOM_DBOV, speaks: false };
            self.legs.insert(place, silent);
        }
    }

    pub fn leave(&mut self, leg: LegId) {
        if let Ok(place) = self.find(leg) {
            self.legs.remove(place);
            self.speakers.retain(|speaker| speaker.leg != leg);
        }
    }

    /// Takes a leg's level for the coming tick; who has none counts as silent.
    pub fn handle_level(&mut self, leg: LegId, level_dbov: i8) {
        if let Ok(place) = self.find(leg) {
            self.legs[place].told = Some(level_dbov);
        }
    }

    /// Ranks the legs, once a tick.
    pub fn handle_tick(&mut self) {
        self.speakers.clear();
        for loudness in &mut self.legs {
            let level = f32::from(loudness.told.take().unwrap_or(super::level::SILENT)).max(BOTTOM_DBOV);
            loudness.dbov = level.max(loudness.dbov + (level - loudness.dbov) * FALL);
        }
        for place in 0..self.legs.len() {
            self.rank(place);
        }
        for loudness in &mut self.legs {
            loudness.speaks = self.speakers.iter().any(|speaker| speaker.leg == loudness.leg);
        }
    }

    /// Puts a leg among the speakers if it belongs there; the softest one too many drops out.
    fn rank(&mut self, place: usize) {
        let candidate = self.legs[place];
        if candidate.rank() < THRESHOLD_DBOV {
            return;
        }
        let softer = |speaker: &SpeakerLevel| {
            self.find(speaker.leg).is_ok_and(|place| self.legs[place].rank() < candidate.rank())
        };
        let at = self.speakers.iter().position(softer).unwrap_or(self.speakers.len());
        self.speakers.insert(at, SpeakerLevel { leg: candidate.leg, level_dbov: candidate.dbov as i8 });
        self.speakers.truncate(self.most);
    }

    /// Whether a leg is heard in this tick.
    pub fn speaks(&self, leg: LegId) -> bool {
        self.find(leg).is_ok_and(|place| self.legs[place].speaks)
    }

    /// Who is heard in this tick, loudest first.
    pub fn speakers(&self) -> &[SpeakerLevel] {
        &self.speakers
    }

    fn find(&self, leg: LegId) -> Result<usize, usize> {
        self.legs.binary_search_by_key(&leg, |loudness| loudness.leg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(most: usize, legs: u64) -> Speakers {
        let mut speakers = Speakers::new(most);
        (0..legs).for_each(|leg| speakers.join(LegId(leg)));
        speakers
    }

    fn tick(speakers: &mut Speakers, levels: &[(u64, i8)]) -> Vec<u64> {
        levels.iter().for_each(|&(leg, level)| speakers.handle_level(LegId(leg), level));
        speakers.handle_tick();
        speakers.speakers().iter().map(|speaker| speaker.leg.0).collect()
    }

    #[test]
    fn the_loudest_are_heard_loudest_first_from_their_first_tick() {
        let mut speakers = room(2, 5);
        assert_eq!(tick(&mut speakers, &[(0, -50), (3, -20), (4, -30)]), [3, 4]);
        assert!(speakers.speaks(LegId(3)) && !speakers.speaks(LegId(0)));
        assert_eq!(speakers.speakers()[0].level_dbov, -20);
    }

    #[test]
    fn a_silent_room_has_no_speakers() {
        let mut speakers = room(3, 5);
        assert_eq!(tick(&mut speakers, &[(0, -60), (1, -127)]), [] as [u64; 0]);
    }

    #[test]
    fn equal_voices_do_not_take_turns() {
        let mut speakers = room(1, 2);
        assert_eq!(tick(&mut speakers, &[(0, -30)]), [0]);
        for n in 0..50 {
            let (a, b) = if n % 2 == 0 { (-32, -29) } else { (-29, -32) };
            assert_eq!(tick(&mut speakers, &[(0, a), (1, b)]), [0], "tick {n}");
        }
        assert_eq!(tick(&mut speakers, &[(0, -30), (1, -20)]), [1]);
    }

    #[test]
    fn a_pause_between_words_is_held_and_an_end_is_not() {
        let mut speakers = room(3, 1);
        tick(&mut speakers, &[(0, -25)]);
        let held = (0..100).take_while(|_| !tick(&mut speakers, &[]).is_empty()).count();
        assert!((2..=15).contains(&held), "held for {held} ticks");
    }

    #[test]
    fn who_leaves_is_heard_no_more() {
        let mut speakers = room(3, 3);
        tick(&mut speakers, &[(1, -25), (2, -30)]);
        speakers.leave(LegId(1));
        assert_eq!(speakers.speakers().len(), 1);
        assert!(!speakers.speaks(LegId(1)));
        assert_eq!(tick(&mut speakers, &[(1, -25), (2, -30)]), [2]);
    }
}
