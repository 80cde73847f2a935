//! What a shard has at hand for every leg and room: counts, events, shared encode chains, room for one packet.

use std::net::SocketAddr;

use super::counters::{Count, Tally};
use super::io::{Channel, PacketIo, Slot};
use super::mailbox::{Outbox, Returned};
use super::send::{KeyPassage, Passage, Sender};
use crate::codec::Effort;
use crate::mix::echo::TrackStore;
use crate::mix::{EncodeKey, Frame, Groups, SILENCE};

/// Longer than any packet of ours: 60 ms of Opus at 510 kbit/s would not fit, and no peer asks for it.
const PACKET_LEN: usize = 1_600;

#[derive(Debug)]
pub(super) struct Desk {
    pub tally: Tally,
    pub outbox: Outbox,
    pub groups: Groups,
    pub packet: [u8; PACKET_LEN],
    /// For the echoes of those who are heard.
    pub tracks: TrackStore,
    /// What one leg alone hears, while it is put together.
    pub frame: Frame,
    /// How many datagrams of handshakes may still be taken in this tick.
    handshake_turns: u8,
    /// This tick leaves out what can be left out.
    pub hurries: bool,
    /// Of this tick's encoders.
    pub effort: Effort,
}

/// Legs of a shard that are watched for echoes at once: 9 kB each, and 13 ms of a second for all of them.
const TRACKS: usize = 64;
/// At 0.1 ms each they take a tenth of a tick at most; who is passed over sends again.
const HANDSHAKE_TURNS: u8 = 16;

impl Desk {
    pub fn new(outbox: Outbox) -> Self {
        let tally = Tally::default();
        Self {
            tally,
            outbox,
            groups: Groups::new(),
            packet: [0; PACKET_LEN],
            tracks: TrackStore::new(TRACKS),
            frame: SILENCE,
            handshake_turns: HANDSHAKE_TURNS,
            hurries: false,
            effort: Effort::default(),
        }
    }

    /// A tick begins.
    pub fn begin_tick(&mut self, hurries: bool, effort: Effort) {
        (self.hurries, self.effort) = (hurries, effort);
        self.tally.add(Count::HURRIED, hurries.into());
        self.tally.add(Count::SPARING, (effort < Effort::Full).into());
        self.handshake_turns = HANDSHAKE_TURNS;
    }

    /// Takes one of the tick's turns for handshakes, if one is left.
    pub fn take_handshake_turn(&mut self) -> bool {
        let left = self.handshake_turns.checked_sub(1);
        self.handshake_turns = left.unwrap_or(0);
        left.is_some()
    }

    /// Ends a leg's use of a shared chain; the last one's chain goes back.
    pub fn leave_group(&mut self, key: &EncodeKey) {
        if let Some(chain) = self.groups.release(key) {
            self.outbox.give_back(Returned::Chain(chain));
        }
    }
}

/// One leg's way out for RTP.
pub(super) struct Exit<'a, Io> {
    pub slot: Slot,
    pub sender: &'a mut Sender,
    pub to: SocketAddr,
    pub packet: &'a mut [u8],
    pub tally: &'a mut Tally,
    pub io: &'a mut Io,
    /// Of this leg, so far.
    pub sent: &'a mut u64,
}

impl<Io: PacketIo> Exit<'_, Io> {
    pub fn send(&mut self, passage: Passage<'_>) {
        let len = self.sender.packet(passage, self.packet);
        self.pass(len);
    }

    pub fn send_key(&mut self, passage: KeyPassage) {
        let len = self.sender.key_packet(passage, self.packet);
        self.pass(len);
    }

    pub fn send_comfort_noise(&mut self, payload_type: u8, tick: u64) {
        let len = self.sender.comfort_noise_packet(payload_type, tick, self.packet);
        self.pass(len);
    }

    fn pass(&mut self, len: Option<usize>) {
        let Some(len) = len else {
            self.tally.add(Count::UNSENT, 1);
            return;
        };
        if self.io.send(self.slot, Channel::Rtp, self.to, &self.packet[..len]) {
            *self.sent += 1;
            self.tally.add(Count::SENT, 1);
        } else {
            self.tally.add(Count::UNSENT, 1);
        }
    }
}
