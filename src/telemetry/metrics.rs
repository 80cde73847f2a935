//! Metrics in the Prometheus text format (version 0.0.4).
//!
//! A metric is declared as a constant at the top of the file that counts it, and opened once from the server's
//! [`Metrics`]; counting is then one atomic addition. What is counted elsewhere, on media threads for one, is read by
//! a function at the time of the scrape.
//!
//! ```
//! use plenary::telemetry::metrics::{Metric, Metrics};
//!
//! const REQUESTS: Metric<1> = Metric::new("sip_requests_total", "Requests received.", ["method"]);
//!
//! let metrics = Metrics::default();
//! let requests = metrics.counter(REQUESTS);
//! requests.with(["INVITE"]).add(1);
//! assert!(metrics.render().contains("sip_requests_total{method=\"INVITE\"} 1\n"));
//! ```

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// Name, help and label names of a metric with `N` labels.
#[derive(Clone, Copy, Debug)]
pub struct Metric<const N: usize> {
    pub name: &'static str,
    pub help: &'static str,
    pub labels: [&'static str; N],
}

impl<const N: usize> Metric<N> {
    pub const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self { name, help, labels }
    }
}

/// All metrics of one server.
#[derive(Clone, Default)]
pub struct Metrics {
    families: Arc<Mutex<BTreeMap<&'static str, Render>>>,
}

type Render = Box<dyn Fn(&mut String) + Send>;

/// One metric with its label values; at most [`MAX_SERIES`] of them, later ones count together as `other`.
#[derive(Debug)]
pub struct Family<T, const N: usize> {
    series: Arc<RwLock<BTreeMap<[String; N], Arc<T>>>>,
}

/// Only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// Rises and falls.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

/// Durations by upper bound.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [Duration],
    /// One for each bound, and the last for all above.
    counts: Box<[AtomicU64]>,
    sum_nanos: AtomicU64,
}

/// A histogram counted elsewhere: `counts` holds one more entry than `bounds`, and is not cumulative.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramReading {
    pub bounds_seconds: Vec<f64>,
    pub counts: Vec<u64>,
    pub sum_seconds: f64,
}

/// Label values come from our own code, but a slip there must not fill the memory.
pub const MAX_SERIES: usize = 100;

impl Metrics {
    pub fn counter<const N: usize>(&self, metric: Metric<N>) -> Family<Counter, N> {
        self.open(metric, "counter", |counter: &Counter| counter.0.load(Relaxed))
    }

    pub fn gauge<const N: usize>(&self, metric: Metric<N>) -> Family<Gauge, N> {
        self.open(metric, "gauge", |gauge: &Gauge| gauge.0.load(Relaxed))
    }

    /// `bounds` rise.
    pub fn histogram(&self, metric: Metric<0>, bounds: &'static [Duration]) -> Arc<Histogram> {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        let histogram = Arc::new(Histogram { bounds, counts, sum_nanos: AtomicU64::new(0) });
        let reader = Arc::clone(&histogram);
        self.histogram_read(metric, move || reader.reading());
        histogram
    }

    /// Counters that live elsewhere; `read` gives label values and count of each series.
    pub fn counter_read<const N: usize>(
        &self,
        metric: Metric<N>,
        read: impl Fn() -> Vec<([String; N], u64)> + Send + 'static,
    ) {
        self.add(metric, "counter", move |out| write_all(out, &metric, read()));
    }

    /// Gauges that live elsewhere.
    pub fn gauge_read<const N: usize>(
        &self,
        metric: Metric<N>,
        read: impl Fn() -> Vec<([String; N], f64)> + Send + 'static,
    ) {
        self.add(metric, "gauge", move |out| write_all(out, &metric, read()));
    }

    /// A histogram that lives elsewhere.
    pub fn histogram_read(&self, metric: Metric<0>, read: impl Fn() -> HistogramReading + Send + 'static) {
        self.add(metric, "histogram", move |out| write_histogram(out, metric.name, &read()));
    }

    /// Everything, sorted by name.
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(4096);
        for render in self.families.lock().unwrap_or_else(PoisonError::into_inner).values() {
            render(&mut out);
        }
        out
    }

    fn open<T, V, const N: usize>(
        &self,
        metric: Metric<N>,
        kind: &'static str,
        value: impl Fn(&T) -> V + Send + 'static,
    ) -> Family<T, N>
    where
        T: Default + Send + Sync + 'static,
        V: fmt::Display,
    {
        let family = Family { series: Arc::default() };
        if N == 0 {
            family.with([(); N].map(|()| "")); // without labels there is one series, and it starts at 0
        }
        let series = Arc::clone(&family.series);
        self.add(metric, kind, move |out| {
            let series = series.read().unwrap_or_else(PoisonError::into_inner);
            write_all(out, &metric, series.iter().map(|(labels, one)| (labels.clone(), value(one))));
        });
        family
    }

    pub(super) fn add<const N: usize>(
        &self,
        metric: Metric<N>,
        kind: &str,
        body: impl Fn(&mut String) + Send + 'static,
    ) {
        let head = format!("# HELP {} {}\n# TYPE {} {kind}\n", metric.name, metric.help, metric.name);
        let render: Render = Box::new(move |out| {
            out.push_str(&head);
            body(out);
        });
        let before = self.families.lock().unwrap_or_else(PoisonError::into_inner).insert(metric.name, render);
        debug_assert!(before.is_none(), "{} is counted in two places", metric.name);
    }
}

impl<T: Default, const N: usize> Family<T, N> {
    /// The series with these label values, in the order of the declaration. Keep it where the path is hot.
    pub fn with(&self, labels: [&str; N]) -> Arc<T> {
        let labels = labels.map(str::to_owned);
        if let Some(one) = self.series.read().unwrap_or_else(PoisonError::into_inner).get(&labels) {
            return Arc::clone(one);
        }
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let labels = if series.len() < MAX_SERIES { labels } else { labels.map(|_| "other".into()) };
        Arc::clone(series.entry(labels).or_default())
    }
}

impl<T, const N: usize> Clone for Family<T, N> {
    fn clone(&self) -> Self {
        Self { series: Arc::clone(&self.series) }
    }
}

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }
}

impl Gauge {
    pub fn add(&self, count: i64) {
        self.0.fetch_add(count, Relaxed);
    }

    pub fn set(&self, count: i64) {
        self.0.store(count, Relaxed);
    }
}

impl Histogram {
    pub fn observe(&self, duration: Duration) {
        let at = self.bounds.partition_point(|bound| *bound < duration);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Relaxed);
        }
        self.sum_nanos.fetch_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    fn reading(&self) -> HistogramReading {
        HistogramReading {
            bounds_seconds: self.bounds.iter().map(Duration::as_secs_f64).collect(),
            counts: self.counts.iter().map(|count| count.load(Relaxed)).collect(),
            sum_seconds: Duration::from_nanos(self.sum_nanos.load(Relaxed)).as_secs_f64(),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(families.keys()).finish()
    }
}

fn write_all<const N: usize, V: fmt::Display>(
    out: &mut String,
    metric: &Metric<N>,
    series: impl IntoIterator<Item = ([String; N], V)>,
) {
    for (values, number) in series {
        out.push_str(metric.name);
        for (at, (label, value)) in metric.labels.iter().zip(&values).enumerate() {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(out, "{}{label}=\"{escaped}\"", if at == 0 { '{' } else { ',' });
        }
        let _ = writeln!(out, "{} {number}", if N == 0 { "" } else { "}" });
    }
}

fn write_histogram(out: &mut String, name: &str, reading: &HistogramReading) {
    let mut total = 0_u64;
    let bounds = reading.bounds_seconds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(&reading.counts) {
        total += count;
        let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {total}");
    }
    let _ = writeln!(out, "{name}_sum {}\n{name}_count {total}", reading.sum_seconds);
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSES: Metric<2> = Metric::new("sip_responses_total", "Responses sent.", ["method", "class"]);
    const DIALOGS: Metric<0> = Metric::new("sip_dialogs", "Dialogs.", []);
    const TICK: Metric<0> = Metric::new("media_tick_seconds", "Time of a tick.", []);
    const BOUNDS: &[Duration] = &[Duration::from_millis(1), Duration::from_millis(5)];
    const LEGS: Metric<1> = Metric::new("media_legs", "Legs.", ["codec"]);

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let metrics = Metrics::default();
        let responses = metrics.counter(RESPONSES);
        responses.with(["INVITE", "2xx"]).add(2);
        responses.with(["a\"b\\c\nd", "4xx"]).add(1);
        metrics.gauge(DIALOGS).with([]).set(3);
        let tick = metrics.histogram(TICK, BOUNDS);
        for micros in [500, 1000, 1500, 9000] {
            tick.observe(Duration::from_micros(micros));
        }
        metrics.gauge_read(LEGS, || vec![(["opus".into()], 7.0)]);
        assert_eq!(
            metrics.render(),
            "\
# HELP media_legs Legs.
# TYPE media_legs gauge
media_legs{codec=\"opus\"} 7
# HELP media_tick_seconds Time of a tick.
# TYPE media_tick_seconds histogram
media_tick_seconds_bucket{le=\"0.001\"} 2
media_tick_seconds_bucket{le=\"0.005\"} 3
media_tick_seconds_bucket{le=\"+Inf\"} 4
media_tick_seconds_sum 0.012
media_tick_seconds_count 4
# HELP sip_dialogs Dialogs.
# TYPE sip_dialogs gauge
sip_dialogs 3
# HELP sip_responses_total Responses sent.
# TYPE sip_responses_total counter
sip_responses_total{method=\"INVITE\",class=\"2xx\"} 2
sip_responses_total{method=\"a\\\"b\\\\c\\nd\",class=\"4xx\"} 1
"
        );
    }

    #[test]
    fn endless_label_values_end_in_other() {
        let metrics = Metrics::default();
        let legs = metrics.counter(LEGS);
        for number in 0..1000 {
            legs.with([&number.to_string()]).add(1);
        }
        let text = metrics.render();
        assert!(text.contains(&format!("media_legs{{codec=\"other\"}} {}\n", 1000 - MAX_SERIES)), "{text}");
        assert_eq!(text.lines().count(), 2 + MAX_SERIES + 1);
    }
}
