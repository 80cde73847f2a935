//! A shard's thread: the loop around its core, and the only place that looks at the clock.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rtrb::Consumer;

use super::beat::Beat;
use super::counters::Published;
use super::handle::LEGS_PER_SHARD;
use super::io::{EventFd, UdpIo, priority};
use super::mailbox::{Letter, Outbox, Released, Returned};
use super::mux::MuxEnd;
use super::settings::EngineSettings;
use super::shard::{Shard, Start};
use crate::mix::NoiseSuppressor;

/// Letters read between two looks at the clock: enough to keep up, few enough that no tick comes late for them.
const LETTERS_AT_ONCE: usize = 64;
/// Between two copies of the counts.
const PUBLISH: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct ShardThread {
    pub index: usize,
    pub letters: Consumer<Letter>,
    pub bell: Arc<EventFd>,
    pub published: Arc<Published>,
}

impl ShardThread {
    pub fn spawn(
        self,
        settings: &EngineSettings,
        start: Start,
        outbox: Outbox,
        mux: MuxEnd,
    ) -> io::Result<JoinHandle<()>> {
        let shard = Shard::new(settings, start, outbox);
        let io = UdpIo::new(LEGS_PER_SHARD, settings.bind, mux)?;
        let beat = Beat::new(start.instant);
        Builder::new().name(format!("media-{}", self.index)).spawn(move || self.run(shard, io, beat))
    }

    fn run(mut self, mut shard: Shard, mut io: UdpIo, mut beat: Beat) {
        priority::raise();
        NoiseSuppressor::warm_up();
        let mut publish_at = Instant::now();
        loop {
            let now = Instant::now();
            match beat.poll_timeout(io.used_phases(shard.used_phases())) {
                _ if !self.letters.is_empty() => {}
                Some(due) => self.bell.wait(Some(due.saturating_duration_since(now))),
                None => {
                    shard.publish(&self.published);
                    self.bell.wait(None);
                    beat.wake(Instant::now());
                }
            }
            self.bell.clear();
            if self.read_letters(&mut shard, &mut io).is_break() {
                return;
            }
            self.run_ticks(&mut shard, &mut io, &mut beat);
            if Instant::now() >= publish_at {
                publish_at = Instant::now() + PUBLISH;
                shard.publish(&self.published);
            }
        }
    }

    fn read_letters(&mut self, shard: &mut Shard, io: &mut UdpIo) -> ControlFlow<()> {
        let now = Instant::now();
        for _ in 0..LETTERS_AT_ONCE {
            match self.letters.pop() {
                Ok(Letter::Open { leg, sockets }) => match shard.open(leg) {
                    Some(slot) => io.attach(slot, sockets),
                    None => shard.give_back(Returned::Sockets(sockets)),
                },
                Ok(Letter::Close { leg }) => {
                    let sockets = shard.close(leg, now, io).and_then(|slot| io.detach(slot));
                    sockets.into_iter().for_each(|sockets| shard.give_back(Returned::Sockets(sockets)));
                }
                Ok(Letter::Release { leg, mut to }) => {
                    if let Some((slot, leg)) = shard.release(leg) {
                        match io.detach(slot) {
                            // The caller waits, and its ring is empty; if it gave up, the leg ends here.
                            Some(sockets) => drop(to.push(Released { leg, sockets })),
                            None => shard.give_back(Returned::Leg(leg)),
                        }
                    }
                }
                Ok(Letter::Order(order)) => shard.handle_order(order, now),
                Ok(Letter::Expect { guest }) => {
                    io.expect(guest).into_iter().for_each(|guest| shard.give_back(Returned::Guest(guest)));
                }
                Ok(Letter::MoveGuest { leg, shard }) => io.move_guest(leg, shard),
                Ok(Letter::ForgetGuest { leg }) => {
                    io.forget_guest(leg).into_iter().for_each(|guest| shard.give_back(Returned::Guest(guest)));
                }
                Ok(Letter::Stop) => return ControlFlow::Break(()),
                Err(_) => break,
            }
        }
        ControlFlow::Continue(())
    }

    fn run_ticks(&mut self, shard: &mut Shard, io: &mut UdpIo, beat: &mut Beat) {
        let mut now = Instant::now();
        while let Some(due) = beat.next_due(io.used_phases(shard.used_phases()), now) {
            shard.handle_tick(due, now, io);
            let done = Instant::now();
            let overran = beat.poll_timeout(io.used_phases(shard.used_phases())).is_some_and(|next| next <= done);
            shard.count_tick(due.phase, done.saturating_duration_since(now), overran, done);
            now = done;
        }
    }
}
