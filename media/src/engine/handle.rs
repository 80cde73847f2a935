//! The engine from outside: start it, open rooms and legs, send commands.
//!
//! Callers may be many and may wait for each other; a shard never waits for them. Everything that a command
//! needs (coders, keys, tables) is made here, on the caller's thread, and travels through the shard's ring.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rtrb::{Producer, PushError, RingBuffer};
use tracing::info;

use super::command::MediaCommand;
use super::counters::{Counters, Published};
use super::io::{EventFd, descriptors};
use super::mailbox::{Letter, Order, Released};
use super::media_events::MediaEvents;
use super::mux::{MuxEnd, MuxTable, feeds};
use super::ports::{LegSockets, NoPair, Ports, bind_shared};
use super::prepare::Preparer;
use super::settings::{EngineError, EngineSettings};
use super::shard::Start;
use super::thread::ShardThread;
use crate::id::{LegId, RoomId};
use crate::plan::Fingerprint;
use crate::random::Random;

/// More than a shard carries in practice; its tables have room for so many from the start.
pub(super) const LEGS_PER_SHARD: usize = 4096;

const LETTERS: usize = 4096;
const EVENTS: usize = 8192;
const RETURNED: usize = 8192;

/// How long a caller waits for a shard where it cannot do without.
const PATIENCE: Duration = Duration::from_millis(50);

/// Where engines come from.
#[derive(Debug)]
pub struct Engine;

/// The caller's end: cheap to clone, all clones drive the same shards. The last one to go stops them.
#[derive(Clone, Debug)]
pub struct EngineHandle {
    inner: Arc<Inner>,
}

/// A leg's place in the world, for the SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedLeg {
    pub leg: LegId,
    pub rtp_port: u16,
    /// The same as `rtp_port` where that is shared.
    pub rtcp_port: u16,
    /// Whether other legs are met at this port too, so that only ICE finds this one.
    pub is_shared: bool,
}

/// Which port a leg is met at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortUse {
    /// A pair of its own.
    Own,
    /// The port of all ICE legs, where there is one.
    Shared,
}

#[derive(Debug)]
struct Inner {
    ports: Ports,
    /// The socket of all ICE legs, and its number. The first shard reads it.
    shared: Option<(Arc<UdpSocket>, u16)>,
    preparer: Mutex<Preparer>,
    busy_limit: u8,
    shards: Vec<ShardEnd>,
}

/// What the callers hold of one shard.
#[derive(Debug)]
struct ShardEnd {
    index: usize,
    letters: Mutex<Producer<Letter>>,
    bell: Arc<EventFd>,
    published: Arc<Published>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Starts the shards.
    pub fn start(settings: EngineSettings) -> Result<(EngineHandle, MediaEvents), EngineError> {
        let descriptors = descriptors::raise_limit();
        let pairs = (settings.ports.end() - settings.ports.start()) / 2;
        if descriptors < 2 * u64::from(pairs) {
            info!(descriptors, pairs, "the limit of open files ends before the media ports do");
        }
        let mut random = Random::from_entropy();
        let preparer = Preparer::new(&settings, random.next_u64())?;
        let ports = Ports::new(&settings, &mut random);
        let shared = shared_port(&settings)?;
        let ends = mux_ends(&settings, shared.as_ref().map(|(socket, _)| socket.clone()));
        let at_start = |source| EngineError::Start { shard: 0, source };
        let mut events = MediaEvents::new().map_err(at_start)?;
        let start = Start::now();
        let shards = (0..settings.threads.max(1))
            .zip(ends)
            .map(|(index, mux)| ShardEnd::start(index, &settings, start, &mut events, mux))
            .collect::<Result<Vec<_>, _>>()?;
        let inner = Inner { ports, shared, preparer: Mutex::new(preparer), busy_limit: settings.busy_limit, shards };
        Ok((EngineHandle { inner: Arc::new(inner) }, events))
    }
}

impl EngineHandle {
    /// Opens a room on the shard that is least busy.
    pub fn open_room(&self) -> RoomId {
        let mut preparer = self.inner.measured_preparer();
        let (room, home, letter) = preparer.open_room();
        // A shard that takes no letter for so long will refuse the room's first leg too, and say so.
        let _ = self.inner.shards[home].deliver_patiently(letter);
        room
    }

    /// Opens a leg that begins where `near` has a part, or is to get one, with an RTP and an RTCP port of its own.
    pub fn open_leg(&self, near: RoomId) -> Result<OpenedLeg, EngineError> {
        self.open_leg_at(near, PortUse::Own)
    }

    /// The same; a leg that ICE finds can share its port with others.
    pub fn open_leg_at(&self, near: RoomId, port: PortUse) -> Result<OpenedLeg, EngineError> {
        let (sockets, shared_port) = match &self.inner.shared {
            Some((socket, number)) if port == PortUse::Shared => (LegSockets::Shared(socket.clone()), *number),
            _ => (self.inner.open_pair()?, 0),
        };
        let mut preparer = self.inner.measured_preparer();
        let shard = &self.inner.shards[preparer.placement.choose_for_leg(near)];
        shard.check_space(&preparer)?;
        check_headroom(shard.index, &shard.published, self.inner.busy_limit)?;
        let opened = preparer.open_leg();
        let (leg, own_port) = (opened.id, sockets.rtp_port());
        shard.deliver(Letter::Open { leg: opened, sockets: Box::new(sockets) })?;
        preparer.placement.settle(leg, shard.index, Some(near));
        Ok(match own_port {
            Some(rtp_port) => OpenedLeg { leg, rtp_port, rtcp_port: rtp_port + 1, is_shared: false },
            None => {
                preparer.share_port(leg);
                OpenedLeg { leg, rtp_port: shared_port, rtcp_port: shared_port, is_shared: true }
            }
        })
    }

    /// Hands a command to its shards. What it names and is not open (any more) is passed over. A leg that joins a room
    /// on another shard moves there, which may take the caller a few milliseconds.
    pub fn send(&self, command: MediaCommand) -> Result<(), EngineError> {
        let mut preparer = lock(&self.inner.preparer);
        if let MediaCommand::Join { leg, room } = command {
            drop(preparer);
            preparer = self.inner.measured_preparer();
            self.inner.make_way(leg, room, &mut preparer)?;
        }
        let (closed, is_for_rooms) = match command {
            MediaCommand::CloseLeg { leg } => (Some(leg), false),
            MediaCommand::CloseRoom { .. } | MediaCommand::PlayToRoom { .. } => (None, true),
            _ => (None, false),
        };
        let letters = preparer.prepare(command)?;
        // What takes several letters is to arrive whole.
        let patiently = is_for_rooms || letters.len() > 1;
        let mut outcome = Ok(());
        for (shard, letter) in letters {
            let shard = &self.inner.shards[shard];
            let delivered = if patiently { shard.deliver_patiently(letter) } else { shard.deliver(letter) };
            outcome = outcome.and(delivered);
        }
        outcome?;
        if let Some(leg) = closed {
            preparer.forget(leg);
        }
        Ok(())
    }

    /// Of our certificate, for the descriptions of DTLS legs.
    pub fn fingerprint(&self) -> Fingerprint {
        lock(&self.inner.preparer).fingerprint()
    }

    /// For /metrics: sums over all shards, a quarter second old at most.
    pub fn counters(&self) -> Counters {
        Counters::sum(self.inner.shards.iter().map(|shard| shard.published.as_ref()))
    }

    /// Stops the shards and waits for their threads. Clones of the handle get [`EngineError::Stopped`].
    pub fn shutdown(self) {
        self.inner.stop();
    }
}

/// Better refuse the next leg than spoil those that are there.
pub(super) fn check_headroom(shard: usize, published: &Published, limit: u8) -> Result<(), EngineError> {
    let percent = published.measured().busy / 10;
    if limit < 100 && percent > limit.into() {
        return Err(EngineError::Overloaded { shard, percent, limit });
    }
    Ok(())
}

/// Binds the port of all ICE legs, where one is wanted.
fn shared_port(settings: &EngineSettings) -> Result<Option<(Arc<UdpSocket>, u16)>, EngineError> {
    let Some(port) = settings.mux_port else { return Ok(None) };
    let socket = bind_shared(SocketAddr::new(settings.bind, port));
    let number = socket.as_ref().ok().and_then(|socket| socket.local_addr().ok()).map_or(port, |bound| bound.port());
    let socket = socket.map_err(|source| EngineError::MuxPort { port, source })?;
    Ok(Some((Arc::new(socket), number)))
}

/// An end for each shard.
fn mux_ends(settings: &EngineSettings, shared: Option<Arc<UdpSocket>>) -> Vec<MuxEnd> {
    let shards = settings.threads.max(1);
    let Some(socket) = shared else { return (0..shards).map(|_| MuxEnd::None).collect() };
    let (feeds, feds) = feeds(shards);
    let owner = MuxEnd::Owner { socket, table: MuxTable::new(LEGS_PER_SHARD * shards), feeds };
    std::iter::once(owner).chain(feds.into_iter().map(MuxEnd::Fed)).collect()
}

impl Inner {
    fn open_pair(&self) -> Result<LegSockets, EngineError> {
        let range = self.ports.range();
        let no_ports = |none: NoPair| EngineError::NoPorts { range, in_use: none.in_use, refused: none.refused };
        self.ports.open().map_err(no_ports)
    }

    /// The preparer, told how busy the shards are.
    fn measured_preparer(&self) -> MutexGuard<'_, Preparer> {
        let mut preparer = lock(&self.preparer);
        for shard in &self.shards {
            preparer.placement.handle_measured(shard.index, shard.published.measured());
        }
        preparer
    }

    /// Before a leg joins a room: moves the leg to its shard for it, and gives the room a part there.
    fn make_way(&self, leg: LegId, room: RoomId, preparer: &mut Preparer) -> Result<(), EngineError> {
        let Some(shard) = preparer.placement.shard_for_joining(leg, room) else { return Ok(()) };
        self.move_leg(leg, room, shard, preparer)?;
        if preparer.placement.parts(room).contains(&shard) {
            return Ok(());
        }
        for (to, letter) in preparer.open_wing(room, shard) {
            // A wing without all its trunks is closed again, which cuts those that it has.
            if let Err(error) = self.shards[to].deliver_patiently(letter) {
                let _ = self.shards[shard].deliver_patiently(Letter::Order(Order::CloseRoom { room }));
                return Err(error);
            }
        }
        preparer.placement.add_part(room, shard);
        Ok(())
    }

    /// Takes a leg from one shard to another, with its sockets and all that it has. It stays as it is where the other
    /// shard has no room for it.
    fn move_leg(&self, leg: LegId, room: RoomId, home: usize, preparer: &mut Preparer) -> Result<(), EngineError> {
        let Some(from) = preparer.placement.shard_of_leg(leg) else { return Ok(()) };
        if from == home {
            preparer.placement.settle(leg, home, Some(room));
            return Ok(());
        }
        let (from, home) = (&self.shards[from], &self.shards[home]);
        home.check_space(preparer)?;
        let Some(released) = from.release(leg)? else { return Ok(()) };
        match home.deliver_patiently(Letter::Open { leg: released.leg, sockets: released.sockets }) {
            Ok(()) => {
                preparer.placement.settle(leg, home.index, Some(room));
                if preparer.shares_port(leg) {
                    self.shards[0].deliver_patiently(Letter::MoveGuest { leg, shard: home.index })?;
                }
            }
            // Both halves of the move failed: the leg went down with its letter.
            Err(error) => {
                if preparer.forget(leg) {
                    let _ = self.shards[0].deliver_patiently(Letter::ForgetGuest { leg });
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn stop(&self) {
        for shard in &self.shards {
            let _ = shard.deliver_patiently(Letter::Stop);
        }
        for shard in &self.shards {
            if let Some(thread) = lock(&shard.thread).take() {
                // A shard that panicked has told so on standard error; there is no more to do for it.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl ShardEnd {
    fn start(
        index: usize,
        settings: &EngineSettings,
        start: Start,
        events: &mut MediaEvents,
        mux: MuxEnd,
    ) -> Result<Self, EngineError> {
        let at_start = |source| EngineError::Start { shard: index, source };
        let (letters, received) = RingBuffer::new(LETTERS);
        let bell = Arc::new(EventFd::new().map_err(at_start)?);
        let published = Arc::new(Published::default());
        let thread = ShardThread { index, letters: received, bell: bell.clone(), published: published.clone() };
        let thread = thread.spawn(settings, start, events.add_shard(EVENTS, RETURNED), mux).map_err(at_start)?;
        Ok(Self { index, letters: Mutex::new(letters), bell, published, thread: Mutex::new(Some(thread)) })
    }

    fn check_space(&self, preparer: &Preparer) -> Result<(), EngineError> {
        match preparer.placement.legs_on(self.index) {
            legs if legs < LEGS_PER_SHARD => Ok(()),
            legs => Err(EngineError::Full { shard: self.index, legs }),
        }
    }

    /// Asks for a leg and waits until the shard lets go of it. `None`: the shard does not know it.
    fn release(&self, leg: LegId) -> Result<Option<Released>, EngineError> {
        let (to, mut released) = RingBuffer::new(1);
        self.deliver(Letter::Release { leg, to })?;
        let step = Duration::from_micros(100);
        let mut waited = Duration::ZERO;
        while waited < PATIENCE {
            match released.pop() {
                Ok(released) => return Ok(Some(released)),
                Err(_) if released.is_abandoned() => return Ok(released.pop().ok()),
                Err(_) => std::thread::sleep(step),
            }
            waited += step;
        }
        Err(EngineError::Busy { shard: self.index, waiting: 1 })
    }

    fn deliver(&self, letter: Letter) -> Result<(), EngineError> {
        self.try_deliver(letter).map_err(|(_, error)| error)
    }

    fn deliver_patiently(&self, mut letter: Letter) -> Result<(), EngineError> {
        let step = Duration::from_millis(1);
        let mut waited = Duration::ZERO;
        loop {
            match self.try_deliver(letter) {
                Err((back, EngineError::Busy { .. })) if waited < PATIENCE => letter = back,
                done => return done.map_err(|(_, error)| error),
            }
            std::thread::sleep(step);
            waited += step;
        }
    }

    fn try_deliver(&self, letter: Letter) -> Result<(), (Letter, EngineError)> {
        let mut letters = lock(&self.letters);
        if letters.is_abandoned() {
            return Err((letter, EngineError::Stopped { shard: self.index }));
        }
        letters
            .push(letter)
            .map_err(|PushError::Full(letter)| (letter, EngineError::Busy { shard: self.index, waiting: LETTERS }))?;
        drop(letters);
        self.bell.ring();
        Ok(())
    }
}

/// What these locks guard is whole between any two of its calls, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
