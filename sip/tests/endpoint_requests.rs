//! What the endpoint answers by itself, and what it passes on: RFC 3261 §8.2, §12.2.2, §18.2, RFC 3581, RFC 4320.

mod lone;

use lone::{Lone, invite, ms, request, with_sdp};
use plenary_sip::endpoint::{Body, Command, Ending, EndpointSettings, Event, FoundDialog};
use plenary_sip::message::{DialogId, HeaderName, Limits, StatusCode, parse_datagram};
use plenary_sip::net_types::{Destination, Transport};

fn answered(lone: &mut Lone, text: &str) -> u16 {
    lone.hear(text);
    lone.last_response().status.as_u16()
}

#[test]
fn unknown_methods_extensions_schemes_and_dialogs() {
    let mut lone = Lone::new();
    assert_eq!(answered(&mut lone, &request("FOO", "a", 1, "", "")), 501);
    assert!(lone.last_response().headers.contains(&HeaderName::Allow));
    assert_eq!(answered(&mut lone, &request("PUBLISH", "b", 2, "", "")), 489);
    assert_eq!(answered(&mut lone, &invite("c", "Require: foo\n")), 420);
    assert_eq!(lone.last_response().headers.option_tags(&HeaderName::Unsupported), ["foo"]);
    assert_eq!(answered(&mut lone, &invite("d", "").replace("sip:bob@192.0.2.100", "nobody:x")), 416);
    for (branch, method) in [("e", "BYE"), ("f", "INVITE"), ("g", "INFO"), ("h", "UPDATE"), ("i", "PRACK")] {
        assert_eq!(answered(&mut lone, &request(method, branch, 9, "nobody", "")), 481, "{method}");
    }
    assert_eq!(answered(&mut lone, &request("CANCEL", "nothing", 1, "", "")), 481);
    assert!(lone.events.is_empty());
}

/// §8.2.2.2.
#[test]
fn a_merged_request_gets_482() {
    let mut lone = Lone::new();
    lone.hear(&invite("one", ""));
    lone.hear(&invite("two", ""));
    assert_eq!(lone.last_response().status, StatusCode::LOOP_DETECTED);
    assert_eq!(lone.events.len(), 1);
}

/// RFC 6026 §7.1.
#[test]
fn a_repeated_invite_is_one_call_whatever_was_answered() {
    let mut lone = Lone::new();
    for _ in 0..3 {
        lone.hear(&invite("one", ""));
    }
    let call = lone.incoming();
    lone.command(Command::Accept { call, body: Some(Body::sdp("v=0")), headers: Vec::new() });
    assert_eq!(lone.said(), ["200 INVITE"]);
    lone.hear(&invite("one", ""));
    assert_eq!(lone.said(), [] as [&str; 0]);
    assert_eq!(lone.events.len(), 1);
}

#[test]
fn all_responses_of_a_request_have_one_tag() {
    let mut lone = Lone::new();
    lone.hear(&invite("one", ""));
    let call = lone.incoming();
    lone.command(Command::Ring { call, status: StatusCode::RINGING, body: None });
    let first = lone.last_response().headers.to().expect("To").tag().map(str::to_owned);
    lone.hear(&request("CANCEL", "one", 1, "", ""));
    let tags: Vec<_> =
        lone.sent.iter().map(|(_, message)| message.headers().to().expect("To").tag().map(str::to_owned)).collect();
    assert_eq!(tags, vec![first; 3], "180, 200 to CANCEL, 487");
}

#[test]
fn a_cancel_after_the_200_changes_nothing() {
    let mut lone = Lone::new();
    lone.hear(&invite("one", ""));
    let call = lone.incoming();
    lone.command(Command::Accept { call, body: Some(Body::sdp("v=0")), headers: Vec::new() });
    lone.hear(&request("CANCEL", "one", 1, "", ""));
    assert_eq!(lone.said(), ["200 INVITE", "200 CANCEL"]);
    assert_eq!(lone.events.len(), 1);
}

/// §12.2.2.
#[test]
fn in_a_dialog_a_lower_cseq_gets_500_and_a_foreign_tag_481() {
    let mut lone = Lone::new();
    lone.hear(&with_sdp(&request("INVITE", "one", 5, "", "")));
    let call = lone.incoming();
    lone.command(Command::Accept { call, body: Some(Body::sdp("v=0")), headers: Vec::new() });
    let tag = lone.last_response().headers.to().expect("To").tag().expect("our tag").to_owned();
    lone.hear(&request("ACK", "two", 5, &tag, ""));
    assert_eq!(answered(&mut lone, &request("OPTIONS", "low", 4, &tag, "")), 500);
    assert_eq!(answered(&mut lone, &request("OPTIONS", "fine", 6, &tag, "")), 200);
    let foreign = request("BYE", "foreign", 7, &tag, "").replace("tag=alice", "tag=mallory");
    assert_eq!(answered(&mut lone, &foreign), 481);
    assert_eq!(answered(&mut lone, &request("BYE", "bye", 8, &tag, "")), 200);
    assert!(matches!(lone.events.last(), Some(Event::Ended { why: Ending::HungUp { .. }, .. })));
}

/// §14.2: the second INVITE before the first is answered.
#[test]
fn a_second_invite_in_the_early_dialog_is_asked_to_come_again() {
    let mut lone = Lone::new();
    lone.hear(&invite("one", ""));
    let call = lone.incoming();
    lone.command(Command::Ring { call, status: StatusCode::RINGING, body: None });
    let tag = lone.last_response().headers.to().expect("To").tag().expect("our tag").to_owned();
    assert_eq!(answered(&mut lone, &request("INVITE", "two", 2, &tag, "")), 500);
    let seconds: u32 =
        lone.last_response().headers.get(&HeaderName::RetryAfter).expect("Retry-After").parse().expect("a number");
    assert!(seconds <= 10);
}

/// §15.1.2.
#[test]
fn a_bye_in_the_early_dialog_ends_the_invite_too() {
    let mut lone = Lone::new();
    lone.hear(&invite("one", ""));
    let call = lone.incoming();
    lone.command(Command::Ring { call, status: StatusCode::RINGING, body: None });
    let tag = lone.last_response().headers.to().expect("To").tag().expect("our tag").to_owned();
    lone.hear(&request("BYE", "two", 2, &tag, ""));
    assert_eq!(lone.said(), ["180 INVITE", "200 BYE", "487 INVITE"]);
}

/// RFC 3581 §4.
#[test]
fn responses_go_back_where_the_request_came_from() {
    let mut lone = Lone::new();
    lone.source.remote = "198.51.100.7:31000".parse().expect("an address");
    lone.hear(&invite("one", "Require: foo\n").replace(";branch", ";rport;branch"));
    let expected = Destination::from(lone.source);
    assert_eq!(lone.sent.last().map(|(destination, _)| destination.clone()), Some(expected));
    let via = lone.last_response().headers.top_via().expect("Via");
    assert_eq!((via.received(), via.rport()), (Some(lone.source.remote.ip()), Some(Some(31000))));
}

#[test]
fn other_requests_are_the_users_and_answered_once() {
    let mut lone = Lone::new();
    lone.hear(&request("REGISTER", "one", 1, "", "Expires: 60\n"));
    let id = lone.request();
    let respond = |status| Command::Respond { request: id, status, headers: Vec::new(), body: None };
    lone.command(respond(StatusCode::OK));
    lone.command(respond(StatusCode::FORBIDDEN));
    lone.hear(&request("REGISTER", "one", 1, "", "Expires: 60\n"));
    assert_eq!(lone.said(), ["200 REGISTER", "200 REGISTER"]);
    assert_eq!(lone.events.len(), 1);
}

/// RFC 4320 §4.
#[test]
fn an_unanswered_request_hears_100_late_and_never_408() {
    let mut lone = Lone::new();
    lone.hear(&request("MESSAGE", "one", 1, "", ""));
    lone.run_for(ms(3499));
    assert_eq!(lone.said(), [] as [&str; 0]);
    lone.run_for(ms(1));
    assert_eq!(lone.said(), ["100 MESSAGE"]);
    lone.run_for(ms(60_000));
    assert_eq!(lone.said(), [] as [&str; 0]);
    assert_eq!(lone.endpoint.transactions(), 0);
}

#[test]
fn when_full_the_peer_is_asked_to_come_later() {
    let mut lone = Lone::with(EndpointSettings { max_transactions: 1, ..EndpointSettings::default() });
    lone.hear(&invite("one", ""));
    let other = invite("two", "").replace("call-1", "call-2");
    assert_eq!(answered(&mut lone, &other), 503);
    assert!(lone.last_response().headers.contains(&HeaderName::RetryAfter));
    let tag = lone.last_response().headers.to().expect("To").tag().map(str::to_owned);
    lone.hear(&other);
    assert_eq!(lone.last_response().headers.to().expect("To").tag().map(str::to_owned), tag, "§8.2.7");
    assert_eq!(lone.events.len(), 1);
}

/// §8.2.7: whoever has proven nothing leaves neither transaction nor call nor dialog behind, and hears the same tag again;
/// the ACK finds nothing, and a CANCEL comes too late.
#[test]
fn a_challenged_invite_leaves_nothing() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut lone = Lone::new();
        lone.source.transport = transport;
        let mut tags = Vec::new();
        for branch in ["one", "one", "two"] {
            lone.hear(&invite(branch, ""));
            let (call, status) = (lone.incoming(), StatusCode::UNAUTHORIZED);
            lone.command(Command::Reject { call, status, headers: Vec::new() });
            let tag = lone.last_response().headers.to().expect("To").tag().expect("a tag").to_owned();
            assert_eq!(lone.said(), ["401 INVITE"]);
            assert_eq!((lone.endpoint.transactions(), lone.endpoint.calls()), (0, 0));
            lone.hear(&request("ACK", branch, 1, &tag, ""));
            lone.hear(&request("CANCEL", branch, 1, "", ""));
            assert_eq!(lone.said(), ["481 CANCEL"]);
            assert_eq!((lone.endpoint.transactions(), lone.endpoint.calls()), (0, 0));
            let id =
                DialogId { call_id: "call-1".into(), to_tag: tag.clone(), from_tag: "alice".into(), early_only: false };
            assert_eq!(lone.endpoint.find_dialog(&id), FoundDialog::Unknown);
            tags.push(tag);
        }
        assert_eq!(tags[0], tags[1]);
        assert_ne!(tags[0], tags[2]);
    }
}

/// §8.2.7: whoever has proven nothing leaves nothing behind; with the answer that counts it is otherwise.
#[test]
fn a_challenge_is_forgotten_and_an_answer_remembered() {
    let mut lone = Lone::new();
    let asked = request("MESSAGE", "one", 1, "", "");
    let mut tags = Vec::new();
    for _ in 0..2 {
        lone.hear(&asked);
        let (request, status) = (lone.request(), StatusCode::UNAUTHORIZED);
        lone.command(Command::Respond { request, status, headers: Vec::new(), body: None });
        tags.push(lone.last_response().headers.to().expect("To").tag().map(str::to_owned));
        assert_eq!(lone.said(), ["401 MESSAGE"]);
        assert_eq!(lone.endpoint.transactions(), 0);
        lone.events.clear();
    }
    assert_eq!(tags[0], tags[1]);

    let proven = request("MESSAGE", "two", 2, "", "");
    lone.hear(&proven);
    let (request, status) = (lone.request(), StatusCode::OK);
    lone.command(Command::Respond { request, status, headers: Vec::new(), body: None });
    let first = lone.last_response().to_bytes();
    assert_eq!(lone.said(), ["200 MESSAGE"]);
    lone.hear(&proven);
    assert_eq!(lone.last_response().to_bytes(), first);
    assert_eq!(lone.said(), ["200 MESSAGE"]);
    assert_eq!((lone.endpoint.transactions(), lone.events.len()), (1, 1));
    lone.run_for(ms(32_000));
    assert_eq!(lone.endpoint.transactions(), 0);
}

#[test]
fn what_cannot_be_read_is_answered_statelessly() {
    let mut lone = Lone::new();
    let broken = invite("one", "").replace("CSeq: 1 INVITE", "CSeq: one INVITE").replace('\n', "\r\n") + "\r\n";
    let error = parse_datagram(&broken.into(), &Limits::default()).expect_err("not readable");
    lone.endpoint.handle_parse_error(&error, lone.source, lone.now);
    let Some(plenary_sip::endpoint::Output::Send { message, .. }) = lone.endpoint.poll_output() else {
        panic!("a response")
    };
    assert!(message.to_bytes().starts_with(b"SIP/2.0 400 "));
    assert_eq!(lone.endpoint.transactions(), 0);
}

/// RFC 6026 §7.3.
#[test]
fn a_stray_response_is_dropped() {
    let mut lone = Lone::new();
    lone.hear(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.100;branch=z9hG4bKnone\nFrom: <sip:a@a>;tag=1\n\
         To: <sip:b@b>;tag=2\nCall-ID: x\nCSeq: 1 INVITE\nContact: <sip:b@192.0.2.9>\nContent-Length: 0\n",
    );
    assert!(lone.sent.is_empty() && lone.events.is_empty());
}
