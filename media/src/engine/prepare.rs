//! Makes what commands need before they enter a shard: coders, keys, tables, names.

use std::collections::HashMap;

use super::command::MediaCommand;
use super::feed::Feed;
use super::leg::Leg;
use super::mailbox::Order;
use super::room::Room;
use super::settings::{EngineError, EngineSettings};
use super::streams::Streams;
use crate::id::{LegId, RoomId};
use crate::plan::SendFormat;
use crate::random::Random;

#[derive(Debug)]
pub(super) struct Preparer {
    random: Random,
    shards: u64,
    next_room: u64,
    next_leg: u64,
    /// What each connected leg is sent: the room it joins may need a coder for it.
    sends: HashMap<LegId, SendFormat>,
}

impl Preparer {
    pub fn new(settings: &EngineSettings, seed: u64) -> Self {
        Self {
            random: Random::from_seed(seed),
            shards: settings.threads.max(1) as u64,
            next_room: 0,
            next_leg: 0,
            sends: HashMap::new(),
        }
    }

    /// An id tells its shard: the remainder after dividing by the number of shards.
    pub fn shard_of(id: u64, shards: usize) -> usize {
        (id % shards as u64) as usize
    }

    pub fn open_room(&mut self, shard: usize) -> (RoomId, Order) {
        self.next_room += 1;
        let room = RoomId(self.next_room * self.shards + shard as u64);
        (room, Order::OpenRoom { room: Box::new(Room {}) })
    }

    pub fn open_leg(&mut self, shard: usize) -> (LegId, Box<Leg>) {
        self.next_leg += 1;
        let leg = LegId(self.next_leg * self.shards + shard as u64);
        (leg, Box::new(Leg {}))
    }

    pub fn prepare(&mut self, command: MediaCommand) -> Result<Order, EngineError> {
        Ok(match command {
            MediaCommand::OpenRoom { .. } => Order::OpenRoom { room: Box::new(Room {}) },
            MediaCommand::CloseRoom { room } => Order::CloseRoom { room },
            MediaCommand::Connect { leg, plan } => {
                self.sends.insert(leg, plan.audio.send);
                Order::Connect { leg, streams: Box::new(Streams {}), shared: Box::new(Feed {}) }
            }
            MediaCommand::Join { leg, room } => {
                Order::Join { leg, room, shared: self.sends.get(&leg).map(|_| Box::new(Feed {})) }
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
                self.sends.remove(&leg);
                Order::CloseLeg { leg }
            }
        })
    }
}
