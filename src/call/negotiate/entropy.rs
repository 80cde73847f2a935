//! Where session numbers and SRTP keys come from.

/// A source of random octets: the system's, or for tests one that repeats by its seed.
#[derive(Debug)]
pub struct Entropy(Source);

#[derive(Debug)]
enum Source {
    System,
    Seeded { state: u64 },
}

impl Entropy {
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Foreseeable: for tests only.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded { state: seed })
    }

    pub(super) fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        match &mut self.0 {
            Source::System => getrandom::fill(&mut octets).expect("the system has a random source"),
            Source::Seeded { state } => octets.fill_with(|| split_mix(state).to_le_bytes()[0]),
        }
        octets
    }

    pub(super) fn number(&mut self) -> u64 {
        self.octets(8).into_iter().fold(0, |number, octet| number << 8 | u64::from(octet))
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_repeat_and_the_system_does_not() {
        assert_eq!(Entropy::seeded(7).octets(30), Entropy::seeded(7).octets(30));
        assert_ne!(Entropy::seeded(7).octets(30), Entropy::seeded(8).octets(30));
        assert_ne!(Entropy::system().number(), Entropy::system().number());
    }
}
