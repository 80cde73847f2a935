//! A room, or one shard's part of it: who is in it, who of them is heard, and one tick of its sound.
//!
//! A large room has a part on each of several shards, all of one id and one phase, every two joined by a [`Trunk`].

use std::time::Instant;

use super::counters::Count;
use super::desk::Desk;
use super::event::SpeakerLevel;
use super::io::{PacketIo, Slot};
use super::leg::Leg;
use super::mailbox::{Returned, Told};
use super::prompt::Prompt;
use super::reports::Clocks;
use super::settings::MAX_SPEAKERS;
use super::table::Table;
use super::trunk::{Trunk, Voice};
use crate::id::{LegId, RoomId};
use crate::mix::echo::Track;
use crate::mix::{Frame, Guest, Limiter, SILENCE, Sound, Speakers, Sum, level_dbov};
use crate::rtp::Ssrc;

/// Ticks between two tellings of who speaks: a fifth of a second.
const SPEAKERS_TICKS: u64 = 10;

#[derive(Debug)]
pub(super) struct Room {
    pub id: RoomId,
    pub phase: usize,
    members: Vec<Slot>,
    speakers: Speakers,
    sum: Sum,
    limiter: Limiter,
    recent: Recent,
    /// The whole sum, to find those who return it.
    track: Box<Track>,
    prompt: Option<Prompt>,
    told: SpeakerList,
    /// To the room's other parts.
    #[expect(clippy::vec_box, reason = "they come in boxes and go back in them, so that nothing is freed here")]
    trunks: Vec<Box<Trunk>>,
    part: Part,
}

/// Which part of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The first, which tells who speaks.
    Home,
    Wing,
}

/// What a room sounds like in one tick.
#[derive(Debug)]
pub(super) struct RoomSound<'a> {
    pub id: RoomId,
    pub sum: &'a Sum,
    /// What they hear who are not heard, in this tick and before.
    pub recent: &'a Recent,
    /// The streams of those who are heard.
    pub contributors: &'a [Ssrc],
    /// How loud each of them is, dBov.
    pub levels: &'a [i8],
    /// How loud all of them together are, dBov.
    pub level_dbov: i8,
    /// Nobody speaks, and nothing is played.
    pub is_silent: bool,
}

/// Who is in the sum of a tick, and how loud: dBov.
#[derive(Debug, Default)]
struct Contributors {
    ssrcs: [Ssrc; MAX_SPEAKERS],
    levels: [i8; MAX_SPEAKERS],
    count: usize,
}

impl Contributors {
    fn push(&mut self, ssrc: Ssrc, level_dbov: i8) {
        if let (Some(place), Some(level)) = (self.ssrcs.get_mut(self.count), self.levels.get_mut(self.count)) {
            (*place, *level) = (ssrc, level_dbov);
            self.count += 1;
        }
    }
}

impl Room {
    /// `most`: how many speakers are heard at once. `shards`: how many parts there can be.
    pub fn new(id: RoomId, part: Part, phase: usize, most: usize, shards: usize) -> Self {
        Self {
            id,
            phase,
            members: Vec::with_capacity(256),
            speakers: Speakers::new(most.clamp(1, MAX_SPEAKERS)),
            sum: Sum::new(),
            limiter: Limiter::default(),
            recent: Recent::default(),
            track: Track::new(),
            prompt: None,
            told: SpeakerList::default(),
            trunks: Vec::with_capacity(shards),
            part,
        }
    }

    pub fn members(&self) -> &[Slot] {
        &self.members
    }

    pub fn enter(&mut self, slot: Slot, leg: LegId) {
        self.members.push(slot);
        self.speakers.join(leg);
    }

    pub fn leave(&mut self, slot: Slot, leg: LegId) {
        self.members.retain(|member| *member != slot);
        self.speakers.leave(leg);
    }

    /// Joins this part to another.
    pub fn link(&mut self, trunk: Box<Trunk>) {
        self.trunks.push(trunk);
    }

    pub fn trunks(&self) -> usize {
        self.trunks.len()
    }

    /// What there is to do in a tick: members to serve, and parts to listen to.
    pub fn occupants(&self) -> usize {
        self.members.len() + self.trunks.len()
    }

    /// Lets go of a trunk whose other end is gone.
    pub fn unlink(&mut self) -> Option<Box<Trunk>> {
        let cut = self.trunks.iter().position(|trunk| trunk.is_cut())?;
        Some(self.trunks.swap_remove(cut))
    }

    /// Plays a clip to all. Returns the prompt that it replaces.
    pub fn play(&mut self, prompt: Prompt) -> Option<Prompt> {
        self.prompt.replace(prompt)
    }

    pub fn stop_playing(&mut self) -> Option<Prompt> {
        self.prompt.take()
    }

    /// One tick: who speaks, the sum of them, and for everyone what they hear.
    pub fn tick(
        &mut self,
        tick: u64,
        at: Clocks,
        legs: &mut Table<LegId, Leg>,
        desk: &mut Desk,
        io: &mut impl PacketIo,
    ) {
        for trunk in &mut self.trunks {
            desk.tally.add(Count::LOST_VOICES, trunk.listen(tick));
        }
        self.rank(at.now, legs, desk);
        let mut contributors = Contributors::default();
        self.mix(tick, at.now, legs, desk, &mut contributors);
        self.sum.whole(&mut self.limiter, self.recent.begin(tick));
        self.track.put(tick, self.recent.newest());
        let sound = RoomSound {
            id: self.id,
            sum: &self.sum,
            recent: &self.recent,
            contributors: &contributors.ssrcs[..contributors.count],
            levels: &contributors.levels[..contributors.count],
            level_dbov: level_dbov(self.recent.newest()),
            is_silent: contributors.count == 0 && self.recent.newest() == &SILENCE,
        };
        for slot in &self.members {
            if let Some(leg) = legs.get_mut(*slot) {
                leg.watch_echo(&self.track, tick, *slot, desk);
                leg.hear(*slot, Some(&sound), tick, desk, io);
            }
        }
        if self.part == Part::Home && tick.is_multiple_of(SPEAKERS_TICKS) && !desk.hurries {
            self.tell_speakers(desk);
        }
    }

    fn rank(&mut self, now: Instant, legs: &mut Table<LegId, Leg>, desk: &mut Desk) {
        for slot in &self.members {
            let Some(leg) = legs.get_mut(*slot) else { continue };
            if let Some(level_dbov) = leg.begin_tick(now, desk) {
                self.speakers.handle_level(leg.id, level_dbov);
            }
        }
        let voices = self.trunks.iter().flat_map(|trunk| trunk.voices());
        self.speakers.handle_tick(voices.map(Voice::guest));
    }

    /// Sums those who speak, and names them.
    fn mix(
        &mut self,
        tick: u64,
        now: Instant,
        legs: &mut Table<LegId, Leg>,
        desk: &mut Desk,
        contributors: &mut Contributors,
    ) {
        self.sum.clear();
        for slot in &self.members {
            let Some(leg) = legs.get_mut(*slot) else { continue };
            if !self.speakers.speaks(leg.id) || !leg.may_be_heard() {
                leg.pass(now);
                continue;
            }
            let sound = leg.pull(now, desk);
            if let Sound::Voice { level_dbov } = sound {
                leg.enter_sum(tick, desk);
                self.sum.add(&leg.frame);
                leg.peer_ssrc().into_iter().for_each(|ssrc| contributors.push(ssrc, level_dbov));
            }
            for trunk in &mut self.trunks {
                say(trunk, leg, &self.speakers, sound, tick, desk);
            }
        }
        for voice in self.trunks.iter().flat_map(|trunk| trunk.voices()) {
            if let (Sound::Voice { level_dbov }, true) = (voice.sound, self.speakers.hears_guest(voice.leg)) {
                self.sum.add(&voice.frame);
                voice.ssrc.into_iter().for_each(|ssrc| contributors.push(ssrc, level_dbov));
            }
        }
        if let Some(prompt) = &mut self.prompt {
            desk.frame = SILENCE;
            prompt.add_to(&mut desk.frame);
            self.sum.add(&desk.frame);
        }
        if let Some(prompt) = self.prompt.take_if(|prompt| prompt.is_over()) {
            desk.outbox.give_back(Returned::Clip(prompt.into_clip()));
        }
    }

    fn tell_speakers(&mut self, desk: &mut Desk) {
        let now = SpeakerList::of(self.speakers.speakers());
        if now != self.told {
            self.told = now;
            desk.outbox.tell(Told::Speakers { room: self.id, speakers: now.levels, count: now.count });
        }
    }
}

/// Tells another part of the room what a leg says.
fn say(trunk: &mut Trunk, leg: &Leg, speakers: &Speakers, sound: Sound, tick: u64, desk: &mut Desk) {
    let Some(Guest { leg: id, dbov }) = speakers.as_guest(leg.id) else { return };
    let voice = Voice { tick, leg: id, ssrc: leg.peer_ssrc(), dbov, sound, frame: leg.frame };
    if !trunk.say(voice) {
        desk.tally.add(Count::LOST_VOICES, 1);
    }
}

/// The last frames of the whole sum: they warm up the encoders of those who begin or end to hear it.
#[derive(Debug)]
pub(super) struct Recent {
    /// By tick, as many as the longest packet takes, and the current one.
    frames: [(u64, Frame); Self::KEPT],
    newest: usize,
}

impl Recent {
    const KEPT: usize = 4;
    const NO_TICK: u64 = u64::MAX;

    /// The place for the frame of `tick`.
    fn begin(&mut self, tick: u64) -> &mut Frame {
        self.newest = (tick % Self::KEPT as u64) as usize;
        let (of, frame) = &mut self.frames[self.newest];
        *of = tick;
        frame
    }

    pub fn newest(&self) -> &Frame {
        &self.frames[self.newest].1
    }

    /// The frame of a tick, while it is kept.
    pub fn at(&self, tick: u64) -> Option<&Frame> {
        self.frames.iter().find(|(of, _)| *of == tick).map(|(_, frame)| frame)
    }
}

impl Default for Recent {
    fn default() -> Self {
        Self { frames: [(Self::NO_TICK, SILENCE); Self::KEPT], newest: 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct SpeakerList {
    levels: [SpeakerLevel; MAX_SPEAKERS],
    count: usize,
}

impl SpeakerList {
    fn of(speakers: &[SpeakerLevel]) -> Self {
        let mut list = Self::default();
        for (place, speaker) in list.levels.iter_mut().zip(speakers) {
            *place = *speaker;
            list.count += 1;
        }
        list
    }
}

impl Default for SpeakerList {
    fn default() -> Self {
        let nobody = SpeakerLevel { leg: LegId(0), level_dbov: -127 };
        Self { levels: [nobody; MAX_SPEAKERS], count: 0 }
    }
}
