//! RFC 3261 §18: which way messages take.

use plenary_sip::message::Message;
use plenary_sip::net_types::Transport;
use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

#[test]
fn over_a_stream_nothing_is_repeated_and_everything_takes_the_same_connection() {
    let mut net = Net::with_seed(180);
    net.phone("alice").over(Transport::Tcp);
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|  Via has SIP/2.0/TCP; Contact has transport=tcp
          |<---100 Trying----------|  after 0 to 0.2 s
          |                        |  5 s pass
          |<---180 Ringing---------|
          |<---200 OK (answer)-----|  Contact has transport=tcp
          |----ACK---------------->|
          |<---BYE-----------------|  Via has SIP/2.0/TCP
          |----200 OK (BYE)------->|
    ",
    );
    let mut flows: Vec<_> = net.passages().iter().map(|passage| passage.source.flow).collect();
    flows.dedup();
    assert_eq!(flows.len(), 1, "{flows:?}");
    net.comes_to_rest();
}

/// §18.2.1.
#[test]
fn received_is_noted_when_sent_by_is_a_name_or_another_address() {
    let mut net = Net::with_seed(181);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                    bob
           |----OPTIONS------------>|  Via: SIP/2.0/UDP mallory.example;branch=z9hG4bK1
           |<---200 OK--------------|  Via has received=192.0.2.1
           |----OPTIONS------------>|  Via: SIP/2.0/UDP 10.1.2.3;branch=z9hG4bK2
           |<---200 OK--------------|  Via has received=192.0.2.1
           |----OPTIONS------------>|
           |<---200 OK--------------|
    ",
    );
    let Some(Message::Response(plain)) = &net.passages()[5].message else { panic!("{}", net.ladder()) };
    assert_eq!(plain.headers.top_via().expect("Via").received(), None);
}

/// §18.2.2: the response opens a new connection to sent-by.
#[test]
fn a_response_whose_connection_is_gone_takes_a_new_one() {
    let _proven = covers(["3261-20"]);
    let mut net = Net::with_seed(182);
    net.phone("alice").over(Transport::Tcp);
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---180 Ringing---------|
          |                        |  1 s pass
    ",
    );
    net.cuts("alice", "bob");
    net.phone("bob").answers();
    net.plays(
        "
        alice                     bob
          |<---200 OK (answer)-----|  at 0.5 s; (when it would be repeated anyway)
          |----ACK---------------->|
    ",
    );
    let flows: Vec<_> = net.passages().iter().map(|passage| passage.source.flow).collect();
    assert_ne!(flows[0], flows[2]);
    assert!(net.phone("alice").is_talking() && net.phone("bob").is_talking());
}
