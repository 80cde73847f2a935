//! RFC 3261 §13: calling somebody.

use std::time::Duration;

use plenary_sip::endpoint::Ending;
use plenary_sip::message::StatusCode;
use rfc_tests::coverage::covers;
use rfc_tests::net::{CallState, Net};

#[test]
fn a_call_from_invite_to_bye() {
    let mut net = Net::with_seed(130);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|  Contact has alice; Allow has BYE; Supported has timer
          |<---180 Ringing---------|  Contact has bob
          |<---200 OK (answer)-----|  Contact has bob
          |----ACK---------------->|
          |                        |  10 s pass
          |<---BYE-----------------|
          |----200 OK (BYE)------->|
    ",
    );
    assert!(matches!(net.phone("alice").call().ending(), Some(Ending::HungUp { .. })));
    assert!(matches!(net.phone("bob").call().ending(), Some(Ending::ByUs)));
    net.comes_to_rest();
}

#[test]
fn busy() {
    let mut net = Net::with_seed(131);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---486 Busy Here-------|
          |----ACK---------------->|
    ",
    );
    assert_eq!(net.phone("alice").call().refused_with(), Some(486));
    net.comes_to_rest();
}

/// §13.3.1.4.
#[test]
fn a_200_without_ack_is_repeated_and_ends_in_bye() {
    let _proven = covers(["3261-12"]);
    let mut net = Net::with_seed(132);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |<---200 OK (again)------|  after 0.5 s
           |<---200 OK (again)------|  after 1 s
           |<---200 OK (again)------|  after 2 s
           |<---200 OK (again)------|  after 4 s
           |<---200 OK (again)------|  after 4 s
           |<---200 OK (again)------|  after 4 s
           |<---200 OK (again)------|  after 4 s
           |<---200 OK (again)------|  after 4 s
           |<---200 OK (again)------|  after 4 s
           |<---200 OK (again)------|  after 4 s
           |<---BYE-----------------|  at 32 s
           |----200 OK (BYE)------->|
           |                        |  60 s pass
    ",
    );
    let lost = Ending::Lost { status: StatusCode::REQUEST_TIMEOUT };
    assert_eq!(net.phone("bob").call().state, CallState::Over(lost));
    net.comes_to_rest();
}

#[test]
fn an_invite_without_offer_gets_one_with_the_200_and_answers_with_the_ack() {
    let mut net = Net::with_seed(133);
    net.phone("alice");
    net.focus("conf-7");
    net.plays(
        "
        alice                   conf-7
          |----INVITE (no SDP)---->|
          |<---200 OK (offer)------|
          |----ACK (answer)------->|
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["alice"]);
    assert!(net.phone("alice").call().codec.is_some());
}

#[test]
fn an_ack_that_owes_the_answer_ends_the_call() {
    let _proven = covers(["3261-13"]);
    let mut net = Net::with_seed(134);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE------------->|
           |<---200 OK (offer)------|
           |----ACK (no SDP)------->|
           |<---BYE-----------------|
           |----200 OK (BYE)------->|
    ",
    );
    assert!(net.focus("conf-7").present().is_empty());
    net.comes_to_rest();
}

/// §13.3.1.1: a proxy would end a call that stays silent for three minutes.
#[test]
fn a_long_ringing_is_said_again_every_minute() {
    let mut net = Net::with_seed(135);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---180 Ringing---------|
          |<---180 Ringing---------|  after 60 s
          |<---180 Ringing---------|  after 60 s
    ",
    );
}

#[test]
fn who_rings_longer_than_the_caller_waits_is_cancelled() {
    let mut net = Net::with_seed(136);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---180 Ringing---------|
          :                        :  179 s pass
          |----CANCEL------------->|  at 180 s
          |<---200 OK (CANCEL)-----|
          |<---487 Terminated------|
          |----ACK---------------->|
    ",
    );
    assert_eq!(net.phone("alice").call().refused_with(), Some(480));
    net.comes_to_rest();
}

/// §13.2.2.4: a 2xx that comes twice gets its ACK twice.
#[test]
fn a_lost_ack_is_said_again_for_the_repeated_200() {
    let mut net = Net::with_seed(137);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|
          |----ACK-------------x   |
          |<---200 OK (again)------|  after 0.5 s
          |----ACK (again)-----x   |
          |<---200 OK (again)------|  after 1 s
          |----ACK (again)-------->|
          |                        |  30 s pass
    ",
    );
    assert!(net.phone("bob").is_talking());
}

#[test]
fn nobody_answers_at_all() {
    let mut net = Net::with_seed(138);
    net.phone("alice");
    net.stranger("mallory");
    net.phone("alice").calls("mallory");
    net.runs_for(Duration::from_secs(40));
    assert_eq!(net.phone("alice").call().refused_with(), Some(408));
    net.comes_to_rest();
}
