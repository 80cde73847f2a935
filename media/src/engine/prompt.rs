//! A clip on its way to the ear.

use std::sync::Arc;

use super::command::Clip;
use crate::mix::Frame;

#[derive(Debug)]
pub(super) struct Prompt {
    clip: Arc<Clip>,
    played: usize,
}

impl Prompt {
    pub fn new(clip: Arc<Clip>) -> Self {
        Self { clip, played: 0 }
    }

    /// Adds the next 20 ms to what is heard.
    pub fn add_to(&mut self, frame: &mut Frame) {
        let rest = self.clip.samples.get(self.played..).unwrap_or(&[]);
        for (sample, prompt) in frame.iter_mut().zip(rest) {
            *sample = sample.saturating_add(*prompt);
        }
        self.played += frame.len();
    }

    pub fn begin_again(&mut self) {
        self.played = 0;
    }

    pub fn is_over(&self) -> bool {
        self.played >= self.clip.samples.len()
    }

    /// The clip, to be dropped elsewhere.
    pub fn into_clip(self) -> Arc<Clip> {
        self.clip
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::SILENCE;

    #[test]
    fn a_clip_is_over_after_its_last_frame() {
        let mut prompt = Prompt::new(Arc::new(Clip { samples: vec![1_000; 1_000] }));
        let mut frame = [32_000; 960];
        prompt.add_to(&mut frame);
        assert_eq!((frame[959], prompt.is_over()), (i16::MAX, false));
        let mut frame = SILENCE;
        prompt.add_to(&mut frame);
        assert_eq!((frame[39], frame[40], prompt.is_over()), (1_000, 0, true));
    }
}
