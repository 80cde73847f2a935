//! A shard without sockets, threads or a clock: packets and time go in by hand, and the same seed gives the same run.

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

/// One shard and its network, for tests.
#[derive(Debug)]
pub struct Simulation {
    now: Instant,
    beat: Beat,
    shard: Shard,
    io: SimulatedIo,
    preparer: Preparer,
    events: MediaEvents,
    published: Published,
    next_port: u16,
    busy_limit: u8,
    /// What a tick takes.
    tick_takes: Duration,
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
    /// One shard, whatever `settings` says of threads.
    pub fn new(settings: &EngineSettings, seed: u64) -> Self {
        let settings = EngineSettings { threads: 1, ..settings.clone() };
        let mut events = MediaEvents::new().expect("the system has a descriptor left");
        let start = Start { instant: Instant::now(), since_1970: Duration::from_secs(1_700_000_000) };
        Self {
            now: start.instant,
            beat: Beat::new(start.instant),
            shard: Shard::new(&settings, start, events.add_shard(8_192, 8_192)),
            io: SimulatedIo::default(),
            preparer: Preparer::new(&settings, seed).expect("a certificate can be made"),
            events,
            published: Published::default(),
            next_port: *settings.ports.start() & !1,
            busy_limit: settings.busy_limit,
            tick_takes: Duration::ZERO,
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
        let (room, letter) = self.preparer.open_room();
        self.deliver(letter);
        room
    }

    /// Opens a leg on ports that exist in name only.
    pub fn open_leg(&mut self) -> OpenedLeg {
        let opened = self.preparer.open_leg();
        let leg = opened.id;
        self.shard.open(opened);
        self.preparer.settle(leg, 0);
        let rtp_port = self.next_port;
        self.next_port += 2;
        OpenedLeg { leg, rtp_port, rtcp_port: rtp_port + 1, is_shared: false }
    }

    /// Opens a leg at the port of all ICE legs.
    pub fn open_shared_leg(&mut self) -> OpenedLeg {
        let opened = self.open_leg();
        self.preparer.share_port(opened.leg);
        OpenedLeg { rtp_port: SHARED_PORT, rtcp_port: SHARED_PORT, is_shared: true, ..opened }
    }

    pub fn send(&mut self, command: MediaCommand) -> Result<(), EngineError> {
        if let Some(guest) = self.preparer.guest(&command) {
            self.io.mux.expect(guest);
        }
        let letter = self.preparer.prepare(command)?;
        self.deliver(letter);
        Ok(())
    }

    /// A datagram comes to one of the leg's ports; the leg sees it at its next tick.
    pub fn arrive(&mut self, leg: LegId, at: Channel, from: SocketAddr, datagram: &[u8]) {
        if let Some(slot) = self.shard.slot_of(leg) {
            self.io.arrive(slot, at, from, datagram, self.now);
        }
    }

    /// A datagram comes to the port of all ICE legs.
    pub fn arrive_shared(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.io.arrive_shared(from, datagram, self.now);
    }

    /// Time passes, with every tick at its time.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.beat.poll_timeout(self.shard.used_phases()).filter(|due| *due < until) {
            self.now = self.now.max(due);
            self.run_ticks();
        }
        self.now = until;
    }

    /// Time passes in which the shard does not get to run.
    pub fn freeze(&mut self, time: Duration) {
        self.now += time;
    }

    /// After a [`freeze`](Self::freeze) the shard runs what is due.
    pub fn thaw(&mut self) {
        self.run_ticks();
    }

    /// From here on each tick counts as if it took so long.
    pub fn slow_down(&mut self, tick_takes: Duration) {
        self.tick_takes = tick_takes;
    }

    /// Whether another leg would be taken.
    pub fn check_headroom(&mut self) -> Result<(), EngineError> {
        self.shard.publish(&self.published);
        check_headroom(0, &self.published, self.busy_limit)
    }

    /// Hands over and forgets what was sent.
    pub fn take_sent(&mut self, mut each: impl FnMut(Sent<'_>)) {
        let shard = &self.shard;
        self.io.take_sent(|slot, from, to, at, datagram| each(Sent { leg: shard.id_of(slot), from, to, at, datagram }));
    }

    /// Hands over and forgets what was told.
    pub fn take_events(&mut self, each: impl FnMut(MediaEvent)) {
        self.events.drain(each);
    }

    pub fn counters(&mut self) -> Counters {
        self.shard.publish(&self.published);
        Counters::sum([&self.published].into_iter())
    }

    fn deliver(&mut self, letter: Letter) {
        match letter {
            Letter::Order(order) => self.shard.handle_order(order, self.now),
            Letter::Close { leg } => {
                self.io.now = Some(self.now);
                if let Some(slot) = self.shard.close(leg, self.now, &mut self.io) {
                    self.io.forget(slot);
                }
                self.io.mux.forget(leg);
            }
            Letter::Open { .. } | Letter::Release { .. } | Letter::Stop => {}
            Letter::Expect { .. } | Letter::MoveGuest { .. } | Letter::ForgetGuest { .. } => {}
        }
    }

    fn run_ticks(&mut self) {
        while let Some(due) = self.beat.next_due(self.shard.used_phases(), self.now) {
            self.io.now = Some(self.now);
            self.shard.handle_tick(due, self.now, &mut self.io);
            let done = self.now + self.tick_takes;
            let overran = self.beat.poll_timeout(self.shard.used_phases()).is_some_and(|next| next <= done);
            self.shard.count_tick(self.tick_takes, overran, self.now);
        }
    }
}
