//! RFC 3261 §12: dialogs, their routes and their order.

use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

/// §12.2.2.
#[test]
fn in_a_dialog_a_lower_cseq_gets_500_and_an_unknown_dialog_481() {
    let _proven = covers(["3261-11"]);
    let mut net = Net::with_seed(120);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                                bob
           |----INVITE (offer)----------------->|
           |<---200 OK (answer)-----------------|
           |----ACK---------------------------->|
           |----BYE (lower CSeq)--------------->|
           |<---500 Out Of Order----------------|
           |----INVITE (offer, unknown dialog)->|
           |<---481 No Such Call----------------|
           |----ACK---------------------------->|
           |----BYE---------------------------->|
           |<---200 OK (BYE)--------------------|
    ",
    );
    net.comes_to_rest();
}

/// §12.1.1, §12.2.1.1: the callee keeps the order of Record-Route, and a strict router gets its own Request-URI.
#[test]
fn the_callee_follows_the_record_routes_in_their_order() {
    let mut net = Net::with_seed(121);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|  Record-Route: <sip:mallory.example;lr>, <sip:p2.example;lr>
           |<---200 OK (answer)-----|  Record-Route has p2.example
           |----ACK---------------->|
           |<---BYE-----------------|  Route has <sip:mallory.example;lr>
           |----200 OK (BYE)------->|
    ",
    );
    net.stranger("mallory").forgets();
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|  Record-Route: <sip:mallory.example>, <sip:p2.example;lr>
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |<---BYE-----------------|  Route has <sip:p2.example;lr>
           |----200 OK (BYE)------->|
    ",
    );
    let byes = net.passages().iter().filter_map(|passage| match passage.message.as_ref()? {
        plenary_sip::message::Message::Request(request) if request.method.as_str() == "BYE" => {
            let routes = request.headers.routes().expect("Route");
            Some((request.uri.to_string(), routes.iter().map(|route| route.uri.to_string()).collect::<Vec<_>>()))
        }
        _ => None,
    });
    let byes: Vec<_> = byes.collect();
    let target = "sip:mallory@192.0.2.1:5060".to_owned();
    let loose = vec!["sip:mallory.example;lr".to_owned(), "sip:p2.example;lr".into()];
    let strict = vec!["sip:p2.example;lr".to_owned(), target.clone()];
    assert_eq!(byes, [(target, loose), ("sip:mallory.example".into(), strict)]);
}

/// The caller takes them in the reverse order.
#[test]
fn the_caller_follows_the_record_routes_from_its_own_side() {
    let _proven = covers(["3261-10"]);
    let mut net = Net::with_seed(122);
    net.phone("alice");
    net.stranger("mallory");
    net.plays(
        "
        alice                   mallory
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|  Record-Route: <sip:p1.example;lr>, <sip:mallory.example;lr>
          |----ACK---------------->|  Route has <sip:mallory.example;lr>
          |----BYE---------------->|
          |<---200 OK (BYE)--------|
    ",
    );
    let ack = net.passages()[2].message.as_ref().expect("it can be read").headers();
    let routes: Vec<_> = ack.routes().expect("Route").iter().map(|route| route.uri.to_string()).collect();
    assert_eq!(routes, ["sip:mallory.example;lr", "sip:p1.example;lr"]);
}
