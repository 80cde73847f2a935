//! The sum of all speakers, and what each one hears of it.

use super::Frame;

/// One tick's sum in i32: up to 65 536 full-scale speakers fit.
#[derive(Debug)]
pub struct Sum {}

impl Default for Sum {
    fn default() -> Self {
        Self::new()
    }
}

impl Sum {
    pub fn new() -> Self {
        Self {}
    }

    pub fn clear(&mut self) {}

    pub fn add(&mut self, frame: &Frame) {
        let _ = frame;
    }

    /// What a silent listener hears: limit(S).
    pub fn whole(&self, out: &mut Frame) {
        let _ = out;
    }

    /// What a speaker hears: limit(S − own), an exact difference.
    pub fn without(&self, own: &Frame, out: &mut Frame) {
        let _ = (own, out);
    }
}
