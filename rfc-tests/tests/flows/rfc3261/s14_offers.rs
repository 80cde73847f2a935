//! RFC 3261 §14: offering anew within a call.

use plenary_media::plan::Direction;
use plenary_sip::message::StatusCode;
use rfc_tests::coverage::covers;
use rfc_tests::net::{Net, OfferHabit};

/// Two phones in a call that has settled.
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

#[test]
fn hold_and_resume() {
    let mut net = in_a_call(140);
    net.plays(
        "
        alice                     bob
          |----INVITE (hold)------>|
          |<---200 OK (held)-------|
          |----ACK---------------->|
    ",
    );
    assert_eq!(net.phone("bob").call().direction, Some(Direction::RecvOnly));
    net.plays(
        "
        alice                     bob
          |----INVITE (resume)---->|
          |<---200 OK (resume)-----|
          |----ACK---------------->|
    ",
    );
    assert_eq!(net.phone("bob").call().direction, Some(Direction::SendRecv));
}

/// §14.1: the owner of the Call-ID comes later, so both get their way.
#[test]
fn glare_meets_491_on_both_sides_and_both_try_again() {
    let _proven = covers(["3261-14"]).but("500 for a second INVITE: an_offer_while_one_is_open_gets_500");
    for seed in 0..20 {
        let mut net = in_a_call(seed);
        net.plays(
            "
        alice                                       bob
          |----INVITE (hold)---><---INVITE (hold)----|
          |<---491 Request Pending-------------------|
          |----491 Request Pending------------------>|
          |----ACK---------------------------------->|
          |<---ACK-----------------------------------|
          :                                          :  5 s pass
    ",
        );
        let times: Vec<_> = net
            .passages()
            .iter()
            .filter(|passage| passage.text().starts_with("INVITE"))
            .skip(1)
            .map(|passage| (passage.from, passage.sent_at))
            .collect();
        let [(_, glare), _, bobs @ .., (last, alices)] = &times[..] else { panic!("{}", net.ladder()) };
        let [(first, bobs)] = bobs else { panic!("{}", net.ladder()) };
        assert_eq!((*first, *last), (1, 0), "who was called comes first\n{}", net.ladder());
        let after = |at: &std::time::Instant| (*at - *glare).as_millis();
        assert!((0..=2_020).contains(&after(bobs)), "{}", net.ladder());
        assert!((2_100..=4_020).contains(&after(alices)), "{}", net.ladder());
        for name in ["alice", "bob"] {
            assert_eq!(net.phone(name).call().reoffers, [Ok(())], "seed {seed}");
        }
    }
}

/// §14.2.
#[test]
fn an_offer_while_one_is_open_gets_500_with_retry_after() {
    let _proven = covers(["3261-14"]).but("491: glare_meets_491_on_both_sides_and_both_try_again");
    let mut net = Net::with_seed(141);
    net.stranger("mallory");
    net.phone("bob").when_offered(OfferHabit::Ponders);
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|
           |<---180 Ringing---------|
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |----INVITE (offer)----->|
           |<---100 Trying----------|
           |----INVITE (offer)----->|
           |<---500 Come Again------|  some Retry-After
           |----ACK---------------->|
    ",
    );
    let response = net.passages()[7].message.as_ref().expect("it can be read");
    let seconds = response.headers().get(&"Retry-After".into()).and_then(|value| value.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds <= 10), "{seconds:?}");
}

#[test]
fn a_second_invite_in_the_early_dialog_gets_500() {
    let mut net = Net::with_seed(142);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|
           |<---180 Ringing---------|
           |----INVITE (offer)----->|
           |<---500 Come Again------|  some Retry-After
           |----ACK---------------->|
    ",
    );
}

/// §14.1, RFC 6141 §3.3.
#[test]
fn a_refused_offer_leaves_the_session_as_it_was() {
    let _proven = covers(["6141-01"]).but("no media flows in the simulation");
    let mut net = in_a_call(143);
    net.phone("bob").when_offered(OfferHabit::Refuses(StatusCode::NOT_ACCEPTABLE_HERE));
    net.plays(
        "
        alice                     bob
          |----INVITE (hold)------>|
          |<---488 Not Here--------|
          |----ACK---------------->|
          |                        |  60 s pass
    ",
    );
    let alice = net.phone("alice").call();
    assert_eq!(alice.reoffers, [Err(StatusCode::NOT_ACCEPTABLE_HERE)]);
    assert_eq!(alice.direction, Some(Direction::SendRecv));
    assert!(net.phone("alice").is_talking() && net.phone("bob").is_talking());
}

#[test]
fn the_conference_refuses_an_offer_it_cannot_use_and_keeps_the_participant() {
    let mut net = Net::with_seed(144);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                       conf-7
           |----INVITE (offer)---------->|
           |<---200 OK (answer)----------|
           |----ACK--------------------->|
           |----INVITE (unusable offer)->|
           |<---488 Not Here-------------|
           |----ACK--------------------->|
           |                             |  60 s pass
           |----INVITE (hold)----------->|
           |<---200 OK (held)------------|
           |----ACK--------------------->|
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["mallory"]);
}

/// §14.1 with §12.2.1.2: who does not answer within 64·T1 does not know the call any more.
#[test]
fn an_offer_that_nobody_answers_ends_the_call() {
    let mut net = Net::with_seed(145);
    net.phone("alice");
    net.stranger("mallory");
    net.plays(
        "
        alice                   mallory
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|
          |----ACK---------------->|
          |                        |  2 s pass
          |----INVITE (hold)------>|
          :                        :  31.8 s pass
          |----BYE---------------->|  after 0.1 to 33 s
          |<---200 OK (BYE)--------|
    ",
    );
    net.comes_to_rest();
}

/// RFC 6337 §5.2.5: an empty re-INVITE asks for everything that we could do.
#[test]
fn an_invite_without_offer_within_the_call_gets_one_with_all_codecs() {
    let mut net = Net::with_seed(146);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |----INVITE (no SDP)---->|
           |<---200 OK (offer)------|
           |----ACK (answer)------->|
    ",
    );
    let offer = net.passages()[4].text();
    for codec in ["opus/48000/2", "G722/8000", "PCMA/8000", "PCMU/8000"] {
        assert!(offer.contains(codec), "{codec}\n{offer}");
    }
}
