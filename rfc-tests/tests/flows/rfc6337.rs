//! RFC 6337: the legal patterns of offer and answer, and what stands elsewhere and is none.

use plenary_media::plan::AudioCodec::{G722, Opus, Pcma, Pcmu};
use plenary_sip::sdp::SessionDescription;
use plenary_sip::usage::description_of;
use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

/// The codecs of the first stream that passed in this passage, by their payload numbers.
fn formats(net: &Net, passage: usize) -> Vec<String> {
    let message = net.passages()[passage].message.as_ref().expect("it can be read");
    let body = match message {
        plenary_sip::message::Message::Request(request) => &request.body,
        plenary_sip::message::Message::Response(response) => &response.body,
    };
    let description = description_of(message.headers(), body).expect("a description").content;
    SessionDescription::parse(&description).expect("readable").media[0].formats.clone()
}

/// §2.2, table 1: INVITE and 2xx; 2xx and ACK; INVITE and reliable 1xx; reliable 1xx and PRACK; PRACK and its 2xx; UPDATE
/// and its 2xx.
#[test]
fn every_legal_pattern_agrees_on_a_session() {
    let _proven = covers(["6337-01", "A-15"]);
    let mut net = Net::with_seed(63371);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                             bob
           |----INVITE (offer)-------------->|
           |<---200 OK (answer)--------------|
           |----ACK------------------------->|
           |----UPDATE (hold)--------------->|
           |<---200 OK (UPDATE, held)--------|
           |----INVITE (no SDP)------------->|
           |<---200 OK (offer)---------------|
           |----ACK (answer)---------------->|
           |----BYE------------------------->|
           |<---200 OK (BYE)-----------------|
    ",
    );
    net.comes_to_rest();

    let mut net = Net::with_seed(63372);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                             bob
           |----INVITE (no SDP)------------->|
           |<---180 Ringing (no SDP)---------|
           |<---200 OK (offer)---------------|
           |----ACK (answer)---------------->|
    ",
    );
    assert!(net.phone("bob").is_talking());

    let mut net = Net::with_seed(63373);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                             bob
           |----INVITE (offer)-------------->|  Require: 100rel
           |<---183 Progress (answer)--------|
           |----PRACK (hold)---------------->|
           |<---200 OK (PRACK, held)---------|
           |<---200 OK (INVITE)--------------|
           |----ACK------------------------->|
    ",
    );
    assert!(net.phone("bob").is_talking());

    // The callee offers in the first reliable response; then the caller offers by UPDATE before the 200.
    let mut net = Net::with_seed(63377);
    net.stranger("mallory");
    net.phone("bob").offers([G722, Pcmu]);
    net.plays(
        "
        mallory                             bob
           |----INVITE (no SDP)------------->|  Require: 100rel
           |<---183 Progress (offer)---------|  Require: 100rel
           |----PRACK (answer)-------------->|
           |<---200 OK (PRACK, no SDP)-------|
           |----UPDATE (hold)--------------->|
           |<---200 OK (UPDATE, held)--------|
    ",
    );
    net.phone("bob").answers();
    net.plays(
        "
        mallory                             bob
           |<---200 OK (INVITE, no SDP)------|
           |----ACK------------------------->|
    ",
    );
    let bob = net.phone("bob");
    assert!(bob.is_talking());
    assert_eq!(format!("{:?}", bob.call().direction), "Some(RecvOnly)", "what the UPDATE said stands");

    // The same, called by us.
    let mut net = Net::with_seed(63378);
    net.phone("alice");
    net.stranger("mallory");
    net.plays(
        "
        alice                          mallory
           |----INVITE (no SDP)------------->|
           |<---183 Progress (offer)---------|  Require: 100rel; RSeq: 7
           |----PRACK (answer)-------------->|  RAck: 7 1 INVITE
           |<---200 OK (PRACK)---------------|
           |<---200 OK (INVITE)--------------|
           |----ACK (no SDP)---------------->|
    ",
    );
    let alice = net.phone("alice");
    assert!(alice.is_talking());
    assert_eq!(format!("{:?}", alice.call().direction), "Some(SendRecv)");
}

/// RFC 3262 §5: an offer in a reliable 18x whose PRACK does not answer it leads nowhere, and is told so.
#[test]
fn an_offer_of_ours_that_its_prack_does_not_answer_ends_the_call() {
    let mut net = Net::with_seed(63379);
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        mallory                             bob
           |----INVITE (no SDP)------------->|  Require: 100rel
           |<---183 Progress (offer)---------|
           |----PRACK----------------------->|
           |<---200 OK (PRACK)---------------|
           |<---488 Not Acceptable (INVITE)--|
           |----ACK------------------------->|
    ",
    );
    net.comes_to_rest();
}

/// §2.1, §3.1.1: the ACK of an INVITE with offer, and a second description in the 200, are neither offer nor answer.
#[test]
fn a_description_where_none_is_due_changes_nothing() {
    let _proven = covers(["6337-01"]);
    let mut net = Net::with_seed(63374);
    net.stranger("mallory");
    net.phone("bob").offers([Pcmu]);
    net.plays(
        "
        mallory                    bob
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |----ACK (hold)--------->|
           |                        |  1 s pass
    ",
    );
    let bob = net.phone("bob");
    assert!(bob.is_talking());
    assert_eq!(format!("{:?}", bob.call().direction), "Some(SendRecv)", "the ACK held nobody");
}

/// §5.2.5: who is asked for an offer says all that he can, not only what is in use.
#[test]
fn a_re_invite_without_offer_is_offered_everything_again() {
    let _proven = covers(["6337-02"]);
    let mut net = Net::with_seed(63375);
    let session = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 0\n";
    net.stranger("uma").describes(session);
    net.focus("conf-7");
    net.plays(
        "
        uma                    conf-7
         |----INVITE (offer)----->|
         |<---200 OK (answer)-----|
         |----ACK---------------->|
         |----INVITE (no SDP)---->|
         |<---200 OK (offer)------|
         |----ACK (answer)------->|
    ",
    );
    assert_eq!(formats(&net, 1), ["0"]);
    assert_eq!(formats(&net, 4), ["96", "9", "8", "0", "101", "102"]);

    let mut net = Net::with_seed(63376);
    net.stranger("uma").describes(session);
    net.phone("bob").offers([Opus, G722, Pcma, Pcmu]);
    net.plays(
        "
        uma                      bob
         |----INVITE (offer)----->|
         |<---200 OK (answer)-----|
         |----ACK---------------->|
         |----INVITE (no SDP)---->|
         |<---200 OK (offer)------|
         |----ACK (answer)------->|
    ",
    );
    assert_eq!(formats(&net, 4), ["96", "9", "8", "0", "101", "102"]);
}
