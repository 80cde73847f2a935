//! Goodbye: sources that leave (RFC 3550 §6.6).

use super::compound::sources;
use crate::rtp::Ssrc;

/// The stream ends; the call does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bye<'a> {
    sources: &'a [u8],
}

impl<'a> Bye<'a> {
    /// `body`: behind the common header. The reason for leaving, where given, is not read.
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        Some(Self { sources: body.get(..4 * usize::from(count))? })
    }

    pub fn sources(&self) -> impl Iterator<Item = Ssrc> + 'a {
        sources(self.sources)
    }
}
