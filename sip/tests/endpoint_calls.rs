//! Whole calls between two endpoints: RFC 3261 §13 and §15.

mod wire;

use plenary_sip::endpoint::{Body, Command, Ending, Event};
use plenary_sip::message::StatusCode;
use wire::{Wire, seconds, text};

#[test]
fn a_call_from_invite_to_bye() {
    let mut wire = Wire::new(1, &["alice", "bob"]);
    let (alices, bobs) = wire.connected("alice", "bob");
    wire.hangup("alice", alices);
    wire.run_out();
    let expected = [
        "alice INVITE bob",
        "bob 180 INVITE alice",
        "bob 200 INVITE alice",
        "alice ACK bob",
        "alice BYE bob",
        "bob 200 BYE alice",
    ];
    assert_eq!(wire.ladder, expected);
    assert!(matches!(wire.phone("alice").ending(alices), Ending::ByUs));
    assert!(matches!(wire.phone("bob").ending(bobs), Ending::HungUp { .. }));
    wire.assert_nothing_left();
}

#[test]
fn the_callee_hangs_up() {
    let mut wire = Wire::new(2, &["alice", "bob"]);
    let (alices, bobs) = wire.connected("alice", "bob");
    wire.take_ladder();
    wire.hangup("bob", bobs);
    wire.run_out();
    assert_eq!(wire.ladder, ["bob BYE alice", "alice 200 BYE bob"]);
    assert!(matches!(wire.phone("alice").ending(alices), Ending::HungUp { .. }));
    wire.assert_nothing_left();
}

#[test]
fn both_hang_up_at_once() {
    let mut wire = Wire::new(3, &["alice", "bob"]);
    let (alices, bobs) = wire.connected("alice", "bob");
    wire.hangup("alice", alices);
    wire.hangup("bob", bobs);
    wire.run_out();
    assert!(matches!(wire.phone("alice").ending(alices), Ending::ByUs));
    assert!(matches!(wire.phone("bob").ending(bobs), Ending::ByUs));
    wire.assert_nothing_left();
}

#[test]
fn busy() {
    let mut wire = Wire::new(4, &["alice", "bob"]);
    let call = wire.call("alice", "bob");
    wire.run_for(seconds(1));
    let bobs = wire.phone("bob").incoming();
    wire.command("bob", Command::Reject { call: bobs, status: StatusCode::BUSY_HERE, headers: Vec::new() });
    wire.run_out();
    let expected = ["alice INVITE bob", "bob 100 INVITE alice", "bob 486 INVITE alice", "alice ACK bob"];
    assert_eq!(wire.ladder, expected);
    let Ending::Refused { status, response } = wire.phone("alice").ending(call) else { panic!("refused") };
    assert_eq!(status, StatusCode::BUSY_HERE);
    assert!(response.is_some());
    wire.assert_nothing_left();
}

#[test]
fn nobody_there() {
    let mut wire = Wire::new(5, &["alice", "bob"]);
    wire.lose(|_, _| true);
    let call = wire.call("alice", "bob");
    wire.run_out();
    let Ending::Refused { status, response } = wire.phone("alice").ending(call) else { panic!("refused") };
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert!(response.is_none());
    assert_eq!(wire.ladder.len(), 7, "Timer A up to Timer B");
    wire.assert_nothing_left();
}

#[test]
fn nobody_answers() {
    let mut wire = Wire::new(6, &["alice", "bob"]);
    let call = wire.call_with("alice", "bob", |invite| invite.ring_for = seconds(20));
    wire.run_for(seconds(1));
    let bobs = wire.phone("bob").incoming();
    wire.ring("bob", bobs);
    wire.run_out();
    let Ending::Refused { status, .. } = wire.phone("alice").ending(call) else { panic!("refused") };
    assert_eq!(status, StatusCode::TEMPORARILY_UNAVAILABLE);
    assert!(matches!(wire.phone("bob").ending(bobs), Ending::Cancelled { .. }));
    wire.assert_nothing_left();
}

#[test]
fn a_long_ringing_is_said_again() {
    let mut wire = Wire::new(7, &["alice", "bob"]);
    wire.call_with("alice", "bob", |invite| invite.ring_for = seconds(200));
    wire.run_for(seconds(1));
    let bobs = wire.phone("bob").incoming();
    wire.ring("bob", bobs);
    wire.run_for(seconds(190));
    assert_eq!(wire.ladder.iter().filter(|line| *line == "bob 180 INVITE alice").count(), 4);
}

#[test]
fn without_offer_the_200_offers_and_the_ack_answers() {
    let mut wire = Wire::new(8, &["alice", "bob"]);
    let call = wire.call_with("alice", "bob", |invite| invite.offer = None);
    wire.run_for(seconds(1));
    let bobs = wire.phone("bob").incoming();
    wire.command("bob", Command::Accept { call: bobs, body: Some(Body::sdp("bobs offer")), headers: Vec::new() });
    wire.run_for(seconds(2));
    let offered = wire.phone("alice").events.iter().find_map(|event| match event {
        Event::Established { body, .. } => body.as_ref().map(text),
        _ => None,
    });
    assert_eq!(offered.as_deref(), Some("bobs offer"));
    assert!(!wire.phone("bob").is_established(bobs), "no ACK before the answer");
    wire.answer_offer("alice", call, "alices answer");
    wire.run_for(seconds(5));
    let answered = wire.phone("bob").events.iter().find_map(|event| match event {
        Event::Established { body, .. } => body.as_ref().map(text),
        _ => None,
    });
    assert_eq!(answered.as_deref(), Some("alices answer"));
    wire.hangup("bob", bobs);
    wire.run_out();
    wire.assert_nothing_left();
}

/// §13.3.1.4.
#[test]
fn a_200_without_ack_is_repeated_and_ends_in_bye() {
    let mut wire = Wire::new(9, &["alice", "bob"]);
    wire.lose(|line, _| line == "alice ACK bob");
    wire.call("alice", "bob");
    wire.run_for(seconds(1));
    let bobs = wire.phone("bob").incoming();
    wire.accept("bob", bobs);
    wire.run_out();
    let repeated = wire.ladder.iter().filter(|line| *line == "bob 200 INVITE alice").count();
    assert_eq!(repeated, 11, "0, .5, 1.5, 3.5, then every 4 s below 32");
    assert!(wire.ladder.contains(&"bob BYE alice".into()));
    assert!(matches!(wire.phone("bob").ending(bobs), Ending::Lost { status: StatusCode::REQUEST_TIMEOUT }));
    wire.assert_nothing_left();
}

/// §15: no BYE before the ACK.
#[test]
fn who_hangs_up_before_the_ack_waits_for_it() {
    let mut wire = Wire::new(10, &["alice", "bob"]);
    wire.lose(|line, before| line == "alice ACK bob" && before == 0);
    let call = wire.call("alice", "bob");
    wire.run_for(seconds(1));
    let bobs = wire.phone("bob").incoming();
    wire.accept("bob", bobs);
    wire.hangup("bob", bobs);
    wire.run_out();
    let tail = &wire.ladder[wire.ladder.len() - 3..];
    assert_eq!(tail, ["alice ACK bob", "bob BYE alice", "alice 200 BYE bob"]);
    assert!(matches!(wire.phone("alice").ending(call), Ending::HungUp { .. }));
    wire.assert_nothing_left();
}

#[test]
fn a_contact_given_with_the_answer_stands_in_all_that_follows() {
    use plenary_sip::endpoint::ContactTemplate;
    use plenary_sip::message::HeaderName;

    let mut wire = Wire::new(11, &["alice", "focus"]);
    wire.call("alice", "focus");
    wire.run_for(seconds(1));
    let call = wire.phone("focus").incoming();
    let contact = ContactTemplate { user: Some("conf-7".into()), parameters: ";isfocus".into(), host: None };
    let (body, headers) = (Some(Body::sdp("answer")), vec![contact.header()]);
    wire.command("focus", Command::Accept { call, body, headers });
    wire.run_for(seconds(2));
    wire.command("focus", Command::Reoffer { call, offer: Body::sdp("again") });
    wire.run_for(seconds(2));
    let contacts: Vec<String> = wire
        .phone("alice")
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Established { response: Some(response), .. } => response.headers.get(&HeaderName::Contact),
            Event::Offered { request, .. } => request.headers.get(&HeaderName::Contact),
            _ => None,
        })
        .map(|contact| contact.into_owned())
        .collect();
    assert_eq!(contacts, ["<sip:conf-7@192.0.2.2:5060>;isfocus", "<sip:conf-7@192.0.2.2:5060>;isfocus"]);
}
