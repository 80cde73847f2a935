//! How all legs sound, as histograms: one value of each leg every five seconds, by the codec that it sends.

use plenary_media::engine::Breaker;

use super::quality::Measured;
use crate::telemetry::distribution::Distributions;
use crate::telemetry::metrics::{Counter, Family, Metric, Metrics};

const MOS: Metric<1> = Metric::new(
    "media_leg_mos",
    "Opinion scores of what legs send, every five seconds: G.107, and G.107.1 of wide-band codecs.",
    ["codec"],
);
const LOSS: Metric<1> = Metric::new("media_leg_loss_ratio", "Shares of packets lost, every five seconds.", ["codec"]);
const JITTER: Metric<1> =
    Metric::new("media_leg_jitter_seconds", "Jitter of arrival (RFC 3550), every five seconds.", ["codec"]);
const ROUND_TRIP: Metric<1> =
    Metric::new("media_leg_round_trip_seconds", "Round trips to legs that report, every five seconds.", ["codec"]);
const BREAKERS: Metric<1> =
    Metric::new("media_circuit_breakers_total", "Streams that were stopped (RFC 8083), by reason.", ["reason"]);

const MOS_BOUNDS: &[f64] = &[1.5, 2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.4];
const LOSS_BOUNDS: &[f64] = &[0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const JITTER_BOUNDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
const ROUND_TRIP_BOUNDS: &[f64] = &[0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0];

#[derive(Clone, Debug)]
pub(in crate::call) struct QualityMetrics {
    mos: Distributions<1>,
    loss: Distributions<1>,
    jitter: Distributions<1>,
    round_trip: Distributions<1>,
    breakers: Family<Counter, 1>,
}

impl QualityMetrics {
    pub fn new(metrics: &Metrics) -> Self {
        let breakers = metrics.counter(BREAKERS);
        Breaker::ALL.into_iter().for_each(|breaker| drop(breakers.with([breaker.name()])));
        Self {
            mos: metrics.distributions(MOS, MOS_BOUNDS),
            loss: metrics.distributions(LOSS, LOSS_BOUNDS),
            jitter: metrics.distributions(JITTER, JITTER_BOUNDS),
            round_trip: metrics.distributions(ROUND_TRIP, ROUND_TRIP_BOUNDS),
            breakers,
        }
    }

    pub fn observe(&self, measured: &Measured) {
        let codec = [measured.codec.name()];
        self.mos.with(codec).observe(measured.mos.into());
        self.loss.with(codec).observe(measured.loss.into());
        self.jitter.with(codec).observe(measured.jitter.as_secs_f64());
        if let Some(round_trip) = measured.round_trip {
            self.round_trip.with(codec).observe(round_trip.as_secs_f64());
        }
    }

    pub fn count(&self, breaker: Breaker) {
        self.breakers.with([breaker.name()]).add(1);
    }
}
