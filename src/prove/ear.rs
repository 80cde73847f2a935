//! What a leg heard last: kept as it came, decoded only afterwards, so that listening costs the fleet nothing while
//! the server is measured.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenary_media::codec::make_decoder;
use plenary_media::plan::AudioCodec;
use plenary_media::rtp::RtpHeader;

use super::pace::FRAME;

/// 1.6 s: a second to search, a whole marker, and the decoder's first frames, which count for nothing.
const KEPT: usize = 80;
/// Longer payloads are not of the fleet's codecs at 20 ms.
const LONGEST: usize = 400;

#[derive(Debug, Default)]
pub struct Ear {
    packets: VecDeque<Packet>,
}

#[derive(Debug)]
struct Packet {
    arrived: Instant,
    sequence: u16,
    payload: [u8; LONGEST],
    len: usize,
}

/// Decoded: `frames` follow one another without gap, 20 ms each.
#[derive(Debug)]
pub struct Heard {
    pub rate: u32,
    pub samples: Vec<i16>,
    /// When each frame's packet came; none where it did not.
    pub arrivals: Vec<Option<Instant>>,
}

impl Ear {
    pub fn handle_packet(&mut self, header: &RtpHeader, payload: &[u8], now: Instant) {
        // The oldest one's place is used again.
        let mut packet = match self.packets.len() {
            KEPT => self.packets.pop_front(),
            _ => None,
        }
        .unwrap_or(Packet { arrived: now, sequence: 0, payload: [0; LONGEST], len: 0 });
        let Some(place) = packet.payload.get_mut(..payload.len()) else { return };
        place.copy_from_slice(payload);
        (packet.arrived, packet.sequence, packet.len) = (now, header.sequence.0, payload.len());
        self.packets.push_back(packet);
    }

    /// Forgets what came under another SSRC.
    pub fn clear(&mut self) {
        self.packets.clear();
    }

    /// Puts the packets in order, conceals what is missing, and decodes all.
    pub fn hear(&self, codec: AudioCodec) -> anyhow::Result<Heard> {
        let mut decoder = make_decoder(codec)?;
        let frame = decoder.sample_rate().samples(FRAME);
        let mut heard = Heard { rate: decoder.sample_rate().hz(), samples: Vec::new(), arrivals: Vec::new() };
        let Some(first) = self.packets.front().map(|packet| packet.sequence) else { return Ok(heard) };
        let place = |packet: &Packet| packet.sequence.wrapping_sub(first).cast_signed();
        let mut ordered: Vec<&Packet> = self.packets.iter().filter(|packet| place(packet) >= 0).collect();
        ordered.sort_by_key(|packet| place(packet));
        ordered.dedup_by_key(|packet| place(packet));
        let mut pcm = vec![0; frame];
        for packet in ordered {
            while heard.arrivals.len() < place(packet).unsigned_abs().into() {
                decoder.conceal(&mut pcm);
                heard.push(&pcm, None);
            }
            decoder.decode(&packet.payload[..packet.len], &mut pcm)?;
            heard.push(&pcm, Some(packet.arrived));
        }
        Ok(heard)
    }
}

impl Heard {
    /// The last second, or as much as there is.
    pub fn last_second(&self) -> &[i16] {
        let begin = self.samples.len().saturating_sub(self.rate as usize);
        self.samples.get(begin..).unwrap_or_default()
    }

    /// When this moment, counted from the first sample, came in: the arrival of its packet, and its place therein.
    pub fn arrival_of(&self, moment: Duration) -> Option<Instant> {
        let frame = moment.as_micros() / FRAME.as_micros();
        let within = moment.saturating_sub(FRAME * u32::try_from(frame).ok()?);
        let arrived = (*self.arrivals.get(usize::try_from(frame).ok()?)?)?;
        Some(arrived + within)
    }

    fn push(&mut self, pcm: &[i16], arrived: Option<Instant>) {
        self.samples.extend_from_slice(pcm);
        self.arrivals.push(arrived);
    }
}

#[cfg(test)]
mod tests {
    use plenary_media::rtp::{RtpTimestamp, SequenceNumber, Ssrc};

    use super::*;

    fn header(sequence: u16) -> RtpHeader {
        RtpHeader {
            marker: false,
            payload_type: 0,
            sequence: SequenceNumber(sequence),
            timestamp: RtpTimestamp(0),
            ssrc: Ssrc(1),
        }
    }

    #[test]
    fn packets_are_put_in_order_and_gaps_are_filled() {
        let start = Instant::now();
        let mut ear = Ear::default();
        for (late, sequence) in [65_534_u16, 65_535, 1, 0, 3].into_iter().enumerate() {
            ear.handle_packet(&header(sequence), &[0xff; 160], start + FRAME * late as u32);
        }
        let heard = ear.hear(AudioCodec::Pcmu).expect("decodes");
        assert_eq!((heard.rate, heard.samples.len()), (8_000, 6 * 160));
        let came: Vec<_> = heard.arrivals.iter().map(|at| at.map(|at| (at - start).as_millis())).collect();
        assert_eq!(came, [Some(0), Some(20), Some(60), Some(40), None, Some(80)]);
        let middle_of_the_third = Duration::from_millis(50);
        assert_eq!(heard.arrival_of(middle_of_the_third), Some(start + Duration::from_millis(70)));
        assert_eq!(heard.arrival_of(Duration::from_millis(90)), None);
    }

    #[test]
    fn only_the_last_packets_are_kept() {
        let mut ear = Ear::default();
        (0..300).for_each(|sequence| ear.handle_packet(&header(sequence), &[0xff; 160], Instant::now()));
        assert_eq!(ear.hear(AudioCodec::Pcmu).expect("decodes").arrivals.len(), KEPT);
        assert!(ear.hear(AudioCodec::Pcmu).expect("decodes").arrivals.iter().all(Option::is_some));
    }

    #[test]
    fn who_heard_nothing_has_nothing() {
        assert!(Ear::default().hear(AudioCodec::Pcmu).expect("decodes").last_second().is_empty());
    }
}
