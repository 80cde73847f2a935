//! How a leg sounds to the one who listens to it: the E-model of ITU-T G.107, with what RTP can tell.
//!
//! R = 93.2 − Id − Ie,eff. Random loss is assumed (BurstR = 1), echo and noise are not known here. The impairment
//! factors are those of G.113 Appendix I for G.711 with concealment; G.722 and Opus, which the narrow-band scale
//! does not know, get no impairment of their own and the robustness of their concealment.

use std::time::Duration;

use crate::plan::AudioCodec;

/// What is known of a stream over the last interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Transmission {
    /// 0 to 1.
    pub loss: f32,
    /// Mouth to ear, as far as it is known: half the round trip and the jitter buffer.
    pub delay: Duration,
}

/// Mean opinion score, 1 (bad) to 4.5 (excellent).
pub fn mean_opinion_score(codec: AudioCodec, transmission: Transmission) -> f32 {
    let rating = 93.2 - delay_impairment(transmission.delay) - equipment_impairment(codec, transmission.loss);
    score_of(rating)
}

/// Id, in the approximation by Cole and Rosenbluth: nothing is noticed below 177.3 ms.
fn delay_impairment(delay: Duration) -> f32 {
    let ms = delay.as_secs_f32() * 1000.0;
    0.024 * ms + 0.11 * (ms - 177.3).max(0.0)
}

/// Ie,eff = Ie + (95 − Ie) · Ppl / (Ppl + Bpl), G.107 §3.5.
fn equipment_impairment(codec: AudioCodec, loss: f32) -> f32 {
    let (ie, robustness) = match codec {
        AudioCodec::Pcmu | AudioCodec::Pcma => (0.0, 25.1),
        AudioCodec::G722 => (0.0, 13.0),
        AudioCodec::Opus => (0.0, 30.0),
        AudioCodec::AmrWb(_) => (0.0, 13.0),
    };
    let percent = loss.clamp(0.0, 1.0) * 100.0;
    ie + (95.0 - ie) * percent / (percent + robustness)
}

/// G.107 Annex B.
fn score_of(rating: f32) -> f32 {
    let r = rating.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(loss: f32, delay_ms: u64) -> f32 {
        mean_opinion_score(AudioCodec::Pcmu, Transmission { loss, delay: Duration::from_millis(delay_ms) })
    }

    #[test]
    fn an_undisturbed_call_scores_as_g_107_says() {
        assert!((score(0.0, 0) - 4.41).abs() < 0.01, "{}", score(0.0, 0));
    }

    #[test]
    fn loss_and_delay_cost_and_never_leave_the_scale() {
        assert!(score(0.01, 50) < score(0.0, 50));
        assert!(score(0.0, 400) < score(0.0, 150) - 0.3);
        assert!((3.0..4.0).contains(&score(0.05, 100)), "{}", score(0.05, 100));
        for loss in [0.0, 0.5, 1.0, 7.0] {
            assert!((1.0..=4.5).contains(&score(loss, 5000)));
        }
    }
}
