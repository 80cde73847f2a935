//! The middle and the far end of many measurements.

use std::time::Duration;

use serde::Serialize;

/// In milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    pub p50: f64,
    pub p95: f64,
    pub max: f64,
}

impl Spread {
    /// None of nothing.
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut sorted: Vec<f64> = durations.into_iter().map(|duration| duration.as_secs_f64() * 1000.0).collect();
        sorted.sort_by(f64::total_cmp);
        let max = *sorted.last()?;
        Some(Self { p50: percentile(&sorted, 50), p95: percentile(&sorted, 95), max })
    }
}

/// By nearest rank: the least that so many of a hundred do not exceed.
fn percentile(sorted: &[f64], of_hundred: usize) -> f64 {
    let rank = (sorted.len() * of_hundred).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let spread = Spread::of((1..=100).rev().map(Duration::from_millis)).expect("some");
        assert_eq!(spread, Spread { p50: 50.0, p95: 95.0, max: 100.0 });
        let one = Spread::of([Duration::from_millis(7)]).expect("one");
        assert_eq!(one, Spread { p50: 7.0, p95: 7.0, max: 7.0 });
        assert_eq!(Spread::of([]), None);
    }
}
