//! RFC 4579 §5.1: a participant joins by calling the conference URI.

use plenary::conference::{CallDirection, ParticipantState};
use plenary::store::Access;
use plenary_media::plan::AudioCodec::{Opus, Pcmu};
use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

#[test]
fn joining_by_conference_uri() {
    let _proven = covers(["4579-5.1a"]).but("no SUBSCRIBE yet; media is the strangers' tests");
    let mut net = Net::with_seed(4579);
    net.phone("alice").offers([Opus, Pcmu]);
    net.focus("conf-7");

    net.plays(
        "
        alice                   conf-7
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|  Contact has <sip:conf-7@192.0.2.2:5060>;isfocus; Allow-Events: conference; some Allow; some Supported
          |----ACK---------------->|
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["alice"]);
    let alice = net.focus("conf-7").participant("alice");
    assert_eq!((alice.state, alice.direction), (ParticipantState::Connected, CallDirection::DialedIn));
    assert_eq!(alice.codec.as_deref(), Some("opus"));
}

#[test]
fn the_first_caller_starts_a_stored_conference_and_an_unknown_number_is_404() {
    let _proven = covers(["4579-5.1b"]);
    let mut net = Net::with_seed(4580);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |----BYE---------------->|
           |<---200 OK (BYE)--------|
    ",
    );
    let other = "INVITE sip:conf-8@conf-7.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK8\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:m@mallory.example>;tag=1\r\nTo: <sip:conf-8@conf-7.example>\r\n\
                 Call-ID: 8\r\nCSeq: 1 INVITE\r\nContact: <sip:m@192.0.2.1>\r\nContent-Length: 0\r\n\r\n";
    net.stranger("mallory").blurts(other, "conf-7");
    net.runs_for(std::time::Duration::from_millis(100));
    assert_eq!(net.sent_by("conf-7").last().map(String::as_str), Some("404 Not Found"));
}

/// §5.1 and §6.
#[test]
fn the_door_asks_for_a_password_and_keeps_out_who_is_not_invited() {
    let _proven = covers(["4579-5.1c"]).but("the PIN by keypad: real sockets");
    let mut net = Net::with_seed(4581);
    net.phone("alice").has_password("wonderland");
    net.phone("eve").has_password("apple");
    let focus = net.focus("conf-7");
    focus.is_for(Access::Members).knows("alice", "wonderland").knows("eve", "apple");
    focus.has_members(["alice"]);
    // The accounts of this conference live where it does.
    net.plays(
        "
        alice                   conf-7
          |----INVITE (offer)----->|
          |<---401 Unauthorized----|  WWW-Authenticate has SHA-256
          |----ACK---------------->|
    ",
    );
    assert!(net.focus("conf-7").roster().participants.is_empty());
    net.plays(
        "
        eve                    conf-7
         |----INVITE (offer)----->|
         |<---401 Unauthorized----|
         |----ACK---------------->|
         |----INVITE (offer)----->|  Authorization has eve
         |<---403 Forbidden-------|  Warning has not on the list
         |----ACK---------------->|
    ",
    );
    assert!(net.focus("conf-7").roster().participants.is_empty());
    net.focus("conf-7").is_for(Access::Accounts);
    net.plays(
        "
        alice                   conf-7
          |----INVITE (offer)----->|  Authorization has alice; CSeq: 2 INVITE
          |<---200 OK (answer)-----|
          |----ACK---------------->|
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["alice"]);
}

#[test]
fn a_locked_or_full_conference_lets_nobody_in() {
    let _proven = covers(["4579-5.1c"]).but("the PIN by keypad: real sockets");
    let mut net = Net::with_seed(4582);
    net.phone("alice");
    net.phone("bob");
    net.focus("conf-7").takes_at_most(1);
    net.plays(
        "
        alice                   conf-7
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|
          |----ACK---------------->|
    ",
    );
    net.plays(
        "
        bob                    conf-7
         |----INVITE (offer)----->|
         |<---486 Busy Here-------|  Warning has full
         |----ACK---------------->|
    ",
    );
    net.focus("conf-7").takes_at_most(100).locks();
    net.plays(
        "
        bob                    conf-7
         |----INVITE (offer)----->|
         |<---403 Forbidden-------|  Warning has locked
         |----ACK---------------->|
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["alice"]);
    assert_eq!(net.focus("conf-7").roster().participants.len(), 1);
}

/// §3.3, §5.2: a phone that has never heard of conferences.
#[test]
fn an_unaware_phone_joins_holds_resumes_and_leaves() {
    let _proven = covers(["4579-G4"]);
    let mut net = Net::with_seed(4583);
    net.phone("uma").offers([Pcmu]);
    net.focus("conf-7");
    net.plays(
        "
        uma                    conf-7
         |----INVITE (offer)----->|
         |<---200 OK (answer)-----|
         |----ACK---------------->|
         |                        |  2 s pass
         |----INVITE (hold)------>|
         |<---200 OK (held)-------|  Contact has ;isfocus
         |----ACK---------------->|
    ",
    );
    assert_eq!(net.focus("conf-7").participant("uma").state, ParticipantState::OnHold);
    net.plays(
        "
        uma                    conf-7
         |----INVITE (resume)---->|
         |<---200 OK (resume)-----|  Contact has ;isfocus
         |----ACK---------------->|
    ",
    );
    assert_eq!(net.focus("conf-7").participant("uma").state, ParticipantState::Connected);
    net.plays(
        "
        uma                    conf-7
         |----BYE---------------->|
         |<---200 OK (BYE)--------|
         |                        |  3 s pass
    ",
    );
    assert!(net.focus("conf-7").present().is_empty());
    net.comes_to_rest();
}

/// An offer without a codec in common is refused, and nobody is left in the roster.
#[test]
fn no_codec_in_common() {
    let mut net = Net::with_seed(4584);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                       conf-7
           |----INVITE (unusable offer)->|
           |<---488 Not Acceptable-------|  Warning has 305
           |----ACK--------------------->|
    ",
    );
    assert!(net.focus("conf-7").present().is_empty());
    net.comes_to_rest();
}

/// A From proves nothing: a second call under the same name is a second participant, and takes nobody's place.
#[test]
fn a_second_call_from_the_same_address_is_a_second_participant() {
    let mut net = Net::with_seed(4585);
    net.stranger("uma");
    net.focus("conf-7");
    for _ in 0..2 {
        net.stranger("uma").forgets();
        net.plays(
            "
        uma                  conf-7
         |----INVITE (offer)---->|
         |<---200 OK (answer)----|
         |----ACK--------------->|
         |                       |  1 s pass
    ",
        );
    }
    assert_eq!(net.focus("conf-7").present(), ["uma", "uma"]);
}
