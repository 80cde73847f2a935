//! RFC 4320: what a server may say late to a request that is no INVITE.

use rfc_tests::coverage::covers;
use rfc_tests::net::{Net, OfferHabit};

/// §4.1, §4.2: an UPDATE whose offer the callee thinks about for ever.
#[test]
fn an_unanswered_request_hears_100_when_timer_e_reaches_t2_and_never_408() {
    let _proven = covers(["4320-01", "4320-02"]);
    let mut net = Net::with_seed(4320);
    net.stranger("mallory");
    net.phone("bob").when_offered(OfferHabit::Ponders);
    net.plays(
        "
        mallory                           bob
           |----INVITE (offer)------------>|
           |<---200 OK (answer)------------|
           |----ACK----------------------->|
           |----UPDATE (offer)------------>|
           |----UPDATE (again)------------>|
           |                               |  3 s pass
           |<---100 Trying (UPDATE)--------|  after 3 to 4 s
           |----UPDATE (again)------------>|
           |<---100 Trying (UPDATE, again)-|
           |                               |  120 s pass
    ",
    );
}

/// §4.1: over a stream nothing is repeated, and 100 may be said as late.
#[test]
fn the_client_waits_on_after_a_100() {
    let mut net = Net::with_seed(4321);
    net.phone("alice");
    net.stranger("mallory");
    net.plays(
        "
        alice                   mallory
          |----OPTIONS------------>|
          |----OPTIONS (again)---->|  after 0.5 s
          |<---100 Trying----------|
          |----OPTIONS (again)---->|  after 0.9 to 4.1 s
          |<---200 OK (OPTIONS)----|
          |                        |  60 s pass
    ",
    );
    net.comes_to_rest();
}
