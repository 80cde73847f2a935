//! Who guesses PINs, in one call or in many, has to wait, ever longer; nobody else does.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::registrar::{Patience, Verdict};

/// Wrong PINs by the address they come from and the conference they are for. The lock is held for one look-up.
#[derive(Clone, Debug)]
pub struct PinPatience(Arc<Mutex<Patience>>);

impl PinPatience {
    pub fn new(free_failures: u32, longest_block: Duration) -> Self {
        Self(Arc::new(Mutex::new(Patience::new(free_failures, longest_block))))
    }

    pub fn is_waiting(&self, source: IpAddr, conference: &str, now: Instant) -> bool {
        matches!(self.lock().verdict(source, conference, now), Verdict::Wait(_))
    }

    pub fn right(&self, source: IpAddr, conference: &str, now: Instant) {
        self.lock().handle_success(source, conference, now);
    }

    pub fn wrong(&self, source: IpAddr, conference: &str, now: Instant) {
        self.lock().handle_failure(source, conference, now);
    }

    fn lock(&self) -> MutexGuard<'_, Patience> {
        // A tally half written is still a tally.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_across_calls_has_to_wait_and_others_do_not() {
        let now = Instant::now();
        let pins = PinPatience::new(3, Duration::from_secs(300));
        let [guesser, other]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [198, 51, 100, 1].into()];
        (0..4).for_each(|_| pins.wrong(guesser, "3001", now));
        assert!(pins.is_waiting(guesser, "3001", now));
        assert!(pins.is_waiting(guesser, "3002", now), "nor may he try the next conference");
        assert!(!pins.is_waiting(other, "3001", now));
        assert!(!pins.is_waiting(guesser, "3001", now + Duration::from_secs(2)));
    }
}
