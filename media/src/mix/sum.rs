//! The sum of all speakers, and what each one hears of it.

use super::{FRAME_SAMPLES, Frame, Limiter};

/// One tick's sum in i32: up to 65 536 full-scale speakers fit.
///
/// Limited once, on the way out, so that what a speaker hears is an exact difference.
#[derive(Debug)]
pub struct Sum {
    sum: Box<[i32; FRAME_SAMPLES]>,
}

impl Default for Sum {
    fn default() -> Self {
        Self::new()
    }
}

impl Sum {
    pub fn new() -> Self {
        Self { sum: Box::new([0; FRAME_SAMPLES]) }
    }

    pub fn clear(&mut self) {
        self.sum.fill(0);
    }

    pub fn add(&mut self, frame: &Frame) {
        for (sum, &sample) in self.sum.iter_mut().zip(frame) {
            *sum += i32::from(sample);
        }
    }

    /// What a silent listener hears: limit(S).
    pub fn whole(&self, limiter: &mut Limiter, out: &mut Frame) {
        limiter.limit(&self.sum, out);
    }

    /// What a speaker hears: limit(S − own).
    pub fn without(&self, own: &Frame, limiter: &mut Limiter, out: &mut Frame) {
        let mut rest = [0; FRAME_SAMPLES];
        for ((rest, &sum), &own) in rest.iter_mut().zip(self.sum.iter()).zip(own) {
            *rest = sum - i32::from(own);
        }
        limiter.limit(&rest, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(frames: &[Frame]) -> (Frame, Vec<Frame>) {
        let mut sum = Sum::new();
        frames.iter().for_each(|frame| sum.add(frame));
        let mut whole = [0; FRAME_SAMPLES];
        sum.whole(&mut Limiter::default(), &mut whole);
        let without = |own: &Frame| {
            let mut out = [0; FRAME_SAMPLES];
            sum.without(own, &mut Limiter::default(), &mut out);
            out
        };
        (whole, frames.iter().map(without).collect())
    }

    #[test]
    fn of_two_speakers_each_hears_the_other_exactly() {
        let (a, b) = ([32_767; FRAME_SAMPLES], [-1_234; FRAME_SAMPLES]);
        let (_, without) = heard(&[a, b]);
        assert_eq!(without[0], b);
        let (_, without) = heard(&[b, b]);
        assert_eq!(without[1], b);
    }

    #[test]
    fn a_lone_speaker_hears_silence() {
        let (whole, without) = heard(&[[5_000; FRAME_SAMPLES]]);
        assert_eq!(whole, [5_000; FRAME_SAMPLES]);
        assert_eq!(without[0], [0; FRAME_SAMPLES]);
    }

    #[test]
    fn a_cleared_sum_is_silent() {
        let mut sum = Sum::new();
        sum.add(&[9; FRAME_SAMPLES]);
        sum.clear();
        let mut out = [1; FRAME_SAMPLES];
        sum.whole(&mut Limiter::default(), &mut out);
        assert_eq!(out, [0; FRAME_SAMPLES]);
    }
}
