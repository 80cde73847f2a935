//! Shards without sockets, threads or a clock: packets and time go in by hand, and the same seed gives the same run.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::beat::Beat;
use super::command::MediaCommand;
use super::counters::{Counters, Published};
use super::event::MediaEvent;
use super::handle::{OpenedLeg, check_headroom};
use super::io::{Channel, SimulatedIo};
use super::mailbox::Letter;
use super::media_events::MediaEvents;
use super::prepare::Preparer;
use super::settings::{EngineError, EngineSettings};
use super::shard::{Shard, Start};
use crate::id::{LegId, RoomId};
use crate::plan::Fingerprint;

/// In name only, like all ports here.
const SHARED_PORT: u16 = 10_000;

/// Shards and their network, for tests.
#[derive(Debug)]
pub struct Simulation {
    now: Instant,
    shards: Vec<SimulatedShard>,
    preparer: Preparer,
    events: MediaEvents,
    next_port: u16,
    busy_limit: u8,
}

#[derive(Debug)]
struct SimulatedShard {
    beat: Beat,
    shard: Shard,
    io: SimulatedIo,
    published: Published,
    /// What a tick takes.
    tick_takes: Duration,
    /// It does not get to run.
    is_stalled: bool,
}

/// A datagram that a leg sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    /// `None` for the last words of a leg that has gone.
    pub leg: Option<LegId>,
    pub from: Channel,
    pub to: SocketAddr,
    pub at: Instant,
    pub datagram: &'a [u8],
}

impl Simulation {
    /// As many shards as `settings` says threads; all run on the caller's.
    pub fn new(settings: &EngineSettings, seed: u64) -> Self {
        let mut events = MediaEvents::new().expect("the system has a descriptor left");
        let start = Start { instant: Instant::now(), since_1970: Duration::from_secs(1_700_000_000) };
        let shard = |_| SimulatedShard {
            beat: Beat::new(start.instant),
            shard: Shard::new(settings, start, events.add_shard(8_192, 8_192)),
            io: SimulatedIo::default(),
            published: Published::default(),
            tick_takes: Duration::ZERO,
            is_stalled: false,
        };
        Self {
            now: start.instant,
            shards: (0..settings.threads.max(1)).map(shard).collect(),
            preparer: Preparer::new(settings, seed).expect("a certificate can be made"),
            events,
            next_port: *settings.ports.start() & !1,
            busy_limit: settings.busy_limit,
        }
    }

    /// Of the certificate in all its handshakes.
    pub fn fingerprint(&self) -> Fingerprint {
        self.preparer.fingerprint()
    }

    pub fn now(&self) -> Instant {
        self.now
    }

    pub fn open_room(&mut self) -> RoomId {
        self.measure();
        let (room, home, letter) = self.preparer.open_room();
        self.deliver(home, letter);
        room
    }

    /// Opens a leg on the first shard, on ports that exist in name only.
    pub fn open_leg(&mut self) -> OpenedLeg {
        self.open_leg_on(0, None)
    }

    /// Opens a leg where it would be for a room.
    pub fn open_leg_near(&mut self, room: RoomId) -> OpenedLeg {
        self.measure();
        self.open_leg_on(self.preparer.placement.choose_for_leg(room), Some(room))
    }

    /// Opens a leg at the port of all ICE legs, on the first shard, which reads that.
    pub fn open_shared_leg(&mut self) -> OpenedLeg {
        let opened = self.open_leg();
        self.preparer.share_port(opened.leg);
        OpenedLeg { rtp_port: SHARED_PORT, rtcp_port: SHARED_PORT, is_shared: true, ..opened }
    }

    /// On which shard a leg lives.
    pub fn shard_of(&self, leg: LegId) -> Option<usize> {
        self.preparer.placement.shard_of_leg(leg)
    }

    pub fn send(&mut self, command: MediaCommand) -> Result<(), EngineError> {
        if let MediaCommand::Join { leg, room } = command {
            self.make_way(leg, room);
        }
        let closed = match command {
            MediaCommand::CloseLeg { leg } => Some(leg),
            _ => None,
        };
        for (shard, letter) in self.preparer.prepare(command)? {
            self.deliver(shard, letter);
        }
        if let Some(leg) = closed {
            self.preparer.forget(leg);
        }
        Ok(())
    }

    /// A datagram comes to one of the leg's ports; the leg sees it at its next tick.
    pub fn arrive(&mut self, leg: LegId, at: Channel, from: SocketAddr, datagram: &[u8]) {
        let Some(home) = self.shard_of(leg) else { return };
        let SimulatedShard { shard, io, .. } = &mut self.shards[home];
        if let Some(slot) = shard.slot_of(leg) {
            io.arrive(slot, at, from, datagram, self.now);
        }
    }

    /// A datagram comes to the port of all ICE legs.
    pub fn arrive_shared(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.shards[0].io.arrive_shared(from, datagram, self.now);
    }

    /// Time passes, with every tick at its time.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) =
            self.shards.iter().filter_map(SimulatedShard::poll_timeout).min().filter(|due| *due < until)
        {
            self.now = self.now.max(due);
            self.run_ticks();
        }
        self.now = until;
    }

    /// Time passes in which no shard gets to run.
    pub fn freeze(&mut self, time: Duration) {
        self.now += time;
    }

    /// After a [`freeze`](Self::freeze) the shards run what is due.
    pub fn thaw(&mut self) {
        self.run_ticks();
    }

    /// One shard does not get to run, until it [goes on](Self::go_on).
    pub fn stall(&mut self, shard: usize) {
        self.shards[shard].is_stalled = true;
    }

    pub fn go_on(&mut self, shard: usize) {
        self.shards[shard].is_stalled = false;
    }

    /// From here on each tick counts as if it took so long.
    pub fn slow_down(&mut self, tick_takes: Duration) {
        (0..self.shards.len()).for_each(|shard| self.slow_down_shard(shard, tick_takes));
    }

    pub fn slow_down_shard(&mut self, shard: usize, tick_takes: Duration) {
        self.shards[shard].tick_takes = tick_takes;
    }

    /// Whether the first shard would take another leg.
    pub fn check_headroom(&mut self) -> Result<(), EngineError> {
        self.measure();
        check_headroom(0, &self.shards[0].published, self.busy_limit)
    }

    /// Hands over and forgets what was sent.
    pub fn take_sent(&mut self, mut each: impl FnMut(Sent<'_>)) {
        for SimulatedShard { shard, io, .. } in &mut self.shards {
            io.take_sent(|slot, from, to, at, datagram| each(Sent { leg: shard.id_of(slot), from, to, at, datagram }));
        }
    }

    /// Hands over and forgets what was told.
    pub fn take_events(&mut self, each: impl FnMut(MediaEvent)) {
        self.events.drain(each);
    }

    pub fn counters(&mut self) -> Counters {
        self.measure();
        Counters::sum(self.shards.iter().map(|shard| &shard.published))
    }

    fn open_leg_on(&mut self, shard: usize, room: Option<RoomId>) -> OpenedLeg {
        let opened = self.preparer.open_leg();
        let leg = opened.id;
        self.shards[shard].shard.open(opened);
        self.preparer.placement.settle(leg, shard, room);
        let rtp_port = self.next_port;
        self.next_port += 2;
        OpenedLeg { leg, rtp_port, rtcp_port: rtp_port + 1, is_shared: false }
    }

    fn measure(&mut self) {
        for (index, shard) in self.shards.iter_mut().enumerate() {
            shard.shard.publish(&shard.published);
            self.preparer.placement.handle_measured(index, shard.published.measured());
        }
    }

    /// As the engine does it before a leg joins.
    fn make_way(&mut self, leg: LegId, room: RoomId) {
        self.measure();
        let Some(home) = self.preparer.placement.shard_for_joining(leg, room) else { return };
        if let Some(from) = self.shard_of(leg).filter(|from| *from != home) {
            let SimulatedShard { shard, io, .. } = &mut self.shards[from];
            if let Some((slot, leg)) = shard.release(leg) {
                io.forget(slot);
                self.shards[home].shard.open(leg);
            }
        }
        self.preparer.placement.settle(leg, home, Some(room));
        if !self.preparer.placement.parts(room).contains(&home) {
            for (shard, letter) in self.preparer.open_wing(room, home) {
                self.deliver(shard, letter);
            }
            self.preparer.placement.add_part(room, home);
        }
    }

    fn deliver(&mut self, shard: usize, letter: Letter) {
        let SimulatedShard { shard, io, .. } = &mut self.shards[shard];
        match letter {
            Letter::Order(order) => shard.handle_order(order, self.now),
            Letter::Close { leg } => {
                io.now = Some(self.now);
                if let Some(slot) = shard.close(leg, self.now, io) {
                    io.forget(slot);
                }
            }
            Letter::Expect { guest } => drop(io.mux.expect(guest)),
            Letter::ForgetGuest { leg } => drop(io.mux.forget(leg)),
            Letter::Open { .. } | Letter::Release { .. } | Letter::MoveGuest { .. } | Letter::Stop => {}
        }
    }

    fn run_ticks(&mut self) {
        for shard in self.shards.iter_mut().filter(|shard| !shard.is_stalled) {
            shard.run_ticks(self.now);
        }
    }
}

impl SimulatedShard {
    fn poll_timeout(&self) -> Option<Instant> {
        self.beat.poll_timeout(self.shard.used_phases()).filter(|_| !self.is_stalled)
    }

    fn run_ticks(&mut self, now: Instant) {
        while let Some(due) = self.beat.next_due(self.shard.used_phases(), now) {
            self.io.now = Some(now);
            self.shard.handle_tick(due, now, &mut self.io);
            let done = now + self.tick_takes;
            let overran = self.beat.poll_timeout(self.shard.used_phases()).is_some_and(|next| next <= done);
            self.shard.count_tick(due.phase, self.tick_takes, overran, now);
        }
    }
}
