//! What the allocator holds, and that it gives back what is not needed (decision 0012).
//!
//! glibc learns from the largest block that was ever freed: after one password hash of 19 MiB it keeps twice that much for
//! itself for good. A server that lives for months had better not learn that.
#![allow(unsafe_code)]

use std::time::Duration;

use super::metrics::{Metric, Metrics};

const IN_USE: Metric<0> =
    Metric::new("memory_in_use_bytes", "Memory that the server has asked for and not given back.", []);
const KEPT: Metric<0> =
    Metric::new("memory_kept_bytes", "Memory that was given back to the allocator, and not to the system.", []);

/// Larger blocks come from the system and go back to it at once; nothing on a busy path is as large.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: libc::c_int = 1024 * 1024;

/// How often it is looked at what is kept; giving back takes some milliseconds for each 100 MiB, and holds up whoever asks
/// for memory meanwhile. Media threads never ask.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(20);
/// It is worth it from so much on that came to be free since the last time.
const WORTH_IT: usize = 8 * 1024 * 1024;

/// To be called once, before the threads begin. Elsewhere than with glibc it does nothing.
pub fn settle() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt changes numbers inside of the allocator; it is called while this thread is the only one.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
    }
}

/// Gives back what lies free between blocks that are in use: after a busy hour, when its calls have ended.
pub fn keep_giving_back() {
    let Some(first) = reading() else { return };
    let work = move || {
        let mut kept = first.kept;
        loop {
            std::thread::sleep(LOOKED_AT_EVERY);
            let Some(now) = reading() else { return };
            // What was given back still counts as kept until it is asked for again: only more of it is news.
            if now.kept > kept + WORTH_IT {
                give_back();
                kept = now.kept;
            }
            kept = kept.min(now.kept);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("memory".into()).spawn(work) {
        tracing::warn!(%error, "free memory is not given back to the system");
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_back() {
    // SAFETY: malloc_trim locks what it walks through and touches nothing that is in use.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}

/// Metrics of what is in use and what is kept; there are none where the allocator cannot tell.
pub fn announce(metrics: &Metrics) {
    if reading().is_some() {
        metrics.gauge_read(IN_USE, || vec![([], reading().map_or(0.0, |now| now.in_use as f64))]);
        metrics.gauge_read(KEPT, || vec![([], reading().map_or(0.0, |now| now.kept as f64))]);
    }
}

/// In octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    in_use: usize,
    kept: usize,
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn reading() -> Option<Reading> {
    // SAFETY: mallinfo2 takes nothing, locks what it reads, and gives a struct of numbers.
    let now = unsafe { libc::mallinfo2() };
    Some(Reading { in_use: now.uordblks + now.hblkhd, kept: now.fordblks })
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn reading() -> Option<Reading> {
    None
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn what_lies_free_between_blocks_in_use_is_given_back() {
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/status").expect("a status");
            let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("what is resident");
            line.split_whitespace().next().and_then(|number| number.parse::<usize>().ok()).expect("KiB") * 1024
        };
        const BLOCK: usize = 1024;
        let mut blocks: Vec<_> = (0..64 * BLOCK).map(|_| Some(vec![1_u8; BLOCK])).collect();
        let full = resident();
        for (place, block) in blocks.iter_mut().enumerate() {
            block.take_if(|_| place % 64 > 0);
        }
        give_back();
        let after = resident();
        assert!(after + 32 * BLOCK * BLOCK < full, "{full} octets, then {after}");
        assert!(blocks.iter().flatten().count() == BLOCK);
    }

    #[test]
    fn a_large_block_is_counted_and_given_back() {
        settle();
        const SIZE: usize = 20 * 1024 * 1024;
        let before = reading().expect("glibc tells");
        let block = vec![1_u8; SIZE];
        let with_block = reading().expect("glibc tells");
        assert!(with_block.in_use >= before.in_use + SIZE / 2, "{before:?} {with_block:?}");
        drop(block);
        let after = reading().expect("glibc tells");
        assert!(after.kept < before.kept + SIZE / 2, "{before:?} {after:?}");
    }
}
