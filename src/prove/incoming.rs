//! What a leg receives: counted, checked, and the last of it kept.

use std::time::{Duration, Instant};

use anyhow::Context;
use plenary_media::plan::AudioPlan;
use plenary_media::rtp::{RtpPacket, RtpSource, RtpTimestamp};
use plenary_media::secure::Unprotector;

use super::ear::Ear;

/// Later than the fastest by this, a phone's jitter buffer would have missed it.
const LATE: Duration = Duration::from_millis(60);
/// Payload types of RTCP in a port shared with RTP (RFC 5761 §4).
const RTCP: std::ops::RangeInclusive<u8> = 64..=95;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub packets: u64,
    pub late: u64,
    /// Packets missing by their sequence numbers.
    pub lost: i64,
    /// Neither RTP nor RTCP, not verified, or of another payload type.
    pub unusable: u64,
    /// How often another SSRC took over.
    pub restarts: u64,
}

pub struct Incoming {
    clock_rate: u32,
    payload_type: u8,
    unprotector: Option<Unprotector>,
    stream: Option<Stream>,
    received: Received,
    /// Of streams that are over.
    lost_before: i64,
    pub first_at: Option<Instant>,
    pub ear: Ear,
}

/// The packets of one SSRC.
struct Stream {
    source: RtpSource,
    first: (RtpTimestamp, Instant),
    /// Arrival less time stamp of the fastest packet, in nanoseconds from the first one's.
    fastest: i64,
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").field("received", &self.received()).finish_non_exhaustive()
    }
}

impl Incoming {
    pub fn new(plan: &AudioPlan) -> anyhow::Result<Self> {
        Ok(Self {
            clock_rate: plan.send.codec.clock_rate(),
            payload_type: plan.send.payload_type,
            unprotector: plan.security.keys().map(Unprotector::new).transpose().context("the answer's SRTP keys")?,
            stream: None,
            received: Received::default(),
            lost_before: 0,
            first_at: None,
            ear: Ear::default(),
        })
    }

    pub fn handle_datagram(&mut self, datagram: &mut [u8], now: Instant) {
        if datagram.get(1).is_some_and(|octet| RTCP.contains(&(octet & 0x7f))) {
            return;
        }
        if self.handle_rtp(datagram, now).is_none() {
            self.received.unusable += 1;
        }
    }

    pub fn received(&self) -> Received {
        Received {
            lost: self.lost_before + self.stream.as_ref().map_or(0, |stream| stream.source.lost()),
            ..self.received
        }
    }

    /// Of the arrivals, as in a receiver report.
    pub fn jitter(&self) -> Option<Duration> {
        self.stream.as_ref().map(|stream| stream.source.jitter())
    }

    fn handle_rtp(&mut self, datagram: &mut [u8], now: Instant) -> Option<()> {
        let len = match &mut self.unprotector {
            Some(unprotector) => unprotector.unprotect_rtp(datagram).ok()?,
            None => datagram.len(),
        };
        let packet = RtpPacket::parse(datagram.get(..len)?).ok()?;
        let header = packet.header;
        if header.payload_type != self.payload_type {
            return None;
        }
        self.first_at.get_or_insert(now);
        self.received.packets += 1;
        if self.stream.as_ref().is_some_and(|stream| stream.source.ssrc() != header.ssrc) {
            self.lost_before = self.received().lost;
            self.received.restarts += 1;
            self.stream = None;
            self.ear.clear();
        }
        let stream = self.stream.get_or_insert_with(|| Stream {
            source: RtpSource::new(header.ssrc),
            first: (header.timestamp, now),
            fastest: 0,
        });
        stream.source.handle_packet(&header, self.clock_rate, now);
        if stream.is_late(header.timestamp, self.clock_rate, now) {
            self.received.late += 1;
        }
        self.ear.handle_packet(&header, packet.payload, now);
        Some(())
    }
}

impl Stream {
    fn is_late(&mut self, timestamp: RtpTimestamp, clock_rate: u32, now: Instant) -> bool {
        let (first, at) = self.first;
        let units = timestamp.0.wrapping_sub(first.0).cast_signed();
        let said = i64::from(units) * 1_000_000_000 / i64::from(clock_rate.max(1));
        let came = i64::try_from(now.saturating_duration_since(at).as_nanos()).unwrap_or(i64::MAX);
        let transit = came.saturating_sub(said);
        self.fastest = self.fastest.min(transit);
        transit - self.fastest > LATE.as_nanos() as i64
    }
}
