//! RFC 3261 §15: hanging up.

use plenary_sip::endpoint::Ending;
use rfc_tests::coverage::covers;
use rfc_tests::net::{Net, OfferHabit};

#[test]
fn both_hang_up_at_once() {
    let mut net = Net::with_seed(150);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|
          |----ACK---------------->|
          |----BYE--->  <---BYE----|
          |<---200 OK (BYE)--------|
          |----200 OK (BYE)------->|
    ",
    );
    assert!(net.phone("alice").call().is_over() && net.phone("bob").call().is_over());
    net.comes_to_rest();
}

/// §15.1.2.
#[test]
fn a_bye_in_the_early_dialog_ends_the_invite_too() {
    let mut net = Net::with_seed(151);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|
           |<---180 Ringing---------|
           |----BYE---------------->|
           |<---200 OK (BYE)--------|
           |<---487 Terminated------|
           |----ACK---------------->|
    ",
    );
    assert!(matches!(net.phone("bob").call().ending(), Some(Ending::Cancelled { .. })));
    net.comes_to_rest();
}

#[test]
fn a_bye_leaves_no_request_open() {
    let _proven = covers(["3261-15"]);
    let mut net = Net::with_seed(152);
    net.stranger("mallory");
    net.phone("bob").when_offered(OfferHabit::Ponders);
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |----INVITE (offer)----->|
           |<---100 Trying----------|
           |----BYE---------------->|
           |<---200 OK (BYE)--------|
           |<---487 Terminated------|
           |----ACK---------------->|
    ",
    );
    net.comes_to_rest();
}

/// §15: the callee sends no BYE before the ACK, or before it has given up on it.
#[test]
fn who_is_called_and_hangs_up_at_once_waits_for_the_ack() {
    let mut net = Net::with_seed(153);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|
          |----ACK-------------x   |
    ",
    );
    net.phone("bob").hangs_up();
    net.plays(
        "
        alice                     bob
          |<---200 OK (again)------|  at 0.5 s
          |----ACK (again)-------->|
          |<---BYE-----------------|
          |----200 OK (BYE)------->|
    ",
    );
    net.comes_to_rest();
}
