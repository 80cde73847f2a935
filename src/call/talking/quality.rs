//! Quality of a leg from the engine's counts: what the last five seconds were like.

use plenary_media::engine::LegStats;
use plenary_media::plan::AudioCodec;
use plenary_media::quality::{Transmission, mean_opinion_score};

use crate::conference::{EchoReading, Quality};

/// The counts of the interval before, and what was told last.
#[derive(Debug, Default)]
pub(in crate::call) struct QualityWatch {
    before: LegStats,
    told: Option<Quality>,
}

impl QualityWatch {
    /// Gives what is worth telling: a change that a person would notice, or that nothing comes any more.
    pub fn handle_stats(&mut self, stats: &LegStats, codec: AudioCodec) -> Option<Option<Quality>> {
        let quality = self.measure(stats, codec);
        let changed = match (&self.told, &quality) {
            (Some(told), Some(now)) => is_noticed(told, now),
            (None, None) => false,
            _ => true,
        };
        changed.then(|| {
            self.told = quality;
            quality
        })
    }

    /// `None` when nothing came in this interval: silence is no quality.
    fn measure(&mut self, stats: &LegStats, codec: AudioCodec) -> Option<Quality> {
        let before = std::mem::replace(&mut self.before, *stats);
        let received = stats.packets_received.saturating_sub(before.packets_received);
        if received == 0 {
            return None;
        }
        let lost = stats.packets_lost.saturating_sub(before.packets_lost).max(0) as f32;
        let loss = lost / (lost + received as f32);
        let one_way = stats.round_trip.unwrap_or_default() / 2;
        let delay = one_way + 2 * stats.jitter;
        Some(Quality {
            loss_percent: tenths(loss * 100.0),
            jitter_ms: stats.jitter.as_millis().try_into().unwrap_or(u32::MAX),
            round_trip_ms: stats.round_trip.map(|trip| trip.as_millis().try_into().unwrap_or(u32::MAX)),
            echo: stats.echo.map(|echo| EchoReading {
                delay_ms: echo.delay.as_millis().try_into().unwrap_or(u32::MAX),
                return_loss_db: tenths(echo.return_loss_db),
            }),
            mos: tenths(mean_opinion_score(codec, Transmission { loss, delay })),
        })
    }
}

/// A hundred legs whose jitter moves by a millisecond are no news.
fn is_noticed(told: &Quality, now: &Quality) -> bool {
    let trip = |quality: &Quality| quality.round_trip_ms.unwrap_or_default();
    (told.mos - now.mos).abs() >= 0.1
        || (told.loss_percent - now.loss_percent).abs() >= 1.0
        || told.jitter_ms.abs_diff(now.jitter_ms) >= 10
        || told.echo.is_some() != now.echo.is_some()
        || trip(told).abs_diff(trip(now)) >= 50
}

fn tenths(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plenary_media::engine::Echo;

    use super::*;

    fn at(received: u64, lost: i64) -> LegStats {
        LegStats {
            packets_received: received,
            packets_lost: lost,
            jitter: Duration::from_millis(4),
            ..LegStats::default()
        }
    }

    #[test]
    fn loss_is_that_of_the_interval_not_of_the_call() {
        let mut watch = QualityWatch::default();
        let mut told = |stats| watch.handle_stats(&stats, AudioCodec::Pcmu).expect("worth telling");
        let clean = told(at(250, 0)).expect("packets came");
        assert_eq!((clean.loss_percent, clean.jitter_ms), (0.0, 4));
        let bad = told(at(475, 25)).expect("packets came");
        assert_eq!(bad.loss_percent, 10.0);
        assert!(bad.mos < clean.mos);
        assert_eq!(told(at(475, 25)), None, "nothing came");
        assert_eq!(told(at(725, 25)).map(|good_again| good_again.mos), Some(clean.mos));
    }

    #[test]
    fn that_a_leg_begins_to_echo_is_told() {
        let mut watch = QualityWatch::default();
        watch.handle_stats(&at(250, 0), AudioCodec::Pcmu);
        let echo = Some(Echo { delay: Duration::from_millis(180), return_loss_db: 20.04 });
        let told = watch.handle_stats(&LegStats { echo, ..at(500, 0) }, AudioCodec::Pcmu).flatten();
        let reading = told.and_then(|quality| quality.echo);
        assert_eq!(reading, Some(EchoReading { delay_ms: 180, return_loss_db: 20.0 }));
    }

    #[test]
    fn what_nobody_would_notice_is_not_told() {
        let mut watch = QualityWatch::default();
        assert!(watch.handle_stats(&at(250, 0), AudioCodec::Pcmu).is_some());
        let little = LegStats { jitter: Duration::from_millis(5), ..at(500, 0) };
        assert_eq!(watch.handle_stats(&little, AudioCodec::Pcmu), None);
    }
}
