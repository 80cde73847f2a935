//! What a leg sends: its loop of payloads, in packets of its own stream.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::Context;
use plenary_media::plan::AudioPlan;
use plenary_media::rtp::RtpSender;
use plenary_media::secure::Protector;

use super::pace::FRAME;
use super::speech::Speech;

const DATAGRAM: usize = 600;
/// Markers whose sending is remembered: the last seconds' do.
const MARKERS: usize = 8;

pub struct Outgoing {
    sender: RtpSender,
    payload_type: u8,
    /// RTP clock units a packet.
    units: u64,
    speech: Speech,
    /// Packets so far.
    frame: u64,
    protector: Option<Protector>,
    buffer: [u8; DATAGRAM],
    /// When the packets with a marker were sent.
    pub markers: VecDeque<Instant>,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("frame", &self.frame).finish_non_exhaustive()
    }
}

impl Outgoing {
    /// `random`: 128 random bits, for SSRC and first numbers.
    pub fn new(plan: &AudioPlan, speech: Speech, random: u128) -> anyhow::Result<Self> {
        let units = u64::from(plan.send.codec.clock_rate()) * FRAME.as_millis() as u64 / 1000;
        let protector = plan.security.keys().map(Protector::new).transpose().context("the answer's SRTP keys")?;
        Ok(Self {
            sender: RtpSender::new(random),
            payload_type: plan.send.payload_type,
            units,
            speech,
            frame: 0,
            protector,
            buffer: [0; DATAGRAM],
            markers: VecDeque::with_capacity(MARKERS),
        })
    }

    /// The next packet, as it goes out at `now`; none when it cannot be made.
    pub fn next_packet(&mut self, now: Instant) -> Option<&[u8]> {
        let places = self.speech.payloads.len() as u64;
        let place = self.frame.checked_rem(places)? as usize;
        let payload = self.speech.payloads.get(place)?;
        let timestamp = self.sender.timestamp(self.frame * self.units);
        let header = self.sender.next_header(self.payload_type, self.frame == 0, timestamp, payload.len());
        self.frame += 1;
        let begin = header.write(&[], &mut self.buffer).ok()?;
        let end = begin + payload.len();
        self.buffer.get_mut(begin..end)?.copy_from_slice(payload);
        if self.speech.marker.is_some_and(|marker| marker.place == place) {
            if self.markers.len() == MARKERS {
                self.markers.pop_front();
            }
            self.markers.push_back(now);
        }
        let end = match &mut self.protector {
            Some(protector) => protector.protect_rtp(&mut self.buffer, end).ok()?,
            None => end,
        };
        self.buffer.get(..end)
    }
}
