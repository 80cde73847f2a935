//! What a leg hears in a tick, and how it is sent: shared with all who hear the same, or encoded for it alone.
//!
//! | the leg is | it hears | encoded |
//! |---|---|---|
//! | in a room and not heard there | the whole sum | once for all alike |
//! | in a room and heard there | the sum less itself | for itself |
//! | played to, or with its echo | that, over what it hears | for itself |
//! | in a room, and asked for another mode (RFC 4867) | the whole sum | for itself |
//! | being sent a key | nothing | its event (RFC 4733) |
//! | deafened or alone | silence | never: one packet, over and over |
//! | in a room where nobody speaks | silence | as the whole sum; comfort noise (RFC 3389) where the peer takes it |

use super::command::Deaf;
use super::counters::{Count, Tally};
use super::desk::{Desk, Exit};
use super::io::{PacketIo, Slot};
use super::leg::{Leg, Place};
use super::room::RoomSound;
use super::send::{Hush, Hushed, KeyPassage, Passage};
use super::streams::Streams;
use crate::dtmf::KeyPacket;
use crate::mix::level::{SILENT, level_dbov};
use crate::mix::{EncodeChain, EncodeKey, Frame, MixKey, SILENCE};
use crate::plan::AudioCodec;
use crate::rtp::Ssrc;

/// What the leg's next packets are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    Silence,
    Whole,
    /// The frame that lies on the desk.
    Alone,
}

impl Leg {
    /// Sends what the leg hears in this tick. `room`: the sound of the room that it is in.
    pub fn hear(
        &mut self,
        slot: Slot,
        room: Option<&RoomSound<'_>>,
        tick: u64,
        desk: &mut Desk,
        io: &mut impl PacketIo,
    ) {
        if self.streams.as_ref().is_some_and(|streams| streams.sends()) {
            if self.send_keys(slot, tick, desk, io) {
                return self.finish_prompt(desk);
            }
            let hears = self.choose(room, &mut desk.frame);
            self.silent_ticks = if hears == Hears::Silence { self.silent_ticks + 1 } else { 0 };
            match (hears, room) {
                (Hears::Whole, Some(room)) => self.send_whole(slot, room, tick, desk, io),
                (Hears::Alone, _) => self.send_alone(slot, room, tick, desk, io),
                _ => self.send_silence(slot, tick, desk, io),
            }
        }
        self.finish_prompt(desk);
    }

    /// Sends a packet of the key that is being pressed for the peer. While one is, audio pauses.
    fn send_keys(&mut self, slot: Slot, tick: u64, desk: &mut Desk, io: &mut impl PacketIo) -> bool {
        let Some(streams) = &mut self.streams else { return false };
        let payload_type = streams.key_payload_type();
        let Streams { sender, keys, latch, .. } = &mut **streams;
        let Some((packet, payload_type)) = keys.as_mut().and_then(|keys| keys.next_packet(tick)).zip(payload_type)
        else {
            return false;
        };
        let Desk { packet: buffer, tally, .. } = desk;
        let KeyPacket { marker, began, offset, payload } = packet;
        let passage = KeyPassage { payload_type, marker, began, offset, payload };
        let to = latch.rtp_destination();
        Exit { slot, sender, to, packet: buffer, tally, io, sent: &mut self.sent }.send_key(passage);
        true
    }

    fn choose(&mut self, room: Option<&RoomSound<'_>>, frame: &mut Frame) -> Hears {
        let hears = match room {
            _ if self.deaf == Deaf::Deafened => Hears::Silence,
            Some(room) if room.is_silent && self.takes_comfort_noise() => Hears::Silence,
            Some(room) if !self.is_summed && self.wants_another_mode() => {
                *frame = *room.recent.newest();
                Hears::Alone
            }
            Some(_) if !self.is_summed => Hears::Whole,
            Some(room) => {
                room.sum.without(&self.frame, &mut self.limiter, frame);
                Hears::Alone
            }
            None if self.place == Place::Echo => {
                *frame = self.frame;
                Hears::Alone
            }
            None => Hears::Silence,
        };
        if self.prompt.is_none() && self.music.is_none() {
            return hears;
        }
        match (hears, room) {
            (Hears::Whole, Some(room)) => *frame = *room.recent.newest(),
            (Hears::Alone, _) => {}
            _ => *frame = SILENCE,
        }
        match (&mut self.prompt, &mut self.music) {
            (Some(prompt), _) => prompt.add_to(frame),
            (None, Some(music)) => {
                music.add_to(frame);
                if music.is_over() {
                    music.begin_again();
                }
            }
            (None, None) => {}
        }
        Hears::Alone
    }

    /// The shared encode has the mode that nobody asked for.
    fn wants_another_mode(&self) -> bool {
        self.streams.as_ref().is_some_and(|streams| streams.wants_another_mode())
    }

    fn takes_comfort_noise(&self) -> bool {
        self.streams.as_ref().is_some_and(|streams| matches!(streams.sender.hush, Hush::ComfortNoise(_)))
    }

    fn send_whole(&mut self, slot: Slot, room: &RoomSound<'_>, tick: u64, desk: &mut Desk, io: &mut impl PacketIo) {
        let Some(streams) = &mut self.streams else { return };
        let Streams { sender, latch, .. } = &mut **streams;
        let Desk { groups, packet, tally, effort, .. } = desk;
        let key = EncodeKey::new(&sender.format, MixKey::Whole(room.id));
        if let Some(chain) = groups.encode(&key, tick, *effort, |tick| room.recent.at(tick)) {
            let to = latch.rtp_destination();
            let mut exit = Exit { slot, sender, to, packet, tally, io, sent: &mut self.sent };
            send_all(chain, room.contributors, room.levels, room.level_dbov, &mut exit);
        }
    }

    fn send_alone(
        &mut self,
        slot: Slot,
        room: Option<&RoomSound<'_>>,
        tick: u64,
        desk: &mut Desk,
        io: &mut impl PacketIo,
    ) {
        let own = self.peer_ssrc();
        let Some(streams) = &mut self.streams else { return };
        let Streams { sender, solo, latch, receiver, .. } = &mut **streams;
        let Desk { frame, packet, tally, effort, .. } = desk;
        let level_dbov = if sender.tells_level() { level_dbov(frame) } else { SILENT };
        solo.handle_mode_request(receiver.mode_request);
        let chain = solo.encode(frame, tick, *effort, |earlier| room.and_then(|room| room.recent.at(earlier)));
        let (mut others, mut levels, mut count) = ([Ssrc::default(); super::MAX_SPEAKERS], [0; super::MAX_SPEAKERS], 0);
        let contributors = room.into_iter().flat_map(|room| room.contributors.iter().zip(room.levels));
        for (ssrc, level) in contributors.filter(|(ssrc, _)| Some(**ssrc) != own) {
            (others[count], levels[count]) = (*ssrc, *level);
            count += 1;
        }
        count_encodes(chain, sender.format.codec, tally);
        let to = latch.rtp_destination();
        let mut exit = Exit { slot, sender, to, packet, tally, io, sent: &mut self.sent };
        send_all(chain, &others[..count], &levels[..count], level_dbov, &mut exit);
    }

    fn send_silence(&mut self, slot: Slot, tick: u64, desk: &mut Desk, io: &mut impl PacketIo) {
        let Some(streams) = &mut self.streams else { return };
        let Streams { sender, solo, latch, .. } = &mut **streams;
        let Desk { packet, tally, .. } = desk;
        let to = latch.rtp_destination();
        let (positions, hushed) =
            (sender.positions(tick), sender.hush.at(self.silent_ticks - 1, sender.packet_ticks()));
        let mut exit = Exit { slot, sender, to, packet, tally, io, sent: &mut self.sent };
        match hushed {
            Hushed::Silence => {
                for position in positions {
                    exit.send(Passage {
                        octets: solo.silence(),
                        position,
                        csrcs: &[],
                        levels: &[],
                        level_dbov: SILENT,
                    });
                }
            }
            Hushed::ComfortNoise(payload_type) => exit.send_comfort_noise(payload_type, tick),
            Hushed::Nothing => {}
        }
    }
}

fn send_all(chain: &EncodeChain, csrcs: &[Ssrc], levels: &[i8], level_dbov: i8, exit: &mut Exit<'_, impl PacketIo>) {
    for payload in chain.payloads() {
        exit.send(Passage { octets: payload.octets, position: payload.position, csrcs, levels, level_dbov });
    }
}

fn count_encodes(chain: &EncodeChain, codec: AudioCodec, tally: &mut Tally) {
    tally.add(Count::encodes(codec), chain.payloads().count() as u64);
}
