//! What the allocator holds, and that it gives back what is not needed (decision 0012).
//!
//! glibc learns from the largest block that was ever freed: after one password hash of 19 MiB it keeps twice that much for
//! itself for good. A server that lives for months had better not learn that.
#![allow(unsafe_code)]

use super::metrics::{Metric, Metrics};

const IN_USE: Metric<0> =
    Metric::new("memory_in_use_bytes", "Memory that the server has asked for and not given back.", []);
const KEPT: Metric<0> =
    Metric::new("memory_kept_bytes", "Memory that was given back to the allocator, and not to the system.", []);

/// Larger blocks come from the system and go back to it at once; nothing on a busy path is as large.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: libc::c_int = 1024 * 1024;

/// To be called once, before the threads begin. Elsewhere than with glibc it does nothing.
pub fn settle() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt changes numbers inside of the allocator; it is called while this thread is the only one.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
    }
}

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
