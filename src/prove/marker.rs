//! Finding the marker in what was heard.

use std::time::Duration;

use super::tone::{MARKER_HERTZ, level};

/// Heard through a window of this length …
const WINDOW: Duration = Duration::from_millis(5);
/// … moved by this.
const STEP: Duration = Duration::from_micros(500);
/// Half a marker and half a window, on either side of the loudest place.
const REACH: usize = 15;
/// Markers come a second apart.
const APART: Duration = Duration::from_millis(500);

/// The middles of the markers of at least `least` of full scale, from the first sample.
pub fn find(samples: &[i16], rate: u32, least: f64) -> Vec<Duration> {
    let in_samples = |duration: Duration| (duration.as_secs_f64() * f64::from(rate)).round() as usize;
    let (window, step) = (in_samples(WINDOW), in_samples(STEP));
    let envelope: Vec<f64> =
        samples.windows(window).step_by(step).map(|heard| level(heard, rate, MARKER_HERTZ)).collect();
    let apart = in_samples(APART) / step;
    let mut found = Vec::new();
    let mut place = 0;
    while let Some(begin) = (place..envelope.len()).find(|at| envelope[*at] >= least) {
        let end = (begin + 2 * REACH).min(envelope.len());
        let loudest = (begin..end).max_by(|a, b| envelope[*a].total_cmp(&envelope[*b])).unwrap_or(begin);
        // Cut off at either end, its middle would be a guess.
        if loudest >= REACH && loudest + REACH < envelope.len() {
            let around = loudest - REACH..=loudest + REACH;
            let weight: f64 = envelope[around.clone()].iter().sum();
            let moment: f64 = around.map(|at| at as f64 * envelope[at]).sum();
            let middle = (moment / weight * step as f64 + window as f64 / 2.0) / f64::from(rate);
            found.push(Duration::from_secs_f64(middle));
        }
        place = begin + apart;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::tone::{amplitude, marker_at, voice};

    #[test]
    fn a_marker_is_found_where_it_was_said() {
        for rate in [8_000, 16_000, 48_000] {
            let mixed: Vec<i16> = voice(0, 3, rate, true)
                .iter()
                .zip(voice(1, 3, rate, false))
                .zip(voice(2, 3, rate, false))
                .map(|((a, b), c)| a + b + c)
                .collect();
            let found = find(&mixed, rate, 0.3 * amplitude(3));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].abs_diff(marker_at()) < Duration::from_micros(300), "{:?}", found[0]);
        }
    }

    #[test]
    fn without_a_marker_none_is_found() {
        assert!(find(&voice(0, 3, 8_000, false), 8_000, 0.3 * amplitude(3)).is_empty());
        assert!(find(&[], 8_000, 0.1).is_empty());
    }
}
