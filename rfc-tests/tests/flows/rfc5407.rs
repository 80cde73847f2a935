//! RFC 5407: races between what the two sides do at once. Beside those drawn here, CANCEL crossing 200 and glare stand
//! with §9 and §14 of RFC 3261.

use plenary_sip::endpoint::Ending;
use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

fn in_a_call(seed: u64) -> Net {
    let mut net = Net::with_seed(seed);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|
          |----ACK---------------->|
          |                        |  2 s pass
    ",
    );
    net
}

/// §3.2.3.
#[test]
fn a_bye_crosses_a_reinvite() {
    let _proven = covers(["5407-01"]).but("BYE crossing re-INVITE");
    let mut net = in_a_call(54071);
    net.plays(
        "
        alice                             bob
          |----BYE---><---INVITE (hold)----|
          |<---200 OK (BYE)----------------|
          |----481 No Such Call----------->|
          |<---ACK-------------------------|
    ",
    );
    assert!(matches!(net.phone("bob").call().ending(), Some(Ending::HungUp { .. })));
    net.comes_to_rest();
}

/// §3.1.4: the ACK is lost, and a re-INVITE shows that the 200 came.
#[test]
fn a_reinvite_comes_before_the_ack() {
    let _proven = covers(["5407-01"]).but("re-INVITE before ACK");
    let mut net = Net::with_seed(54072);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |----INVITE (hold)------>|
           |<---200 OK (held)-------|
           |----ACK---------------->|
           |                        |  40 s pass
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["mallory"]);
}

/// §3.1.2: the callee hangs up, and its BYE overtakes its 200.
#[test]
fn a_bye_comes_before_the_200() {
    let mut net = Net::with_seed(54073);
    net.phone("alice");
    net.stranger("mallory");
    net.plays(
        "
        alice                       mallory
          |----INVITE (offer)--------->|
          |<---180 Ringing-------------|
          |<---BYE---------------------|
          |----200 OK (BYE)----------->|
          |----CANCEL----------------->|
          |<---200 OK (CANCEL)---------|
          |<---200 OK (INVITE, answer)-|
          |----ACK-------------------->|
          |----BYE-------------------->|
          |<---481 No Such Call (BYE)--|
    ",
    );
    net.comes_to_rest();
}

/// §3.3: nobody waits for the ACK of a refused re-INVITE when the call is over.
#[test]
fn a_bye_crosses_a_bye_and_both_are_answered() {
    let mut net = in_a_call(54074);
    net.plays(
        "
        alice                     bob
          |----BYE--->  <---BYE----|
          |<---200 OK (BYE)--------|
          |----200 OK (BYE)------->|
    ",
    );
    net.comes_to_rest();
}
