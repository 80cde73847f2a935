//! VoIP metrics: how a voice arrived and how it sounded (RFC 3611 §4.7).

use crate::rtp::Ssrc;

/// Octets of the contents.
pub(super) const LEN: usize = 32;

/// Gmin where none is named: so many packets without loss end a burst (§4.7.2).
pub const GMIN: u8 = 16;
/// What was not measured (§4.7.4, §4.7.5).
pub const UNAVAILABLE: u8 = 127;

/// As on the wire; durations in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoipMetrics {
    /// The source reported on.
    pub ssrc: Ssrc,
    /// Of 256, since the stream began.
    pub loss_rate: u8,
    /// The same of packets that came too late to be played.
    pub discard_rate: u8,
    /// Of 256: loss and discard within bursts, and between them.
    pub burst_density: u8,
    pub gap_density: u8,
    /// Mean length.
    pub burst_duration: u16,
    pub gap_duration: u16,
    pub round_trip: u16,
    /// From the network to the ear.
    pub end_system_delay: u16,
    pub signal_level: i8,
    pub noise_level: i8,
    /// Residual echo return loss, dB; 127: unavailable.
    pub echo_return_loss: u8,
    pub gmin: u8,
    /// 0 to 100; 127: unavailable.
    pub r_factor: u8,
    pub external_r_factor: u8,
    /// Ten times the score, 10 to 50; 127: unavailable. As one hears it, and as one converses.
    pub mos_listening: u8,
    pub mos_conversation: u8,
    /// Of the receiver: concealment (2 bits), adaptive buffer (2), its rate (4).
    pub receiver: u8,
    /// Of the jitter buffer: nominal, highest now, highest ever.
    pub buffer_nominal: u16,
    pub buffer_most: u16,
    pub buffer_limit: u16,
}

impl Default for VoipMetrics {
    /// Nothing was measured.
    fn default() -> Self {
        Self {
            ssrc: Ssrc(0),
            loss_rate: 0,
            discard_rate: 0,
            burst_density: 0,
            gap_density: 0,
            burst_duration: 0,
            gap_duration: 0,
            round_trip: 0,
            end_system_delay: 0,
            signal_level: UNAVAILABLE.cast_signed(),
            noise_level: UNAVAILABLE.cast_signed(),
            echo_return_loss: UNAVAILABLE,
            gmin: GMIN,
            r_factor: UNAVAILABLE,
            external_r_factor: UNAVAILABLE,
            mos_listening: UNAVAILABLE,
            mos_conversation: UNAVAILABLE,
            receiver: 0,
            buffer_nominal: 0,
            buffer_most: 0,
            buffer_limit: 0,
        }
    }
}

impl VoipMetrics {
    /// Enhanced concealment, and a buffer that adapts (§4.7.6).
    pub const ENHANCED_AND_ADAPTIVE: u8 = 0b1111_0000;

    /// The score of a conversation, else that of listening; none where it was not measured or is no score.
    pub fn mos(&self) -> Option<f32> {
        let scores = [self.mos_conversation, self.mos_listening];
        scores.into_iter().find(|score| (10..=50).contains(score)).map(|score| f32::from(score) / 10.0)
    }

    pub(super) fn parse(content: &[u8]) -> Option<Self> {
        let c: &[u8; LEN] = content.try_into().ok()?;
        let half = |at: usize| u16::from_be_bytes([c[at], c[at + 1]]);
        Some(Self {
            ssrc: Ssrc(u32::from_be_bytes([c[0], c[1], c[2], c[3]])),
            loss_rate: c[4],
            discard_rate: c[5],
            burst_density: c[6],
            gap_density: c[7],
            burst_duration: half(8),
            gap_duration: half(10),
            round_trip: half(12),
            end_system_delay: half(14),
            signal_level: c[16].cast_signed(),
            noise_level: c[17].cast_signed(),
            echo_return_loss: c[18],
            gmin: c[19],
            r_factor: c[20],
            external_r_factor: c[21],
            mos_listening: c[22],
            mos_conversation: c[23],
            receiver: c[24],
            buffer_nominal: half(26),
            buffer_most: half(28),
            buffer_limit: half(30),
        })
    }

    pub(super) fn write(&self) -> [u8; LEN] {
        let mut out = [0; LEN];
        out[..4].copy_from_slice(&self.ssrc.0.to_be_bytes());
        out[4..8].copy_from_slice(&[self.loss_rate, self.discard_rate, self.burst_density, self.gap_density]);
        let halves = [
            (8, self.burst_duration),
            (10, self.gap_duration),
            (12, self.round_trip),
            (14, self.end_system_delay),
            (26, self.buffer_nominal),
            (28, self.buffer_most),
            (30, self.buffer_limit),
        ];
        for (at, half) in halves {
            out[at..at + 2].copy_from_slice(&half.to_be_bytes());
        }
        out[16..25].copy_from_slice(&[
            self.signal_level.cast_unsigned(),
            self.noise_level.cast_unsigned(),
            self.echo_return_loss,
            self.gmin,
            self.r_factor,
            self.external_r_factor,
            self.mos_listening,
            self.mos_conversation,
            self.receiver,
        ]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_read_and_written_but_the_reserved_one() {
        let octets: Vec<u8> = (1..=LEN as u8).collect();
        let mut written = VoipMetrics::parse(&octets).expect("of its length").write();
        assert_eq!(written[25], 0);
        written[25] = octets[25];
        assert_eq!(written[..], octets);
    }

    #[test]
    fn what_is_no_score_is_not_told_as_one() {
        let mos = |listening, conversation| {
            VoipMetrics { mos_listening: listening, mos_conversation: conversation, ..VoipMetrics::default() }.mos()
        };
        assert_eq!(mos(UNAVAILABLE, UNAVAILABLE), None);
        assert_eq!(mos(41, UNAVAILABLE), Some(4.1));
        assert_eq!(mos(41, 38), Some(3.8));
        assert_eq!(mos(0, 255), None);
    }
}
