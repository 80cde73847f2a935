//! Histograms of anything that is measured, with labels: seconds, shares, scores.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use super::metrics::{MAX_SERIES, Metric, Metrics};

/// One histogram for each combination of label values; at most [`MAX_SERIES`] of them, later ones count as `other`.
#[derive(Clone, Debug)]
pub struct Distributions<const N: usize> {
    bounds: &'static [f64],
    series: Arc<RwLock<BTreeMap<[String; N], Arc<Distribution>>>>,
}

/// Values by upper bound.
#[derive(Debug)]
pub struct Distribution {
    bounds: &'static [f64],
    /// One for each bound, and the last for all above.
    counts: Box<[AtomicU64]>,
    /// In millionths: sums stay exact whatever their order.
    sum: AtomicU64,
}

impl Metrics {
    /// `bounds` rise.
    pub fn distributions<const N: usize>(&self, metric: Metric<N>, bounds: &'static [f64]) -> Distributions<N> {
        let all = Distributions { bounds, series: Arc::default() };
        let series = Arc::clone(&all.series);
        self.add(metric, "histogram", move |out| {
            for (values, one) in series.read().unwrap_or_else(PoisonError::into_inner).iter() {
                let pairs = metric.labels.iter().zip(values).map(|(label, value)| format!("{label}=\"{value}\""));
                one.write(out, metric.name, &pairs.collect::<Vec<_>>().join(","));
            }
        });
        all
    }
}

impl<const N: usize> Distributions<N> {
    /// The histogram with these label values, in the order of the declaration. They are words of ours: nothing in them
    /// has to be escaped.
    pub fn with(&self, labels: [&str; N]) -> Arc<Distribution> {
        let labels = labels.map(str::to_owned);
        if let Some(one) = self.series.read().unwrap_or_else(PoisonError::into_inner).get(&labels) {
            return Arc::clone(one);
        }
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let labels = if series.len() < MAX_SERIES { labels } else { labels.map(|_| "other".into()) };
        Arc::clone(series.entry(labels).or_insert_with(|| Arc::new(Distribution::new(self.bounds))))
    }
}

impl Distribution {
    fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// `value`: not below zero.
    pub fn observe(&self, value: f64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add((value.max(0.0) * 1e6).round() as u64, Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        let mut total = 0;
        let bounds = self.bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&self.counts) {
            total += count.load(Relaxed);
            let comma = if labels.is_empty() { "" } else { "," };
            let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {total}");
        }
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let sum = self.sum.load(Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "{name}_sum{braces} {sum}\n{name}_count{braces} {total}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: Metric<1> = Metric::new("media_leg_mos", "Scores.", ["codec"]);

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let metrics = Metrics::default();
        let scores = metrics.distributions(SCORES, &[2.0, 4.0]);
        for score in [1.5, 2.0, 4.25] {
            scores.with(["opus"]).observe(score);
        }
        scores.with(["pcmu"]).observe(3.0);
        assert_eq!(
            metrics.render(),
            "\
# HELP media_leg_mos Scores.
# TYPE media_leg_mos histogram
media_leg_mos_bucket{codec=\"opus\",le=\"2\"} 2
media_leg_mos_bucket{codec=\"opus\",le=\"4\"} 2
media_leg_mos_bucket{codec=\"opus\",le=\"+Inf\"} 3
media_leg_mos_sum{codec=\"opus\"} 7.75
media_leg_mos_count{codec=\"opus\"} 3
media_leg_mos_bucket{codec=\"pcmu\",le=\"2\"} 0
media_leg_mos_bucket{codec=\"pcmu\",le=\"4\"} 1
media_leg_mos_bucket{codec=\"pcmu\",le=\"+Inf\"} 1
media_leg_mos_sum{codec=\"pcmu\"} 3
media_leg_mos_count{codec=\"pcmu\"} 1
"
        );
    }
}
