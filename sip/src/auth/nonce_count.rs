//! Nonce counts: RFC 7616 §3.4, so that no request can be played again.

use std::collections::BTreeMap;

use super::{AuthError, NonceId};

/// The highest `nc` seen with each nonce that proved right. Bounded: when full, the oldest nonce is given up, and all
/// that are not younger with it, so that forgetting never lets a replay pass.
#[derive(Clone, Debug)]
pub struct NonceCounts {
    highest: BTreeMap<NonceId, u32>,
    capacity: usize,
    /// Nonces up to this one are over.
    given_up: Option<NonceId>,
}

impl NonceCounts {
    /// `capacity` in nonces, at least one; each costs about 40 octets.
    pub fn new(capacity: usize) -> Self {
        Self { highest: BTreeMap::new(), capacity: capacity.max(1), given_up: None }
    }

    /// Takes a count if it is above all that came with this nonce. To be asked only when the digest was right, lest
    /// strangers use up counts.
    pub fn take(&mut self, nonce: NonceId, nc: u32) -> Result<(), AuthError> {
        if self.given_up.is_some_and(|last| nonce <= last) {
            return Err(AuthError::Stale);
        }
        if self.highest.get(&nonce).copied().unwrap_or(0) >= nc {
            return Err(AuthError::Replayed(nc));
        }
        self.highest.insert(nonce, nc);
        while self.highest.len() > self.capacity {
            self.given_up = self.highest.pop_first().map(|(oldest, _)| oldest);
        }
        Ok(())
    }

    /// Forgets the nonces made before `made_at`, in Unix seconds. They must have expired.
    pub fn forget_before(&mut self, made_at: u64) {
        while self.highest.first_key_value().is_some_and(|(oldest, _)| oldest.made_at < made_at) {
            self.highest.pop_first();
        }
    }

    pub fn len(&self) -> usize {
        self.highest.len()
    }

    pub fn is_empty(&self) -> bool {
        self.highest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(serial: u64) -> NonceId {
        NonceId { made_at: 1000, serial }
    }

    #[test]
    fn counts_only_rise() {
        let mut counts = NonceCounts::new(10);
        assert_eq!(counts.take(nonce(1), 0), Err(AuthError::Replayed(0)));
        assert_eq!(counts.take(nonce(1), 1), Ok(()));
        assert_eq!(counts.take(nonce(1), 1), Err(AuthError::Replayed(1)));
        assert_eq!(counts.take(nonce(1), 5), Ok(()));
        assert_eq!(counts.take(nonce(1), 4), Err(AuthError::Replayed(4)));
        assert_eq!(counts.take(nonce(2), 1), Ok(()));
    }

    #[test]
    fn what_is_forgotten_for_want_of_room_cannot_be_replayed() {
        let mut counts = NonceCounts::new(2);
        for serial in 1..=4 {
            assert_eq!(counts.take(nonce(serial), 1), Ok(()));
        }
        assert_eq!(counts.len(), 2);
        assert_eq!(counts.take(nonce(1), 2), Err(AuthError::Stale));
        assert_eq!(counts.take(nonce(2), 2), Err(AuthError::Stale));
        assert_eq!(counts.take(nonce(3), 2), Ok(()));
    }

    #[test]
    fn expired_nonces_make_room() {
        let mut counts = NonceCounts::new(2);
        assert_eq!(counts.take(nonce(1), 1), Ok(()));
        counts.forget_before(1001);
        assert!(counts.is_empty());
    }
}
