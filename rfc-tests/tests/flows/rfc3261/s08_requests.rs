//! RFC 3261 §8.2: what becomes of a request before anybody looks at what it wants.

use plenary_sip::message::{HeaderName, Message};
use rfc_tests::coverage::covers;
use rfc_tests::net::{Net, Passage};

/// The last message that passed.
fn last(net: &Net) -> &Passage {
    net.passages().last().expect("something passed")
}

fn header(passage: &Passage, name: &HeaderName) -> String {
    let message = passage.message.as_ref().expect("it can be read");
    message.headers().get(name).unwrap_or_default().into_owned()
}

#[test]
fn unknown_methods_and_methods_that_are_not_served() {
    let _proven = covers(["3261-01"]).but("405: over real sockets");
    let mut net = Net::with_seed(1);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----FOO---------------->|
           |<---501 Not Implemented-|  Allow has INVITE
           |----PUBLISH------------>|
           |<---489 Bad Event-------|  Allow-Events has conference
           |----OPTIONS------------>|
           |<---200 OK--------------|  Allow has INVITE
    ",
    );
    let allows: Vec<String> = net
        .passages()
        .iter()
        .map(|passage| header(passage, &HeaderName::Allow))
        .filter(|allow| !allow.is_empty())
        .collect();
    assert_eq!(allows.len(), 2);
    assert!(allows.iter().all(|allow| *allow == allows[0]), "{allows:?}");
}

#[test]
fn unknown_schemes_and_unknown_users() {
    let _proven = covers(["3261-02"]);
    let mut net = Net::with_seed(2);
    net.stranger("mallory");
    net.focus("conf-7");
    for (uri, status) in [("nobody:x", 416), ("sip:conf-8@conf-7.example", 404)] {
        let options = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{status}\r\nMax-Forwards: 70\r\n\
             From: <sip:m@mallory.example>;tag=1\r\nTo: <sip:x@conf-7.example>\r\nCall-ID: {status}\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:m@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
        );
        net.stranger("mallory").blurts(options, "conf-7");
        net.runs_for(std::time::Duration::from_millis(100));
        let Some(Message::Response(response)) = &last(&net).message else { panic!("{}", net.ladder()) };
        assert_eq!(response.status.as_u16(), status, "{}", net.ladder());
    }
}

/// §8.2.2.2.
#[test]
fn the_same_request_by_two_ways_is_answered_once() {
    let _proven = covers(["3261-03"]);
    let mut net = Net::with_seed(3);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                       bob
           |----INVITE (offer)-------->|
           |<---180 Ringing------------|
           |----INVITE (other branch)->|
           |<---482 Loop Detected------|
           |----ACK------------------->|
    ",
    );
    assert_eq!(net.phone("bob").calls_so_far().len(), 1);
}

#[test]
fn what_is_required_must_be_known() {
    let _proven = covers(["3261-04"]);
    let mut net = Net::with_seed(4);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|  Require: foo, timer
           |<---420 Bad Extension---|  Unsupported: foo
           |----ACK---------------->|  Require: foo
           |                        |  1 s pass
    ",
    );
    net.stranger("mallory").forgets();
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|
           |<---180 Ringing---------|
           |----CANCEL------------->|  Require: foo
           |<---200 OK (CANCEL)-----|
           |<---487 Terminated------|
           |----ACK---------------->|
    ",
    );
}

/// §8.2.3.
#[test]
fn a_body_that_must_be_understood_is_and_one_that_need_not_is_left() {
    let _proven = covers(["3261-05"]).but("Accept-Encoding and Accept-Language are not said with 415");
    let mut net = Net::with_seed(5);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|  Content-Type: text/x
           |<---415 Unsupported-----|  Accept: application/sdp
           |----ACK---------------->|
    ",
    );
    net.stranger("mallory").forgets();
    let body = "--b\r\nContent-Type: text/x\r\nContent-Disposition: render;handling=optional\r\n\r\nhello\r\n\
                --b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n\
                c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n\r\n--b--\r\n";
    let invite = format!(
        "INVITE sip:conf-7@conf-7.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKmixed\r\n\
         Max-Forwards: 70\r\nFrom: <sip:mallory@mallory.example>;tag=1\r\nTo: <sip:conf-7@conf-7.example>\r\n\
         Call-ID: mixed\r\nCSeq: 1 INVITE\r\nContact: <sip:m@192.0.2.1>\r\n\
         Content-Type: multipart/mixed;boundary=b\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    net.stranger("mallory").blurts(invite, "conf-7");
    net.runs_for(std::time::Duration::from_millis(100));
    assert_eq!(net.sent_by("conf-7").last().map(String::as_str), Some("200 OK"), "{}", net.ladder());
}

/// §8.2.6.2.
#[test]
fn responses_carry_what_the_request_said_and_one_tag() {
    let _proven = covers(["3261-06"]);
    let mut net = Net::with_seed(6);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                    bob
           |----OPTIONS------------>|  Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa, SIP/2.0/TCP b.example;branch=z9hG4bKb, SIP/2.0/UDP c
           |<---200 OK--------------|
           |----INVITE (offer)----->|
           |<---180 Ringing---------|
           |<---200 OK (answer)-----|
    ",
    );
    let messages: Vec<_> = net.passages().iter().filter_map(|passage| passage.message.as_ref()).collect();
    let hops = messages[1].headers().vias().expect("Via").iter().map(|via| via.sent_by()).collect::<Vec<_>>();
    assert_eq!(hops, ["192.0.2.1:5060", "b.example", "c"]);
    let tag = |at: usize| messages[at].headers().to().expect("To").tag().map(str::to_owned);
    assert!(tag(3).is_some() && tag(3) == tag(4), "{}", net.ladder());
    for name in [HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
        assert_eq!(messages[2].headers().get(&name), messages[4].headers().get(&name));
    }
}

#[test]
fn requests_that_need_a_dialog_and_name_none() {
    let mut net = Net::with_seed(7);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                    bob
           |----BYE---------------->|
           |<---481 No Such Call----|
           |----UPDATE------------->|
           |<---481 No Such Call----|
    ",
    );
}
