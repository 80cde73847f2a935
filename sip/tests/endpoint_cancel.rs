//! Giving up: RFC 3261 §9, and what crosses it on the wire.

mod wire;

use plenary_sip::endpoint::Ending;
use wire::{Wire, seconds};

#[test]
fn a_cancelled_call_gets_200_and_487() {
    let mut wire = Wire::new(1, &["alice", "bob"]);
    let call = wire.call("alice", "bob");
    wire.run_for(seconds(1));
    let bobs = wire.phone("bob").incoming();
    wire.ring("bob", bobs);
    wire.run_for(seconds(1));
    wire.take_ladder();
    wire.hangup("alice", call);
    wire.run_out();
    let expected = ["alice CANCEL bob", "bob 200 CANCEL alice", "bob 487 INVITE alice", "alice ACK bob"];
    assert_eq!(wire.ladder, expected);
    assert!(matches!(wire.phone("alice").ending(call), Ending::ByUs));
    assert!(matches!(wire.phone("bob").ending(bobs), Ending::Cancelled { .. }));
    wire.assert_nothing_left();
}

/// §9.1: before a provisional response there is nothing to cancel.
#[test]
fn the_cancel_waits_for_a_provisional_response() {
    let mut wire = Wire::new(2, &["alice", "bob"]);
    let call = wire.call("alice", "bob");
    wire.hangup("alice", call);
    wire.run_out();
    assert_eq!(wire.ladder[..3], ["alice INVITE bob", "bob 100 INVITE alice", "alice CANCEL bob"]);
    wire.assert_nothing_left();
}

#[test]
fn late_200_after_cancel_is_acked_and_byed() {
    let mut wire = Wire::new(3, &["alice", "bob"]);
    let call = wire.call("alice", "bob");
    wire.run_for(seconds(1));
    let bobs = wire.phone("bob").incoming();
    wire.take_ladder();
    wire.accept("bob", bobs);
    wire.hangup("alice", call);
    wire.run_out();
    let expected = [
        "bob 200 INVITE alice",
        "alice CANCEL bob",
        "alice ACK bob",
        "alice BYE bob",
        "bob 200 CANCEL alice",
        "bob 200 BYE alice",
    ];
    assert_eq!(wire.ladder, expected);
    assert!(matches!(wire.phone("alice").ending(call), Ending::ByUs));
    assert!(!wire.phone("alice").is_established(call));
    assert!(matches!(wire.phone("bob").ending(bobs), Ending::HungUp { .. }));
    wire.assert_nothing_left();
}

#[test]
fn a_cancel_that_nobody_answers_is_given_up() {
    let mut wire = Wire::new(4, &["alice", "bob"]);
    let call = wire.call("alice", "bob");
    wire.run_for(seconds(1));
    wire.lose(|line, _| line.starts_with("alice"));
    wire.hangup("alice", call);
    wire.run_for(seconds(100));
    assert_eq!(wire.phone("alice").endpoint.calls(), 0);
    assert!(matches!(wire.phone("alice").ending(call), Ending::ByUs));
}
