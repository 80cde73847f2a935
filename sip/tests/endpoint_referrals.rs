//! REFERs of ours through the endpoint: RFC 3515, RFC 4488, RFC 7647, and the subscriber's side of RFC 6665.

mod lone;

use lone::{Lone, invite, ms, request, response, with_sdp};
use plenary_sip::endpoint::{Body, CallId, Command, Event, OutgoingRefer, ReferNews, RequestId};
use plenary_sip::message::{HeaderName, Method, NameAddr, Request, StatusCode};

const REFER: RequestId = RequestId(40);
const GRUU: &str = "Contact: <sip:alice@192.0.2.1:5060;gr=urn:uuid:f81d>";

/// A call that came in and was answered; `contact`: of the caller.
fn call(contact: &str) -> (Lone, CallId, String) {
    let mut lone = Lone::new();
    lone.hear(&with_sdp(&invite("i", "")).replace("Contact: <sip:alice@192.0.2.1:5060>", contact));
    let call = lone.incoming();
    lone.command(Command::Accept { call, body: Some(Body::sdp("v=0")), headers: vec![] });
    let tag = lone.last_response().headers.to().expect("To").tag().expect("our tag").to_owned();
    lone.hear(&request("ACK", "a", 1, &tag, ""));
    (lone, call, tag)
}

fn ask(lone: &mut Lone, call: CallId, knows_target_dialog: bool) {
    let refer_to = NameAddr::new("sip:3002@b.example".parse().expect("a URI"));
    let refer = Box::new(OutgoingRefer { refer_to, referred_by: None, knows_target_dialog });
    lone.sent.clear();
    lone.command(Command::Refer { call, request: REFER, refer });
}

fn refer(lone: &mut Lone, call: CallId, knows_target_dialog: bool) -> Request {
    ask(lone, call, knows_target_dialog);
    lone.last_request().clone()
}

fn news(lone: &mut Lone) -> Vec<ReferNews> {
    let news = lone.events.drain(..).filter_map(|event| match event {
        Event::Referred { request: REFER, news, .. } => Some(news),
        _ => None,
    });
    news.collect()
}

fn header(request: &Request, name: HeaderName) -> String {
    request.headers.get(&name).unwrap_or_default().into_owned()
}

/// From the peer, in the dialog of the call.
fn notify(cseq: u32, tag: &str, state: &str, body: &str) -> String {
    let extra = format!("Event: refer\nSubscription-State: {state}\nContent-Type: message/sipfrag\n");
    let length = format!("Content-Length: {}\n\n{body}", body.len());
    request("NOTIFY", &format!("n{cseq}"), cseq, tag, &extra).replace("Content-Length: 0\n", &length)
}

fn code(code: u16) -> StatusCode {
    StatusCode::new(code).expect("a status")
}

/// RFC 4488: within the dialog no subscription is asked for; RFC 6665 §4.1.2.4: one that is made all the same may speak
/// before the 2xx.
#[test]
fn a_subscription_that_nobody_asked_for_is_listened_to() {
    let (mut lone, call, tag) = call("Contact: <sip:alice@192.0.2.1:5060>");
    let asked = refer(&mut lone, call, true);
    assert_eq!((&asked.method, header(&asked, HeaderName::ReferTo).as_str()), (&Method::Refer, "<sip:3002@b.example>"));
    assert_eq!(
        (header(&asked, HeaderName::ReferSub).as_str(), header(&asked, HeaderName::CallId).as_str()),
        ("false", "call-1")
    );
    lone.hear(&notify(2, &tag, "active;expires=60", "SIP/2.0 100 Trying"));
    assert_eq!(lone.last_response().status, StatusCode::OK);
    lone.hear(&response(&asked, 202, "alice", ""));
    lone.hear(&notify(3, &tag, "terminated;reason=noresource", "SIP/2.0 200 OK"));
    assert_eq!(news(&mut lone), [ReferNews::Progress(code(100)), ReferNews::Settled(code(200))]);
    lone.hear(&notify(4, &tag, "active", "SIP/2.0 200 OK"));
    assert!(lone.events.iter().all(|event| matches!(event, Event::Request { call: Some(_), .. })), "{:?}", lone.events);
}

#[test]
fn a_peer_that_makes_no_subscription_tells_no_more() {
    let (mut lone, call, _) = call("Contact: <sip:alice@192.0.2.1:5060>");
    let asked = refer(&mut lone, call, true);
    lone.hear(&response(&asked, 202, "alice", "Refer-Sub: false\n"));
    assert_eq!(news(&mut lone), [ReferNews::Unwatched]);
}

/// RFC 5057 §4.1: the subscription outlives the call that its dialog was made by.
#[test]
fn the_end_is_heard_after_the_call_was_hung_up() {
    let (mut lone, call, tag) = call("Contact: <sip:alice@192.0.2.1:5060>");
    let asked = refer(&mut lone, call, true);
    lone.hear(&response(&asked, 202, "alice", ""));
    lone.hear(&request("BYE", "b", 2, &tag, ""));
    lone.hear(&notify(3, &tag, "terminated;reason=noresource", "SIP/2.0 486 Busy Here"));
    assert_eq!(lone.last_response().status, StatusCode::OK);
    assert_eq!(news(&mut lone), [ReferNews::Settled(code(486))]);
}

#[test]
fn a_refusal_and_a_silence_are_told() {
    let (mut lone, call, _) = call("Contact: <sip:alice@192.0.2.1:5060>");
    let asked = refer(&mut lone, call, true);
    lone.hear(&response(&asked, 603, "alice", ""));
    assert_eq!(news(&mut lone), [ReferNews::Refused(code(603))]);
    let asked = refer(&mut lone, call, true);
    lone.hear(&response(&asked, 202, "alice", ""));
    lone.run_for(ms(31_900));
    assert_eq!(news(&mut lone), []);
    lone.run_for(ms(200));
    assert_eq!(news(&mut lone), [ReferNews::Lost], "Timer N");
    lone.command(Command::Hangup { call, headers: vec![] });
    let bye = lone.last_request().clone();
    lone.hear(&response(&bye, 200, "alice", ""));
    lone.events.clear();
    ask(&mut lone, call, true);
    assert_eq!(news(&mut lone), [ReferNews::Refused(StatusCode::CALL_DOES_NOT_EXIST)]);
}

/// RFC 7647 §4, RFC 4538, RFC 6665 §4.4.1: beside the dialog, and the NOTIFY makes the new one.
#[test]
fn a_peer_with_a_gruu_is_asked_beside_the_dialog() {
    let (mut lone, call, tag) = call(GRUU);
    let asked = refer(&mut lone, call, true);
    assert_eq!(asked.uri.to_string(), "sip:alice@192.0.2.1:5060;gr=urn:uuid:f81d");
    assert_eq!(header(&asked, HeaderName::TargetDialog), format!("call-1;local-tag=alice;remote-tag={tag}"));
    assert!(header(&asked, HeaderName::CallId) != "call-1" && header(&asked, HeaderName::ReferSub).is_empty());
    assert!(asked.headers.to().expect("To").tag().is_none() && asked.headers.contains(&HeaderName::Contact));
    let own = asked.headers.from().expect("From").tag().expect("our tag").to_owned();
    let in_it = |cseq, from: &str, state: &str, body: &str| {
        let call_id = format!("Call-ID: {}", header(&asked, HeaderName::CallId));
        let text = notify(cseq, &own, state, body).replace("Call-ID: call-1", &call_id);
        text.replace(";tag=alice", &format!(";tag={from}")).replace("z9hG4bKn", &format!("z9hG4bK{from}"))
    };
    lone.hear(&in_it(1, "first", "active;expires=60", "SIP/2.0 180 Ringing"));
    assert_eq!(lone.last_response().status, StatusCode::OK);
    lone.hear(&in_it(1, "second", "active;expires=60", "SIP/2.0 180 Ringing"));
    assert_eq!(lone.last_response().status, StatusCode::CALL_DOES_NOT_EXIST, "of another dialog");
    lone.hear(&response(&asked, 202, "first", ""));
    lone.hear(&in_it(2, "first", "terminated;reason=noresource", "SIP/2.0 200 OK"));
    assert_eq!(news(&mut lone), [ReferNews::Progress(code(180)), ReferNews::Settled(code(200))]);
}

#[test]
fn a_gruu_alone_is_not_enough() {
    let (mut lone, call, _) = call(GRUU);
    let asked = refer(&mut lone, call, false);
    assert_eq!(
        (header(&asked, HeaderName::CallId).as_str(), header(&asked, HeaderName::ReferSub).as_str()),
        ("call-1", "false")
    );
}
