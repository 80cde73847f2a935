//! Silence for whoever guesses passwords and goes on when told to wait: an answer to each guess would be work for nothing.

use std::net::IpAddr;
use std::time::Duration;

use super::door::Door;

/// For those who check passwords.
#[derive(Clone, Debug)]
pub struct Silence {
    door: Door,
}

impl Silence {
    pub(super) fn new(door: Door) -> Self {
        Self { door }
    }

    /// Hears nothing more from there for so long, unless a phone there has proven its password.
    pub fn fall(&self, address: IpAddr, how_long: Duration) {
        self.door.silence(address, how_long);
    }
}
