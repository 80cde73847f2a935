//! What one conference cost and how it went.

use std::fmt;

use serde::Serialize;

use super::machine::Machine;
use super::spread::Spread;

/// Faults of one kind that are shown one by one.
const SHOWN_FAULTS: usize = 10;

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Legs of each conference.
    pub parties: usize,
    pub conferences: usize,
    pub talkers: usize,
    pub media: String,
    pub seconds: f64,
    /// Absent when the server is not ours.
    pub server: Option<ServerUse>,
    /// CPU seconds of the fleet itself a second.
    pub fleet_cores: f64,
    /// How often the fleet itself was more than 10 ms late: the machine was too busy to be measured well.
    pub fleet_overruns: u64,
    pub packets: Packets,
    /// INVITE to 200, milliseconds.
    pub answered_ms: Option<Spread>,
    /// INVITE to the first RTP packet, milliseconds.
    pub first_packet_ms: Option<Spread>,
    /// What the server adds, from a packet in to the packet out with the same sound, milliseconds.
    pub delay_ms: Option<Spread>,
    /// Of the packets' arrivals (RFC 3550 §6.4.1), milliseconds.
    pub jitter_ms: Option<Spread>,
    /// Legs that heard exactly the other talkers.
    pub heard_right: usize,
    pub faults: Vec<String>,
    pub machine: Machine,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ServerUse {
    /// CPU seconds a second.
    pub cores: f64,
    /// Resident, at the end.
    pub memory_mib: f64,
    /// Resident, before the first call.
    pub idle_memory_mib: f64,
    /// By its own metrics.
    pub late: u64,
    pub refused: u64,
    pub tick_overruns: u64,
    /// Frames encoded; whoever hears the same by the same codec shares one.
    pub encodes: u64,
}

/// Of the window, all legs together; in and out as the server sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Packets {
    pub sent_in: u64,
    pub out: u64,
    /// Came out 60 ms or more after the fastest of their stream.
    pub late: u64,
    /// Missing in what came out.
    pub lost: u64,
    /// Thrown away by the kernel, on either side.
    pub dropped: u64,
    /// Came out and were of no use: not verified, no RTP, another payload type.
    pub unusable: u64,
}

impl Packets {
    pub fn out_by_in(&self) -> f64 {
        self.out as f64 / (self.sent_in as f64).max(1.0)
    }
}

impl Report {
    pub fn is_right(&self) -> bool {
        self.faults.is_empty()
    }

    pub fn legs(&self) -> usize {
        self.parties * self.conferences
    }

    /// `50`, or `100 × 5`.
    pub fn size(&self) -> String {
        match self.conferences {
            1 => self.parties.to_string(),
            many => format!("{many} × {}", self.parties),
        }
    }

    /// `PCMU, 50 legs`: where many are told of.
    pub fn name(&self) -> String {
        format!("{}, {} legs", self.media, self.size())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { talkers, media, seconds, packets, .. } = self;
        let legs = self.legs();
        writeln!(f, "{} parties, {talkers} talkers, {media}, {seconds:.1} s", self.size())?;
        writeln!(f, "  machine       {}", self.machine)?;
        if let Some(ServerUse { cores, memory_mib, idle_memory_mib, late, refused, tick_overruns, encodes }) =
            self.server
        {
            writeln!(f, "  server        {cores:.3} cores, {memory_mib:.1} MiB ({idle_memory_mib:.1} idle)")?;
            writeln!(
                f,
                "  its counters  {late} late, {refused} refused, {tick_overruns} ticks overrun, {encodes} frames encoded"
            )?;
        }
        writeln!(f, "  fleet         {:.3} cores, {} times late itself", self.fleet_cores, self.fleet_overruns)?;
        let Packets { sent_in, out, late, lost, dropped, unusable } = packets;
        writeln!(f, "  packets       {sent_in} in, {out} out ({:.3})", packets.out_by_in())?;
        writeln!(f, "                {late} late, {lost} lost, {dropped} dropped by the kernel, {unusable} unusable")?;
        let spreads = [
            ("answered", self.answered_ms, "INVITE to 200"),
            ("first packet", self.first_packet_ms, "INVITE to RTP"),
            ("delay added", self.delay_ms, "packet in to packet out"),
            ("jitter", self.jitter_ms, "of arrivals"),
        ];
        for (name, spread, what) in spreads {
            if let Some(Spread { p50, p95, max }) = spread {
                writeln!(f, "  {name:<13} p50 {p50:.1} ms, p95 {p95:.1} ms, max {max:.1} ms ({what})")?;
            }
        }
        writeln!(f, "  heard right   {} of {legs}", self.heard_right)?;
        for fault in self.faults.iter().take(SHOWN_FAULTS) {
            writeln!(f, "  FAULT         {fault}")?;
        }
        match self.faults.len().saturating_sub(SHOWN_FAULTS) {
            0 => Ok(()),
            more => writeln!(f, "  FAULT         and {more} more"),
        }
    }
}
