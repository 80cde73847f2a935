//! RFC 3262: provisional responses that must arrive.

use rfc_tests::coverage::covers;
use rfc_tests::net::{Net, OfferHabit};

/// §3.
#[test]
fn who_requires_100rel_gets_each_18x_numbered_and_the_next_after_its_prack() {
    let _proven = covers(["3262-01"]);
    let mut net = Net::with_seed(32621);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|  Require: 100rel
           |<---180 Ringing---------|  Require: 100rel; some RSeq
           |<---180 (again)---------|  after 0.5 s
           |----PRACK-------------->|
           |<---200 OK (PRACK)------|
           |                        |  5 s pass
    ",
    );
    net.phone("bob").rings();
    net.phone("bob").rings();
    net.plays(
        "
        mallory                    bob
           |<---180 Ringing---------|  some RSeq
           |                        |  0.4 s pass
           |----PRACK-------------->|
           |<---200 OK (PRACK)------|
           |<---180 Ringing---------|  some RSeq
           |----PRACK-------------->|
           |<---200 OK (PRACK)------|
    ",
    );
    let numbers = net.passages().iter().filter_map(|passage| {
        passage.message.as_ref()?.headers().get(&"RSeq".into()).map(std::borrow::Cow::into_owned)?.parse::<u32>().ok()
    });
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.dedup();
    assert_eq!(numbers.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>(), [1, 1]);
    assert!(numbers[0] >= 1);
}

#[test]
fn without_prack_the_call_is_refused_after_64_t1_and_a_wrong_prack_gets_481() {
    let _proven = covers(["3262-02"]);
    let mut net = Net::with_seed(32622);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                         bob
           |----INVITE (offer)---------->|  Require: 100rel
           |<---180 Ringing--------------|
           |----PRACK------------------->|  RAck: 1 1 INVITE
           |<---481 No Such Call (PRACK)-|
           :                             :  31.8 s pass
           |<---504 Server Time-out------|
           |----ACK--------------------->|
    ",
    );
    net.comes_to_rest();
}

/// §4: in order, each once.
#[test]
fn the_caller_confirms_in_order_and_no_18x_that_came_too_early() {
    let _proven = covers(["3262-04"]);
    let mut net = Net::with_seed(32624);
    net.phone("alice");
    net.stranger("mallory");
    net.plays(
        "
        alice                   mallory
          |----INVITE (offer)----->|  Supported has 100rel
          |<---180 Ringing---------|  Require: 100rel; RSeq: 7
          |----PRACK-------------->|  RAck: 7 1 INVITE
          |<---200 OK (PRACK)------|
          |<---180 Ringing---------|  Require: 100rel; RSeq: 7
          |<---180 Ringing---------|  Require: 100rel; RSeq: 9
          |                        |  1 s pass
          |<---180 Ringing---------|  Require: 100rel; RSeq: 8
          |----PRACK-------------->|  RAck: 8 1 INVITE
          |<---200 OK (PRACK)------|
    ",
    );
}

/// §3, §5: the 200 does not overtake an 18x that carries the answer.
#[test]
fn the_200_waits_for_the_prack_of_an_18x_with_the_answer() {
    let _proven = covers(["3262-03"]);
    let mut net = Net::with_seed(32623);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                              bob
           |----INVITE (offer)--------------->|  Require: 100rel
           |<---183 Session Progress (answer)-|
    ",
    );
    net.phone("bob").answers();
    net.plays(
        "
        mallory                    bob
           |                        |  0.4 s pass
           |----PRACK-------------->|
           |<---200 OK (PRACK)------|
           |<---200 OK (INVITE)-----|
           |----ACK---------------->|
    ",
    );
    assert!(net.phone("bob").is_talking());
}

/// §5: once the answer has arrived, PRACK may offer anew. Its 2xx answers, and the 200 to the INVITE waits for that.
#[test]
fn an_offer_in_prack_is_answered_in_its_2xx() {
    let _proven = covers(["3262-05"]);
    let mut net = Net::with_seed(32625);
    net.stranger("mallory");
    net.phone("bob").when_offered(OfferHabit::Ponders);
    net.plays(
        "
        mallory                              bob
           |----INVITE (offer)--------------->|  Require: 100rel
           |<---183 Session Progress (answer)-|
           |----PRACK (hold)----------------->|
           |                                  |  0.2 s pass
    ",
    );
    net.phone("bob").answers();
    net.plays(
        "
        mallory                              bob
           |                                  |  1 s pass
    ",
    );
    net.phone("bob").ponders_no_longer();
    net.plays(
        "
        mallory                              bob
           |<---200 OK (PRACK, held)----------|
           |<---200 OK (INVITE, no SDP)-------|
           |----ACK-------------------------->|
           |                                  |  2 s pass
           |<---INVITE (offer)----------------|
           |----200 OK (answer)-------------->|
           |<---ACK---------------------------|
    ",
    );
    assert!(net.phone("bob").is_talking());
}

/// §5, RFC 6337 §2.2: one offer at a time. The 18x that is confirmed brought no answer.
#[test]
fn an_offer_in_prack_while_that_of_the_invite_is_open_is_refused() {
    let _proven = covers(["3262-05"]);
    let mut net = Net::with_seed(32626);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                         bob
           |----INVITE (offer)---------->|  Require: 100rel
           |<---180 Ringing (no SDP)-----|
           |----PRACK (hold)------------>|
           |<---488 Not Here (PRACK)-----|
           |<---200 OK (INVITE, answer)--|
           |----ACK--------------------->|
    ",
    );
    assert_eq!(format!("{:?}", net.phone("bob").call().direction), "Some(SendRecv)");
}

/// Whoever is asked does not answer: the PRACK is, before its sender gives up.
#[test]
fn an_offer_in_prack_that_nobody_answers_is_refused_in_time() {
    let mut net = Net::with_seed(32627);
    net.stranger("mallory");
    net.phone("bob").when_offered(OfferHabit::Ponders);
    net.plays(
        "
        mallory                              bob
           |----INVITE (offer)--------------->|  Require: 100rel
           |<---183 Session Progress (answer)-|
           |----PRACK (hold)----------------->|
           |<---100 Trying (PRACK)------------|  after 3.5 s
           |<---488 Not Here (PRACK)----------|  at 16 s
           |<---200 OK (INVITE, answer)-------|
           |----ACK-------------------------->|
    ",
    );
}
