//! What a leg costs in memory, the coders of the Opus library included; sockets are the kernel's.
//!
//! ```text
//! cargo run -p plenary-media --example bench_memory
//! ```
#![allow(unsafe_code)]

#[path = "../tests/phones/mod.rs"]
mod phones;

use phones::{Model, Phone};
use plenary_media::engine::{CODECS, EngineSettings, MediaCommand, Simulation};
use plenary_media::plan::{AudioCodec, SrtpSuite};

const LEGS: usize = 100;

/// Octets that the C library has lent and not got back, by Rust and by others.
fn in_use() -> usize {
    // SAFETY: mallinfo2 takes nothing and returns a struct of numbers.
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}

/// Octets for each of a hundred legs that are connected and in one room.
fn octets_of_a_leg(codec: AudioCodec, suite: Option<SrtpSuite>) -> usize {
    let mut sim = Simulation::new(&EngineSettings::default(), 7);
    let room = sim.open_room();
    let mut join = |count: usize| {
        let before = in_use();
        for _ in 0..count {
            let leg = sim.open_leg().leg;
            let address = "192.0.2.1:4000".parse().expect("an address");
            let plan = Phone::new(leg, address, Model { codec, suite, ..Model::default() }, None).plan();
            sim.send(MediaCommand::Connect { leg, plan: Box::new(plan) }).expect("connected");
            sim.send(MediaCommand::Join { leg, room }).expect("joined");
        }
        sim.take_events(|_| ());
        in_use().saturating_sub(before) / count
    };
    join(LEGS);
    join(LEGS)
}

fn main() {
    for codec in CODECS {
        for suite in [None, Some(SrtpSuite::AesCm128HmacSha1_80)] {
            println!("{codec:?}, {suite:?}: {} octets a leg", octets_of_a_leg(codec, suite));
        }
    }
}
