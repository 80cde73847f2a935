//! RFC 4579 §5.1: a participant joins by calling the conference URI.

use plenary::conference::{CallDirection, ParticipantState};
use rfc_tests::net::Net;

#[test]
fn joining_by_conference_uri() {
    let mut net = Net::with_seed(4579);
    net.phone("alice");
    net.focus("conf-7");

    net.plays(
        "
        alice                    conf-7
          |----INVITE (offer)------>|
          |<---200 OK (answer)------|  Contact has <sip:conf-7@192.0.2.2:5060>;isfocus; Allow-Events: conference
          |----ACK----------------->|
    ",
    );

    assert_eq!(net.focus("conf-7").present(), ["alice"]);
    let alice = net.focus("conf-7").participant("alice");
    assert_eq!((alice.state, alice.direction), (ParticipantState::Connected, CallDirection::DialedIn));
}
