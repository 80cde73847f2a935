//! What a sender keeps of its own stream: the next numbers, and the counts for its reports (RFC 3550 §5.1, §6.4.1).

use super::rtcp::SenderInfo;
use super::{NtpTime, RtpHeader, RtpTimestamp, SequenceNumber, Ssrc};

#[derive(Clone, Debug)]
pub struct RtpSender {
    ssrc: Ssrc,
    sequence: SequenceNumber,
    offset: RtpTimestamp,
    packets: u32,
    octets: u32,
}

impl RtpSender {
    /// `random`: 128 random bits; the SSRC, the first sequence number and the timestamp offset come of them.
    /// The sequence starts below 2^15, so that SRTP receivers that miss the start still guess its rollover counter
    /// (RFC 3711 §3.3.1).
    pub fn new(random: u128) -> Self {
        Self {
            ssrc: Ssrc((random >> 64) as u32),
            sequence: SequenceNumber((random >> 32) as u16 & 0x7fff),
            offset: RtpTimestamp(random as u32),
            packets: 0,
            octets: 0,
        }
    }

    pub fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// The RTP timestamp of a position in the stream's own clock units, counted from any fixed start.
    pub fn timestamp(&self, position: u64) -> RtpTimestamp {
        self.offset + (position & 0xffff_ffff) as u32
    }

    /// Counts a packet of `payload_len` octets and gives its header.
    pub fn next_header(
        &mut self,
        payload_type: u8,
        marker: bool,
        timestamp: RtpTimestamp,
        payload_len: usize,
    ) -> RtpHeader {
        let sequence = self.sequence;
        self.sequence = sequence.next();
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload_len as u32);
        RtpHeader { marker, payload_type, sequence, timestamp, ssrc: self.ssrc }
    }

    /// Whether anything was sent: then reports are sender reports.
    pub fn has_sent(&self) -> bool {
        self.packets > 0
    }

    /// Packets and octets of payload so far.
    pub fn counts(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }

    /// The sender's part of a report; `position`: of the stream at the wall-clock time `ntp`.
    pub fn info(&self, ntp: NtpTime, position: u64) -> SenderInfo {
        SenderInfo { ntp, rtp: self.timestamp(position), packets: self.packets, octets: self.octets }
    }

    /// Leaves an SSRC that collided with the peer's (RFC 3550 §8.2). Counts start anew.
    pub fn change_ssrc(&mut self, ssrc: Ssrc) {
        *self = Self { ssrc, packets: 0, octets: 0, ..self.clone() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_each_other_and_octets_are_counted() {
        let mut sender = RtpSender::new(0x0000_0007_ffff_ffff_ffff_ff00);
        let first = sender.next_header(0, true, sender.timestamp(0), 160);
        let second = sender.next_header(0, false, sender.timestamp(160), 160);
        assert_eq!(second.sequence, first.sequence.next());
        assert_eq!(second.timestamp.since(first.timestamp), 160);
        assert!(first.sequence.0 < 0x8000);
        let info = sender.info(NtpTime(1), 320);
        assert_eq!((info.packets, info.octets), (2, 320));
        assert_eq!(info.rtp, second.timestamp + 160);
    }

    #[test]
    fn another_ssrc_counts_anew_and_the_numbers_run_on() {
        let mut sender = RtpSender::new(1 << 32);
        let before = sender.next_header(0, false, sender.timestamp(0), 160).sequence;
        sender.change_ssrc(Ssrc(9));
        assert!(!sender.has_sent());
        let after = sender.next_header(0, false, sender.timestamp(160), 160);
        assert_eq!((after.ssrc, after.sequence), (Ssrc(9), before.next()));
    }
}
