//! Makes what commands need before they enter a shard: coders, keys, tables, names.

use std::collections::HashMap;

use super::command::MediaCommand;
use super::leg::Leg;
use super::mailbox::{Letter, Order};
use super::room::Room;
use super::settings::{EngineError, EngineSettings};
use super::streams::Streams;
use crate::id::{LegId, RoomId};
use crate::mix::EncodeChain;
use crate::plan::SendFormat;
use crate::random::Random;

#[derive(Debug)]
pub(super) struct Preparer {
    random: Random,
    shards: u64,
    speakers: usize,
    next_room: u64,
    next_leg: u64,
    /// What each connected leg is sent: the room that it joins may need an encode chain for it.
    formats: HashMap<LegId, SendFormat>,
}

impl Preparer {
    pub fn new(settings: &EngineSettings, seed: u64) -> Self {
        Self {
            random: Random::from_seed(seed),
            shards: settings.threads.max(1) as u64,
            speakers: settings.speakers,
            next_room: 0,
            next_leg: 0,
            formats: HashMap::new(),
        }
    }

    /// An id tells its shard: the remainder after dividing by the number of shards.
    pub fn shard_of(id: u64, shards: usize) -> usize {
        (id % shards as u64) as usize
    }

    pub fn open_room(&mut self, shard: usize) -> (RoomId, Letter) {
        self.next_room += 1;
        let room = RoomId(self.next_room * self.shards + shard as u64);
        (room, Letter::Order(self.room(room)))
    }

    pub fn open_leg(&mut self, shard: usize) -> (LegId, Box<Leg>) {
        self.next_leg += 1;
        let leg = LegId(self.next_leg * self.shards + shard as u64);
        (leg, Box::new(Leg::new(leg)))
    }

    pub fn prepare(&mut self, command: MediaCommand) -> Result<Letter, EngineError> {
        Ok(Letter::Order(match command {
            MediaCommand::OpenRoom { room } => self.room(room),
            MediaCommand::CloseRoom { room } => Order::CloseRoom { room },
            MediaCommand::Connect { leg, plan } => {
                let format = plan.audio.send;
                let streams = Box::new(Streams::new(leg, *plan, &mut self.random)?);
                let shared = shared_chain(leg, &format)?;
                self.formats.insert(leg, format);
                Order::Connect { leg, streams, shared }
            }
            MediaCommand::Join { leg, room } => {
                let shared = self.formats.get(&leg).map(|format| shared_chain(leg, format)).transpose()?;
                Order::Join { leg, room, shared }
            }
            MediaCommand::Leave { leg } => Order::Leave { leg },
            MediaCommand::Echo { leg } => Order::Echo { leg },
            MediaCommand::SetMute { leg, mute } => Order::SetMute { leg, mute },
            MediaCommand::SetDeaf { leg, deaf } => Order::SetDeaf { leg, deaf },
            MediaCommand::SetGain { leg, gain_db } => Order::SetGain { leg, gain_db },
            MediaCommand::Play { leg, clip } => Order::Play { leg, clip },
            MediaCommand::StopPlaying { leg } => Order::StopPlaying { leg },
            MediaCommand::PlayToRoom { room, clip } => Order::PlayToRoom { room, clip },
            MediaCommand::CloseLeg { leg } => {
                self.formats.remove(&leg);
                return Ok(Letter::Close { leg });
            }
        }))
    }

    fn room(&self, room: RoomId) -> Order {
        Order::OpenRoom { room: Box::new(Room::new(room, self.speakers)) }
    }
}

/// Made for every leg; the first of its kind in a room is used, the others go back.
fn shared_chain(leg: LegId, format: &SendFormat) -> Result<Box<EncodeChain>, EngineError> {
    match EncodeChain::new(format.codec, format.opus, format.ptime) {
        Ok(chain) => Ok(Box::new(chain)),
        Err(source) => Err(EngineError::Codec { leg, codec: format.codec, source }),
    }
}
