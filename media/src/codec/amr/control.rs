//! Which mode each frame is sent at: the peer asks (CMR, RFC 4867 §4.3.1), the session's parameters say how to get there.

use super::{AmrFormat, Mode};

#[derive(Clone, Debug)]
pub struct ModeControl {
    format: AmrFormat,
    goal: Mode,
    current: Mode,
    /// Frames that this mode was kept for, at most two.
    kept: u8,
}

impl ModeControl {
    pub fn new(format: AmrFormat) -> Self {
        let initial = format.initial();
        Self { format, goal: initial, current: initial, kept: 0 }
    }

    /// `None`: the peer asks for nothing. A mode outside of the set is not heeded.
    pub fn handle_request(&mut self, request: Option<Mode>) {
        self.goal = match request {
            Some(mode) if self.format.allowed().holds(mode) => mode,
            Some(_) => self.goal,
            None => self.format.initial(),
        };
    }

    /// The mode of the next frame.
    pub fn next_mode(&mut self) -> Mode {
        let may_change = !self.format.every_second || self.kept >= 2;
        if self.current != self.goal && may_change {
            self.current = match self.format.by_neighbours {
                true => self.format.allowed().step(self.current, self.goal),
                false => self.goal,
            };
            self.kept = 0;
        }
        self.kept = (self.kept + 1).min(2);
        self.current
    }
}

#[cfg(test)]
mod tests {
    use super::super::ModeSet;
    use super::*;

    fn mode(number: u8) -> Mode {
        Mode::new(number).expect("a mode")
    }

    fn sent(format: AmrFormat, request: u8, frames: usize) -> Vec<u8> {
        let mut control = ModeControl::new(format);
        control.next_mode();
        control.next_mode();
        control.handle_request(Some(mode(request)));
        (0..frames).map(|_| control.next_mode().number()).collect()
    }

    #[test]
    fn a_request_is_obeyed_at_the_next_frame() {
        assert_eq!(sent(AmrFormat::PLAIN, 8, 2), [8, 8]);
        assert_eq!(sent(AmrFormat::PLAIN, 0, 2), [0, 0]);
    }

    #[test]
    fn a_mode_outside_of_the_set_is_not_heeded() {
        let modes = ModeSet::new([0, 1, 2].map(mode));
        assert_eq!(sent(AmrFormat { modes, ..AmrFormat::PLAIN }, 8, 2), [2, 2]);
    }

    #[test]
    fn with_neighbours_and_period_the_way_is_walked_step_by_step() {
        let format = AmrFormat { every_second: true, by_neighbours: true, ..AmrFormat::PLAIN };
        assert_eq!(sent(format, 5, 8), [3, 3, 4, 4, 5, 5, 5, 5]);
        assert_eq!(sent(format, 0, 5), [1, 1, 0, 0, 0]);
    }

    #[test]
    fn who_asks_for_nothing_more_gets_the_initial_mode_again() {
        let mut control = ModeControl::new(AmrFormat::PLAIN);
        control.handle_request(Some(mode(8)));
        assert_eq!(control.next_mode(), mode(8));
        control.handle_request(None);
        assert_eq!(control.next_mode(), Mode::INITIAL);
    }
}
