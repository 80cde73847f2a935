//! STUN messages as ICE uses them: Binding over UDP with short-term credentials (RFC 8489 §5, §9.1, §14; RFC 8445 §7.1).
//!
//! Left out: other methods, long-term credentials, MESSAGE-INTEGRITY-SHA256, which RFC 8445 peers do not send.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::hmac;

use crate::plan::IceRole;

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const FINGERPRINT_XOR: u32 = 0x5354_554e;
const INTEGRITY_LEN: usize = 20;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;
/// From here on who does not know an attribute may pass over it.
const OPTIONAL: u16 = 0x8000;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_INDICATION: u16 = 0x0011;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

pub(super) type Transaction = [u8; 12];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Indication,
    Response,
}

/// A message whose frame and fingerprint are right; its integrity is checked by who knows the key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub kind: Kind,
    pub transaction: Transaction,
    octets: &'a [u8],
    pub username: Option<&'a [u8]>,
    pub use_candidate: bool,
    /// Which side the sender believes to be, and its tie-breaker.
    pub role: Option<(IceRole, u64)>,
    pub priority: Option<u32>,
    /// Of an error response; 0 where it cannot be read.
    pub error_code: Option<u16>,
    /// An attribute that must be understood and is not.
    pub unknown: Option<u16>,
    /// Where MESSAGE-INTEGRITY begins, and its value.
    integrity: Option<(usize, &'a [u8])>,
}

impl<'a> Message<'a> {
    /// `None`: not STUN, or damaged. ICE messages end with a FINGERPRINT (RFC 8445 §7.1.1).
    pub fn parse(octets: &'a [u8]) -> Option<Self> {
        let header = octets.first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let framed = header[4..8] == MAGIC_COOKIE && length.is_multiple_of(4) && octets.len() == HEADER + length;
        let kind = match u16::from_be_bytes([header[0], header[1]]) {
            BINDING_REQUEST => Kind::Request,
            BINDING_INDICATION => Kind::Indication,
            BINDING_SUCCESS | BINDING_ERROR => Kind::Response,
            _ => return None,
        };
        let mut transaction = [0; 12];
        transaction.copy_from_slice(header.get(8..)?);
        let mut message = Self {
            kind,
            transaction,
            octets,
            username: None,
            use_candidate: false,
            role: None,
            priority: None,
            error_code: (header[..2] == BINDING_ERROR.to_be_bytes()).then_some(0),
            unknown: None,
            integrity: None,
        };
        (framed && message.read_attributes()).then_some(message)
    }

    /// Returns whether all of them are whole and a right fingerprint is the last.
    fn read_attributes(&mut self) -> bool {
        let mut at = HEADER;
        while let Some([t0, t1, l0, l1]) = self.octets.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            let (kind, length) = (u16::from_be_bytes([*t0, *t1]), usize::from(u16::from_be_bytes([*l0, *l1])));
            let Some(value) = self.octets.get(at + 4..at + 4 + length) else { return false };
            let end = at + 4 + length.next_multiple_of(4);
            match (kind, self.integrity) {
                (FINGERPRINT, _) => {
                    let crc = self.octets.get(..at).map(crc32).unwrap_or_default() ^ FINGERPRINT_XOR;
                    return end == self.octets.len() && value == crc.to_be_bytes();
                }
                // What follows the integrity is not covered by it (RFC 8489 §14.5).
                (_, Some(_)) => {}
                (MESSAGE_INTEGRITY, None) => self.integrity = Some((at, value)),
                (USERNAME, None) => self.username = Some(value),
                (USE_CANDIDATE, None) => self.use_candidate = true,
                (ICE_CONTROLLED, None) => self.role = number(value).map(|tie| (IceRole::Controlled, tie)),
                (ICE_CONTROLLING, None) => self.role = number(value).map(|tie| (IceRole::Controlling, tie)),
                (PRIORITY, None) => self.priority = value.try_into().ok().map(u32::from_be_bytes),
                (ERROR_CODE, None) => {
                    let code = |class: &u8, number: &u8| u16::from(*class & 7) * 100 + u16::from(*number % 100);
                    self.error_code = value.get(2).zip(value.get(3)).map(|(class, number)| code(class, number));
                }
                (XOR_MAPPED_ADDRESS, None) => {}
                (unknown, None) if unknown < OPTIONAL => self.unknown = self.unknown.or(Some(unknown)),
                _ => {}
            }
            at = end;
        }
        false
    }

    /// The first octets of the transaction, where our own checks name their leg.
    #[cfg(feature = "engine")]
    pub fn asker(&self) -> super::Asker {
        let [a, b, c, d, ..] = self.transaction;
        [a, b, c, d]
    }

    pub fn has_integrity(&self) -> bool {
        self.integrity.is_some()
    }

    /// Whether the sender knows the key (RFC 8489 §14.5): the length in the header counts up to the attribute's end.
    pub fn verifies(&self, key: &hmac::Key) -> bool {
        let Some((at, value)) = self.integrity else { return false };
        let Some((head, body)) = self.octets.get(..at).and_then(|covered| covered.split_first_chunk::<4>()) else {
            return false;
        };
        let tag = tag(key, [head[0], head[1]], at, body);
        aws_lc_rs::constant_time::verify_slices_are_equal(tag.as_ref(), value).is_ok()
    }

    /// 200: with the address that the request came from.
    pub fn success(&self, from: SocketAddr, key: &hmac::Key) -> Reply {
        let mut reply = Reply::new(BINDING_SUCCESS, &self.transaction);
        reply.push_address(from);
        reply.finish(Some(key))
    }

    /// An error; with a key where the sender proved to know it.
    pub fn error(&self, code: u16, reason: &str, key: Option<&hmac::Key>) -> Reply {
        let mut reply = Reply::new(BINDING_ERROR, &self.transaction);
        let mut value = [0; 4 + 16];
        value[2] = (code / 100) as u8;
        value[3] = (code % 100) as u8;
        let len = 4 + reason.len().min(16);
        value[4..len].copy_from_slice(&reason.as_bytes()[..len - 4]);
        reply.push(ERROR_CODE, &value[..len]);
        if let (420, Some(unknown)) = (code, self.unknown) {
            reply.push(UNKNOWN_ATTRIBUTES, &unknown.to_be_bytes());
        }
        reply.finish(key)
    }
}

/// HMAC-SHA1 over the message up to `at`, as if its length ended with the attribute there.
fn tag(key: &hmac::Key, kind: [u8; 2], at: usize, body: &[u8]) -> hmac::Tag {
    let length = (at - HEADER + 4 + INTEGRITY_LEN) as u16;
    let mut context = hmac::Context::with_key(key);
    context.update(&kind);
    context.update(&length.to_be_bytes());
    context.update(body);
    context.sign()
}

/// The key of short-term credentials is the password itself (RFC 8489 §9.1.1).
pub(super) fn key(password: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes())
}

/// A tie-breaker.
fn number(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_be_bytes)
}

/// A response, ready to be sent. Room for more than the longest that is ever written here.
pub type Reply = Written<112>;

/// A check, ready to be sent: with two fragments of 256 characters at most in its USERNAME.
pub type Check = Written<600>;

impl Check {
    /// As a full agent asks (RFC 8445 §7.2.2). `key`: of the peer's password.
    pub(super) fn request(
        transaction: Transaction,
        username: &str,
        priority: u32,
        (role, tie_breaker): (IceRole, u64),
        nominates: bool,
        key: &hmac::Key,
    ) -> Self {
        let mut check = Self::new(BINDING_REQUEST, &transaction);
        check.push(USERNAME, username.as_bytes());
        check.push(PRIORITY, &priority.to_be_bytes());
        let role = if role == IceRole::Controlling { ICE_CONTROLLING } else { ICE_CONTROLLED };
        check.push(role, &tie_breaker.to_be_bytes());
        if nominates {
            check.push(USE_CANDIDATE, &[]);
        }
        check.finish(Some(key))
    }
}

/// A message as it is written.
#[derive(Clone, Copy, Debug)]
pub struct Written<const ROOM: usize> {
    octets: [u8; ROOM],
    len: usize,
}

impl<const ROOM: usize> Written<ROOM> {
    fn new(kind: u16, transaction: &[u8; 12]) -> Self {
        let mut octets = [0; ROOM];
        octets[..2].copy_from_slice(&kind.to_be_bytes());
        octets[4..8].copy_from_slice(&MAGIC_COOKIE);
        octets[8..HEADER].copy_from_slice(transaction);
        Self { octets, len: HEADER }
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.octets[..self.len]
    }

    fn push(&mut self, kind: u16, value: &[u8]) {
        let at = self.len;
        self.len += 4 + value.len().next_multiple_of(4);
        self.octets[at..at + 2].copy_from_slice(&kind.to_be_bytes());
        self.octets[at + 2..at + 4].copy_from_slice(&(value.len() as u16).to_be_bytes());
        self.octets[at + 4..at + 4 + value.len()].copy_from_slice(value);
    }

    /// XOR-MAPPED-ADDRESS (RFC 8489 §14.2): the cookie, and for IPv6 the transaction too, lie over it.
    fn push_address(&mut self, address: SocketAddr) {
        let mut mask = [0; 16];
        mask.copy_from_slice(&self.octets[4..HEADER]);
        let mut value = [0; 4 + 16];
        let ip_len = match address.ip().to_canonical() {
            IpAddr::V4(ip) => {
                value[1] = 1;
                value[4..8].copy_from_slice(&ip.octets());
                4
            }
            IpAddr::V6(ip) => {
                value[1] = 2;
                value[4..20].copy_from_slice(&ip.octets());
                16
            }
        };
        value[2..4].copy_from_slice(&address.port().to_be_bytes());
        (value[2], value[3]) = (value[2] ^ mask[0], value[3] ^ mask[1]);
        value[4..4 + ip_len].iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
        self.push(XOR_MAPPED_ADDRESS, &value[..4 + ip_len]);
    }

    fn finish(mut self, key: Option<&hmac::Key>) -> Self {
        if let Some(key) = key {
            let kind = [self.octets[0], self.octets[1]];
            let tag = tag(key, kind, self.len, &self.octets[4..self.len]);
            let mut value = [0; INTEGRITY_LEN];
            value.copy_from_slice(tag.as_ref());
            self.push(MESSAGE_INTEGRITY, &value);
        }
        let length = (self.len - HEADER + 8) as u16;
        self.octets[2..4].copy_from_slice(&length.to_be_bytes());
        let crc = crc32(&self.octets[..self.len]) ^ FINGERPRINT_XOR;
        self.push(FINGERPRINT, &crc.to_be_bytes());
        self
    }
}

/// The CRC-32 of ITU V.42, one octet at a time: a check comes every few seconds.
fn crc32(octets: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let step = |crc: u32, octet: &u8| TABLE[usize::from(crc as u8 ^ octet)] ^ (crc >> 8);
    !octets.iter().fold(!0, step)
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let (mut crc, mut bit) = (i as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

#[cfg(test)]
#[path = "stun_tests.rs"]
pub(crate) mod tests;
