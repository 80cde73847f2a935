//! Which shard and phase a room gets, and on which shard a leg of it lives: by the time that shards need, as measured.
//!
//! ```text
//!   room of 1200 legs      shard 0: home ════trunk════ shard 2: wing      a wing is opened when the parts there are
//!                                  ╚═══════trunk═══════ shard 1: wing      have no time left, or enough legs
//! ```
//!
//! A room stays in one part while it can: trunks delay voices by a tick. What came since the last measurement counts
//! by expectation, so that a hundred legs of one second do not all go where there was time before they came.

use std::collections::HashMap;

use super::beat::PHASES;
use crate::id::{LegId, RoomId};

/// What a leg is expected to need of a shard's time, ‰, until it is measured: a phone with SRTP on a slow machine.
const EXPECTED: u64 = 1;
/// A shard that works more of its time than this takes further legs of a room only where no other is less busy, ‰.
const BUSY: u64 = 500;
/// By so much another shard must be less busy for a wing to pay, ‰.
const WORTHWHILE: u64 = 150;
/// Of a phase's time, ‰; what differs by less is alike.
const ALIKE: u64 = 20;

/// How busy a shard was lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measured {
    /// Of its time, ‰; of it each phase's part.
    pub busy: u64,
    pub phases: [u64; PHASES],
    /// Legs that were there.
    pub legs: usize,
}

#[derive(Debug)]
pub(super) struct Placement {
    shards: Vec<Standing>,
    rooms: HashMap<RoomId, OpenRoom>,
    legs: HashMap<LegId, Stay>,
    /// Legs of one room on one shard, before others are asked.
    most_of_a_room: usize,
    most: usize,
}

#[derive(Clone, Debug, Default)]
struct Standing {
    measured: Measured,
    legs: usize,
    /// Home rooms of each phase.
    rooms: [usize; PHASES],
}

#[derive(Clone, Debug)]
struct OpenRoom {
    phase: usize,
    /// Shards that have a part of it, home first.
    parts: Vec<usize>,
    /// How many legs of it are on each shard.
    legs: Vec<usize>,
}

/// Where a leg is, and for which room.
#[derive(Clone, Copy, Debug)]
struct Stay {
    shard: usize,
    room: Option<RoomId>,
}

impl Placement {
    /// `most_of_a_room`: 0 for no end. `most`: legs that a shard can hold.
    pub fn new(shards: usize, most_of_a_room: usize, most: usize) -> Self {
        let most_of_a_room = if most_of_a_room == 0 { usize::MAX } else { most_of_a_room };
        let shards = vec![Standing::default(); shards.max(1)];
        Self { shards, rooms: HashMap::new(), legs: HashMap::new(), most_of_a_room, most }
    }

    pub fn handle_measured(&mut self, shard: usize, measured: Measured) {
        if let Some(standing) = self.shards.get_mut(shard) {
            standing.measured = measured;
        }
    }

    /// The home for a new room: the shard that is least busy.
    pub fn choose_home(&self) -> usize {
        let rooms = |shard: usize| self.shards[shard].rooms.iter().sum::<usize>();
        let order = |shard: &usize| (self.cost(*shard), self.shards[*shard].legs, rooms(*shard));
        (0..self.shards.len()).min_by_key(order).unwrap_or(0)
    }

    /// A room comes to its home. Returns its phase: the one with the most time left.
    pub fn open_room(&mut self, room: RoomId, home: usize) -> usize {
        let standing = &mut self.shards[home];
        let order = |phase: &usize| (standing.measured.phases[*phase] / ALIKE, standing.rooms[*phase]);
        let phase = (0..PHASES).min_by_key(order).unwrap_or(0);
        standing.rooms[phase] += 1;
        self.rooms.insert(room, OpenRoom { phase, parts: vec![home], legs: vec![0; self.shards.len()] });
        phase
    }

    /// Returns the shards that had a part of the room.
    pub fn close_room(&mut self, room: RoomId) -> Vec<usize> {
        let Some(OpenRoom { phase, parts, .. }) = self.rooms.remove(&room) else { return Vec::new() };
        if let Some(home) = parts.first() {
            self.shards[*home].rooms[phase] -= 1;
        }
        parts
    }

    /// Shards that have a part of the room, home first; none when it is not open.
    pub fn parts(&self, room: RoomId) -> &[usize] {
        self.rooms.get(&room).map_or(&[], |room| &room.parts)
    }

    pub fn phase(&self, room: RoomId) -> Option<usize> {
        self.rooms.get(&room).map(|room| room.phase)
    }

    pub fn add_part(&mut self, room: RoomId, shard: usize) {
        if let Some(room) = self.rooms.get_mut(&room) {
            room.parts.push(shard);
        }
    }

    /// The shard for a further leg of a room: home, else a wing, while those have time and place; else another.
    pub fn choose_for_leg(&self, room: RoomId) -> usize {
        let Some(OpenRoom { parts, legs, .. }) = self.rooms.get(&room) else { return self.choose_home() };
        let of_room = |shard: usize| legs[shard];
        let has_place = |shard: usize| self.shards[shard].legs < self.most;
        let has_time = |shard: usize| self.cost(shard) < BUSY;
        let takes_more = |part: &usize| has_place(*part) && has_time(*part) && of_room(*part) < self.most_of_a_room;
        if let Some(part) = parts.iter().copied().find(takes_more) {
            return part;
        }
        let places = (0..self.shards.len()).filter(|shard| has_place(*shard));
        let order = |shard: &usize| (self.cost(*shard), of_room(*shard));
        let Some(least) = places.min_by_key(order) else { return parts.first().copied().unwrap_or(0) };
        let Some(part) = parts.iter().copied().filter(|part| has_place(*part)).min_by_key(order) else { return least };
        let pays = self.cost(least) + WORTHWHILE <= self.cost(part);
        // A room that grew only in legs goes wherever a shard is not busy.
        let is_large = of_room(part) >= self.most_of_a_room && has_time(least) && !parts.contains(&least);
        if pays || is_large { least } else { part }
    }

    /// A leg lives on a shard from now on, for the sake of a room.
    pub fn settle(&mut self, leg: LegId, shard: usize, room: Option<RoomId>) {
        self.leave(leg);
        self.legs.insert(leg, Stay { shard, room });
        self.shards[shard].legs += 1;
        if let Some(room) = room.and_then(|room| self.rooms.get_mut(&room)) {
            room.legs[shard] += 1;
        }
    }

    /// A leg is gone from its shard.
    pub fn leave(&mut self, leg: LegId) {
        if let Some(gone) = self.legs.remove(&leg) {
            self.shards[gone.shard].legs -= 1;
            if let Some(room) = gone.room.and_then(|room| self.rooms.get_mut(&room)) {
                room.legs[gone.shard] = room.legs[gone.shard].saturating_sub(1);
            }
        }
    }

    /// Where a leg lives now; `None` when it is not open.
    pub fn shard_of_leg(&self, leg: LegId) -> Option<usize> {
        self.legs.get(&leg).map(|stay| stay.shard)
    }

    /// Where a leg that joins a room is to live: where it is, if it came for this room. `None`: one of them is not open.
    pub fn shard_for_joining(&self, leg: LegId, room: RoomId) -> Option<usize> {
        let stay = self.legs.get(&leg).filter(|_| self.rooms.contains_key(&room))?;
        let came_for_it = stay.room == Some(room);
        Some(if came_for_it { stay.shard } else { self.choose_for_leg(room) })
    }

    pub fn legs_on(&self, shard: usize) -> usize {
        self.shards.get(shard).map_or(0, |standing| standing.legs)
    }

    /// ‰ of a shard's time, with what came since it was measured.
    fn cost(&self, shard: usize) -> u64 {
        let Standing { measured, legs, .. } = &self.shards[shard];
        measured.busy + EXPECTED * legs.saturating_sub(measured.legs) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId(2);

    fn placement(shards: usize, most_of_a_room: usize) -> Placement {
        let mut placement = Placement::new(shards, most_of_a_room, 4_096);
        placement.open_room(ROOM, 0);
        placement
    }

    fn busy(busy: u64, legs: usize) -> Measured {
        Measured { busy, legs, ..Measured::default() }
    }

    /// Where so many legs of the room go, opening parts as they come.
    fn join(placement: &mut Placement, legs: std::ops::Range<u64>) -> Vec<usize> {
        legs.map(|leg| {
            let shard = placement.choose_for_leg(ROOM);
            placement.settle(LegId(leg), shard, Some(ROOM));
            if !placement.parts(ROOM).contains(&shard) {
                placement.add_part(ROOM, shard);
            }
            shard
        })
        .collect()
    }

    #[test]
    fn a_room_goes_where_there_is_time_whatever_the_legs() {
        let mut placement = placement(3, 0);
        (0..60).for_each(|leg| placement.settle(LegId(leg), 1, None));
        placement.handle_measured(0, busy(300, 3));
        placement.handle_measured(1, busy(40, 60));
        placement.handle_measured(2, busy(200, 0));
        assert_eq!(placement.choose_home(), 1);
        // A hundred more came there, and were not yet measured.
        (100..260).for_each(|leg| placement.settle(LegId(leg), 1, None));
        assert_eq!(placement.choose_home(), 2);
    }

    #[test]
    fn rooms_before_any_leg_are_dealt_out() {
        let mut placement = Placement::new(2, 0, 4_096);
        let mut homes = Vec::new();
        for room in 0..4 {
            let home = placement.choose_home();
            homes.push((home, placement.open_room(RoomId(room), home)));
        }
        assert_eq!(homes, [(0, 0), (1, 0), (0, 1), (1, 1)]);
    }

    #[test]
    fn a_phase_that_works_long_gets_no_room() {
        let mut placement = Placement::new(1, 0, 4_096);
        placement.handle_measured(0, Measured { busy: 200, phases: [120, 10, 60, 10], legs: 9 });
        assert_eq!([1, 2, 3].map(|room| placement.open_room(RoomId(room), 0)), [1, 3, 1]);
    }

    #[test]
    fn a_room_grows_from_shard_to_shard_by_its_legs() {
        let mut placement = placement(3, 2);
        assert_eq!(join(&mut placement, 0..6), [0, 0, 1, 1, 2, 2]);
        assert_eq!(placement.parts(ROOM), [0, 1, 2]);
        // All are full: from here on evenly.
        assert_eq!(join(&mut placement, 6..9), [0, 1, 2]);
        // Who leaves makes place at home.
        placement.leave(LegId(0));
        placement.leave(LegId(6));
        assert_eq!(join(&mut placement, 9..10), [0]);
        assert_eq!(placement.close_room(ROOM), [0, 1, 2]);
    }

    #[test]
    fn a_busy_home_sends_its_guests_to_a_wing_where_that_pays() {
        let mut placement = placement(2, 0);
        placement.handle_measured(0, busy(510, 0));
        placement.handle_measured(1, busy(400, 0));
        assert_eq!(join(&mut placement, 0..1), [0], "100 ‰ less are not worth a trunk");
        placement.handle_measured(1, busy(100, 0));
        assert_eq!(join(&mut placement, 1..3), [1, 1]);
        placement.handle_measured(0, busy(300, 1));
        assert_eq!(join(&mut placement, 3..4), [0]);
    }

    #[test]
    fn who_came_for_a_room_joins_it_where_he_is() {
        let mut placement = placement(2, 1);
        placement.settle(LegId(1), 1, Some(ROOM));
        assert_eq!(placement.shard_for_joining(LegId(1), ROOM), Some(1));
        placement.settle(LegId(2), 1, None);
        assert_eq!(placement.shard_for_joining(LegId(2), ROOM), Some(0));
        assert_eq!(placement.shard_for_joining(LegId(3), ROOM), None);
        assert_eq!(placement.shard_for_joining(LegId(2), RoomId(99)), None);
    }
}
