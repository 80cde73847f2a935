//! Makes what commands need before they enter a shard: ids, coders, keys, tables; and says which shard gets them.

use std::collections::HashMap;

use super::command::{MediaCommand, Switch};
use super::handle::LEGS_PER_SHARD;
use super::leg::Leg;
use super::mailbox::{Letter, Order};
use super::mux::Guest;
use super::placement::Placement;
use super::room::{Part, Room};
use super::settings::{EngineError, EngineSettings, MAX_SPEAKERS};
use super::streams::Streams;
use super::trunk::Trunk;
use crate::id::{LegId, RoomId};
use crate::mix::{EncodeChain, NoiseSuppressor};
use crate::plan::{Fingerprint, SendFormat};
use crate::random::Random;
use crate::secure::dtls::Identity;

#[derive(Debug)]
pub(super) struct Preparer {
    pub placement: Placement,
    random: Random,
    identity: Identity,
    speakers: usize,
    shards: usize,
    auto_gain: Switch,
    noise_suppression: Switch,
    last_room: u64,
    last_leg: u64,
    legs: HashMap<LegId, OpenLeg>,
}

/// What is known of a leg beside its place.
#[derive(Clone, Copy, Debug, Default)]
struct OpenLeg {
    /// It is met at the port of all ICE legs.
    shares_port: bool,
    /// What it is sent, once connected: the room that it joins may need an encode chain for it.
    format: Option<SendFormat>,
}

/// Letters and the shards that they are for, in the order in which they must be delivered.
pub(super) type Letters = Vec<(usize, Letter)>;

impl Preparer {
    pub fn new(settings: &EngineSettings, seed: u64) -> Result<Self, EngineError> {
        let shards = settings.threads.max(1);
        Ok(Self {
            placement: Placement::new(shards, settings.room_legs_per_thread, LEGS_PER_SHARD),
            identity: Identity::generate().map_err(|source| EngineError::Certificate { source })?,
            random: Random::from_seed(seed),
            speakers: settings.speakers.clamp(1, MAX_SPEAKERS),
            shards,
            auto_gain: settings.auto_gain,
            noise_suppression: settings.noise_suppression,
            last_room: 0,
            last_leg: 0,
            legs: HashMap::new(),
        })
    }

    /// Of our certificate, for the descriptions of DTLS legs.
    pub fn fingerprint(&self) -> Fingerprint {
        self.identity.fingerprint().clone()
    }

    /// A room, the letter that opens it, and the shard that it is for.
    pub fn open_room(&mut self) -> (RoomId, usize, Letter) {
        self.last_room += 1;
        let room = RoomId(self.last_room);
        let home = self.placement.choose_home();
        let phase = self.placement.open_room(room, home);
        (room, home, self.part(room, Part::Home, phase))
    }

    /// What gives a room a part on a further shard: the part first, then the trunks to and from all others.
    pub fn open_wing(&mut self, room: RoomId, shard: usize) -> Letters {
        let Some(phase) = self.placement.phase(room) else { return Letters::new() };
        let mut letters = vec![(shard, self.part(room, Part::Wing, phase))];
        for other in self.placement.parts(room) {
            let (here, there) = Trunk::pair(self.speakers);
            letters.push((*other, Letter::Order(Order::Link { room, trunk: there })));
            letters.push((shard, Letter::Order(Order::Link { room, trunk: here })));
        }
        letters
    }

    /// A leg, not yet known to live anywhere.
    pub fn open_leg(&mut self) -> Box<Leg> {
        self.last_leg += 1;
        let mut leg = Leg::new(LegId(self.last_leg)).with_early(Box::default());
        leg.set_auto_gain(self.auto_gain);
        leg.set_suppressor(suppressor(self.noise_suppression));
        Box::new(leg)
    }

    /// The leg is met at the port of all ICE legs.
    pub fn share_port(&mut self, leg: LegId) {
        self.legs.entry(leg).or_default().shares_port = true;
    }

    pub fn shares_port(&self, leg: LegId) -> bool {
        self.legs.get(&leg).is_some_and(|open| open.shares_port)
    }

    /// A leg is gone for good. Returns whether it shared its port.
    pub fn forget(&mut self, leg: LegId) -> bool {
        self.placement.leave(leg);
        self.legs.remove(&leg).is_some_and(|gone| gone.shares_port)
    }

    /// The letters of a command, none when what it names is not open. A leg that joins has moved already.
    pub fn prepare(&mut self, command: MediaCommand) -> Result<Letters, EngineError> {
        Ok(match command {
            MediaCommand::CloseRoom { room } => {
                let parts = self.placement.close_room(room).into_iter();
                parts.map(|shard| (shard, Letter::Order(Order::CloseRoom { room }))).collect()
            }
            MediaCommand::PlayToRoom { room, clip } => {
                let play = || Letter::Order(Order::PlayToRoom { room, clip: clip.clone() });
                self.placement.parts(room).iter().map(|shard| (*shard, play())).collect()
            }
            command => match leg_of(&command).and_then(|leg| self.placement.shard_of_leg(leg).zip(Some(leg))) {
                Some((shard, leg)) => self.prepare_at_shared_port(command, leg, shard)?,
                None => Letters::new(),
            },
        })
    }

    /// The shared port knows a leg before it is connected, and until it has gone.
    fn prepare_at_shared_port(
        &mut self,
        command: MediaCommand,
        leg: LegId,
        shard: usize,
    ) -> Result<Letters, EngineError> {
        let shares_port = self.shares_port(leg);
        let expect = match &command {
            MediaCommand::Connect { plan, .. } if shares_port => plan.audio.ice.as_ref(),
            _ => None,
        };
        let expect = expect.map(|ice| Letter::Expect { guest: Box::new(Guest::new(leg, shard, ice)) });
        let is_last = matches!(command, MediaCommand::CloseLeg { .. });
        let forget = (is_last && shares_port).then_some(Letter::ForgetGuest { leg });
        let letter = self.prepare_for_leg(command)?;
        let at_port = |letter| (0, letter);
        Ok(expect.map(at_port).into_iter().chain([(shard, letter)]).chain(forget.map(at_port)).collect())
    }

    fn prepare_for_leg(&mut self, command: MediaCommand) -> Result<Letter, EngineError> {
        Ok(Letter::Order(match command {
            MediaCommand::Connect { leg, plan } => {
                let streams = Box::new(Streams::new(leg, *plan, &self.identity, &mut self.random)?);
                let format = streams.sender.format;
                let shared = shared_chain(leg, &format)?;
                self.legs.entry(leg).or_default().format = Some(format);
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
            MediaCommand::CloseRoom { room } => Order::CloseRoom { room },
            MediaCommand::CloseLeg { leg } => return Ok(Letter::Close { leg }),
        }))
    }

    fn part(&self, room: RoomId, part: Part, phase: usize) -> Letter {
        Letter::Order(Order::OpenRoom { room: Box::new(Room::new(room, part, phase, self.speakers, self.shards)) })
    }
}

/// The leg that a command is for.
fn leg_of(command: &MediaCommand) -> Option<LegId> {
    use MediaCommand::*;
    match command {
        CloseRoom { .. } | PlayToRoom { .. } => None,
        Connect { leg, .. }
        | Join { leg, .. }
        | Leave { leg }
        | Echo { leg }
        | SetMute { leg, .. }
        | SetDeaf { leg, .. }
        | SetGain { leg, .. }
        | SetAutoGain { leg, .. }
        | SetNoiseSuppression { leg, .. }
        | SendKey { leg, .. }
        | Play { leg, .. }
        | StopPlaying { leg }
        | PlayMusic { leg, .. }
        | StopMusic { leg }
        | CloseLeg { leg } => Some(*leg),
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
