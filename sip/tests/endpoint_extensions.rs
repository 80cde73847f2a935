//! Reliable provisional responses (RFC 3262), UPDATE (RFC 3311), session timers (RFC 4028), forks and other ways.

mod lone;

use std::time::Duration;

use lone::{Lone, invite, ms, request, response, with_sdp};
use plenary_sip::endpoint::{
    Body, CallId, Command, ContactTemplate, Ending, EndpointSettings, Event, OutgoingInvite, SessionTimerSettings,
};
use plenary_sip::message::{HeaderName, NameAddr, Request, StatusCode};
use plenary_sip::net_types::Destination;

fn tag_of(lone: &Lone) -> String {
    lone.last_response().headers.to().expect("To").tag().expect("our tag").to_owned()
}

fn ring(lone: &mut Lone, body: Option<&'static str>) {
    let call = lone.incoming();
    lone.command(Command::Ring { call, status: StatusCode::RINGING, body: body.map(Body::sdp) });
}

fn accept(lone: &mut Lone) {
    let call = lone.incoming();
    lone.command(Command::Accept { call, body: Some(Body::sdp("v=0")), headers: Vec::new() });
}

/// A call that came in and is up; our tag.
fn connected(lone: &mut Lone, extra: &str) -> String {
    lone.hear(&with_sdp(&invite("invite", extra)));
    accept(lone);
    let tag = tag_of(lone);
    lone.hear(&request("ACK", "ack", 1, &tag, ""));
    lone.said();
    tag
}

fn calling(lone: &mut Lone) -> (CallId, Request) {
    let call = CallId(2);
    let bob: NameAddr = "<sip:bob@192.0.2.1>".parse().expect("an address");
    let invite = OutgoingInvite {
        request_uri: bob.uri.clone(),
        from: "<sip:focus@p.example>".parse().expect("an address"),
        to: bob,
        contact: ContactTemplate::default(),
        route: Vec::new(),
        flow: None,
        headers: Vec::new(),
        offer: Some(Body::sdp("v=0")),
        ring_for: Duration::from_secs(60),
        login: None,
        named_by: None,
    };
    lone.command(Command::Invite { call, invite: Box::new(invite) });
    (call, lone.last_request().clone())
}

#[test]
fn a_required_18x_is_reliable_and_the_200_waits_for_its_prack() {
    let mut lone = Lone::new();
    lone.hear(&with_sdp(&invite("one", "Require: 100rel\n")));
    ring(&mut lone, Some("early"));
    let rseq = lone.last_response().headers.get(&HeaderName::RSeq).expect("RSeq").into_owned();
    let tag = tag_of(&lone);
    accept(&mut lone);
    assert_eq!(lone.said(), ["180 INVITE"]);
    lone.run_for(ms(600));
    assert_eq!(lone.said(), ["180 INVITE"], "repeated at T1");
    lone.hear(&request("PRACK", "wrong", 2, &tag, "RAck: 1 1 BYE\n"));
    assert_eq!(lone.said(), ["481 PRACK"]);
    lone.hear(&request("PRACK", "right", 3, &tag, &format!("RAck: {rseq} 1 INVITE\n")));
    assert_eq!(lone.said(), ["200 PRACK", "200 INVITE"]);
}

#[test]
fn an_18x_without_prack_ends_the_call() {
    let mut lone = Lone::new();
    lone.hear(&with_sdp(&invite("one", "Require: 100rel\n")));
    ring(&mut lone, None);
    lone.run_for(ms(32_000));
    assert_eq!(lone.said().last().map(String::as_str), Some("504 INVITE"));
    assert!(matches!(lone.events.last(), Some(Event::Ended { why: Ending::Lost { .. }, .. })));
}

#[test]
fn reliable_ringing_of_the_peer_gets_a_prack() {
    let mut lone = Lone::new();
    let (_, invite) = calling(&mut lone);
    assert!(invite.headers.option_tags(&HeaderName::Supported).contains(&"100rel".to_owned()));
    lone.said();
    lone.hear(&response(&invite, 183, "bob", "Require: 100rel\nRSeq: 988\n"));
    let prack = lone.last_request();
    assert_eq!(prack.uri.to_string(), "sip:bob@192.0.2.1:5060");
    assert_eq!(prack.headers.get(&HeaderName::RAck).as_deref(), Some("988 1 INVITE"));
    assert_eq!(lone.said(), ["PRACK"]);
    lone.hear(&response(&invite, 183, "bob", "Require: 100rel\nRSeq: 990\n"));
    assert_eq!(lone.said(), [] as [&str; 0], "not in order");
}

/// §13.2.2.4: the first 2xx wins.
#[test]
fn the_second_fork_to_answer_is_acked_and_byed() {
    let mut lone = Lone::new();
    let (call, invite) = calling(&mut lone);
    lone.hear(&response(&invite, 180, "one", ""));
    lone.hear(&response(&invite, 180, "two", ""));
    lone.said();
    lone.hear(&response(&invite, 200, "two", ""));
    assert_eq!(lone.said(), ["ACK"]);
    lone.hear(&response(&invite, 200, "one", ""));
    assert_eq!(lone.last_request().uri.to_string(), "sip:one@192.0.2.1:5060");
    assert_eq!(lone.said(), ["ACK", "BYE"]);
    lone.hear(&response(&invite, 200, "one", ""));
    lone.hear(&response(&invite, 200, "two", ""));
    assert_eq!(lone.said(), ["ACK", "ACK"], "repetitions of both");
    let established = lone.events.iter().filter(|event| matches!(event, Event::Established { .. })).count();
    assert_eq!(established, 1);
    lone.command(Command::Hangup { call, headers: Vec::new() });
    assert_eq!(lone.last_request().uri.to_string(), "sip:two@192.0.2.1:5060");
}

#[test]
fn an_update_without_offer_refreshes_the_target() {
    let mut lone = Lone::new();
    let tag = connected(&mut lone, "");
    lone.hear(&request("UPDATE", "update", 2, &tag, "").replace("192.0.2.1:5060>", "192.0.2.1:7070>"));
    assert_eq!(lone.said(), ["200 UPDATE"]);
    let call = lone.incoming();
    lone.command(Command::Hangup { call, headers: Vec::new() });
    assert_eq!(lone.last_request().uri.to_string(), "sip:alice@192.0.2.1:7070");
}

#[test]
fn an_update_with_an_offer_is_answered_by_the_user_and_a_second_asked_to_wait() {
    let mut lone = Lone::new();
    let tag = connected(&mut lone, "");
    lone.hear(&with_sdp(&request("UPDATE", "one", 2, &tag, "")));
    lone.hear(&with_sdp(&request("UPDATE", "two", 3, &tag, "")));
    assert_eq!(lone.last_response().status.as_u16(), 500);
    assert!(lone.last_response().headers.contains(&HeaderName::RetryAfter));
    lone.said();
    let call = lone.incoming();
    lone.command(Command::AnswerOffer { call, answer: Ok(Body::sdp("yes")) });
    assert_eq!(lone.last_response().body, "yes");
    assert_eq!(lone.said(), ["200 UPDATE"]);
}

/// RFC 3311 §5.2.
#[test]
fn an_update_with_an_offer_meets_491_while_ours_is_open() {
    let mut lone = Lone::new();
    let tag = connected(&mut lone, "");
    lone.run_for(ms(2000));
    let call = lone.incoming();
    lone.command(Command::Reoffer { call, offer: Body::sdp("ours") });
    assert_eq!(lone.said(), ["INVITE"]);
    lone.hear(&with_sdp(&request("UPDATE", "one", 2, &tag, "")));
    assert_eq!(lone.said(), ["491 UPDATE"]);
}

/// §9.2: a re-INVITE is cancelled like an INVITE, and the call goes on.
#[test]
fn a_cancelled_reinvite_leaves_the_call_alone() {
    let mut lone = Lone::new();
    let tag = connected(&mut lone, "");
    lone.hear(&with_sdp(&request("INVITE", "again", 2, &tag, "")));
    lone.hear(&request("CANCEL", "again", 2, &tag, ""));
    assert_eq!(lone.said(), ["200 CANCEL", "487 INVITE"]);
    let call = lone.incoming();
    lone.command(Command::AnswerOffer { call, answer: Ok(Body::sdp("late")) });
    assert_eq!(lone.said(), [] as [&str; 0]);
    lone.hear(&request("ACK", "again", 2, &tag, ""));
    lone.hear(&with_sdp(&request("INVITE", "more", 3, &tag, "")));
    lone.command(Command::AnswerOffer { call, answer: Ok(Body::sdp("in time")) });
    assert_eq!(lone.said(), ["200 INVITE"]);
}

#[test]
fn an_ack_without_the_answer_we_asked_for_ends_the_call() {
    let mut lone = Lone::new();
    lone.hear(&invite("one", ""));
    accept(&mut lone);
    let tag = tag_of(&lone);
    lone.said();
    lone.hear(&request("ACK", "ack", 1, &tag, ""));
    assert_eq!(lone.said(), ["BYE"]);
    let status = StatusCode::NOT_ACCEPTABLE_HERE;
    assert!(matches!(lone.events.last(), Some(Event::Ended { why: Ending::Lost { status: s }, .. }) if *s == status));
}

fn short_sessions() -> EndpointSettings {
    let session_timers = Some(SessionTimerSettings { session_expires: 90, min_se: 90 });
    EndpointSettings { session_timers, ..EndpointSettings::default() }
}

#[test]
fn a_session_interval_too_short_gets_422() {
    let mut lone = Lone::new();
    lone.hear(&with_sdp(&invite("one", "Supported: timer\nSession-Expires: 60\n")));
    assert_eq!(lone.last_response().status.as_u16(), 422);
    assert_eq!(lone.last_response().headers.get(&HeaderName::MinSe).as_deref(), Some("90"));
    assert!(lone.events.is_empty());
}

#[test]
fn the_refresher_sends_update_at_half_time_where_the_peer_allows_it() {
    let mut lone = Lone::with(short_sessions());
    let tag = connected(&mut lone, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\n");
    lone.run_for(ms(44_900));
    assert_eq!(lone.said(), [] as [&str; 0]);
    lone.run_for(ms(200));
    let update = lone.last_request().clone();
    assert_eq!(lone.said(), ["UPDATE"]);
    assert!(update.body.is_empty());
    assert_eq!(update.headers.get(&HeaderName::SessionExpires).as_deref(), Some("90;refresher=uac"));
    lone.hear(&response(&update, 200, &tag, "Session-Expires: 90;refresher=uac\n"));
    lone.run_for(ms(45_100));
    assert_eq!(lone.said(), ["UPDATE"]);
}

#[test]
fn the_refresher_sends_a_reinvite_with_the_same_description_elsewhere() {
    let mut lone = Lone::with(short_sessions());
    connected(&mut lone, "");
    lone.run_for(ms(45_000));
    assert_eq!(lone.last_request().body, "v=0");
    assert_eq!(lone.said(), ["INVITE"]);
}

#[test]
fn who_hears_no_refresh_hangs_up_before_the_end() {
    let mut lone = Lone::with(short_sessions());
    connected(&mut lone, "Supported: timer\nSession-Expires: 90;refresher=uac\n");
    lone.run_for(ms(59_900));
    assert_eq!(lone.said(), [] as [&str; 0]);
    lone.run_for(ms(200));
    assert_eq!(lone.said(), ["BYE"]);
    assert!(matches!(lone.events.last(), Some(Event::Ended { why: Ending::Lost { .. }, .. })));
}

#[test]
fn after_422_the_call_is_tried_again_with_a_longer_interval() {
    let mut lone = Lone::new();
    let (_, invite) = calling(&mut lone);
    assert_eq!(invite.headers.get(&HeaderName::SessionExpires).as_deref(), Some("1800"));
    lone.said();
    lone.hear(&response(&invite, 422, "bob", "Min-SE: 3600\n"));
    let again = lone.last_request().clone();
    assert_eq!(lone.said(), ["ACK", "INVITE"]);
    assert_eq!(again.headers.get(&HeaderName::SessionExpires).as_deref(), Some("3600"));
    assert_eq!(again.headers.get(&HeaderName::CallId), invite.headers.get(&HeaderName::CallId));
    assert_eq!(again.headers.cseq().expect("CSeq").number, 2);
    lone.hear(&response(&again, 200, "bob", "Session-Expires: 3600;refresher=uas\n"));
    assert_eq!(lone.said(), ["ACK"]);
}

/// A flow that is gone: the Contact is tried instead.
#[test]
fn a_request_that_cannot_be_sent_goes_by_the_next_way() {
    use plenary_sip::endpoint::Output;
    use plenary_sip::net_types::Transport;

    let mut lone = Lone::new();
    lone.source.transport = Transport::Tcp;
    connected(&mut lone, "");
    let call = lone.incoming();
    lone.endpoint.handle_command(Command::Hangup { call, headers: Vec::new() }, lone.now);
    let mut tried = Vec::new();
    while let Some(output) = lone.endpoint.poll_output() {
        if let Output::Send { id, destination, .. } = output {
            tried.push(destination);
            lone.endpoint.handle_transport_error(id, lone.now);
        }
    }
    let host = Destination::Host {
        transport: None,
        secure: false,
        host: "192.0.2.1".into(),
        port: Some(5060),
        named_by: Some(lone.source.remote.ip()),
    };
    assert_eq!(tried, [Destination::from(lone.source), host]);
    assert_eq!(lone.endpoint.calls(), 0);
}
