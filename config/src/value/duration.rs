//! Durations: a whole number with its unit, `"500ms"`, `"60s"`, `"15m"`, `"12h"`, `"7d"`.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = toml::Value::deserialize(deserializer)?;
    text.as_str()
        .and_then(parse)
        .ok_or_else(|| D::Error::custom(format!("{text} is no duration like \"500ms\", \"60s\" or \"12h\"")))
}

pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&print(*duration))
}

/// Milliseconds of each unit, largest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

fn parse(text: &str) -> Option<Duration> {
    let (number, unit) = text.trim().split_at(text.trim().find(|c: char| !c.is_ascii_digit())?);
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*millis).map(Duration::from_millis)
}

fn print(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (unit, size) =
        UNITS.iter().find(|(_, size)| millis > 0 && millis.is_multiple_of(*size)).unwrap_or(&("s", 1000));
    format!("{}{unit}", millis / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_printed() {
        for text in ["500ms", "60s", "1m", "90s", "12h", "7d", "0s"] {
            let printed = parse(text).map(print);
            assert_eq!(printed.as_deref(), Some(if text == "60s" { "1m" } else { text }));
        }
    }

    #[test]
    fn a_number_without_unit_is_refused() {
        for text in ["60", "", "s", "-1s", "1.5s", "1 week", "99999999999999999999s", "999999999999999999d"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
