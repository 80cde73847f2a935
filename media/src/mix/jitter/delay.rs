//! How long packets should wait: the margin, and whether the delay is to grow or to shrink.

use std::time::Duration;

/// The least wait that the buffer aims at; some milliseconds come of the sender's and our own timers alone.
const MARGIN: Duration = Duration::from_millis(8);
const MOST_MARGIN: Duration = Duration::from_millis(60);
/// The margin grows by this with every packet too late …
const GROWTH: Duration = Duration::from_millis(5);
/// … and shrinks by this with every window in which none was.
const DECAY: Duration = Duration::from_millis(1);
/// Ticks over which slack is observed.
const WINDOW: u32 = 75;
/// Packets too late in a window that make the delay grow at once.
const TOO_MANY: u32 = 2;
/// Percent of loss at which redundancy in the next packet is worth the wait for it.
const LOSSY: f32 = 1.5;

/// What the delay needs at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjust {
    /// Conceal one tick without playing on.
    Grow,
    /// Leave one packet out.
    Shed,
}

#[derive(Clone, Copy, Debug)]
pub struct Delay {
    margin: Duration,
    /// The least wait of a packet in this window.
    least: Option<Duration>,
    ticks: u32,
    late: u32,
    /// Up by one with a loss, down by a hundredth with a packet: percent.
    loss: f32,
}

impl Default for Delay {
    fn default() -> Self {
        Self { margin: MARGIN, least: None, ticks: 0, late: 0, loss: 0.0 }
    }
}

impl Delay {
    pub fn margin(&self) -> Duration {
        self.margin
    }

    /// Whether so much is lost that redundancy should be waited for.
    pub fn is_lossy(&self) -> bool {
        self.loss > LOSSY
    }

    /// A packet is played after this wait.
    pub fn handle_play(&mut self, slack: Duration) {
        self.least = Some(self.least.map_or(slack, |least| least.min(slack)));
        self.loss *= 0.99;
    }

    pub fn handle_loss(&mut self) {
        self.loss += 1.0;
    }

    /// A packet came when its turn was over.
    pub fn handle_late(&mut self) {
        self.late += 1;
        self.margin = (self.margin + GROWTH).min(MOST_MARGIN);
    }

    /// A packet was waited for and came: the delay has grown by the wait.
    pub fn handle_waited(&mut self) {
        self.margin = (self.margin + GROWTH).min(MOST_MARGIN);
        self.start_window();
    }

    /// `wanted`: the margin and what is waited for besides; `packet`: what shedding would take away.
    pub fn handle_tick(&mut self, wanted: Duration, packet: Duration) -> Option<Adjust> {
        self.ticks += 1;
        if self.late >= TOO_MANY && self.least.is_some_and(|least| least < self.margin) {
            self.start_window();
            return Some(Adjust::Grow);
        }
        if self.ticks < WINDOW {
            return None;
        }
        let shed = self.late == 0 && self.least.is_some_and(|least| least >= wanted + packet);
        if self.late == 0 {
            self.margin = self.margin.saturating_sub(DECAY).max(MARGIN);
        }
        self.start_window();
        shed.then_some(Adjust::Shed)
    }

    pub fn start_window(&mut self) {
        (self.least, self.ticks, self.late) = (None, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Duration = Duration::from_millis(20);

    fn after_window(delay: &mut Delay, slack: Duration) -> Option<Adjust> {
        (0..WINDOW).find_map(|_| {
            delay.handle_play(slack);
            delay.handle_tick(delay.margin(), PACKET)
        })
    }

    #[test]
    fn a_packet_too_much_is_shed_and_less_is_left() {
        let mut delay = Delay::default();
        assert_eq!(after_window(&mut delay, MARGIN + PACKET), Some(Adjust::Shed));
        assert_eq!(after_window(&mut delay, MARGIN + PACKET / 2), None);
    }

    #[test]
    fn two_late_packets_make_it_grow_and_the_margin_rise_for_a_while() {
        let mut delay = Delay::default();
        delay.handle_play(Duration::from_millis(1));
        delay.handle_late();
        delay.handle_late();
        assert_eq!(delay.handle_tick(delay.margin(), PACKET), Some(Adjust::Grow));
        assert_eq!(delay.margin(), MARGIN + 2 * GROWTH);
        for _ in 0..20 {
            after_window(&mut delay, MARGIN);
        }
        assert_eq!(delay.margin(), MARGIN);
    }
}
