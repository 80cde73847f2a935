//! From differences to codes and back: 6 bits for the lower band, 2 for the higher (ITU-T G.722 §3.2, §3.3, §3.5).

use super::band::{Band, Scaling};

const LOWER: Scaling = Scaling { most: 18_432, shift: 8 };
const HIGHER: Scaling = Scaling { most: 22_528, shift: 10 };

/// Bounds of the lower band's 30 intervals, of a scale of 4096 (Table 14, Q6).
const BOUNDS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// Levels of all six bits of a code (QM6), and of its upper four (QM4), which alone the scale and the prediction see.
const LEVELS_OF_6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
const LEVELS_OF_4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
/// Steps of the lower band's logarithmic scale (WL, by RL42).
const STEPS_OF_4: [i32; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
/// Of the higher band (QM2; WH by RH2): outer and inner, below and above zero.
const LEVELS_OF_2: [i32; 4] = [-7408, -1616, 7408, 1616];
const STEPS_OF_2: [i32; 4] = [798, -214, 798, -214];
const HIGHER_BOUND: i32 = 564;

/// The code of a lower band's difference (QUANTL).
pub(super) fn code_lower(band: &Band, difference: i32) -> u8 {
    let (size, is_negative) = magnitude(difference);
    let interval = BOUNDS.iter().position(|bound| size < (bound * band.scale()) >> 12).unwrap_or(BOUNDS.len()) as u8;
    match (is_negative, interval) {
        (true, 0..=1) => 63 - interval,
        (true, _) => 33 - interval,
        (false, _) => 61 - interval,
    }
}

/// The code of a higher band's difference (QUANTH).
pub(super) fn code_higher(band: &Band, difference: i32) -> u8 {
    let (size, is_negative) = magnitude(difference);
    let is_outer = size >= (HIGHER_BOUND * band.scale()) >> 12;
    match (is_negative, is_outer) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}

/// The lower band's sample that a code stands for (INVQBL).
pub(super) fn sample_lower(band: &Band, code: u8) -> i32 {
    limit(band.prediction + band.difference(LEVELS_OF_6[usize::from(code & 0x3f)]))
}

/// The higher band's.
pub(super) fn sample_higher(band: &Band, code: u8) -> i32 {
    limit(band.prediction + band.difference(LEVELS_OF_2[usize::from(code & 3)]))
}

pub(super) fn adapt_lower(band: &mut Band, code: u8) {
    let of_4 = usize::from(code >> 2 & 0x0f);
    band.adapt(band.difference(LEVELS_OF_4[of_4]), STEPS_OF_4[of_4], LOWER);
}

pub(super) fn adapt_higher(band: &mut Band, code: u8) {
    let of_2 = usize::from(code & 3);
    band.adapt(band.difference(LEVELS_OF_2[of_2]), STEPS_OF_2[of_2], HIGHER);
}

/// Below zero the ones' complement.
fn magnitude(difference: i32) -> (i32, bool) {
    (if difference < 0 { !difference } else { difference }, difference < 0)
}

/// To 15 bits (LIMIT).
fn limit(sample: i32) -> i32 {
    sample.clamp(-16_384, 16_383)
}
