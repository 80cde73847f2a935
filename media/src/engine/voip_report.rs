//! What we tell of a peer's voice beyond its losses: VoIP metrics (RFC 3611 §4.7), made when a report is due.

use std::time::Duration;

use super::receive::Receiver;
use crate::mix::TICK;
use crate::mix::jitter::LONGEST_DELAY;
use crate::quality::{Rating, Transmission};
use crate::rtp::RtpSource;
use crate::rtp::rtcp::extended::VoipMetrics;

/// Over the whole stream; none before its first voice.
pub(super) fn voip_metrics(receiver: &Receiver, round_trip: Option<Duration>) -> Option<VoipMetrics> {
    let (source, codec) = (receiver.source()?, receiver.codec()?);
    let playout = receiver.playout.stats();
    let lost = u64::try_from(source.lost()).unwrap_or(0);
    let expected = source.received() + lost;
    let missed = (lost + playout.late) as f32 / expected.max(1) as f32;
    let rating = |delay| Rating::of(codec, Transmission { loss: missed, delay });
    let conversation = rating(round_trip.unwrap_or_default() / 2 + playout.delay);
    let bursts = source.bursts();
    let buffer = millis(playout.delay);
    Some(VoipMetrics {
        ssrc: source.ssrc(),
        loss_rate: of_256(lost, expected),
        discard_rate: of_256(playout.late, expected),
        burst_density: bursts.burst_density,
        gap_density: bursts.gap_density,
        burst_duration: lasting(source, bursts.burst_packets),
        gap_duration: lasting(source, bursts.gap_packets),
        round_trip: millis(round_trip.unwrap_or_default()),
        end_system_delay: millis(playout.delay + TICK),
        r_factor: conversation.of_100().round() as u8,
        mos_listening: ten_times(rating(Duration::ZERO).score()),
        mos_conversation: ten_times(conversation.score()),
        receiver: VoipMetrics::ENHANCED_AND_ADAPTIVE,
        buffer_nominal: buffer,
        buffer_most: buffer,
        buffer_limit: millis(LONGEST_DELAY),
        ..VoipMetrics::default()
    })
}

fn of_256(packets: u64, of: u64) -> u8 {
    u8::try_from((256 * packets).checked_div(of).unwrap_or(0)).unwrap_or(255)
}

fn millis(duration: Duration) -> u16 {
    u16::try_from(duration.as_millis()).unwrap_or(u16::MAX)
}

fn lasting(source: &RtpSource, packets: u64) -> u16 {
    millis(source.duration_of_packets(packets))
}

fn ten_times(score: f32) -> u8 {
    (score * 10.0).round() as u8
}
