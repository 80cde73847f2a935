//! How loss comes: alone in gaps, or in bursts (RFC 3611 §4.7.2, by the counters of its appendix A.2).
//!
//! A packet is judged when it falls out of a window behind the newest, so that one that was only overtaken is not lost;
//! one that came too late to be played counts like a lost one.

use super::rtcp::extended::voip_metrics::GMIN;

/// Packets behind the newest that are not judged yet.
const WINDOW: u32 = 32;

#[derive(Clone, Debug, Default)]
pub struct Bursts {
    /// Bit n: the packet n before the newest came, and in time.
    came: u32,
    /// Of the window.
    filled: u32,
    duplicates: u64,
    /// Packets since the last that was lost.
    run: u32,
    /// Lost in a row of losses that are less than [`GMIN`] apart.
    lost: u32,
    /// The appendix' counters: transitions between 1 (gap, received), 2 (burst, received), 3 (burst, lost) and 4 (gap,
    /// lost).
    c11: u64,
    c13: u64,
    c14: u64,
    c22: u64,
    c23: u64,
    c33: u64,
}

/// Densities of 256; lengths in packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BurstMetrics {
    pub burst_density: u8,
    pub gap_density: u8,
    pub burst_packets: u64,
    pub gap_packets: u64,
}

impl Bursts {
    /// Takes a packet that stands so many numbers after the newest, or before it.
    pub fn handle_packet(&mut self, step: i16) {
        match u32::try_from(step) {
            Ok(0) | Err(_) => {
                let Some(bit) = bit_of(step) else { return };
                self.duplicates += u64::from(self.came & bit != 0);
                self.came |= bit;
            }
            Ok(step) => {
                (0..step).for_each(|_| self.advance());
                self.came |= 1;
            }
        }
    }

    /// A packet came too late: as good as lost. `behind`: so many numbers before the newest.
    pub fn handle_discard(&mut self, behind: i16) {
        if let Some(bit) = bit_of(behind.wrapping_neg()) {
            self.came &= !bit;
        }
    }

    /// The stream begins anew; what is in the window is not judged any more.
    pub fn restart(&mut self) {
        (self.came, self.filled) = (1, 1);
    }

    /// Packets that came twice.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    pub fn metrics(&self) -> BurstMetrics {
        let (c31, c32) = (self.c13, self.c23);
        let in_burst = c31 + c32 + self.c33;
        let gap = self.c11 + self.c14 + self.c13;
        if self.c13 == 0 {
            // No burst came to its end: all is one gap so far.
            let gap = gap + self.c22 + self.c23 + self.c33 + u64::from(self.run);
            let gap_density = density(self.c14 + c32 + self.c33, gap);
            return BurstMetrics { gap_density, gap_packets: gap, ..BurstMetrics::default() };
        }
        let p32 = if in_burst == 0 { 0.0 } else { c32 as f64 / in_burst as f64 };
        let received = self.c22 + self.c23;
        let p23 = if received == 0 { 1.0 } else { 1.0 - self.c22 as f64 / received as f64 };
        BurstMetrics {
            burst_density: (256.0 * p23 / (p23 + p32).max(f64::EPSILON)).min(255.0) as u8,
            gap_density: density(self.c14, self.c11 + self.c14),
            burst_packets: (self.c22 + self.c23 + in_burst) / self.c13,
            gap_packets: gap / self.c13,
        }
    }

    fn advance(&mut self) {
        if self.filled == WINDOW {
            self.judge(self.came >> (WINDOW - 1) & 1 == 1);
        } else {
            self.filled += 1;
        }
        self.came <<= 1;
    }

    /// A.2.
    fn judge(&mut self, came: bool) {
        if came {
            self.run = self.run.saturating_add(1);
            return;
        }
        let run = std::mem::take(&mut self.run);
        if run >= u32::from(GMIN) || self.lost == 0 {
            // After a long run a loss stands alone so far: the ones before it were alone too, or a burst that is over.
            match self.lost {
                0 | 1 => self.c14 += 1,
                _ => self.c13 += 1,
            }
            self.lost = 1;
            self.c11 += u64::from(run);
            return;
        }
        self.lost += 1;
        match run {
            0 => self.c33 += 1,
            run => {
                self.c23 += 1;
                self.c22 += u64::from(run - 1);
            }
        }
    }
}

fn bit_of(step: i16) -> Option<u32> {
    let behind = u32::try_from(-i32::from(step)).ok()?;
    1_u32.checked_shl(behind)
}

fn density(lost: u64, of: u64) -> u8 {
    (256 * lost).checked_div(of).map_or(0, |density| u8::try_from(density).unwrap_or(255))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a stream of so many packets without those of these numbers.
    fn without(packets: u32, lost: impl Fn(u32) -> bool) -> BurstMetrics {
        let mut bursts = Bursts::default();
        let mut step = 0;
        for n in 0..packets + WINDOW {
            step += 1;
            if n >= packets || !lost(n) {
                bursts.handle_packet(step);
                step = 0;
            }
        }
        bursts.metrics()
    }

    #[test]
    fn a_stream_without_loss_is_one_gap() {
        assert_eq!(without(500, |_| false), BurstMetrics { gap_packets: 500, ..BurstMetrics::default() });
    }

    #[test]
    fn single_losses_far_apart_are_gaps_with_their_density() {
        let metrics = without(1_000, |n| n % 50 == 25);
        assert_eq!((metrics.burst_density, metrics.burst_packets), (0, 0));
        assert_eq!(metrics.gap_density, 5, "one of fifty: 5 of 256");
    }

    /// Every hundred packets, of ten in a row every other is lost: five losses in bursts of nine.
    #[test]
    fn losses_close_together_are_bursts_with_theirs() {
        let metrics = without(10_000, |n| n % 100 >= 90 && n % 2 == 0);
        assert!((120..=150).contains(&metrics.burst_density), "half of them: {metrics:?}");
        assert_eq!(metrics.burst_packets, 9, "{metrics:?}");
        assert_eq!(metrics.gap_packets, 92, "{metrics:?}");
        assert_eq!(metrics.gap_density, 0, "{metrics:?}");
    }

    #[test]
    fn what_is_overtaken_is_not_lost_and_what_comes_twice_or_too_late_is_told() {
        let mut bursts = Bursts::default();
        for _ in 0..10 {
            [2, -1, 2].into_iter().for_each(|step| bursts.handle_packet(step));
            bursts.handle_packet(-1);
        }
        assert_eq!((bursts.metrics().gap_density, bursts.duplicates()), (0, 0));
        bursts.handle_packet(0);
        assert_eq!(bursts.duplicates(), 1);
        bursts.handle_discard(3);
        (0..100).for_each(|_| bursts.handle_packet(1));
        assert!(bursts.metrics().gap_density > 0);
    }

    #[test]
    fn any_step_is_survived() {
        let mut bursts = Bursts::default();
        for step in [i16::MIN, -33, -32, -31, 0, 1, 3_000, i16::MAX, -1] {
            bursts.handle_packet(step);
            bursts.handle_discard(step);
        }
        bursts.restart();
        let _ = bursts.metrics();
    }
}
