//! The engine from outside: start it, open rooms and legs, send commands.
//!
//! Callers may be many and may wait for each other; a shard never waits for them. Everything that a command
//! needs (coders, keys, tables) is made here, on the caller's thread, and travels through the shard's ring.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rtrb::{Producer, PushError, RingBuffer};

use super::command::MediaCommand;
use super::counters::{Counters, Published};
use super::io::EventFd;
use super::mailbox::Letter;
use super::media_events::MediaEvents;
use super::ports::Ports;
use super::prepare::Preparer;
use super::settings::{EngineError, EngineSettings};
use super::thread::ShardThread;
use crate::id::{LegId, RoomId};
use crate::random::Random;

/// More than a shard carries in practice; its tables have room for so many from the start.
pub(super) const LEGS_PER_SHARD: usize = 4096;

const LETTERS: usize = 4096;
const EVENTS: usize = 8192;
const RETURNED: usize = 8192;

/// How long [`EngineHandle::open_room`] tries while its shard's ring is full.
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
    pub rtcp_port: u16,
}

#[derive(Debug)]
struct Inner {
    ports: Ports,
    preparer: Mutex<Preparer>,
    shards: Vec<ShardEnd>,
}

/// What the callers hold of one shard.
#[derive(Debug)]
struct ShardEnd {
    index: usize,
    letters: Mutex<Producer<Letter>>,
    bell: Arc<EventFd>,
    published: Arc<Published>,
    legs: AtomicUsize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Starts the shards.
    pub fn start(settings: EngineSettings) -> Result<(EngineHandle, MediaEvents), EngineError> {
        let mut random = Random::from_entropy();
        let preparer = Preparer::new(&settings, random.next_u64());
        let ports = Ports::new(&settings, &mut random);
        let at_start = |source| EngineError::Start { shard: 0, source };
        let mut events = MediaEvents::new().map_err(at_start)?;
        let shards = (0..settings.threads.max(1))
            .map(|index| ShardEnd::start(index, &settings, &mut events))
            .collect::<Result<Vec<_>, _>>()?;
        let inner = Inner { ports, preparer: Mutex::new(preparer), shards };
        Ok((EngineHandle { inner: Arc::new(inner) }, events))
    }
}

impl EngineHandle {
    /// Opens a room on the shard with the fewest legs.
    pub fn open_room(&self) -> RoomId {
        let shard = self.inner.shards.iter().min_by_key(|shard| shard.legs.load(Relaxed)).map_or(0, |s| s.index);
        let (room, letter) = lock(&self.inner.preparer).open_room(shard);
        // A shard that takes no letter for so long will refuse the room's first leg too, and say so.
        let _ = self.inner.shards[shard].deliver_patiently(letter);
        room
    }

    /// Binds an RTP and an RTCP port for a leg that will live on `near`'s shard.
    pub fn open_leg(&self, near: RoomId) -> Result<OpenedLeg, EngineError> {
        let shard = &self.inner.shards[self.shard_of_room(near)];
        let legs = shard.legs.load(Relaxed);
        if legs >= LEGS_PER_SHARD {
            return Err(EngineError::Full { shard: shard.index, legs });
        }
        let sockets = self.inner.ports.open().map_err(|none| EngineError::NoPorts {
            range: self.inner.ports.range(),
            in_use: none.in_use,
            refused: none.refused,
        })?;
        let (leg, opened) = lock(&self.inner.preparer).open_leg(shard.index);
        let rtp_port = sockets.rtp_port;
        shard.deliver(Letter::Open { leg: opened, sockets: Box::new(sockets) })?;
        shard.legs.fetch_add(1, Relaxed);
        Ok(OpenedLeg { leg, rtp_port, rtcp_port: rtp_port + 1 })
    }

    /// Hands a command to its shard. What it names and the shard does not know (any more) is passed over.
    pub fn send(&self, command: MediaCommand) -> Result<(), EngineError> {
        let shard = self.shard_of(&command)?;
        let closes = matches!(command, MediaCommand::CloseLeg { .. });
        let letter = lock(&self.inner.preparer).prepare(command)?;
        shard.deliver(letter)?;
        if closes {
            let _ = shard.legs.fetch_update(Relaxed, Relaxed, |legs| legs.checked_sub(1));
        }
        Ok(())
    }

    /// For /metrics: sums over all shards, at most a second old.
    pub fn counters(&self) -> Counters {
        Counters::sum(self.inner.shards.iter().map(|shard| shard.published.as_ref()))
    }

    /// Stops the shards and waits for their threads. Clones of the handle get [`EngineError::Stopped`].
    pub fn shutdown(self) {
        self.inner.stop();
    }

    fn shard_of(&self, command: &MediaCommand) -> Result<&ShardEnd, EngineError> {
        use MediaCommand::*;
        let shard = match command {
            OpenRoom { room } | CloseRoom { room } | PlayToRoom { room, .. } => self.shard_of_room(*room),
            Join { leg, room } => {
                let (leg_shard, room_shard) = (self.shard_of_leg(*leg), self.shard_of_room(*room));
                if leg_shard != room_shard {
                    return Err(EngineError::OtherShard { leg: *leg, leg_shard, room: *room, room_shard });
                }
                leg_shard
            }
            Connect { leg, .. }
            | Leave { leg }
            | Echo { leg }
            | SetMute { leg, .. }
            | SetDeaf { leg, .. }
            | SetGain { leg, .. }
            | Play { leg, .. }
            | StopPlaying { leg }
            | CloseLeg { leg } => self.shard_of_leg(*leg),
        };
        Ok(&self.inner.shards[shard])
    }

    fn shard_of_room(&self, room: RoomId) -> usize {
        Preparer::shard_of(room.0, self.inner.shards.len())
    }

    fn shard_of_leg(&self, leg: LegId) -> usize {
        Preparer::shard_of(leg.0, self.inner.shards.len())
    }
}

impl Inner {
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
    fn start(index: usize, settings: &EngineSettings, events: &mut MediaEvents) -> Result<Self, EngineError> {
        let at_start = |source| EngineError::Start { shard: index, source };
        let (letters, received) = RingBuffer::new(LETTERS);
        let bell = Arc::new(EventFd::new().map_err(at_start)?);
        let published = Arc::new(Published::default());
        let thread = ShardThread { index, letters: received, bell: bell.clone(), published: published.clone() };
        let thread = thread.spawn(settings, events.add_shard(EVENTS, RETURNED)).map_err(at_start)?;
        Ok(Self {
            index,
            letters: Mutex::new(letters),
            bell,
            published,
            legs: AtomicUsize::new(0),
            thread: Mutex::new(Some(thread)),
        })
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
