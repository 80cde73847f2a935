//! Source description; we read and write CNAME alone (RFC 3550 §6.5, RFC 7022).

use crate::rtp::Ssrc;

/// Item types (§6.5).
pub(super) const END: u8 = 0;
pub(super) const CNAME: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sdes<'a> {
    count: u8,
    chunks: &'a [u8],
}

impl<'a> Sdes<'a> {
    pub(super) fn parse(count: u8, chunks: &'a [u8]) -> Self {
        Self { count, chunks }
    }

    /// The canonical name of a source, as sent: UTF-8 by the RFC, and not checked.
    pub fn cname(&self, ssrc: Ssrc) -> Option<&'a [u8]> {
        let mut rest = self.chunks;
        for _ in 0..self.count {
            let (source, items) = rest.split_first_chunk::<4>()?;
            let chunk = Chunk::read(items)?;
            if u32::from_be_bytes(*source) == ssrc.0 && chunk.cname.is_some() {
                return chunk.cname;
            }
            rest = items.get(chunk.len..)?;
        }
        None
    }
}

/// A chunk's items, up to the four-octet boundary behind their end.
struct Chunk<'a> {
    cname: Option<&'a [u8]>,
    len: usize,
}

impl<'a> Chunk<'a> {
    fn read(items: &'a [u8]) -> Option<Self> {
        let (mut at, mut cname) = (0, None);
        loop {
            let &kind = items.get(at)?;
            if kind == END {
                return Some(Self { cname, len: (at + 4) & !3 });
            }
            let len = usize::from(*items.get(at + 1)?);
            let text = items.get(at + 2..at + 2 + len)?;
            if kind == CNAME {
                cname = Some(text);
            }
            at += 2 + len;
        }
    }
}
