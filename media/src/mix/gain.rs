//! Louder and softer, without clicks: a change of gain ramps over one frame.

use super::Frame;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gain {
    current: f32,
    wanted: f32,
    set_db: f32,
    auto_db: f32,
}

impl Default for Gain {
    fn default() -> Self {
        Self { current: 1.0, wanted: 1.0, set_db: 0.0, auto_db: 0.0 }
    }
}

impl Gain {
    /// Sets the gain; held to −40…+20 dB.
    pub fn set_db(&mut self, gain_db: f32) {
        self.set_db = if gain_db.is_finite() { gain_db.clamp(-40.0, 20.0) } else { 0.0 };
        self.want();
    }

    /// Sets what is added to it by itself.
    pub fn set_auto_db(&mut self, auto_db: f32) {
        if auto_db != self.auto_db {
            self.auto_db = auto_db;
            self.want();
        }
    }

    fn want(&mut self) {
        self.wanted = 10.0_f32.powf((self.set_db + self.auto_db) / 20.0);
    }

    /// Applies the gain in place. Costs nothing at 0 dB.
    pub fn apply(&mut self, frame: &mut Frame) {
        if self.current == 1.0 && self.wanted == 1.0 {
            return;
        }
        let step = (self.wanted - self.current) / frame.len() as f32;
        for (n, sample) in frame.iter_mut().enumerate() {
            *sample = (f32::from(*sample) * (self.current + step * n as f32)) as i16; // saturates
        }
        self.current = self.wanted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_decibels_double_after_one_frame_of_ramp() {
        let mut gain = Gain::default();
        gain.set_db(6.02);
        let mut ramp = [1_000; 960];
        gain.apply(&mut ramp);
        assert_eq!(ramp[0], 1_000);
        assert!(ramp.windows(2).all(|pair| (0..=2).contains(&(pair[1] - pair[0]))));
        let mut frame = [1_000; 960];
        gain.apply(&mut frame);
        assert!(frame.iter().all(|sample| (1_998..=2_001).contains(sample)));
    }

    #[test]
    fn loud_stays_within_the_scale() {
        let mut gain = Gain::default();
        gain.set_db(99.0);
        for _ in 0..2 {
            let mut frame = [-20_000; 960];
            gain.apply(&mut frame);
            assert!(frame.iter().all(|&sample| sample <= -20_000));
        }
    }

    #[test]
    fn no_gain_leaves_the_frame() {
        let mut frame = [123; 960];
        Gain::default().apply(&mut frame);
        assert_eq!(frame, [123; 960]);
    }
}
