//! What OpenSSL takes for its socket: one datagram in, some out.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

/// A flight has five datagrams at most; what OpenSSL writes beyond is lost as on a network.
const OUTGOING: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Datagrams {
    incoming: Option<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
}

impl Datagrams {
    pub fn arrive(&mut self, datagram: &[u8]) {
        self.incoming = Some(datagram.to_vec());
    }

    /// What was written since the last call.
    pub fn left(&mut self) -> &mut VecDeque<Vec<u8>> {
        &mut self.outgoing
    }
}

/// A read gives one datagram, as from a socket: what does not fit is cut off.
impl Read for Datagrams {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let datagram = self.incoming.take().ok_or(io::ErrorKind::WouldBlock)?;
        let len = datagram.len().min(into.len());
        into[..len].copy_from_slice(&datagram[..len]);
        Ok(len)
    }
}

impl Write for Datagrams {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        if self.outgoing.len() < OUTGOING {
            self.outgoing.push_back(datagram.to_vec());
        }
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
