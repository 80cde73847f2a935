//! In the steady state a shard allocates nothing and frees nothing.
#![cfg(feature = "engine")]
#![allow(unsafe_code)]

mod phones;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use phones::Model;
use phones::party::Party;
use phones::tone::TONES_HZ;
use plenary_media::engine::{Channel, MediaCommand, Switch};
use plenary_media::plan::{AudioCodec, SrtpSuite};

thread_local! {
    static COUNTED: Cell<Option<u64>> = const { Cell::new(None) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`, which is the system's too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above; `pointer` came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    let _ = COUNTED.try_with(|counted| counted.set(counted.get().map(|count| count + 1)));
}

/// How often `work` allocates or frees.
fn counted(work: impl FnOnce()) -> u64 {
    COUNTED.set(Some(0));
    work();
    COUNTED.take().unwrap_or(0)
}

#[test]
fn a_second_of_conference_allocates_nothing() {
    let mut party = Party::new();
    for suite in [None, Some(SrtpSuite::AesCm128HmacSha1_80), Some(SrtpSuite::AeadAes128Gcm)] {
        for codec in AudioCodec::ALL {
            let tone = Some(TONES_HZ[party.phones.len() % TONES_HZ.len()]);
            let phone = party.join(Model { codec, suite, ..Model::default() }, tone);
            party.tell(MediaCommand::SetNoiseSuppression {
                leg: party.leg(phone),
                noise_suppression: if phone.is_multiple_of(2) { Switch::On } else { Switch::Off },
            });
        }
    }
    party.run(Duration::from_secs(12));

    let mut total = 0;
    for _ in 0..50 {
        for phone in &mut party.phones {
            let datagram = phone.say();
            party.sim.arrive(phone.leg, Channel::Rtp, phone.address, &datagram);
        }
        total += counted(|| party.sim.run(Duration::from_millis(20)));
        party.sim.take_sent(|_| ());
        party.sim.take_events(|_| ());
    }
    assert_eq!(total, 0);
}
