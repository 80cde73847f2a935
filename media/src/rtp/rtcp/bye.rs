//! Goodbye: sources that leave (RFC 3550 §6.6).

use crate::rtp::Ssrc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bye<'a> {
    pub(super) sources: &'a [u8],
}

impl<'a> Bye<'a> {
    pub fn sources(&self) -> impl Iterator<Item = Ssrc> + 'a {
        self.sources.chunks_exact(4).map(|_| Ssrc(0))
    }
}
