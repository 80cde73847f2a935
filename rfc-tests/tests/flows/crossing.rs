//! Offers that cross on the wire: RFC 3261 §14.1 and §14.2, RFC 3311 §5.2, as phones make them right after an answer.

use plenary_media::plan::Direction;
use rfc_tests::coverage::covers;
use rfc_tests::net::{Net, OfferHabit};

/// Phones offer anew as soon as a call stands: ours lets them, and crossing offers both get their way.
#[test]
fn offers_right_after_the_answer_meet_no_glare_of_ours() {
    let _proven = covers(["T-04"]);
    let mut waited = Vec::new();
    for seed in 0..20 {
        let mut net = Net::with_seed(seed);
        net.stranger("mallory");
        net.phone("bob");
        net.plays(
            "
        mallory                    bob
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |----ACK---------------->|
    ",
        );
        net.phone("bob").holds();
        net.plays(
            "
        mallory                    bob
           |<---INVITE (hold)-------|  after 0.05 to 1.1 s
           |----200 OK (held)------>|
           |<---ACK-----------------|
    ",
        );
        let sent = |beginning: &str| {
            let passages = net.passages().iter().filter(|passage| passage.text().starts_with(beginning));
            passages.map(|passage| (passage.from, passage.sent_at)).collect::<Vec<_>>()
        };
        let answered = sent("SIP/2.0 200")[0].1;
        let own = sent("INVITE").into_iter().find(|(from, _)| *from == 1).expect("bob's").1;
        waited.push((own - answered).as_millis());
        let bob = net.phone("bob").call();
        assert_eq!((bob.reoffers.as_slice(), bob.direction), (&[Ok(())][..], Some(Direction::SendOnly)), "seed {seed}");
    }
    assert!(waited.iter().all(|waited| (100..=1_100).contains(waited)), "{waited:?}");
    waited.sort_unstable();
    waited.dedup();
    assert!(waited.len() > 10, "by chance, so that two servers do not keep step: {waited:?}");

    // Two of ours, who hold at the same time: 491 to both, and the owner of the Call-ID comes last.
    for seed in 0..20 {
        let mut net = Net::with_seed(seed);
        net.phone("alice");
        net.phone("bob");
        net.plays(
            "
        alice                                       bob
          |----INVITE (offer)----------------------->|
          |<---200 OK (answer)-----------------------|
          |----ACK---------------------------------->|
          |                                          |  2 s pass
          |----INVITE (hold)---><---INVITE (hold)----|
          |<---491 Request Pending-------------------|
          |----491 Request Pending------------------>|
          |----ACK---------------------------------->|
          |<---ACK-----------------------------------|
          :                                          :  5 s pass
    ",
        );
        for name in ["alice", "bob"] {
            assert_eq!(net.phone(name).call().reoffers, [Ok(())], "seed {seed}");
            assert!(net.phone(name).is_talking());
        }
    }

    // An offer while one is open here.
    let mut net = Net::with_seed(4);
    net.stranger("mallory");
    net.phone("bob").when_offered(OfferHabit::Ponders);
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |----INVITE (offer)----->|
           |----INVITE (offer)----->|
           |<---500 Come Again------|  some Retry-After
           |----ACK---------------->|
    ",
    );
    assert!(net.phone("bob").is_talking());
}

/// An UPDATE with what ICE found, right after the 200, crosses our re-INVITE; both are done in the end.
#[test]
fn an_update_that_crosses_our_offer_is_refused_and_then_done() {
    let _proven = covers(["T-05"]);
    let mut net = Net::with_seed(5);
    net.stranger("mallory");
    net.phone("bob");
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
           |----200 OK (INVITE, held)------->|
           |<---ACK--------------------------|
           |----UPDATE (offer)-------------->|
           |<---200 OK (UPDATE, answer)------|
    ",
    );
    let bob = net.phone("bob");
    assert!(bob.is_talking());
    assert_eq!((bob.call().reoffers.as_slice(), bob.call().direction), (&[Ok(())][..], Some(Direction::SendOnly)));
    // And the other way round: a second of theirs, while the first is open.
    let mut net = Net::with_seed(55);
    net.stranger("mallory");
    net.phone("bob").when_offered(OfferHabit::Ponders);
    net.plays(
        "
        mallory                             bob
           |----INVITE (offer)-------------->|
           |<---200 OK (answer)--------------|
           |----ACK------------------------->|
           |                                 |  2 s pass
           |----UPDATE (offer)-------------->|
           |----UPDATE (offer)-------------->|
           |<---500 Come Again (UPDATE)------|  some Retry-After
    ",
    );
    assert!(net.phone("bob").is_talking());
}
