//! RFC 4579 §3.4 and §5.11, and RFC 4353 §5.3: leaving, and being made to.

use plenary::conference::{Cause, ParticipantState};
use plenary_sip::endpoint::Ending;
use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

/// Alice is in conference 7.
fn joined(seed: u64) -> Net {
    let mut net = Net::with_seed(seed);
    net.phone("alice");
    net.focus("conf-7");
    net.plays(
        "
        alice                   conf-7
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|
          |----ACK---------------->|
    ",
    );
    net
}

#[test]
fn who_hangs_up_has_left() {
    let mut net = joined(110);
    net.plays(
        "
        alice                   conf-7
          |----BYE---------------->|
          |<---200 OK (BYE)--------|
    ",
    );
    let alice = net.focus("conf-7").participant("alice");
    assert_eq!((alice.state, alice.cause), (ParticipantState::Disconnected, Some(Cause::Left)));
    net.comes_to_rest();
}

#[test]
fn who_is_removed_is_hung_up_on_and_may_call_again() {
    let mut net = joined(111);
    net.focus("conf-7").removes("alice");
    net.plays(
        "
        alice                   conf-7
          |<---BYE-----------------|
          |----200 OK (BYE)------->|
    ",
    );
    assert!(matches!(net.phone("alice").call().ending(), Some(Ending::HungUp { .. })));
    assert_eq!(net.focus("conf-7").participant("alice").cause, Some(Cause::Removed));
    net.plays(
        "
        alice                   conf-7
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|
          |----ACK---------------->|
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["alice"]);
}

#[test]
fn who_is_banned_stays_out() {
    let mut net = joined(112);
    net.focus("conf-7").bans("alice");
    net.plays(
        "
        alice                   conf-7
          |<---BYE-----------------|
          |----200 OK (BYE)------->|
          |----INVITE (offer)----->|
          |<---403 Forbidden-------|  Warning has for good
          |----ACK---------------->|
    ",
    );
    assert!(net.focus("conf-7").present().is_empty());
}

#[test]
fn both_hang_up_at_once() {
    let mut net = joined(113);
    net.focus("conf-7").removes("alice");
    net.plays(
        "
        alice                   conf-7
          |----BYE--->  <---BYE----|
          |----200 OK (BYE)------->|
          |<---200 OK (BYE)--------|
    ",
    );
    net.comes_to_rest();
}

#[test]
fn a_conference_that_nobody_is_in_ends_by_itself() {
    let mut net = joined(114);
    net.plays(
        "
        alice                   conf-7
          |----BYE---------------->|
          |<---200 OK (BYE)--------|
          |                        |  59 s pass
    ",
    );
    assert!(!net.focus("conf-7").is_over());
    net.runs_for(std::time::Duration::from_secs(2));
    assert!(net.focus("conf-7").is_over());
    net.plays(
        "
        alice                   conf-7
          |----INVITE (offer)----->|
          |<---404 Not Found-------|  (this one is not stored)
          |----ACK---------------->|
    ",
    );
}

/// Every dialog-forming message of the focus says what it is.
#[test]
fn the_contact_of_the_focus_says_so_in_every_message() {
    let _proven = covers(["4579-G6"]).but("no SUBSCRIBE, NOTIFY and REFER yet; the conference rings nobody");
    let mut net = joined(115);
    net.phone("bob");
    net.focus("conf-7").calls("bob");
    net.plays(
        "
        conf-7                     bob
           |----INVITE (offer)----->|  Contact has ;isfocus
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |<---INVITE (hold)-------|
           |----200 OK (held)------>|  Contact has ;isfocus
           |<---ACK-----------------|
    ",
    );
}
