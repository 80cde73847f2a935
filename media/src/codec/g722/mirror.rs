//! Quadrature mirror filters: two samples at 16 kHz to one of each band, and back (ITU-T G.722 §3.1, §4.4).

const TAPS: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// The last 24 samples, as twelve pairs, the newest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Mirror {
    pairs: [[i32; 2]; 12],
}

impl Mirror {
    /// Lower and higher band of a pair of samples.
    pub fn split(&mut self, pair: [i16; 2]) -> (i32, i32) {
        let [odd, even] = self.filter(pair.map(i32::from));
        ((even + odd) >> 14, (even - odd) >> 14)
    }

    /// The pair of samples of both bands.
    pub fn join(&mut self, lower: i32, higher: i32) -> [i16; 2] {
        let [odd, even] = self.filter([lower + higher, lower - higher]);
        [even, odd].map(|sum| (sum >> 11).clamp(i16::MIN.into(), i16::MAX.into()) as i16)
    }

    /// Sums over the first and over the second of each pair.
    fn filter(&mut self, pair: [i32; 2]) -> [i32; 2] {
        self.pairs.copy_within(..11, 1);
        self.pairs[0] = pair;
        let mut sums = [0; 2];
        for (n, [first, second]) in self.pairs.iter().enumerate() {
            sums[0] += first * TAPS[11 - n];
            sums[1] += second * TAPS[n];
        }
        sums
    }
}
