//! Subscriptions through the endpoint: RFC 6665 §4.2, RFC 3515 §2.4, RFC 5057 §4.1.

mod lone;

use std::time::Duration;

use lone::{Lone, request, response, with_sdp};
use plenary_sip::endpoint::{
    Body, Command, ContactTemplate, EndpointSettings, Event, EventPackage, NewSubscription, SubscriptionId,
    SubscriptionState, TerminationReason,
};
use plenary_sip::message::{HeaderName, Method, Request, StatusCode};

fn lone() -> Lone {
    let package = |name, content_type, opened_by| EventPackage {
        name,
        content_type,
        opened_by,
        min_expires: 60,
        default_expires: 3600,
        max_expires: 7200,
    };
    let mut settings = EndpointSettings {
        packages: vec![
            package("conference", "application/conference-info+xml", NewSubscription::BySubscribe),
            package("refer", "message/sipfrag", NewSubscription::ByRefer),
        ],
        ..EndpointSettings::default()
    };
    settings.allow.push(Method::Subscribe);
    Lone::with(settings)
}

fn contact() -> ContactTemplate {
    ContactTemplate { user: Some("3001".into()), parameters: ";isfocus".into(), host: None }
}

fn accept(lone: &mut Lone) -> SubscriptionId {
    let request = lone.request();
    lone.command(Command::AcceptSubscription { request, status: StatusCode::OK, contact: contact(), headers: vec![] });
    request.subscription()
}

fn notify(lone: &mut Lone, subscription: SubscriptionId, state: SubscriptionState) {
    let body = Some(Body { content_type: "text/plain".into(), content: "state".into() });
    lone.command(Command::Notify { subscription, state, body });
}

fn subscribe(extra: &str) -> String {
    request("SUBSCRIBE", "sub", 1, "", &format!("Event: conference\n{extra}"))
}

fn header(request: &Request, name: HeaderName) -> String {
    request.headers.get(&name).unwrap_or_default().into_owned()
}

fn state_of(lone: &Lone) -> String {
    header(lone.last_request(), HeaderName::SubscriptionState)
}

fn answer(lone: &mut Lone, status: u16) {
    let request = lone.last_request();
    let text = response(request, status, "x", "").replace(";tag=alice;tag=x", ";tag=alice");
    lone.hear(&text);
}

fn our_tag(lone: &Lone) -> String {
    lone.last_response().headers.to().expect("To").tag().expect("our tag").to_owned()
}

#[test]
fn what_cannot_be_subscribed_to_never_reaches_the_user() {
    let mut lone = lone();
    lone.hear(&request("SUBSCRIBE", "a", 1, "", "Event: foo\n"));
    assert_eq!(lone.last_response().status, StatusCode::BAD_EVENT);
    let allowed = lone.last_response().headers.get(&HeaderName::AllowEvents).expect("Allow-Events").into_owned();
    assert_eq!(allowed, "conference, refer");
    lone.hear(&request("SUBSCRIBE", "b", 2, "", "Event: conference\nExpires: 1\n"));
    assert_eq!(lone.last_response().status, StatusCode::INTERVAL_TOO_BRIEF);
    assert_eq!(lone.last_response().headers.get(&HeaderName::MinExpires).expect("Min-Expires"), "60");
    lone.hear(&request("SUBSCRIBE", "c", 3, "", "Event: refer\n"));
    assert_eq!(lone.last_response().status, StatusCode::FORBIDDEN);
    lone.hear(&request("SUBSCRIBE", "d", 4, "nobody", "Event: conference\n"));
    assert_eq!(lone.last_response().status, StatusCode::CALL_DOES_NOT_EXIST);
    assert!(lone.events.is_empty());
}

#[test]
fn an_accepted_subscription_notifies_in_its_own_dialog() {
    let mut lone = lone();
    lone.hear(&subscribe("Expires: 99999\n"));
    let id = accept(&mut lone);
    let ok = lone.last_response();
    assert_eq!(ok.headers.get(&HeaderName::Expires).expect("Expires"), "7200");
    assert_eq!(ok.headers.get(&HeaderName::Contact).expect("Contact"), "<sip:3001@192.0.2.100:5060>;isfocus");
    let tag = our_tag(&lone);
    notify(&mut lone, id, SubscriptionState::Active);
    let sent = lone.last_request();
    assert_eq!((sent.method.clone(), sent.uri.to_string()), (Method::Notify, "sip:alice@192.0.2.1:5060".into()));
    assert_eq!(sent.headers.from().expect("From").tag(), Some(tag.as_str()));
    assert_eq!(header(sent, HeaderName::Event), "conference");
    assert_eq!(header(sent, HeaderName::SubscriptionState), "active;expires=7200");
    assert_eq!(header(sent, HeaderName::AllowEvents), "conference, refer");
    answer(&mut lone, 200);
    assert!(matches!(lone.events.last(), Some(Event::Notified { outcome: Ok(()), .. })), "{:?}", lone.events);
}

#[test]
fn refresh_and_unsubscribe_ask_for_the_state_again() {
    let mut lone = lone();
    lone.hear(&subscribe("Expires: 600\n"));
    let id = accept(&mut lone);
    let tag = our_tag(&lone);
    lone.hear(&request("SUBSCRIBE", "again", 2, &tag, "Event: conference\nExpires: 300\n"));
    assert_eq!(lone.last_response().headers.get(&HeaderName::Expires).expect("Expires"), "300");
    assert!(matches!(lone.events.last(), Some(Event::Resubscribed { subscription }) if *subscription == id));
    lone.hear(&request("SUBSCRIBE", "low", 1, &tag, "Event: conference\nExpires: 300\n"));
    assert_eq!(lone.last_response().status, StatusCode::SERVER_INTERNAL_ERROR, "out of order");
    lone.hear(&request("SUBSCRIBE", "bye", 3, &tag, "Event: conference\nExpires: 0\n"));
    notify(&mut lone, id, SubscriptionState::Active);
    assert_eq!(state_of(&lone), "terminated;reason=timeout");
    answer(&mut lone, 200);
    assert!(matches!(lone.events.last(), Some(Event::Unsubscribed { .. })));
    assert_eq!(lone.endpoint.subscriptions(), 0);
    lone.hear(&request("SUBSCRIBE", "late", 4, &tag, "Event: conference\n"));
    assert_eq!(lone.last_response().status, StatusCode::CALL_DOES_NOT_EXIST);
}

#[test]
fn a_subscription_that_is_never_refreshed_expires_and_one_unanswered_is_removed() {
    let mut lone = lone();
    lone.hear(&subscribe("Expires: 60\n"));
    accept(&mut lone);
    lone.run_for(Duration::from_secs(61));
    assert_eq!(state_of(&lone), "terminated;reason=timeout");
    lone.run_for(Duration::from_secs(40)); // nobody answers: Timer F
    assert_eq!(lone.endpoint.subscriptions(), 0);
    assert!(matches!(lone.events.last(), Some(Event::Unsubscribed { .. })));
}

/// RFC 5057 §4.1, RFC 4579 §3.4.
#[test]
fn a_subscription_within_a_call_outlives_the_call() {
    let mut lone = lone();
    lone.hear(&with_sdp(&request("INVITE", "one", 1, "", "")));
    let call = lone.incoming();
    lone.command(Command::Accept { call, body: Some(Body::sdp("v=0")), headers: Vec::new() });
    let tag = our_tag(&lone);
    lone.hear(&request("ACK", "two", 1, &tag, ""));
    lone.hear(&request("SUBSCRIBE", "sub", 2, &tag, "Event: conference\n"));
    let id = accept(&mut lone);
    assert_eq!(our_tag(&lone), tag, "the same dialog");
    notify(&mut lone, id, SubscriptionState::Active);
    let first = lone.last_request().headers.cseq().expect("CSeq").number;
    answer(&mut lone, 200);
    lone.hear(&request("BYE", "bye", 3, &tag, ""));
    assert_eq!(lone.endpoint.calls(), 0);
    notify(&mut lone, id, SubscriptionState::Active);
    assert_eq!(lone.last_request().headers.cseq().expect("CSeq").number, first + 1);
    answer(&mut lone, 200);
    lone.hear(&request("SUBSCRIBE", "again", 4, &tag, "Event: conference\n"));
    assert_eq!(lone.last_response().status, StatusCode::OK);
    lone.hear(&request("INVITE", "back", 5, &tag, ""));
    assert_eq!(lone.last_response().status, StatusCode::CALL_DOES_NOT_EXIST);
}

/// RFC 3515 §2.4.6.
#[test]
fn the_second_refer_of_a_dialog_has_an_id() {
    let mut lone = lone();
    lone.hear(&request("REFER", "one", 7, "", "Refer-To: <sip:carol@c.example>\n"));
    let first = accept(&mut lone);
    let tag = our_tag(&lone);
    assert!(!lone.last_response().headers.contains(&HeaderName::Expires));
    notify(&mut lone, first, SubscriptionState::Active);
    assert_eq!(header(lone.last_request(), HeaderName::Event), "refer");
    answer(&mut lone, 200);
    lone.hear(&request("REFER", "two", 8, &tag, "Refer-To: <sip:dave@c.example>\n"));
    let second = accept(&mut lone);
    notify(&mut lone, second, SubscriptionState::Terminated(TerminationReason::NoResource));
    assert_eq!(header(lone.last_request(), HeaderName::Event), "refer;id=8");
    assert_eq!(state_of(&lone), "terminated;reason=noresource");
}

#[test]
fn a_request_without_contact_makes_no_subscription() {
    let mut lone = lone();
    lone.hear(&subscribe("").replace("Contact: <sip:alice@192.0.2.1:5060>\n", ""));
    accept(&mut lone);
    assert_eq!(lone.last_response().status, StatusCode::BAD_REQUEST);
    assert!(matches!(lone.events.last(), Some(Event::Unsubscribed { .. })));
}
