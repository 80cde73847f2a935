//! Who speaks: the loudest K of a room, held for a while so that they do not flicker.

use crate::engine::SpeakerLevel;
use crate::id::LegId;

#[derive(Debug)]
pub struct Speakers {}

impl Speakers {
    /// `most`: how many speak at once.
    pub fn new(most: usize) -> Self {
        let _ = most;
        Self {}
    }

    pub fn join(&mut self, leg: LegId) {
        let _ = leg;
    }

    pub fn leave(&mut self, leg: LegId) {
        let _ = leg;
    }

    /// Takes a leg's level for the coming tick; who has none counts as silent.
    pub fn handle_level(&mut self, leg: LegId, level_dbov: i8) {
        let _ = (leg, level_dbov);
    }

    /// Ranks the legs, once a tick.
    pub fn handle_tick(&mut self) {}

    /// Whether a leg is heard in this tick.
    pub fn speaks(&self, leg: LegId) -> bool {
        let _ = leg;
        false
    }

    /// Who is heard in this tick, loudest first.
    pub fn speakers(&self) -> &[SpeakerLevel] {
        &[]
    }
}
