//! A call whose phone came back by another flow: RFC 6141 §5, RFC 5626 §6.

mod lone;

use lone::{Lone, invite, ms, request, response, what, with_sdp};
use plenary_sip::endpoint::{Body, CallId, Command};
use plenary_sip::message::Message;
use plenary_sip::net_types::{Destination, FlowId, Source, Transport};

/// Alice has called over TCP and talks.
fn talking() -> (Lone, CallId) {
    let mut lone = Lone::new();
    lone.source.transport = Transport::Tcp;
    lone.hear(&with_sdp(&invite("one", "")));
    let call = lone.incoming();
    lone.command(Command::Belongs { call, account: "alice".into() });
    lone.command(Command::Accept { call, body: Some(Body::sdp("v=0")), headers: Vec::new() });
    let tag = lone.last_response().headers.to().expect("To").tag().expect("a tag").to_owned();
    lone.hear(&request("ACK", "ack", 1, &tag, ""));
    lone.said();
    (lone, call)
}

fn moved(lone: &mut Lone, account: &str) -> Source {
    let (from, remote) = (lone.source, "192.0.2.1:41000".parse().expect("an address"));
    let to = Source { flow: FlowId(2), remote, ..from };
    lone.command(Command::FlowMoved { account: account.into(), from, to });
    to
}

/// Where requests of this method were sent.
fn went(lone: &Lone, method: &str) -> Vec<Destination> {
    let sent =
        lone.sent.iter().filter(|(_, message)| matches!(message, Message::Request(_)) && what(message) == method);
    sent.map(|(destination, _)| destination.clone()).collect()
}

#[test]
fn requests_of_the_call_take_the_flow_that_the_phone_registered_by_last() {
    let (mut lone, call) = talking();
    let to = moved(&mut lone, "alice");
    lone.command(Command::Reoffer { call, offer: Body::sdp("v=0") });
    lone.run_for(ms(1100));
    assert_eq!(went(&lone, "INVITE")[0], Destination::from(to));
    lone.source = to;
    let ok = response(lone.last_request(), 200, "alice", "");
    lone.sent.clear();
    lone.hear(&ok);
    lone.command(Command::Hangup { call, headers: Vec::new() });
    assert_eq!((went(&lone, "ACK"), went(&lone, "BYE")), (vec![Destination::from(to)], vec![Destination::from(to)]));
}

/// Several may share a flow, a gateway's for one.
#[test]
fn a_phone_of_another_account_takes_no_call_along() {
    let (mut lone, call) = talking();
    let old = lone.source;
    moved(&mut lone, "mallory");
    lone.command(Command::Hangup { call, headers: Vec::new() });
    assert_eq!(went(&lone, "BYE"), [Destination::from(old)]);
}
