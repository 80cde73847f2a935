//! RFC 3311: UPDATE.

use rfc_tests::coverage::covers;
use rfc_tests::net::{Net, OfferHabit};

/// §5.2.
#[test]
fn an_offer_meets_491_while_ours_is_open_and_500_while_its_own_is() {
    let _proven = covers(["3311-01"]);
    let mut net = Net::with_seed(33111);
    net.stranger("mallory");
    net.phone("bob").when_offered(OfferHabit::Ponders);
    net.plays(
        "
        mallory                             bob
           |----INVITE (offer)-------------->|
           |<---200 OK (answer)--------------|
           |----ACK------------------------->|
           |                                 |  2 s pass
           |<---INVITE (hold)----------------|
           |----UPDATE (offer)-------------->|
           |<---491 Request Pending (UPDATE)-|
           |----488 Not Here (INVITE)------->|
           |<---ACK--------------------------|
           |----UPDATE (offer)-------------->|
           |----UPDATE (offer)-------------->|
           |<---500 Come Again (UPDATE)------|  some Retry-After
    ",
    );
}

/// §5.1.
#[test]
fn an_update_without_offer_moves_the_target() {
    let _proven = covers(["3311-02", "6141-02"]).but("the new target is another port of the same host");
    let mut net = Net::with_seed(33112);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |----UPDATE------------->|  Contact: <sip:mallory@192.0.2.1:5099>
           |<---200 OK (UPDATE)-----|  some Contact
           |<---BYE-----------------|
           |----200 OK (BYE)------->|
    ",
    );
    let bye = net.passages()[5].text();
    assert!(bye.starts_with("BYE sip:mallory@192.0.2.1:5099 "), "{bye}");
}
