//! Source description; we read and write CNAME alone (RFC 3550 §6.5, RFC 7022).

use crate::rtp::Ssrc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sdes<'a> {
    pub(super) chunks: &'a [u8],
    pub(super) count: u8,
}

impl<'a> Sdes<'a> {
    /// The canonical name of a source, as sent: UTF-8 by the RFC, and not checked.
    pub fn cname(&self, ssrc: Ssrc) -> Option<&'a [u8]> {
        let _ = (ssrc, self.chunks, self.count);
        unimplemented!()
    }
}
