//! How a leg sounds to the one who listens to it: the E-model, with what RTP can tell.
//!
//! Two models on two scales, for telephone sound and for wide-band sound. A score compares legs of one scale: 4.3 of a
//! wide-band leg is a better sound than 4.4 of a narrow-band one.
//!
//! | | narrow band: ITU-T G.107 | wide band: ITU-T G.107.1 |
//! |---|---|---|
//! | codecs | G.711 | G.722, AMR-WB, Opus |
//! | R | 93.2 − Id − Ie,eff | 129 − Id − Ie,eff |
//! | Id | Cole and Rosenbluth's approximation, with standard echo | Idd alone, of an echo-free way (§7.4) |
//! | score | of R (Annex B) | of R / 1.29 (§7.6) |
//!
//! Random loss is assumed (BurstR = 1); echo, noise and what phones do to the voice are not known here. Super-wide-band
//! (G.107.2) is left out: its table knows no codec that we have.

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

/// The rating of a stream on its scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rating {
    /// R, 0 to 100.
    Narrow(f32),
    /// R, 0 to 129.
    Wide(f32),
}

impl Rating {
    pub fn of(codec: AudioCodec, transmission: Transmission) -> Self {
        let Impairment { is_wide, ie, robustness } = Impairment::of(codec);
        let equipment = effective(ie, robustness, transmission.loss);
        if is_wide {
            Self::Wide((Self::MOST_WIDE - wide_delay(transmission.delay) - equipment).clamp(0.0, Self::MOST_WIDE))
        } else {
            Self::Narrow((93.2 - narrow_delay(transmission.delay) - equipment).clamp(0.0, 100.0))
        }
    }

    /// Ro of G.107.1 with all its default values.
    const MOST_WIDE: f32 = 129.0;

    /// The rating where the scale ends at 100, as RFC 3611 §4.7.5 tells it.
    pub fn of_100(self) -> f32 {
        match self {
            Self::Narrow(r) => r,
            Self::Wide(r) => r / 1.29,
        }
    }

    /// Mean opinion score, 1 (bad) to 4.5 (excellent).
    pub fn score(self) -> f32 {
        let r = self.of_100();
        (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
    }
}

/// Mean opinion score, 1 (bad) to 4.5 (excellent), on the scale of the codec.
pub fn mean_opinion_score(codec: AudioCodec, transmission: Transmission) -> f32 {
    Rating::of(codec, transmission).score()
}

/// What a codec does to the voice: Ie, and how well it bears loss, Bpl.
struct Impairment {
    is_wide: bool,
    ie: f32,
    robustness: f32,
}

impl Impairment {
    /// | codec | Ie | Bpl | from |
    /// |---|---|---|---|
    /// | G.711 with concealment | 0 | 25.1 | G.113 Appendix I |
    /// | G.722 at 64 kbit/s | 13 | 4.3 | G.113 Appendix IV; Bpl is AMR-WB's, the appendix has none for our concealment |
    /// | AMR-WB at 12.65 kbit/s | 13 | 4.3 | G.113 Appendix IV |
    /// | Opus | 8 | 10 | no recommendation: Ie of AMR-WB at 23.85 kbit/s, which it equals at 24 kbit/s and more; Bpl an assumption for its in-band FEC |
    fn of(codec: AudioCodec) -> Self {
        let (is_wide, ie, robustness) = match codec {
            AudioCodec::Pcmu | AudioCodec::Pcma => (false, 0.0, 25.1),
            AudioCodec::G722 | AudioCodec::AmrWb(_) => (true, 13.0, 4.3),
            AudioCodec::Opus => (true, 8.0, 10.0),
        };
        Self { is_wide, ie, robustness }
    }
}

/// Ie,eff = Ie + (95 − Ie) · Ppl / (Ppl + Bpl): G.107 §7.5, and G.107.1 §7.5 with the same 95.
fn effective(ie: f32, robustness: f32, loss: f32) -> f32 {
    let percent = loss.clamp(0.0, 1.0) * 100.0;
    ie + (95.0 - ie) * percent / (percent + robustness)
}

/// Id, in the approximation by Cole and Rosenbluth: nothing is noticed below 177.3 ms.
fn narrow_delay(delay: Duration) -> f32 {
    let ms = delay.as_secs_f32() * 1000.0;
    0.024 * ms + 0.11 * (ms - 177.3).max(0.0)
}

/// Idd: nothing below 100 ms.
fn wide_delay(delay: Duration) -> f32 {
    let ms = delay.as_secs_f32() * 1000.0;
    if ms <= 100.0 {
        return 0.0;
    }
    let x = (ms / 100.0).log2();
    let sixth_root = |x: f32| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (sixth_root(x) - 3.0 * sixth_root(x / 3.0) + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(loss: f32, delay_ms: u64) -> Transmission {
        Transmission { loss, delay: Duration::from_millis(delay_ms) }
    }

    fn score(loss: f32, delay_ms: u64) -> f32 {
        mean_opinion_score(AudioCodec::Pcmu, at(loss, delay_ms))
    }

    #[test]
    fn an_undisturbed_call_scores_as_g_107_says() {
        assert!((score(0.0, 0) - 4.41).abs() < 0.01, "{}", score(0.0, 0));
    }

    /// G.107.1: R of G.722 is 116, and so on; a score is of R / 1.29.
    #[test]
    fn wide_band_ends_at_129_and_is_scored_as_g_107_1_says() {
        let rating = |codec, loss, delay| Rating::of(codec, at(loss, delay));
        assert_eq!(rating(AudioCodec::G722, 0.0, 100), Rating::Wide(116.0));
        assert_eq!(rating(AudioCodec::Opus, 0.0, 0), Rating::Wide(121.0));
        assert!((Rating::Wide(129.0).score() - 4.5).abs() < 0.001);
        assert!((rating(AudioCodec::G722, 0.0, 0).score() - 4.33).abs() < 0.02);
        // X = 1 and X/3 = 1/3: 25 · (2^(1/6) − 3 · (1 + 3^-6)^(1/6) + 2).
        let Rating::Wide(late) = rating(AudioCodec::G722, 0.0, 200) else { panic!("wide") };
        assert!((116.0 - late - 3.04).abs() < 0.02, "{late}");
        let Rating::Wide(lossy) = rating(AudioCodec::G722, 0.043, 0) else { panic!("wide") };
        assert!((lossy - (116.0 - 41.0)).abs() < 0.01, "half of 82 at Ppl = Bpl: {lossy}");
        assert!(matches!(rating(AudioCodec::Pcma, 0.0, 0), Rating::Narrow(r) if r == 93.2));
    }

    #[test]
    fn loss_and_delay_cost_and_never_leave_the_scale() {
        for codec in AudioCodec::ALL {
            let score = |loss, delay| mean_opinion_score(codec, at(loss, delay));
            assert!(score(0.01, 50) < score(0.0, 50), "{codec:?}");
            assert!(score(0.0, 400) < score(0.0, 150) - 0.3, "{codec:?}");
            for loss in [0.0, 0.5, 1.0, 7.0] {
                assert!((1.0..=4.5).contains(&score(loss, 5000)), "{codec:?}");
                assert!((0.0..=100.0).contains(&Rating::of(codec, at(loss, 5000)).of_100()), "{codec:?}");
            }
        }
        assert!((3.0..4.0).contains(&score(0.05, 100)), "{}", score(0.05, 100));
    }
}
