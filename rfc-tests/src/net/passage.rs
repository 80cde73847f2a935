//! A message that passed, or did not.

use std::time::Instant;

use bytes::Bytes;
use plenary_sip::message::Message;
use plenary_sip::net_types::Source;

/// One message on its way from one party to another; parties count in the order of their coming.
#[derive(Clone, Debug)]
pub struct Passage {
    pub sent_at: Instant,
    pub from: usize,
    pub to: usize,
    /// As the receiver sees it.
    pub source: Source,
    pub octets: Bytes,
    /// None: nobody can read it.
    pub message: Option<Message>,
    pub is_lost: bool,
}

impl Passage {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.octets).replace('\r', "")
    }
}
