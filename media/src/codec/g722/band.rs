//! Adaptive prediction and quantisation of one sub-band (ITU-T G.722 §3; the names of its blocks stand beside the steps).

/// Log to linear: 2^(n/32), times 2048 (Table 15).
const EXPONENTS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// One band's memory, alike in encoder and decoder: it adapts to the codes alone.
#[derive(Clone, Debug)]
pub(super) struct Band {
    /// Quantiser scale, linear and as a logarithm.
    scale: i32,
    log_scale: i32,
    /// Prediction of the next sample, and the zeros' part of it.
    pub prediction: i32,
    zeros_part: i32,
    poles: [i32; 2],
    zeros: [i32; 6],
    /// The last reconstructed samples, partial reconstructions and differences, the newest first.
    reconstructed: [i32; 2],
    partial: [i32; 2],
    differences: [i32; 6],
}

/// How a band's scale moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scaling {
    pub most: i32,
    /// Right shift of the exponent at scale 0.
    pub shift: i32,
}

impl Band {
    /// `scale`: 32 for the lower band, 8 for the higher.
    pub fn new(scale: i32) -> Self {
        Self {
            scale,
            log_scale: 0,
            prediction: 0,
            zeros_part: 0,
            poles: [0; 2],
            zeros: [0; 6],
            reconstructed: [0; 2],
            partial: [0; 2],
            differences: [0; 6],
        }
    }

    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// A quantiser level as a difference of samples.
    pub fn difference(&self, level: i32) -> i32 {
        (self.scale * level) >> 15
    }

    /// Takes a code's difference and its step of the logarithmic scale.
    pub fn adapt(&mut self, difference: i32, step: i32, scaling: Scaling) {
        // LOGSCL, SCALEL (LOGSCH, SCALEH)
        self.log_scale = (((self.log_scale * 127) >> 7) + step).clamp(0, scaling.most);
        let exponent = EXPONENTS[((self.log_scale >> 6) & 31) as usize];
        let shift = scaling.shift - (self.log_scale >> 11);
        self.scale = if shift < 0 { exponent << -shift } else { exponent >> shift } << 2;
        self.predict(difference);
    }

    fn predict(&mut self, difference: i32) {
        let reconstructed = saturate(self.prediction + difference); // RECONS
        let partial = saturate(self.zeros_part + difference); // PARREC
        self.adapt_poles(partial);
        self.adapt_zeros(difference);
        // DELAYA
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.partial = [partial, self.partial[0]];
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;
        // FILTEP, FILTEZ, PREDIC
        let filtered = |coefficients: &[i32], samples: &[i32]| -> i32 {
            coefficients.iter().zip(samples).map(|(a, sample)| (a * saturate(2 * sample)) >> 15).sum()
        };
        self.zeros_part = saturate(filtered(&self.zeros, &self.differences));
        let poles_part = saturate(filtered(&self.poles, &self.reconstructed));
        self.prediction = saturate(poles_part + self.zeros_part);
    }

    /// UPPOL2, UPPOL1: by the signs of the last partial reconstructions.
    fn adapt_poles(&mut self, partial: i32) {
        let same = self.partial.map(|before| (before < 0) == (partial < 0));
        let [first, second] = self.poles;
        let leaned = saturate(4 * first);
        let leaned = if same[0] { saturate(-leaned) } else { leaned };
        let sign = if same[1] { 128 } else { -128 };
        let second = ((leaned >> 7) + sign + ((second * 32_512) >> 15)).clamp(-12_288, 12_288);
        let sign = if same[0] { 192 } else { -192 };
        let most = 15_360 - second;
        let first = saturate(sign + ((first * 32_640) >> 15)).clamp(-most, most);
        self.poles = [first, second];
    }

    /// UPZERO: by the signs of the last differences.
    fn adapt_zeros(&mut self, difference: i32) {
        let step = if difference == 0 { 0 } else { 128 };
        for (zero, before) in self.zeros.iter_mut().zip(self.differences) {
            let step = if (before < 0) == (difference < 0) { step } else { -step };
            *zero = saturate(step + ((*zero * 32_640) >> 15));
        }
    }
}

/// Into 16 bits.
pub(super) fn saturate(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}
