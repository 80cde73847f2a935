//! Chance: tags, branches, Call-IDs and waiting times, all from one seed.
//!
//! SHA-256 over seed and counter: nobody who has seen some tags can tell the next (RFC 3261 §19.3 wants at
//! least 32 bits of it, we give 80), and a test that names its seed gets the same tags again.

use std::time::Duration;

use sha2::{Digest, Sha256};

#[derive(Clone, Debug)]
pub struct Rng {
    seed: [u8; 32],
    counter: u64,
}

impl Rng {
    /// `seed`: from the system's source of randomness, or fixed in a test.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    /// A generator of its own for a part of the whole.
    pub fn split(&mut self) -> Self {
        Self::new(self.block())
    }

    /// 80 bits in 16 characters: a tag, a Call-ID, what follows the cookie of a branch. An INVITE has three of them and must
    /// not grow beyond a datagram (§18.1.1).
    pub fn token(&mut self) -> String {
        written(&self.block())
    }

    /// Up to `limit`, in milliseconds, each as likely.
    pub fn duration(&mut self, range: std::ops::RangeInclusive<Duration>) -> Duration {
        let (from, to) = (*range.start(), *range.end());
        let span = u64::try_from(to.saturating_sub(from).as_millis()).unwrap_or(u64::MAX - 1);
        from + Duration::from_millis(self.number() % (span + 1))
    }

    /// 64 bits.
    pub fn number(&mut self) -> u64 {
        let block = self.block();
        block.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    /// A tag that is the same each time for the same text: for stateless responses (§8.2.7).
    pub fn tag_for(&self, text: &str) -> String {
        let digest = Sha256::new().chain_update(self.seed).chain_update(b"stateless").chain_update(text).finalize();
        written(&digest)
    }

    fn block(&mut self) -> [u8; 32] {
        self.counter += 1;
        Sha256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes()).finalize().into()
    }
}

/// The first 80 bits, five a character; in small letters, because tags differ by more than their case.
fn written(block: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let bits = block.iter().take(10).fold(0_u128, |bits, octet| bits << 8 | u128::from(*octet));
    (0..16).rev().map(|place| char::from(DIGITS[(bits >> (5 * place)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_says_the_same() {
        let (mut one, mut other) = (Rng::new([7; 32]), Rng::new([7; 32]));
        assert_eq!(one.token(), other.token());
        assert_ne!(one.token(), Rng::new([8; 32]).token());
        assert_eq!(one.token().len(), 16);
        assert_eq!(written(&[0xff; 32]), "v".repeat(16));
        assert_eq!(written(&[0, 0, 0, 0, 0, 0, 0, 0, 4, 33]), "0000000000000111");
    }

    #[test]
    fn durations_stay_within_their_range() {
        let mut rng = Rng::new([1; 32]);
        let range = Duration::from_millis(2100)..=Duration::from_millis(4000);
        assert!((0..500).map(|_| rng.duration(range.clone())).all(|d| range.contains(&d)));
    }
}
