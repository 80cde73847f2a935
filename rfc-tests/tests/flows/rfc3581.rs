//! RFC 3581: responses that find their way back through a NAT.

use plenary_sip::message::Message;
use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

#[test]
fn an_empty_rport_is_answered_where_the_request_came_from() {
    let _proven = covers(["3581-01"]);
    let mut net = Net::with_seed(35811);
    net.stranger("uma");
    net.puts_behind_nat("uma");
    net.focus("conf-7");
    net.plays(
        "
        uma                    conf-7
         |----OPTIONS------------>|  Via: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK1
         |<---200 OK--------------|  Via has ;received=198.51.100.1; Via has ;rport=31001
    ",
    );
    assert!(!net.passages()[1].is_lost, "{}", net.ladder());
}

#[test]
fn without_rport_the_response_goes_to_the_port_of_sent_by() {
    let _proven = covers(["3581-02"]);
    let mut net = Net::with_seed(35812);
    net.stranger("uma");
    net.puts_behind_nat("uma");
    net.focus("conf-7");
    net.plays(
        "
        uma                    conf-7
         |----OPTIONS------------>|  Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1
         |<---200 OK--------------|  Via has ;received=198.51.100.1
    ",
    );
    let response = &net.passages()[1];
    assert!(response.is_lost, "the NAT lets nothing in at 5060\n{}", net.ladder());
    assert_eq!(response.source.local.port(), 5060);
}

/// §3, and RFC 5626 §5.3: a phone behind a NAT calls, is hung up on, and everything finds it.
#[test]
fn our_requests_ask_for_rport_and_a_phone_behind_a_nat_is_reached() {
    let _proven = covers(["3581-03"]);
    let mut net = Net::with_seed(35813);
    net.phone("alice");
    net.puts_behind_nat("alice");
    net.focus("conf-7");
    net.plays(
        "
        alice                   conf-7
          |----INVITE (offer)----->|  Via has 10.0.0.1:5060; Via has ;rport
          |<---200 OK (answer)-----|
          |----ACK---------------->|
    ",
    );
    net.focus("conf-7").removes("alice");
    net.plays(
        "
        alice                   conf-7
          |<---BYE-----------------|  Via has ;rport
          |----200 OK (BYE)------->|
    ",
    );
    let lost = net.passages().iter().any(|passage| passage.is_lost);
    assert!(!lost, "{}", net.ladder());
    let Some(Message::Request(bye)) = &net.passages()[3].message else { panic!("{}", net.ladder()) };
    assert_eq!(bye.uri.to_string(), "sip:alice@10.0.0.1:5060", "the Contact as it was said");
    net.comes_to_rest();
}
