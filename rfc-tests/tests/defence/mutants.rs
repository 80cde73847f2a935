//! Broken messages without end: the torture messages and the seeds of the fuzz targets, broken by chance.

use std::net::Ipv4Addr;
use std::path::Path;

const FOLDERS: [&str; 6] = [
    "sip/tests/data/rfc4475",
    "sip/tests/data/rfc5118",
    "sip/fuzz/corpus/message",
    "sip/fuzz/corpus/stream",
    "sip/fuzz/corpus/multipart",
    "sip/fuzz/corpus/digest",
];
/// What parsers have stumbled over.
const THORNS: [&[u8]; 16] = [
    b"\0",
    b"\r\n",
    b"\r\n\r\n",
    b"\r\n ",
    b":",
    b"\"",
    b"<",
    b">",
    b"%00",
    b"%",
    b"-1",
    b"4294967296",
    b"18446744073709551616",
    b"\xff\xfe",
    b"\x1b[2J",
    b";=,",
];
const LONGEST: usize = 60_000;

/// The same seed gives the same mutants.
pub struct Mutants {
    seeds: Vec<Vec<u8>>,
    chance: u64,
    domain: String,
    made: u64,
}

impl Mutants {
    /// `domain`: for half of them, so that they get past the question whose they are.
    pub fn new(seed: u64, domain: Ipv4Addr) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut files: Vec<_> = FOLDERS
            .iter()
            .flat_map(|folder| std::fs::read_dir(root.join(folder)).expect("a folder of seeds"))
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_file() && path.extension().is_none_or(|kind| kind == "dat"))
            .collect();
        files.sort();
        let seeds = files.iter().map(|path| std::fs::read(path).expect("a seed")).collect();
        Self { seeds, chance: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), domain: domain.to_string(), made: 0 }
    }

    pub fn next(&mut self) -> Vec<u8> {
        self.made += 1;
        let mut message = self.seed();
        if self.below(2) == 0 {
            message = replaced(&message, b"example.com", self.domain.as_bytes());
        }
        // Not taken for what came before: a transaction and a call of its own.
        let own = format!("z9hG4bK{}x", self.made);
        message = replaced(&message, b"z9hG4bK", own.as_bytes());
        for _ in 0..=self.below(3) {
            self.break_once(&mut message);
        }
        message.truncate(LONGEST);
        message
    }

    fn break_once(&mut self, message: &mut Vec<u8>) {
        let at = self.below(message.len() + 1);
        let until = (at + self.below(40)).min(message.len());
        match self.below(8) {
            0 => drop(message.drain(at..until)),
            1 => message.truncate(at),
            2 => insert(message, at, THORNS[self.below(THORNS.len())]),
            3 => message[at..until].iter_mut().for_each(|octet| *octet ^= 0x20),
            4 => {
                let again = message[at..until].repeat(1 + self.below(300));
                insert(message, at, &again);
            }
            5 => {
                let other = self.seed();
                let from = self.below(other.len() + 1);
                message.truncate(at);
                message.extend(&other[from..]);
            }
            6 => {
                // A line twice.
                let lines: Vec<&[u8]> = message.split_inclusive(|octet| *octet == b'\n').collect();
                let line = lines[self.below_of(lines.len())].to_vec();
                let start = message.windows(line.len()).position(|found| found == line).unwrap_or(0);
                insert(message, start, &line);
            }
            _ => {
                if let Some(octet) = message.get_mut(at) {
                    *octet = (self.chance >> 20) as u8;
                }
            }
        }
        if message.is_empty() {
            message.push(b'\n');
        }
    }

    fn seed(&mut self) -> Vec<u8> {
        let place = self.below(self.seeds.len());
        self.seeds[place].clone()
    }

    fn below_of(&self, bound: usize) -> usize {
        (self.chance >> 33) as usize % bound.max(1)
    }

    /// SplitMix64.
    fn below(&mut self, bound: usize) -> usize {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % bound.max(1)
    }
}

/// As a stream can carry it: one head without a length of its own, and an empty body.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = Vec::new();
    for line in message.split(|octet| *octet == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)) {
        let lower = line.to_ascii_lowercase();
        let is_length = lower.starts_with(b"content-length") || lower.starts_with(b"l:") || lower.starts_with(b"l ");
        if line.trim_ascii().is_empty() && !framed.is_empty() {
            break;
        }
        if !is_length && !line.is_empty() {
            framed.extend(line);
            framed.extend(b"\r\n");
        }
    }
    framed.extend(b"Content-Length: 0\r\n\r\n");
    framed
}

fn insert(message: &mut Vec<u8>, at: usize, piece: &[u8]) {
    message.splice(at..at, piece.iter().copied());
}

fn replaced(message: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        made.extend(&rest[..at]);
        made.extend(new);
        rest = &rest[at + old.len()..];
    }
    made.extend(rest);
    made
}
