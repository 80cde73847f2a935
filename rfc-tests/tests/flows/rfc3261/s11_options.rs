//! RFC 3261 §11: asking what somebody can do.

use rfc_tests::net::Net;

#[test]
fn options_is_answered_as_an_invite_would_be_and_calls_nobody() {
    let mut net = Net::with_seed(110);
    net.phone("alice");
    net.focus("conf-7");
    net.plays(
        "
        alice                   conf-7
          |----OPTIONS------------>|
          |<---200 OK--------------|  Allow has INVITE; Supported has timer; Accept: application/sdp
          |                        |  1 s pass
    ",
    );
    assert!(net.focus("conf-7").roster().participants.is_empty());
    net.comes_to_rest();
}

#[test]
fn options_within_a_call() {
    let mut net = Net::with_seed(111);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |----OPTIONS------------>|
           |<---200 OK (OPTIONS)----|
    ",
    );
}
