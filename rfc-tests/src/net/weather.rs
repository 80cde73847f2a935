//! What the network does to datagrams: loses, doubles and delays them, by seeded chance.

use std::ops::RangeInclusive;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weather {
    pub loss_percent: u64,
    pub doubled_percent: u64,
    /// From one end to the other; unequal delays let datagrams overtake each other. Streams keep their order.
    pub delay: RangeInclusive<Duration>,
}

impl Weather {
    /// 10 ms to everywhere, and nothing is lost.
    pub fn calm() -> Self {
        let delay = Duration::from_millis(10);
        Self { loss_percent: 0, doubled_percent: 0, delay: delay..=delay }
    }

    /// Loses so much, doubles a tenth, and lets datagrams overtake each other.
    pub fn stormy(loss_percent: u64) -> Self {
        let delay = Duration::from_millis(5)..=Duration::from_millis(300);
        Self { loss_percent, doubled_percent: 10, delay }
    }
}
