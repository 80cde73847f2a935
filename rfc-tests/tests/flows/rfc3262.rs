//! RFC 3262: provisional responses that must arrive.

use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

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
        let value = passage.message.as_ref()?.headers().get(&"RSeq".into())?.parse::<u32>().ok();
        value
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
