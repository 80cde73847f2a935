//! Who speaks: the loudest K of a room, held for a while so that they do not flicker.
//!
//! A leg's loudness rises at once and falls slowly, over some 300 ms; who is heard already counts three decibels more.
//! So words begin whole, pauses between them do not part them, and two equal voices do not take turns.
//!
//! Of a room in several parts each part ranks its own legs together with the others' speakers, who come with the
//! loudness that their part found. All parts compare the same numbers, so the loudest K are the same everywhere.

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

/// Who speaks in another part of the room, and how loud that part finds them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guest {
    pub leg: LegId,
    pub dbov: f32,
}

#[derive(Debug)]
pub struct Speakers {
    most: usize,
    /// By leg.
    legs: Vec<Loudness>,
    speakers: Vec<SpeakerLevel>,
    /// Of each speaker.
    ranks: Vec<f32>,
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
        Self {
            most,
            legs: Vec::with_capacity(EXPECTED_LEGS),
            speakers: Vec::with_capacity(most + 1),
            ranks: Vec::with_capacity(most + 1),
        }
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
            if let Some(place) = self.speakers.iter().position(|speaker| speaker.leg == leg) {
                self.speakers.remove(place);
                self.ranks.remove(place);
            }
        }
    }

    /// Takes a leg's level for the coming tick; who has none counts as silent.
    pub fn handle_level(&mut self, leg: LegId, level_dbov: i8) {
        if let Ok(place) = self.find(leg) {
            self.legs[place].told = Some(level_dbov);
        }
    }

    /// Ranks the legs and the room's other speakers, once a tick.
    pub fn handle_tick(&mut self, guests: impl Iterator<Item = Guest>) {
        self.speakers.clear();
        self.ranks.clear();
        for loudness in &mut self.legs {
            let level = f32::from(loudness.told.take().unwrap_or(super::level::SILENT)).max(BOTTOM_DBOV);
            loudness.dbov = level.max(loudness.dbov + (level - loudness.dbov) * FALL);
        }
        for place in 0..self.legs.len() {
            let candidate = self.legs[place];
            self.rank(candidate.leg, candidate.dbov, candidate.rank());
        }
        guests.for_each(|guest| self.rank(guest.leg, guest.dbov, guest.dbov + HOLD_DB));
        for loudness in &mut self.legs {
            loudness.speaks = self.speakers.iter().any(|speaker| speaker.leg == loudness.leg);
        }
    }

    /// Puts a leg among the speakers if it belongs there; the softest one too many drops out.
    fn rank(&mut self, leg: LegId, dbov: f32, rank: f32) {
        if rank < THRESHOLD_DBOV {
            return;
        }
        // Of two alike the older leg goes first, in whichever part of the room it is.
        let softer = |(speaker, other): (&SpeakerLevel, &f32)| *other < rank || (*other == rank && speaker.leg > leg);
        let at = self.speakers.iter().zip(&self.ranks).position(softer).unwrap_or(self.speakers.len());
        self.speakers.insert(at, SpeakerLevel { leg, level_dbov: dbov as i8 });
        self.ranks.insert(at, rank);
        self.speakers.truncate(self.most);
        self.ranks.truncate(self.most);
    }

    /// Whether a leg of this part is heard in this tick.
    pub fn speaks(&self, leg: LegId) -> bool {
        self.find(leg).is_ok_and(|place| self.legs[place].speaks)
    }

    /// Whether a guest is heard in this tick.
    pub fn hears_guest(&self, leg: LegId) -> bool {
        self.speakers.iter().any(|speaker| speaker.leg == leg)
    }

    /// A leg of this part as the room's other parts are told of it.
    pub fn as_guest(&self, leg: LegId) -> Option<Guest> {
        let place = self.find(leg).ok()?;
        Some(Guest { leg, dbov: self.legs[place].dbov })
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
        speakers.handle_tick(std::iter::empty());
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

    #[test]
    fn two_parts_of_a_room_agree_on_the_loudest() {
        let mut parts = [room(2, 0), room(2, 0)];
        for leg in 0..6 {
            parts[leg % 2].join(LegId(leg as u64));
        }
        let levels = [(0, -40), (1, -25), (2, -30), (3, -25), (4, -50), (5, -28)];
        let mut said: [Vec<Guest>; 2] = [Vec::new(), Vec::new()];
        for n in 0..10 {
            for (leg, level) in levels {
                parts[leg % 2].handle_level(LegId(leg as u64), level);
            }
            for part in 0..2 {
                parts[part].handle_tick(said[1 - part].clone().into_iter());
            }
            for part in 0..2 {
                let own = parts[part].speakers().iter().filter(|speaker| parts[part].speaks(speaker.leg));
                said[part] = own.filter_map(|speaker| parts[part].as_guest(speaker.leg)).collect();
            }
            let heard = parts.each_ref().map(|part| part.speakers().iter().map(|s| s.leg.0).collect::<Vec<_>>());
            assert!(n == 0 || heard == [[1, 3], [1, 3]], "tick {n}: {heard:?}");
        }
    }
}
