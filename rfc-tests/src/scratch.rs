//! A folder that goes away with its test, and loopback addresses that no two tests share.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static GIVEN: AtomicU32 = AtomicU32::new(0);

/// Removed when dropped, unless the test panicked or `KEEP_SCRATCH` is set: what is in it tells why.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let number = GIVEN.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("plenary-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() || std::env::var_os("KEEP_SCRATCH").is_some() {
            eprintln!("left for a look: {}", self.0.display());
        } else {
            // A file that a phone still writes is not worth failing for.
            drop(std::fs::remove_dir_all(&self.0));
        }
    }
}

/// An address of 127.64.0.0/10 for this test alone, among all test processes of this machine.
pub fn own_address() -> Ipv4Addr {
    let number = GIVEN.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    let [_, _, high, low] = process.to_be_bytes();
    Ipv4Addr::new(127, 64 + u8::try_from(number % 64).unwrap_or(0), high, low.max(1))
}
