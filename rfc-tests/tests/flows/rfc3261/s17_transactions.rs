//! RFC 3261 §17: transactions and their timers.

use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

/// §17.1.1.2: Timers A and B.
#[test]
fn an_invite_is_repeated_at_growing_intervals_and_given_up_after_64_t1() {
    let mut net = Net::with_seed(170);
    net.phone("alice");
    net.stranger("mallory");
    net.plays(
        "
        alice                   mallory
          |----INVITE (offer)----->|
          |----INVITE (again)----->|  at 0.5 s
          |----INVITE (again)----->|  at 1.5 s
          |----INVITE (again)----->|  at 3.5 s
          |----INVITE (again)----->|  at 7.5 s
          |----INVITE (again)----->|  at 15.5 s
          |----INVITE (again)----->|  at 31.5 s
          |                        |  60 s pass
    ",
    );
    assert_eq!(net.phone("alice").call().refused_with(), Some(408));
    net.comes_to_rest();
}

#[test]
fn a_lost_invite_is_made_good() {
    let mut net = Net::with_seed(171);
    net.phone("alice");
    net.focus("conf-7");
    net.plays(
        "
        alice                   conf-7
          |----INVITE (offer)--x   |
          |----INVITE (again)----->|  after 0.5 s
          |<---200 OK (answer)-----|
          |----ACK---------------->|
          |                        |  30 s pass
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["alice"]);
}

/// §17.2.1.
#[test]
fn a_slow_answer_is_covered_by_100_within_200_ms() {
    let mut net = Net::with_seed(172);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---100 Trying----------|  after 0 to 0.2 s
          |                        |  5 s pass
          |<---180 Ringing---------|
    ",
    );
}

/// §17.2.1: Timers G and H; §17.1.1.3: each gets its ACK.
#[test]
fn a_refusal_is_repeated_until_its_ack() {
    let _proven = covers(["3261-17"]);
    let mut net = Net::with_seed(173);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|
           |<---100 Trying----------|  after 0 to 0.2 s
           |<---486 Busy Here-------|
           |<---486 Busy (again)----|  after 0.5 s
           |<---486 Busy (again)----|  after 1 s
           |<---486 Busy (again)----|  after 2 s
           |<---486 Busy (again)----|  after 4 s
           :                        :  30 s pass
           |                        |  60 s pass
    ",
    );
    net.comes_to_rest();
}

#[test]
fn the_ack_to_a_refusal_is_lost_and_said_again() {
    let mut net = Net::with_seed(174);
    net.phone("alice");
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---486 Busy Here-------|
          |----ACK-------------x   |
          |<---486 Busy (again)----|  after 0.5 s
          |----ACK (again)-------->|
          |                        |  60 s pass
    ",
    );
    net.comes_to_rest();
}

/// §17.1.2.2: Timers E and F.
#[test]
fn a_bye_is_repeated_until_it_is_answered() {
    let mut net = Net::with_seed(175);
    net.phone("alice");
    net.stranger("mallory");
    net.plays(
        "
        alice                   mallory
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|
          |----ACK---------------->|
          |----BYE---------------->|
          |----BYE (again)-------->|  after 0.5 s
          |----BYE (again)-------->|  after 1 s
          |----BYE (again)-------->|  after 2 s
          |----BYE (again)-------->|  after 4 s
          |----BYE (again)-------->|  after 4 s
          |<---200 OK (BYE)--------|
          |                        |  60 s pass
    ",
    );
    net.comes_to_rest();
}

/// §17.2.3.
#[test]
fn a_branch_is_somebody_elses_when_sent_by_is() {
    let _proven = covers(["3261-18"]).but("the match of RFC 2543: unit tests of the transaction key");
    let mut net = Net::with_seed(176);
    net.stranger("mallory");
    net.phone("bob");
    let options = |sent_by: &str, call: &str| {
        format!(
            "OPTIONS sip:bob@bob.example SIP/2.0\r\nVia: SIP/2.0/UDP {sent_by};branch=z9hG4bKone;rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:m@mallory.example>;tag={call}\r\nTo: <sip:bob@bob.example>\r\n\
             Call-ID: {call}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
    };
    for (sent_by, call) in [("a.example", "one"), ("b.example", "two"), ("a.example:5060", "one")] {
        net.stranger("mallory").blurts(options(sent_by, call), "bob");
        net.runs_for(std::time::Duration::from_millis(50));
    }
    let answers: Vec<String> = net.passages().iter().filter(|passage| passage.from == 1).map(|p| p.text()).collect();
    assert_eq!(answers.len(), 3);
    assert_ne!(answers[0], answers[1], "two transactions");
    assert_eq!(answers[0], answers[2], "the first one again");
}
