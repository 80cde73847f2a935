//! Ranges of UDP ports, both ends included: `"20000-29999"`.

use std::ops::RangeInclusive;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RangeInclusive<u16>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom(format!("\"{text}\" is no range of ports like \"20000-29999\"")))
}

pub fn serialize<S: Serializer>(ports: &RangeInclusive<u16>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}-{}", ports.start(), ports.end()))
}

fn parse(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_runs_upwards() {
        assert_eq!(parse("20000-29999"), Some(20000..=29999));
        assert_eq!(parse("7000 - 7000"), Some(7000..=7000));
        for text in ["29999-20000", "20000", "20000-70000", "-", "a-b"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
