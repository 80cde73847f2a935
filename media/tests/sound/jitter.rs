//! How many packets come too late for their turn, and what waiting for them costs, on networks of several kinds.

use std::time::Duration;

use plenary_media::plan::AudioCodec;

use crate::listening::line::{Line, Network};
use crate::listening::signal::voice;

const RUNS: u64 = 20;
const SECONDS: u64 = 40;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The network, the longest delay that it may cost in nineteen ticks of twenty, some 20 ms (a packet) above what it
/// delays packets by, and the share of ticks that may be made up, in hundredths of a percent.
const NETWORKS: [(Network, Duration, u64); 7] = [
    (Network::Jitter(millis(10)), millis(40), 50),
    (Network::Jitter(millis(30)), millis(60), 50),
    (Network::Jitter(millis(60)), millis(85), 100),
    (Network::Jitter(millis(100)), millis(125), 100),
    // Too seldom to wait for: what is made up is the pause itself, 60 ms of two seconds.
    (Network::Bursts(millis(60)), millis(85), 300),
    (Network::Wifi, millis(85), 100),
    // From 10 ms to 90.
    (Network::Route(millis(80)), millis(125), 50),
];

/// Nineteen of twenty are no greater.
fn p95<T: Ord + Copy>(mut all: Vec<T>) -> T {
    all.sort_unstable();
    all[all.len() * 19 / 20]
}

#[test]
fn less_than_one_packet_in_a_hundred_is_late_and_the_delay_stays_near_the_jitter() {
    let mut faults = Vec::new();
    for (network, longest, most) in NETWORKS {
        let line = |seed| Line { network, seed, seconds: SECONDS, is_heard: false, ..Line::of(AudioCodec::Pcmu) };
        let heard: Vec<_> = (0..RUNS).map(|seed| line(seed).say(voice)).collect();
        let late = p95(heard.iter().map(|heard| heard.stats.late * 10_000 / heard.packets).collect());
        let made_up = p95(heard.iter().map(|heard| heard.stats.concealed * 10_000 / heard.packets).collect());
        let delay = p95(heard.iter().map(|heard| p95(heard.delays.clone())).collect());
        let told = format!("{network:?}: of 10000 packets {late} late and {made_up} made up, {delay:?} of delay");
        println!("{told} (p95 of {RUNS} runs)");
        if late >= 100 || made_up > most || delay > longest {
            faults.push(told);
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
