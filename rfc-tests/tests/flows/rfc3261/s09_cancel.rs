//! RFC 3261 §9: giving up a call that nobody has answered yet.

use plenary_sip::endpoint::Ending;
use rfc_tests::coverage::covers;
use rfc_tests::net::{CallState, Net};

#[test]
fn a_cancelled_call_gets_200_and_487() {
    let _proven = covers(["3261-07"]);
    let mut net = Net::with_seed(90);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---180 Ringing---------|
          |----CANCEL------------->|
          |<---200 OK (CANCEL)-----|
          |<---487 Terminated------|
          |----ACK---------------->|
    ",
    );
    let to_tag = |at: usize| {
        let message = net.passages()[at].message.as_ref().expect("it can be read");
        message.headers().to().expect("To").tag().map(str::to_owned)
    };
    assert_eq!(to_tag(3), to_tag(4), "the 200 to CANCEL and the 487 have one tag");
    assert!(matches!(net.phone("bob").call().ending(), Some(Ending::Cancelled { .. })));
    assert!(matches!(net.phone("alice").call().ending(), Some(Ending::ByUs)));
    net.comes_to_rest();
}

#[test]
fn a_cancel_for_nothing_gets_481_and_one_after_the_200_changes_nothing() {
    let _proven = covers(["3261-07"]);
    let mut net = Net::with_seed(91);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                       bob
           |----INVITE (offer)-------->|
           |<---180 Ringing------------|
           |----CANCEL (other branch)->|
           |<---481 No Such Call-------|
           |<---200 OK (answer)--------|
           |----CANCEL---------------->|
           |<---200 OK (CANCEL)--------|
           |----ACK------------------->|
           |                           |  2 s pass
    ",
    );
    assert!(net.phone("bob").is_talking());
}

/// §9.1: what nobody has answered at all cannot be cancelled yet.
#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut net = Net::with_seed(92);
    net.phone("alice");
    net.phone("bob");
    net.phone("alice").calls("bob");
    net.phone("alice").hangs_up();
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---180 Ringing---------|
          |----CANCEL------------->|
          |<---200 OK (CANCEL)-----|
          |<---487 Terminated------|
          |----ACK---------------->|
    ",
    );
    net.comes_to_rest();
}

#[test]
fn late_200_after_cancel_is_acked_and_byed() {
    let _proven = covers(["5407-01"]).but("CANCEL crossing 200");
    let mut net = Net::with_seed(93);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                                  bob
          |----INVITE (offer)------------------>|
          |<---180 Ringing----------------------|
          |----CANCEL---><---200 OK (answer)----|
          |<---200 OK (CANCEL)------------------|
          |----ACK----------------------------->|
          |----BYE----------------------------->|
          |<---200 OK (BYE)---------------------|
    ",
    );
    assert_eq!(net.phone("alice").call().state, CallState::Over(Ending::ByUs));
    assert!(net.phone("bob").call().is_over());
    net.comes_to_rest();
}

#[test]
fn a_cancel_that_nobody_answers_is_given_up() {
    let mut net = Net::with_seed(94);
    net.phone("alice");
    net.stranger("mallory");
    net.plays(
        "
        alice                   mallory
          |----INVITE (offer)----->|
          |<---180 Ringing---------|
          |----CANCEL------------->|
          :                        :  60 s pass
    ",
    );
    net.comes_to_rest();
}
