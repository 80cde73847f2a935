//! Who guesses PINs, in one call or in many, has to wait, ever longer; nobody else does. The administrator is told of it:
//! when a source begins to wait, and when many sources together try one conference.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use crate::registrar::{Patience, Verdict};
use crate::telemetry::metrics::{Counter, Metric, Metrics};

const WRONG: Metric<0> = Metric::new("conference_wrong_pins_total", "Wrong PINs, and PINs of no conference.", []);
const ALARMS: Metric<1> = Metric::new(
    "conference_pin_alarms_total",
    "Sources that began to wait after wrong PINs, and conferences that many were tried at.",
    ["about"],
);

/// Wrong PINs for one conference within an hour, whoever typed them, that nobody mistypes: 20, and each time twice as many.
const MANY: u32 = 20;
const PERIOD: Duration = Duration::from_secs(3600);
/// Conferences are few; numbers that are none come from callers.
const MAX_TALLIES: usize = 10_000;

/// Wrong PINs by the address they come from and the conference they are for. The lock is held for one look-up.
#[derive(Clone, Debug)]
pub struct PinPatience {
    free_failures: u32,
    tallies: Arc<Mutex<Tallies>>,
    wrong: Arc<Counter>,
    about_source: Arc<Counter>,
    about_conference: Arc<Counter>,
}

#[derive(Debug)]
struct Tallies {
    by_source: Patience,
    by_conference: HashMap<String, Tally>,
}

#[derive(Clone, Copy, Debug)]
struct Tally {
    since: Instant,
    wrong: u32,
    /// The next alarm is due at so many.
    alarm_at: u32,
}

impl PinPatience {
    pub fn new(free_failures: u32, longest_block: Duration, metrics: &Metrics) -> Self {
        let by_source = Patience::new(free_failures, longest_block);
        let alarms = metrics.counter(ALARMS);
        Self {
            free_failures,
            tallies: Arc::new(Mutex::new(Tallies { by_source, by_conference: HashMap::new() })),
            wrong: metrics.counter(WRONG).with([]),
            about_source: alarms.with(["source"]),
            about_conference: alarms.with(["conference"]),
        }
    }

    pub fn is_waiting(&self, source: IpAddr, conference: &str, now: Instant) -> bool {
        self.lock().by_source.verdict(source, conference, now) != Verdict::Try
    }

    pub fn right(&self, source: IpAddr, conference: &str, now: Instant) {
        self.lock().by_source.handle_success(source, conference, now);
    }

    pub fn wrong(&self, source: IpAddr, conference: &str, now: Instant) {
        self.wrong.add(1);
        let (of_source, of_conference) = {
            let mut tallies = self.lock();
            (tallies.by_source.handle_failure(source, conference, now), tallies.handle_wrong(conference, now))
        };
        if of_source == self.free_failures + 1 {
            self.about_source.add(1);
            warn!(conference, wrong = of_source, "a caller has typed many wrong PINs, and has to wait from now on");
            debug!(%source, "it calls from there");
        }
        if let Some(wrong) = of_conference {
            self.about_conference.add(1);
            warn!(conference, wrong, "many wrong PINs for one conference: is somebody guessing?");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tallies> {
        // A tally half written is still a tally.
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tallies {
    /// How many, when that is cause for alarm.
    fn handle_wrong(&mut self, conference: &str, now: Instant) -> Option<u32> {
        let is_current = |tally: &Tally| now.saturating_duration_since(tally.since) < PERIOD;
        if self.by_conference.len() >= MAX_TALLIES && !self.by_conference.contains_key(conference) {
            self.by_conference.retain(|_, tally| is_current(tally));
            if self.by_conference.len() >= MAX_TALLIES {
                return None;
            }
        }
        let fresh = Tally { since: now, wrong: 0, alarm_at: MANY };
        let tally = self.by_conference.entry(conference.to_owned()).or_insert(fresh);
        if !is_current(tally) {
            *tally = fresh;
        }
        tally.wrong = tally.wrong.saturating_add(1);
        let is_due = tally.wrong >= tally.alarm_at;
        if is_due {
            tally.alarm_at = tally.alarm_at.saturating_mul(2);
        }
        is_due.then_some(tally.wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(metrics: &Metrics) -> PinPatience {
        PinPatience::new(3, Duration::from_secs(300), metrics)
    }

    #[test]
    fn guessing_across_calls_has_to_wait_and_others_do_not() {
        let (now, metrics) = (Instant::now(), Metrics::default());
        let pins = patience(&metrics);
        let [guesser, other]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [198, 51, 100, 1].into()];
        (0..4).for_each(|_| pins.wrong(guesser, "3001", now));
        assert!(pins.is_waiting(guesser, "3001", now));
        assert!(pins.is_waiting(guesser, "3002", now), "nor may he try the next conference");
        assert!(!pins.is_waiting(other, "3001", now));
        assert!(!pins.is_waiting(guesser, "3001", now + Duration::from_secs(2)));
        let text = metrics.render();
        assert!(text.contains("conference_wrong_pins_total 4\n"), "{text}");
        assert!(text.contains("conference_pin_alarms_total{about=\"source\"} 1\n"), "{text}");
    }

    #[test]
    fn many_who_try_one_conference_are_an_alarm_though_each_of_them_is_patient() {
        let (now, metrics) = (Instant::now(), Metrics::default());
        let pins = patience(&metrics);
        let alarms = |count: u32| metrics.render().contains(&format!("{{about=\"conference\"}} {count}\n"));
        for caller in 0..50_u8 {
            pins.wrong([192, 0, 2, caller].into(), "3001", now);
            assert!(alarms(u32::from(caller >= 19) + u32::from(caller >= 39)), "{caller}");
        }
        pins.wrong([192, 0, 2, 1].into(), "3001", now + PERIOD);
        assert!(alarms(2), "an hour later it begins anew");
    }

    #[test]
    fn made_up_numbers_do_not_fill_the_memory() {
        let pins = patience(&Metrics::default());
        let now = Instant::now();
        (0..3 * MAX_TALLIES).for_each(|number| pins.wrong([192, 0, 2, 1].into(), &number.to_string(), now));
        assert!(pins.lock().by_conference.len() <= MAX_TALLIES);
    }
}
