//! How many calls to the outside each account may have placed: a stolen password shall not cost a fortune.
//!
//! A bucket for each account that holds an hour's worth and fills within an hour.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_secs(3600);
/// Beyond it those are forgotten whose bucket is full again.
const TIDY_ABOVE: usize = 10_000;

/// The lock is held for one look-up.
#[derive(Clone, Debug)]
pub(in crate::call) struct DialBudget {
    /// 0: no bound.
    an_hour: u32,
    spent: Arc<Mutex<HashMap<String, Spent>>>,
}

#[derive(Clone, Copy, Debug)]
struct Spent {
    calls: f64,
    at: Instant,
}

impl DialBudget {
    pub fn new(an_hour: u32) -> Self {
        Self { an_hour, spent: Arc::default() }
    }

    /// Whether one more call may be placed for this account; it is charged for it then.
    pub fn take(&self, account: &str, now: Instant) -> bool {
        if self.an_hour == 0 {
            return true;
        }
        let most = f64::from(self.an_hour);
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.len() >= TIDY_ABOVE && !spent.contains_key(account) {
            spent.retain(|_, spent| spent.left_over(most, now) > 0.0);
        }
        let before = spent.get(account).map_or(0.0, |spent| spent.left_over(most, now));
        if before + 1.0 > most {
            return false;
        }
        spent.insert(account.to_owned(), Spent { calls: before + 1.0, at: now });
        true
    }
}

impl Spent {
    fn left_over(self, an_hour: f64, now: Instant) -> f64 {
        let forgiven = now.saturating_duration_since(self.at).as_secs_f64() / PERIOD.as_secs_f64() * an_hour;
        (self.calls - forgiven).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_its_hours_worth_and_no_more_and_no_other_suffers() {
        let now = Instant::now();
        let budget = DialBudget::new(10);
        assert_eq!((0..50).filter(|_| budget.take("mallory", now)).count(), 10);
        assert!(budget.take("alice", now));
        assert!(!budget.take("mallory", now + PERIOD / 20));
        assert_eq!((0..50).filter(|_| budget.take("mallory", now + PERIOD / 2)).count(), 5, "half an hour's worth");
        assert_eq!((0..50).filter(|_| budget.take("mallory", now + 3 * PERIOD)).count(), 10);
    }

    #[test]
    fn zero_is_no_bound() {
        let budget = DialBudget::new(0);
        assert!((0..10_000).all(|_| budget.take("alice", Instant::now())));
    }

    #[test]
    fn accounts_that_have_been_quiet_are_forgotten() {
        let now = Instant::now();
        let budget = DialBudget::new(5);
        assert!((0..TIDY_ABOVE).all(|number| budget.take(&number.to_string(), now)));
        assert!(budget.take("late", now + PERIOD));
        assert_eq!(budget.spent.lock().expect("unpoisoned").len(), 1);
    }
}
