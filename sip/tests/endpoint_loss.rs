//! Calls over a network that loses packets: they come about or fail, both sides agree, nothing is left behind.

mod wire;

use plenary_sip::endpoint::{Body, Command, Event};
use wire::{Wire, seconds};

/// One call with a hold in the middle, where whoever is asked answers.
fn call_over(seed: u8, loss: u64) -> (bool, Wire) {
    let mut wire = Wire::new(seed, &["alice", "bob"]);
    wire.loss = loss;
    let alices = wire.call("alice", "bob");
    wire.run_for(seconds(10));
    let called = wire.phone("bob").events.iter().any(|event| matches!(event, Event::Incoming { .. }));
    if called {
        let bobs = wire.phone("bob").incoming();
        wire.ring("bob", bobs);
        wire.accept("bob", bobs);
        wire.run_for(seconds(40));
        wire.command("alice", Command::Reoffer { call: alices, offer: Body::sdp("hold") });
        wire.run_for(seconds(20));
        wire.answer_offer("bob", bobs, "held");
        wire.run_for(seconds(40));
        wire.hangup("bob", bobs);
    }
    let established = wire.phone("alice").is_established(alices);
    wire.run_out();
    (established, wire)
}

#[test]
fn a_tenth_lost_costs_no_call() {
    for seed in 0..60 {
        let (established, mut wire) = call_over(seed, 10);
        assert!(established, "seed {seed}: {:#?}", wire.ladder);
        assert_eq!(wire.phone("alice").reoffers(), [Ok("held".into())], "seed {seed}: {:#?}", wire.ladder);
        wire.assert_nothing_left();
    }
}

#[test]
fn with_half_of_it_lost_nothing_is_left_behind_and_every_end_is_told_once() {
    let mut established = 0;
    for seed in 0..100 {
        let (came_about, wire) = call_over(seed, 50);
        established += usize::from(came_about);
        for phone in &wire.phones {
            let calls: Vec<_> = phone
                .events
                .iter()
                .filter_map(|event| match event {
                    Event::Incoming { call, .. } => Some(*call),
                    _ => None,
                })
                .collect();
            for call in calls {
                phone.ending(call);
            }
        }
        let mut wire = wire;
        wire.assert_nothing_left();
    }
    assert!(established > 80, "of 100 calls {established} came about");
}

/// §17.1.1.2: a 2xx that comes twice gets its ACK twice.
#[test]
fn a_lost_ack_is_said_again_for_the_repeated_200() {
    let mut wire = Wire::new(1, &["alice", "bob"]);
    wire.lose(|line, before| line == "alice ACK bob" && before < 2);
    wire.connected("alice", "bob");
    wire.run_for(seconds(10));
    assert_eq!(wire.ladder.iter().filter(|line| line.starts_with("alice ACK bob")).count(), 3);
}
