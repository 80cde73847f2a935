//! What a receiver keeps of one source: validity, loss and jitter.
//!
//! RFC 3550 A.1 (sequence), A.3 (loss), A.8 (jitter), §6.4.1 (the report block).

use std::time::{Duration, Instant};

use super::rtcp::ReportBlock;
use super::{NtpTime, RtpHeader, Ssrc};

/// What the sequence number says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// In sequence, or within the allowed dropout or misorder.
    Valid,
    /// The second of two consecutive packets far from the rest: the source started again.
    Restarted,
    /// Far from the rest, and alone so far; to be thrown away.
    Doubtful,
}

#[derive(Clone, Debug)]
pub struct RtpSource {
    ssrc: Ssrc,
}

impl RtpSource {
    /// Takes up a source at its first packet; [`handle_packet`](Self::handle_packet) is still to see that packet.
    pub fn new(ssrc: Ssrc) -> Self {
        Self { ssrc }
    }

    pub fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// Counts a packet. `clock_rate`: of its payload type, Hz; a change of it starts jitter anew (RFC 7160 §4.1).
    pub fn handle_packet(&mut self, header: &RtpHeader, clock_rate: u32, now: Instant) -> Validity {
        let _ = (header, clock_rate, now);
        unimplemented!()
    }

    /// Remembers a sender report for LSR and DLSR.
    pub fn handle_sender_report(&mut self, ntp: NtpTime, now: Instant) {
        let _ = (ntp, now);
    }

    pub fn received(&self) -> u64 {
        unimplemented!()
    }

    /// Expected less received since the first packet; below zero when duplicates came.
    pub fn lost(&self) -> i64 {
        unimplemented!()
    }

    pub fn jitter(&self) -> Duration {
        unimplemented!()
    }

    /// The block of our next report; its fraction lost counts from the block before.
    pub fn report(&mut self, now: Instant) -> ReportBlock {
        let _ = now;
        unimplemented!()
    }
}
