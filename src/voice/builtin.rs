//! The recordings that were made at build time: mono µ-law at [`RATE`].

use plenary_config::Language;
use plenary_media::codec::g711::Law;

use super::wave::Wave;

/// What espeak-ng makes, in Hz.
const RATE: u32 = 22_050;

/// By name, `en/welcome`; empty where the build had no espeak-ng.
static RECORDINGS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/recordings.rs"));

pub(super) fn recording(language: Language, name: &str) -> Option<Wave> {
    let wanted = format!("{}/{name}", language.code());
    let at = RECORDINGS.binary_search_by_key(&wanted.as_str(), |(name, _)| name).ok()?;
    let (_, octets) = RECORDINGS.get(at)?;
    let samples = Law::Mu.samples();
    Some(Wave { rate: RATE, samples: octets.iter().map(|octet| samples[usize::from(*octet)]).collect() })
}
