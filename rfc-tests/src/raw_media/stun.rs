//! Binding requests of ICE (RFC 8489, RFC 8445 §7.1), and what a response says.

use std::net::{Ipv4Addr, SocketAddr};

use aws_lc_rs::hmac;

pub const USE_CANDIDATE: u16 = 0x0025;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const FINGERPRINT: u16 = 0x8028;
pub const CONTROLLED: u16 = 0x8029;
const CONTROLLING: u16 = 0x802a;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// A check of a controlling agent; with `password` none, without MESSAGE-INTEGRITY. `extra`: empty attributes.
pub fn check(username: &str, password: Option<&str>, extra: &[u16]) -> Vec<u8> {
    let mut octets = vec![0, 1, 0, 0];
    octets.extend(COOKIE);
    octets.extend(*b"a raw phone!");
    push(&mut octets, USERNAME, username.as_bytes());
    push(&mut octets, PRIORITY, &[0x7e, 0, 0, 1]);
    let controlled = extra.contains(&CONTROLLED);
    push(&mut octets, if controlled { CONTROLLED } else { CONTROLLING }, &[7; 8]);
    extra.iter().filter(|kind| **kind != CONTROLLED).for_each(|kind| push(&mut octets, *kind, &[]));
    if let Some(password) = password {
        announce(&mut octets, 24);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let tag = hmac::sign(&key, &octets);
        push(&mut octets, MESSAGE_INTEGRITY, tag.as_ref());
    }
    announce(&mut octets, 8);
    let sum = crc32(&octets) ^ 0x5354_554e;
    push(&mut octets, FINGERPRINT, &sum.to_be_bytes());
    octets
}

/// What a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Where the request came from.
    Success(SocketAddr),
    Error(u16),
}

pub fn read(octets: &[u8]) -> Option<Said> {
    let kind = octets.first_chunk::<2>()?;
    let mut at = 20;
    while let Some([a, b, c, d]) = octets.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let len = usize::from(u16::from_be_bytes([*c, *d]));
        let value = octets.get(at + 4..at + 4 + len)?;
        match (kind, u16::from_be_bytes([*a, *b]), value) {
            ([1, 1], XOR_MAPPED_ADDRESS, [0, 1, p, q, w, x, y, z]) => {
                let port = u16::from_be_bytes([p ^ COOKIE[0], q ^ COOKIE[1]]);
                let ip = Ipv4Addr::new(w ^ COOKIE[0], x ^ COOKIE[1], y ^ COOKIE[2], z ^ COOKIE[3]);
                return Some(Said::Success(SocketAddr::from((ip, port))));
            }
            ([1, 0x11], ERROR_CODE, [_, _, class, number, ..]) => {
                return Some(Said::Error(u16::from(*class) * 100 + u16::from(*number)));
            }
            _ => at += 4 + len.next_multiple_of(4),
        }
    }
    None
}

/// Writes the length that the message will have with so many octets more.
fn announce(octets: &mut [u8], more: usize) {
    let len = (octets.len() - 20 + more) as u16;
    octets[2..4].copy_from_slice(&len.to_be_bytes());
}

fn push(octets: &mut Vec<u8>, kind: u16, value: &[u8]) {
    octets.extend(kind.to_be_bytes());
    octets.extend((value.len() as u16).to_be_bytes());
    octets.extend(value);
    octets.resize(octets.len().next_multiple_of(4), 0);
    announce(octets, 0);
}

fn crc32(octets: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for octet in octets {
        crc ^= u32::from(*octet);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
