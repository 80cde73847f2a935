//! A shard's core: its rooms and legs, driven by orders, packets and ticks. It knows neither sockets nor the clock.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::beat::{Due, PHASES, UsedPhases};
use super::command::Clip;
use super::counters::{CODECS, Count, Published, Refusal};
use super::desk::Desk;
use super::handle::LEGS_PER_SHARD;
use super::io::{Channel, PacketIo, Slot};
use super::leg::{Farewell, Leg, Place};
use super::load::Load;
use super::mailbox::{Order, Outbox, Returned, Told};
use super::prompt::Prompt;
use super::reports::Clocks;
use super::room::Room;
use super::settings::EngineSettings;
use super::streams::Streams;
use super::table::Table;
use super::trunk::Trunk;
use crate::id::{LegId, RoomId};
use crate::mix::{EncodeChain, EncodeKey, MixKey, NoiseSuppressor};
use crate::plan::SendFormat;
use crate::rtp::NtpTime;

#[derive(Debug)]
pub(super) struct Shard {
    rooms: Table<RoomId, Room>,
    legs: Table<LegId, Leg>,
    /// Legs without a room.
    alone: Vec<Slot>,
    /// How many legs each phase serves, and how many trunks; legs without a room are in the first.
    served: [usize; PHASES],
    desk: Desk,
    silent_after: Duration,
    start: Start,
    /// The latest.
    tick: u64,
    load: Load,
}

/// When the beat began, on both clocks: the same for all shards, so that a leg may go from one to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub instant: Instant,
    pub since_1970: Duration,
}

impl Start {
    pub fn now() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { instant: Instant::now(), since_1970 }
    }
}

/// A tick that begins so long after its time is late.
const LATE: Duration = Duration::from_millis(5);
/// The phase of legs without a room.
const ALONE: usize = 0;

impl Shard {
    pub fn new(settings: &EngineSettings, start: Start, outbox: Outbox) -> Self {
        Self {
            rooms: Table::new(LEGS_PER_SHARD),
            legs: Table::new(LEGS_PER_SHARD),
            alone: Vec::with_capacity(LEGS_PER_SHARD),
            served: [0; PHASES],
            desk: Desk::new(outbox),
            silent_after: settings.silent_after,
            start,
            tick: 0,
            load: Load::default(),
        }
    }

    pub fn used_phases(&self) -> UsedPhases {
        self.served.map(|legs| legs > 0)
    }

    /// Takes in a leg. `None` when there is no room for it.
    pub fn open(&mut self, leg: Box<Leg>) -> Option<Slot> {
        match self.legs.insert(leg.id, leg) {
            Ok(slot) => {
                self.alone.push(slot);
                self.served[ALONE] += 1;
                Some(slot)
            }
            Err(leg) => {
                self.give_back(Returned::Leg(leg));
                None
            }
        }
    }

    pub fn handle_order(&mut self, order: Order, now: Instant) {
        match order {
            Order::OpenRoom { room } => self.open_room(room),
            Order::CloseRoom { room } => self.close_room(room),
            Order::Link { room, trunk } => self.link(room, trunk),
            Order::Connect { leg, streams, shared } => self.connect(leg, streams, shared, now),
            Order::Join { leg, room, shared } => self.join(leg, room, shared),
            Order::Leave { leg } => self.place(leg, Place::Nowhere),
            Order::Echo { leg } => self.place(leg, Place::Echo),
            Order::SetMute { leg, mute } => self.with(leg, |leg| leg.set_mute(mute)),
            Order::SetDeaf { leg, deaf } => self.with(leg, |leg| leg.deaf = deaf),
            Order::SetGain { leg, gain_db } => self.with(leg, |leg| leg.set_gain(gain_db)),
            Order::SetAutoGain { leg, auto_gain } => self.with(leg, |leg| leg.set_auto_gain(auto_gain)),
            Order::SetNoiseSuppression { leg, suppressor } => self.set_suppressor(leg, suppressor),
            Order::SendKey { leg, key, duration } => self.with(leg, |leg| leg.send_key(key, duration)),
            Order::Play { leg, clip } => self.play(leg, Some(clip), Leg::play),
            Order::StopPlaying { leg } => self.play(leg, None, Leg::play),
            Order::PlayMusic { leg, clip } => self.play(leg, Some(clip), Leg::play_music),
            Order::StopMusic { leg } => self.play(leg, None, Leg::play_music),
            Order::PlayToRoom { room, clip } => self.play_to_room(room, clip),
        }
    }

    /// Lets go of a leg. Its slot's ports are then free.
    pub fn release(&mut self, id: LegId) -> Option<(Slot, Box<Leg>)> {
        self.place(id, Place::Nowhere);
        let (slot, leg) = self.legs.remove(id)?;
        self.alone.retain(|other| *other != slot);
        self.served[ALONE] -= 1;
        Some((slot, leg))
    }

    /// Says goodbye and lets a leg go for good. Returns its slot.
    pub fn close(&mut self, id: LegId, now: Instant, io: &mut impl PacketIo) -> Option<Slot> {
        let (slot, mut leg) = self.release(id)?;
        leg.report(slot, Farewell::Bye, self.clocks(now), &mut self.desk, io);
        self.desk.outbox.tell(Told::Stats { leg: id, stats: leg.stats() });
        self.give_back(Returned::Leg(leg));
        Some(slot)
    }

    /// One tick of one phase: packets in, sound, packets out.
    pub fn handle_tick(&mut self, due: Due, now: Instant, io: &mut impl PacketIo) {
        let at = self.clocks(now);
        self.tick = due.tick;
        self.desk.tally.add(Count::SKIPPED, due.skipped);
        self.desk.tally.add(Count::LATE_TICKS, (due.late > LATE).into());
        self.desk.begin_tick(self.load.hurries(now), self.load.effort());
        io.begin_tick();
        self.receive(due.phase, at, io);
        let Self { rooms, legs, alone, desk, served, .. } = self;
        for room in rooms.iter_mut().filter(|room| room.phase == due.phase) {
            room.tick(due.tick, at, legs, desk, io);
            while let Some(trunk) = room.unlink() {
                desk.outbox.give_back(Returned::Trunk(trunk));
                served[due.phase] -= 1;
            }
        }
        if due.phase == ALONE {
            for slot in alone.iter() {
                if let Some(leg) = legs.get_mut(*slot) {
                    leg.be_alone(*slot, due.tick, now, desk, io);
                }
            }
        }
        self.attend(due, at, io);
        self.desk.outbox.ring();
    }

    /// Counts how long a phase's tick took that ended at `now`; `overran`: it was not done when the next was due.
    pub fn count_tick(&mut self, phase: usize, took: Duration, overran: bool, now: Instant) {
        self.load.handle_tick(phase, took, overran, now);
        let tally = &mut self.desk.tally;
        tally.add(Count::tick(took), 1);
        tally.add(Count::BUSY_NANOS, took.as_nanos() as u64);
        tally.add(Count::OVERRUNS, overran.into());
    }

    /// Copies out all counts.
    pub fn publish(&mut self, published: &Published) {
        if self.used_phases() == UsedPhases::default() {
            self.load.rest();
        }
        let mut tally = self.desk.tally.clone();
        for (phase, permille) in self.load.permille().into_iter().enumerate() {
            tally.add(Count::load(phase), permille);
        }
        tally.add(Count::OPEN_LEGS, self.legs.len() as u64);
        tally.add(Count::TRUNK_ENDS, self.rooms.iter().map(|room| room.trunks() as u64).sum());
        for codec in CODECS {
            tally.add(Count::encodes(codec), self.desk.groups.encodes(codec));
        }
        for streams in self.legs.iter().filter_map(|leg| leg.streams.as_deref()) {
            tally.add(Count::legs(streams.sender.format.codec, streams.is_secured()), 1);
        }
        tally.add(Count::ECHOES, self.legs.iter().filter(|leg| leg.echoes(self.tick)).count() as u64);
        published.publish(&tally);
    }

    /// Sends a thing out to be dropped elsewhere.
    pub fn give_back(&mut self, done: Returned) {
        self.desk.outbox.give_back(done);
    }

    pub fn slot_of(&self, leg: LegId) -> Option<Slot> {
        self.legs.slot_of(leg)
    }

    pub fn id_of(&self, slot: Slot) -> Option<LegId> {
        self.legs.get(slot).map(|leg| leg.id)
    }

    fn clocks(&self, now: Instant) -> Clocks {
        let since_start = now.saturating_duration_since(self.start.instant);
        Clocks { now, ntp: NtpTime::from_unix(self.start.since_1970 + since_start), since_start }
    }

    fn receive(&mut self, phase: usize, at: Clocks, io: &mut impl PacketIo) {
        let Self { rooms, legs, alone, desk, .. } = self;
        let rooms = rooms.iter().filter(|room| room.phase == phase).flat_map(Room::members);
        let alone = alone.iter().filter(|_| phase == ALONE);
        for slot in rooms.chain(alone) {
            let Some(leg) = legs.get_mut(*slot) else { continue };
            io.receive(*slot, |datagram, from, arrived| {
                leg.handle_datagram(datagram, (Channel::Rtp, from), arrived, at, desk);
            });
        }
        io.receive_rtcp(|slot, datagram, from| {
            if let Some(leg) = legs.get_mut(slot) {
                leg.handle_datagram(datagram, (Channel::Rtcp, from), at.now, at, desk);
            }
        });
        let strangers = io.receive_shared(|leg, datagram, from, arrived| match legs.find(leg) {
            Some((_, leg)) => leg.handle_datagram(datagram, (Channel::Rtp, from), arrived, at, desk),
            None => desk.tally.add(Count::refused(Refusal::Unknown), 1),
        });
        desk.tally.add(Count::refused(Refusal::Unknown), strangers);
        desk.tally.add(Count::RECEIVED, strangers);
    }

    fn attend(&mut self, due: Due, at: Clocks, io: &mut impl PacketIo) {
        let Self { rooms, legs, alone, desk, silent_after, .. } = self;
        let rooms = rooms.iter().filter(|room| room.phase == due.phase).flat_map(Room::members);
        let alone = alone.iter().filter(|_| due.phase == ALONE);
        for slot in rooms.chain(alone) {
            if let Some(leg) = legs.get_mut(*slot) {
                leg.attend(*slot, due.tick, at, *silent_after, desk, io);
            }
        }
    }

    fn open_room(&mut self, room: Box<Room>) {
        if let Err(room) = self.rooms.insert(room.id, room) {
            self.give_back(Returned::Room(room));
        }
    }

    fn link(&mut self, id: RoomId, trunk: Box<Trunk>) {
        match self.rooms.find(id) {
            Some((_, room)) => {
                room.link(trunk);
                self.served[room.phase] += 1;
            }
            None => self.give_back(Returned::Trunk(trunk)),
        }
    }

    fn close_room(&mut self, id: RoomId) {
        let Some((_, mut room)) = self.rooms.remove(id) else { return };
        self.served[room.phase] -= room.occupants();
        self.served[ALONE] += room.members().len();
        for slot in room.members() {
            if let Some(leg) = self.legs.get_mut(*slot) {
                if let Some(streams) = &leg.streams {
                    self.desk.leave_group(&whole(&streams.sender.format, id));
                }
                leg.end_room(Place::Nowhere, &mut self.desk);
                self.alone.push(*slot);
            }
        }
        if let Some(prompt) = room.stop_playing() {
            self.give_back(Returned::Clip(prompt.into_clip()));
        }
        self.give_back(Returned::Room(room));
    }

    fn connect(&mut self, id: LegId, streams: Box<Streams>, shared: Box<EncodeChain>, now: Instant) {
        let at = self.clocks(now);
        let Some((_, leg)) = self.legs.find(id) else {
            self.give_back(Returned::Streams(streams));
            return self.give_back(Returned::Chain(shared));
        };
        let before = leg.streams.as_ref().map(|streams| streams.sender.format);
        let format = streams.sender.format;
        let (place, done) = (leg.place, leg.connect(streams, now));
        let early = leg.replay(at, &mut self.desk);
        if let Some(done) = done {
            self.give_back(Returned::Streams(done));
        }
        if let Some(early) = early {
            self.give_back(Returned::Early(early));
        }
        if let Place::Room(room) = place {
            self.share(room, &format, Some(shared));
            if let Some((format, room)) = before.zip(self.rooms.get(room)) {
                self.desk.leave_group(&whole(&format, room.id));
            }
        } else {
            self.give_back(Returned::Chain(shared));
        }
    }

    fn join(&mut self, id: LegId, room: RoomId, shared: Option<Box<EncodeChain>>) {
        self.place(id, Place::Nowhere);
        let (Some(room_slot), Some((slot, leg))) = (self.rooms.slot_of(room), self.legs.find(id)) else {
            return shared.into_iter().for_each(|chain| self.give_back(Returned::Chain(chain)));
        };
        leg.begin_room(room_slot);
        let format = leg.streams.as_ref().map(|streams| streams.sender.format);
        self.alone.retain(|other| *other != slot);
        self.served[ALONE] -= 1;
        if let Some(room) = self.rooms.get_mut(room_slot) {
            room.enter(slot, id);
            self.served[room.phase] += 1;
        }
        match format {
            Some(format) => self.share(room_slot, &format, shared),
            None => shared.into_iter().for_each(|chain| self.give_back(Returned::Chain(chain))),
        }
    }

    /// Counts a leg to those who share their encodes; the first one's chain serves all.
    fn share(&mut self, room: Slot, format: &SendFormat, chain: Option<Box<EncodeChain>>) {
        let (Some(room), Some(chain)) = (self.rooms.get(room), chain) else { return };
        if let Some(chain) = self.desk.groups.insert(whole(format, room.id), chain) {
            self.give_back(Returned::Chain(chain));
        }
    }

    /// Puts a leg outside of all rooms.
    fn place(&mut self, id: LegId, place: Place) {
        let Some((slot, leg)) = self.legs.find(id) else { return };
        let before = leg.place;
        leg.end_room(place, &mut self.desk);
        let format = leg.streams.as_ref().map(|streams| streams.sender.format);
        let Place::Room(room) = before else { return };
        self.alone.push(slot);
        self.served[ALONE] += 1;
        if let Some(room) = self.rooms.get_mut(room) {
            room.leave(slot, id);
            self.served[room.phase] -= 1;
            if let Some(format) = format {
                self.desk.leave_group(&whole(&format, room.id));
            }
        }
    }

    fn set_suppressor(&mut self, id: LegId, suppressor: Option<Box<NoiseSuppressor>>) {
        let done = match self.legs.find(id) {
            Some((_, leg)) => leg.set_suppressor(suppressor),
            None => suppressor,
        };
        done.into_iter().for_each(|suppressor| self.give_back(Returned::Suppressor(suppressor)));
    }

    fn play(
        &mut self,
        id: LegId,
        clip: Option<Arc<Clip>>,
        begin: impl FnOnce(&mut Leg, Option<Arc<Clip>>) -> Option<Arc<Clip>>,
    ) {
        let done = match self.legs.find(id) {
            Some((_, leg)) => begin(leg, clip),
            None => clip,
        };
        if let Some(clip) = done {
            self.give_back(Returned::Clip(clip));
        }
    }

    fn play_to_room(&mut self, id: RoomId, clip: Arc<Clip>) {
        let prompt = Prompt::new(clip);
        let done = match self.rooms.find(id) {
            Some((_, room)) => room.play(prompt),
            None => Some(prompt),
        };
        if let Some(prompt) = done {
            self.give_back(Returned::Clip(prompt.into_clip()));
        }
    }

    fn with(&mut self, id: LegId, change: impl FnOnce(&mut Leg)) {
        if let Some((_, leg)) = self.legs.find(id) {
            change(leg);
        }
    }
}

/// The encode that all listeners of a room share who take this format.
fn whole(format: &SendFormat, room: RoomId) -> EncodeKey {
    EncodeKey::new(format, MixKey::Whole(room))
}
