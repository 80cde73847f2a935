//! One plan, carried out: both directions of a leg's audio, with all that they need ready-made.

use std::net::SocketAddr;

use super::counters::Refusal;
use super::demux::Kind;
use super::latch::Latch;
use super::receive::{Accepted, Receiver};
use super::reports::{Clocks, Reports};
use super::send::Sender;
use super::settings::EngineError;
use super::solo::Solo;
use crate::codec::packet_time;
use crate::id::LegId;
use crate::plan::{AudioPlan, MediaPlan};
use crate::random::Random;

#[derive(Debug)]
pub(super) struct Streams {
    plan: AudioPlan,
    pub latch: Latch,
    pub receiver: Receiver,
    pub sender: Sender,
    pub solo: Solo,
    pub reports: Reports,
}

impl Streams {
    pub fn new(leg: LegId, plan: MediaPlan, random: &mut Random) -> Result<Self, EngineError> {
        let mut plan = plan.audio;
        plan.send.ptime = packet_time(plan.send.codec, plan.send.ptime);
        let keys = |source| EngineError::Keys { leg, source };
        let codec = |source| EngineError::Codec { leg, codec: plan.send.codec, source };
        Ok(Self {
            latch: Latch::new(&plan),
            receiver: Receiver::new(leg, &plan)?,
            sender: Sender::new(&plan, random).map_err(keys)?,
            solo: Solo::new(&plan.send).map_err(codec)?,
            reports: Reports::new(random),
            plan,
        })
    }

    /// Goes on where the plan before stood: nothing that both have in common starts anew. What is left of `before` is
    /// to be dropped.
    pub fn take_over(&mut self, before: &mut Self) {
        let same_keys = self.plan.srtp == before.plan.srtp;
        if self.latch.is_for_same_peer(&before.latch) {
            std::mem::swap(&mut self.latch, &mut before.latch);
        }
        if self.sender.format == before.sender.format {
            std::mem::swap(&mut self.solo, &mut before.solo);
        }
        self.sender.take_over(&mut before.sender, same_keys);
        self.receiver.take_over(&mut before.receiver, same_keys);
        self.reports.take_over(&mut before.reports);
    }

    pub fn sends(&self) -> bool {
        self.plan.direction.sends()
    }

    pub fn receives(&self) -> bool {
        self.plan.direction.receives()
    }

    pub fn is_secured(&self) -> bool {
        self.plan.srtp.is_some()
    }

    /// Takes a datagram from either of the leg's ports.
    pub fn handle_datagram(&mut self, datagram: &mut [u8], from: SocketAddr, at: Clocks) -> Result<Accepted, Refusal> {
        match Kind::of(datagram) {
            Kind::Rtp => self.receiver.handle_rtp(datagram, from, &mut self.latch, self.sender.ssrc(), at.now),
            Kind::Rtcp => {
                let (datagram, proof) = self.receiver.open_rtcp(datagram)?;
                if !self.latch.handle_rtcp(from, proof) {
                    return Err(Refusal::Source);
                }
                self.reports
                    .handle_rtcp(datagram, &self.sender, &mut self.receiver, at)
                    .map_err(|_| Refusal::Malformed)?;
                Ok(Accepted::default())
            }
            Kind::Other => Err(Refusal::Malformed),
        }
    }
}
