//! Makes what commands need before they enter a shard: ids, coders, keys, tables; and knows where each leg lives.

use std::collections::HashMap;

use super::command::{MediaCommand, Switch};
use super::leg::Leg;
use super::mailbox::{Letter, Order};
use super::mux::Guest;
use super::room::Room;
use super::settings::{EngineError, EngineSettings};
use super::streams::Streams;
use crate::id::{LegId, RoomId};
use crate::mix::{EncodeChain, NoiseSuppressor};
use crate::plan::{Fingerprint, SendFormat};
use crate::random::Random;
use crate::secure::dtls::Identity;

#[derive(Debug)]
pub(super) struct Preparer {
    random: Random,
    identity: Identity,
    speakers: usize,
    auto_gain: Switch,
    noise_suppression: Switch,
    last_room: u64,
    last_leg: u64,
    legs: HashMap<LegId, OpenLeg>,
    /// How many legs live on each shard.
    inhabitants: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OpenLeg {
    shard: usize,
    /// It is met at the port of all ICE legs.
    pub shares_port: bool,
    /// What it is sent, once connected: the room that it joins may need an encode chain for it.
    format: Option<SendFormat>,
}

impl Preparer {
    pub fn new(settings: &EngineSettings, seed: u64) -> Result<Self, EngineError> {
        Ok(Self {
            identity: Identity::generate().map_err(|source| EngineError::Certificate { source })?,
            random: Random::from_seed(seed),
            speakers: settings.speakers,
            auto_gain: settings.auto_gain,
            noise_suppression: settings.noise_suppression,
            last_room: 0,
            last_leg: 0,
            legs: HashMap::new(),
            inhabitants: vec![0; settings.threads.max(1)],
        })
    }

    /// Of our certificate, for the descriptions of DTLS legs.
    pub fn fingerprint(&self) -> Fingerprint {
        self.identity.fingerprint().clone()
    }

    /// A room stays on one shard for life: the remainder of its id by the number of shards.
    pub fn shard_of_room(&self, room: RoomId) -> usize {
        (room.0 % self.inhabitants.len() as u64) as usize
    }

    /// Where a leg lives now; `None` when it is not open.
    pub fn shard_of_leg(&self, leg: LegId) -> Option<usize> {
        self.legs.get(&leg).map(|leg| leg.shard)
    }

    pub fn legs_on(&self, shard: usize) -> usize {
        self.inhabitants.get(shard).copied().unwrap_or(0)
    }

    /// A room on the shard with the fewest legs.
    pub fn open_room(&mut self) -> (RoomId, Letter) {
        let shards = self.inhabitants.len();
        let shard = (0..shards).min_by_key(|shard| self.inhabitants[*shard]).unwrap_or(0);
        self.last_room += 1;
        let room = RoomId(self.last_room * shards as u64 + shard as u64);
        (room, Letter::Order(self.room(room)))
    }

    /// A leg, not yet known to live anywhere.
    pub fn open_leg(&mut self) -> Box<Leg> {
        self.last_leg += 1;
        let mut leg = Leg::new(LegId(self.last_leg));
        leg.set_auto_gain(self.auto_gain);
        leg.set_suppressor(suppressor(self.noise_suppression));
        Box::new(leg)
    }

    /// A leg came to live on a shard, for the first time or from another. Returns whether it shares its port.
    pub fn settle(&mut self, leg: LegId, shard: usize) -> bool {
        let before = self.leave(leg).unwrap_or(OpenLeg { shard, shares_port: false, format: None });
        self.legs.insert(leg, OpenLeg { shard, ..before });
        self.inhabitants[shard] += 1;
        before.shares_port
    }

    /// The leg is met at the port of all ICE legs.
    pub fn share_port(&mut self, leg: LegId) {
        if let Some(open) = self.legs.get_mut(&leg) {
            open.shares_port = true;
        }
    }

    /// A leg is gone from its shard. Returns what was known of it.
    pub fn leave(&mut self, leg: LegId) -> Option<OpenLeg> {
        let gone = self.legs.remove(&leg)?;
        self.inhabitants[gone.shard] -= 1;
        Some(gone)
    }

    /// What the shared port has to know before this command is carried out.
    pub fn guest(&self, command: &MediaCommand) -> Option<Box<Guest>> {
        let MediaCommand::Connect { leg, plan } = command else { return None };
        let open = self.legs.get(leg).filter(|open| open.shares_port)?;
        plan.audio.ice.as_ref().map(|ice| Box::new(Guest::new(*leg, open.shard, ice)))
    }

    pub fn prepare(&mut self, command: MediaCommand) -> Result<Letter, EngineError> {
        Ok(Letter::Order(match command {
            MediaCommand::OpenRoom { room } => self.room(room),
            MediaCommand::CloseRoom { room } => Order::CloseRoom { room },
            MediaCommand::Connect { leg, plan } => {
                let streams = Box::new(Streams::new(leg, *plan, &self.identity, &mut self.random)?);
                let format = streams.sender.format;
                let shared = shared_chain(leg, &format)?;
                if let Some(open) = self.legs.get_mut(&leg) {
                    open.format = Some(format);
                }
                Order::Connect { leg, streams, shared }
            }
            MediaCommand::Join { leg, room } => {
                let format = self.legs.get(&leg).and_then(|open| open.format);
                let shared = format.map(|format| shared_chain(leg, &format)).transpose()?;
                Order::Join { leg, room, shared }
            }
            MediaCommand::Leave { leg } => Order::Leave { leg },
            MediaCommand::Echo { leg } => Order::Echo { leg },
            MediaCommand::SetMute { leg, mute } => Order::SetMute { leg, mute },
            MediaCommand::SetDeaf { leg, deaf } => Order::SetDeaf { leg, deaf },
            MediaCommand::SetGain { leg, gain_db } => Order::SetGain { leg, gain_db },
            MediaCommand::SetAutoGain { leg, auto_gain } => Order::SetAutoGain { leg, auto_gain },
            MediaCommand::SetNoiseSuppression { leg, noise_suppression } => {
                Order::SetNoiseSuppression { leg, suppressor: suppressor(noise_suppression) }
            }
            MediaCommand::SendKey { leg, key, duration } => Order::SendKey { leg, key, duration },
            MediaCommand::Play { leg, clip } => Order::Play { leg, clip },
            MediaCommand::StopPlaying { leg } => Order::StopPlaying { leg },
            MediaCommand::PlayMusic { leg, clip } => Order::PlayMusic { leg, clip },
            MediaCommand::StopMusic { leg } => Order::StopMusic { leg },
            MediaCommand::PlayToRoom { room, clip } => Order::PlayToRoom { room, clip },
            MediaCommand::CloseLeg { leg } => return Ok(Letter::Close { leg }),
        }))
    }

    fn room(&self, room: RoomId) -> Order {
        Order::OpenRoom { room: Box::new(Room::new(room, self.speakers)) }
    }
}

fn suppressor(switch: Switch) -> Option<Box<NoiseSuppressor>> {
    (switch == Switch::On).then(Box::default)
}

/// Made for every leg; the first of its kind in a room is used, the others go back.
fn shared_chain(leg: LegId, format: &SendFormat) -> Result<Box<EncodeChain>, EngineError> {
    match EncodeChain::new(format.codec, format.opus, format.ptime) {
        Ok(chain) => Ok(Box::new(chain)),
        Err(source) => Err(EngineError::Codec { leg, codec: format.codec, source }),
    }
}
