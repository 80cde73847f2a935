//! Offers within a call: RFC 3261 §14, RFC 3311, RFC 6141.

mod wire;

use plenary_sip::endpoint::{Body, Command, Ending};
use plenary_sip::message::StatusCode;
use wire::{Wire, seconds};

fn reoffer(wire: &mut Wire, name: &str, call: plenary_sip::endpoint::CallId, body: &'static str) {
    wire.command(name, Command::Reoffer { call, offer: Body::sdp(body) });
}

#[test]
fn hold_and_resume() {
    let mut wire = Wire::new(1, &["alice", "bob"]);
    let (alices, bobs) = wire.connected("alice", "bob");
    wire.take_ladder();
    reoffer(&mut wire, "alice", alices, "hold");
    wire.run_for(seconds(1));
    assert_eq!(wire.phone("bob").offers(), [Some("hold".into())]);
    wire.answer_offer("bob", bobs, "held");
    wire.run_for(seconds(1));
    reoffer(&mut wire, "bob", bobs, "resume");
    wire.run_for(seconds(1));
    wire.answer_offer("alice", alices, "resumed");
    wire.run_for(seconds(1));
    assert_eq!(wire.phone("alice").reoffers(), [Ok("held".into())]);
    assert_eq!(wire.phone("bob").reoffers(), [Ok("resumed".into())]);
    wire.ladder.retain(|line| !line.contains(" 100 "));
    let expected = [
        "alice INVITE bob",
        "bob 200 INVITE alice",
        "alice ACK bob",
        "bob INVITE alice",
        "alice 200 INVITE bob",
        "bob ACK alice",
    ];
    assert_eq!(wire.ladder, expected);
    wire.hangup("alice", alices);
    wire.run_out();
    wire.assert_nothing_left();
}

/// §14.1: both meet 491, the callee tries again first, and both get their way.
#[test]
fn glare_ends_well() {
    for seed in 0..20 {
        let mut wire = Wire::new(seed, &["alice", "bob"]);
        let (alices, bobs) = wire.connected("alice", "bob");
        wire.take_ladder();
        reoffer(&mut wire, "alice", alices, "alices");
        reoffer(&mut wire, "bob", bobs, "bobs");
        wire.run_for(seconds(1));
        assert!(wire.ladder.contains(&"alice 491 INVITE bob".into()), "{:#?}", wire.ladder);
        assert!(wire.ladder.contains(&"bob 491 INVITE alice".into()), "{:#?}", wire.ladder);
        for _ in 0..100 {
            wire.run_for(std::time::Duration::from_millis(100));
            wire.answer_offer("alice", alices, "yes");
            wire.answer_offer("bob", bobs, "yes");
        }
        assert_eq!(wire.phone("alice").reoffers(), [Ok("yes".into())], "{:#?}", wire.ladder);
        assert_eq!(wire.phone("bob").reoffers(), [Ok("yes".into())], "{:#?}", wire.ladder);
        wire.hangup("bob", bobs);
        wire.run_out();
        wire.assert_nothing_left();
    }
}

/// RFC 6141 §3.3.
#[test]
fn a_refused_offer_leaves_the_call_as_it_was() {
    let mut wire = Wire::new(2, &["alice", "bob"]);
    let (alices, bobs) = wire.connected("alice", "bob");
    reoffer(&mut wire, "alice", alices, "impossible");
    wire.run_for(seconds(1));
    wire.command("bob", Command::AnswerOffer { call: bobs, answer: Err(StatusCode::NOT_ACCEPTABLE_HERE) });
    wire.run_for(seconds(60));
    assert_eq!(wire.phone("alice").reoffers(), [Err(488)]);
    assert!(wire.phone("alice").endings(alices).is_empty());
    assert!(wire.phone("bob").endings(bobs).is_empty());
    reoffer(&mut wire, "bob", bobs, "possible");
    wire.run_for(seconds(1));
    wire.answer_offer("alice", alices, "fine");
    wire.run_for(seconds(1));
    assert_eq!(wire.phone("bob").reoffers(), [Ok("fine".into())]);
}

#[test]
fn two_offers_in_a_row_are_made_one_after_the_other() {
    let mut wire = Wire::new(3, &["alice", "bob"]);
    let (alices, bobs) = wire.connected("alice", "bob");
    reoffer(&mut wire, "alice", alices, "one");
    reoffer(&mut wire, "alice", alices, "two");
    wire.run_for(seconds(1));
    wire.answer_offer("bob", bobs, "yes to one");
    wire.run_for(seconds(1));
    wire.answer_offer("bob", bobs, "yes to two");
    wire.run_for(seconds(1));
    assert_eq!(wire.phone("bob").offers(), [Some("one".into()), Some("two".into())]);
    assert_eq!(wire.phone("alice").reoffers(), [Ok("yes to one".into()), Ok("yes to two".into())]);
}

/// §12.2.1.2.
#[test]
fn a_reinvite_that_nobody_answers_ends_the_call() {
    let mut wire = Wire::new(4, &["alice", "bob"]);
    let (alices, _) = wire.connected("alice", "bob");
    wire.lose(|_, _| true);
    reoffer(&mut wire, "alice", alices, "hello?");
    wire.run_for(seconds(100));
    assert_eq!(wire.phone("alice").reoffers(), [Err(408)]);
    let ending = wire.phone("alice").ending(alices);
    assert!(matches!(ending, Ending::Lost { status: StatusCode::REQUEST_TIMEOUT }));
    assert_eq!(wire.phone("alice").endpoint.calls(), 0);
}

/// §15.1.2.
#[test]
fn a_bye_terminates_the_reinvite_it_meets() {
    let mut wire = Wire::new(5, &["alice", "bob"]);
    let (alices, bobs) = wire.connected("alice", "bob");
    reoffer(&mut wire, "alice", alices, "hold");
    wire.run_for(seconds(1));
    wire.take_ladder();
    wire.hangup("alice", alices);
    wire.run_out();
    wire.ladder.sort();
    let expected = ["alice ACK bob", "alice BYE bob", "bob 200 BYE alice", "bob 487 INVITE alice"];
    assert_eq!(wire.ladder, expected);
    assert!(matches!(wire.phone("bob").ending(bobs), Ending::HungUp { .. }));
    wire.assert_nothing_left();
}

#[test]
fn an_offer_while_the_peers_own_waits_is_made_after_it() {
    let mut wire = Wire::new(6, &["alice", "bob"]);
    let (alices, bobs) = wire.connected("alice", "bob");
    reoffer(&mut wire, "alice", alices, "alices");
    wire.run_for(seconds(1));
    reoffer(&mut wire, "bob", bobs, "bobs");
    wire.run_for(seconds(1));
    wire.answer_offer("bob", bobs, "yes");
    wire.run_for(seconds(1));
    wire.answer_offer("alice", alices, "yes too");
    wire.run_for(seconds(1));
    assert_eq!(wire.phone("alice").reoffers(), [Ok("yes".into())]);
    assert_eq!(wire.phone("bob").reoffers(), [Ok("yes too".into())]);
    assert!(!wire.ladder.iter().any(|line| line.contains("491")), "{:#?}", wire.ladder);
}
