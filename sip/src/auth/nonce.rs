//! Nonces that need no memory: RFC 7616 §3.3 and §5.12.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Octets of the MAC that go into a nonce.
const MAC_LEN: usize = 16;

/// Makes and knows nonces: `base64url(time ‖ serial ‖ HMAC-SHA-256(time ‖ serial ‖ realm))`.
///
/// Each nonce is made once, so that one client's count says nothing about another's.
pub struct Nonces {
    key: hmac::Key,
    lifetime: Duration,
    serial: AtomicU64,
}

/// What a nonce of ours says: when it was made, in Unix seconds, and as which one. Orders by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NonceId {
    pub made_at: u64,
    pub serial: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonceFault {
    #[error("nonce is not of this server or realm")]
    Foreign,
    #[error("nonce is too old")]
    Expired,
}

impl Nonces {
    /// How long a nonce may be used.
    pub const LIFETIME: Duration = Duration::from_secs(300);

    /// `secret` is chance, and best kept over a restart: else every phone is challenged anew.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), lifetime: Self::LIFETIME, serial: AtomicU64::new(0) }
    }

    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    pub fn make(&self, realm: &str, now_unix: u64) -> String {
        let id = NonceId { made_at: now_unix, serial: self.serial.fetch_add(1, Ordering::Relaxed) };
        let mac = self.mac(id, realm);
        let octets = [&id.octets()[..], mac.as_ref().get(..MAC_LEN).unwrap_or(&[])].concat();
        URL_SAFE_NO_PAD.encode(octets)
    }

    /// Reads a nonce that we made for this realm not too long ago. One from the future is not known either: the clock
    /// has been set back.
    pub fn check(&self, nonce: &str, realm: &str, now_unix: u64) -> Result<NonceId, NonceFault> {
        let octets = URL_SAFE_NO_PAD.decode(nonce).map_err(|_| NonceFault::Foreign)?;
        let (id, mac) = NonceId::read(&octets).ok_or(NonceFault::Foreign)?;
        let expected = self.mac(id, realm);
        let expected = expected.as_ref().get(..MAC_LEN).unwrap_or(&[]);
        verify_slices_are_equal(expected, mac).map_err(|_| NonceFault::Foreign)?;
        match now_unix.checked_sub(id.made_at) {
            Some(age) if age <= self.lifetime.as_secs() => Ok(id),
            Some(_) => Err(NonceFault::Expired),
            None => Err(NonceFault::Foreign),
        }
    }

    fn mac(&self, id: NonceId, realm: &str) -> hmac::Tag {
        hmac::sign(&self.key, &[&id.octets()[..], realm.as_bytes()].concat())
    }
}

impl NonceId {
    fn octets(self) -> [u8; 16] {
        (u128::from(self.made_at) << 64 | u128::from(self.serial)).to_be_bytes()
    }

    fn read(octets: &[u8]) -> Option<(Self, &[u8])> {
        let (made_at, rest) = octets.split_first_chunk()?;
        let (serial, mac) = rest.split_first_chunk()?;
        Some((Self { made_at: u64::from_be_bytes(*made_at), serial: u64::from_be_bytes(*serial) }, mac))
    }
}

/// Tells no secret.
impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_lives_its_time_in_its_realm() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.make("a", 1000);
        assert_eq!(nonces.check(&nonce, "a", 1000), Ok(NonceId { made_at: 1000, serial: 0 }));
        assert!(nonces.check(&nonce, "a", 1300).is_ok());
        assert_eq!(nonces.check(&nonce, "a", 1301), Err(NonceFault::Expired));
        assert_eq!(nonces.check(&nonce, "b", 1000), Err(NonceFault::Foreign));
        assert_eq!(nonces.check(&nonce, "a", 999), Err(NonceFault::Foreign));
        assert_ne!(nonce, nonces.make("a", 1000));
    }

    #[test]
    fn nobody_else_makes_them() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.make("a", 1000);
        assert_eq!(Nonces::new([8; 32]).check(&nonce, "a", 1000), Err(NonceFault::Foreign));
        for at in 0..nonce.len() {
            let mut forged = nonce.clone().into_bytes();
            forged[at] ^= 1;
            let forged = String::from_utf8(forged).expect("ascii");
            assert_eq!(nonces.check(&forged, "a", 1000), Err(NonceFault::Foreign), "{forged}");
        }
        for text in ["", "AAAA", "ä", &nonce[..40], &(nonce.clone() + "AAAA")] {
            assert_eq!(nonces.check(text, "a", 1000), Err(NonceFault::Foreign), "{text}");
        }
    }
}
