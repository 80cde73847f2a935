//! Sample rate conversion between codecs and the mixer: 8 ↔ 48 and 16 ↔ 48 kHz.

use crate::codec::SampleRate;

#[derive(Debug)]
pub struct Resampler {}

impl Resampler {
    pub fn new(from: SampleRate, to: SampleRate) -> Self {
        let _ = (from, to);
        Self {}
    }

    /// Converts samples; downwards a multiple of the ratio of them. Returns how many were written.
    pub fn process(&mut self, input: &[i16], out: &mut [i16]) -> usize {
        let _ = (input, out);
        unimplemented!()
    }

    /// Forgets what came before.
    pub fn reset(&mut self) {}
}
