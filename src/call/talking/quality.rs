//! Quality of a leg from the engine's counts: what the last five seconds were like.

use std::time::Duration;

use plenary_media::engine::LegStats;
use plenary_media::plan::AudioCodec;
use plenary_media::quality::{Transmission, mean_opinion_score};

use crate::conference::{EchoReading, Quality, RemoteQuality};

/// The counts of the interval before, and what was told last.
#[derive(Debug, Default)]
pub(in crate::call) struct QualityWatch {
    received: u64,
    lost: i64,
    told: Option<Quality>,
}

/// One interval of a leg's voice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::call) struct Measured {
    pub codec: AudioCodec,
    pub mos: f32,
    /// 0 to 1.
    pub loss: f32,
    pub jitter: Duration,
    pub round_trip: Option<Duration>,
}

impl QualityWatch {
    /// Gives what the interval was like; `None` when nothing came in it: silence is no quality. `codec`: what the leg is
    /// sent, where it is not known what it sends.
    pub fn measure(&mut self, stats: &LegStats, codec: AudioCodec) -> Option<Measured> {
        let before = (self.received, self.lost);
        (self.received, self.lost) = (stats.packets_received, stats.packets_lost);
        let received = stats.packets_received.saturating_sub(before.0);
        if received == 0 {
            return None;
        }
        let lost = stats.packets_lost.saturating_sub(before.1).max(0) as f32;
        let loss = lost / (lost + received as f32);
        let one_way = stats.round_trip.unwrap_or_default() / 2;
        let delay = one_way + 2 * stats.jitter;
        let codec = stats.codec.unwrap_or(codec);
        let mos = mean_opinion_score(codec, Transmission { loss, delay });
        Some(Measured { codec, mos, loss, jitter: stats.jitter, round_trip: stats.round_trip })
    }

    /// Gives what is worth telling of it: a change that a person would notice, or that nothing comes any more.
    pub fn news(&mut self, measured: Option<Measured>, stats: &LegStats) -> Option<Option<Quality>> {
        let quality = measured.map(|measured| quality_of(&measured, stats));
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
}

fn quality_of(measured: &Measured, stats: &LegStats) -> Quality {
    Quality {
        loss_percent: tenths(measured.loss * 100.0),
        jitter_ms: millis(measured.jitter),
        round_trip_ms: measured.round_trip.map(millis),
        echo: stats
            .echo
            .map(|echo| EchoReading { delay_ms: millis(echo.delay), return_loss_db: tenths(echo.return_loss_db) }),
        mos: tenths(measured.mos),
        remote: remote_of(stats),
    }
}

/// What the phone says of what it hears; `None` where it says nothing.
fn remote_of(stats: &LegStats) -> Option<RemoteQuality> {
    if stats.remote_loss.is_none() && stats.remote.is_none() {
        return None;
    }
    Some(RemoteQuality {
        loss_percent: stats.remote_loss.map(|loss| tenths(loss * 100.0)),
        jitter_ms: stats.remote_jitter.map(millis),
        mos: stats.remote.and_then(|metrics| metrics.mos()),
        late_percent: stats.remote.map(|metrics| tenths(f32::from(metrics.discard_rate) / 2.56)),
        delay_ms: stats.remote.map(|metrics| metrics.end_system_delay.into()),
    })
}

fn millis(duration: Duration) -> u32 {
    duration.as_millis().try_into().unwrap_or(u32::MAX)
}

/// A hundred legs whose jitter moves by a millisecond are no news.
fn is_noticed(told: &Quality, now: &Quality) -> bool {
    let trip = |quality: &Quality| quality.round_trip_ms.unwrap_or_default();
    (told.mos - now.mos).abs() >= 0.1
        || (told.loss_percent - now.loss_percent).abs() >= 1.0
        || told.jitter_ms.abs_diff(now.jitter_ms) >= 10
        || told.echo.is_some() != now.echo.is_some()
        || trip(told).abs_diff(trip(now)) >= 50
        || is_remote_noticed(told.remote.as_ref(), now.remote.as_ref())
}

fn is_remote_noticed(told: Option<&RemoteQuality>, now: Option<&RemoteQuality>) -> bool {
    let (Some(told), Some(now)) = (told, now) else { return told.is_some() != now.is_some() };
    let apart = |a: Option<f32>, b: Option<f32>| (a.unwrap_or_default() - b.unwrap_or_default()).abs();
    let jitter = |quality: &RemoteQuality| quality.jitter_ms.unwrap_or_default();
    apart(told.mos, now.mos) >= 0.1
        || apart(told.loss_percent, now.loss_percent) >= 1.0
        || jitter(told).abs_diff(jitter(now)) >= 10
}

fn tenths(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use plenary_media::engine::Echo;
    use plenary_media::rtp::rtcp::extended::VoipMetrics;

    use super::*;

    fn at(received: u64, lost: i64) -> LegStats {
        LegStats {
            packets_received: received,
            packets_lost: lost,
            jitter: Duration::from_millis(4),
            ..LegStats::default()
        }
    }

    fn told(watch: &mut QualityWatch, stats: &LegStats) -> Option<Option<Quality>> {
        let measured = watch.measure(stats, AudioCodec::Pcmu);
        watch.news(measured, stats)
    }

    #[test]
    fn loss_is_that_of_the_interval_not_of_the_call() {
        let mut watch = QualityWatch::default();
        let mut told = |stats| told(&mut watch, &stats).expect("worth telling");
        let clean = told(at(250, 0)).expect("packets came");
        assert_eq!((clean.loss_percent, clean.jitter_ms), (0.0, 4));
        let bad = told(at(475, 25)).expect("packets came");
        assert_eq!(bad.loss_percent, 10.0);
        assert!(bad.mos < clean.mos);
        assert_eq!(told(at(475, 25)), None, "nothing came");
        assert_eq!(told(at(725, 25)).map(|good_again| good_again.mos), Some(clean.mos));
    }

    #[test]
    fn the_score_is_of_what_the_phone_sends() {
        let mut watch = QualityWatch::default();
        let wide = LegStats { codec: Some(AudioCodec::G722), ..at(250, 0) };
        let measured = watch.measure(&wide, AudioCodec::Pcmu).expect("packets came");
        assert_eq!((measured.codec, tenths(measured.mos)), (AudioCodec::G722, 4.3));
    }

    #[test]
    fn that_a_leg_begins_to_echo_is_told() {
        let mut watch = QualityWatch::default();
        told(&mut watch, &at(250, 0));
        let echo = Some(Echo { delay: Duration::from_millis(180), return_loss_db: 20.04 });
        let told = told(&mut watch, &LegStats { echo, ..at(500, 0) }).flatten();
        let reading = told.and_then(|quality| quality.echo);
        assert_eq!(reading, Some(EchoReading { delay_ms: 180, return_loss_db: 20.0 }));
    }

    #[test]
    fn what_the_phone_hears_is_told_as_it_says_it() {
        let mut watch = QualityWatch::default();
        told(&mut watch, &at(250, 0));
        let reported = LegStats {
            remote_loss: Some(0.25),
            remote_jitter: Some(Duration::from_millis(12)),
            remote: Some(VoipMetrics {
                mos_conversation: 38,
                discard_rate: 128,
                end_system_delay: 90,
                ..VoipMetrics::default()
            }),
            ..at(500, 0)
        };
        let remote = told(&mut watch, &reported).flatten().and_then(|quality| quality.remote);
        let expected = RemoteQuality {
            loss_percent: Some(25.0),
            jitter_ms: Some(12),
            mos: Some(3.8),
            late_percent: Some(50.0),
            delay_ms: Some(90),
        };
        assert_eq!(remote, Some(expected));
        let again = LegStats { packets_received: 750, ..reported };
        assert_eq!(told(&mut watch, &again), None, "once");
    }

    #[test]
    fn what_nobody_would_notice_is_not_told() {
        let mut watch = QualityWatch::default();
        assert!(told(&mut watch, &at(250, 0)).is_some());
        let little = LegStats { jitter: Duration::from_millis(5), ..at(500, 0) };
        assert_eq!(told(&mut watch, &little), None);
    }
}
