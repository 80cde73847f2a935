//! RFC 4579 §5.2: the conference calls.

use std::time::Duration;

use plenary::conference::{CallDirection, Cause, ParticipantState};
use plenary_sip::endpoint::Ending;
use rfc_tests::coverage::covers;
use rfc_tests::net::{CallState, Net};

#[test]
fn a_participant_is_called_rings_and_is_in() {
    let _proven = covers(["4579-5.2a"]).but("no NOTIFY yet");
    let mut net = Net::with_seed(520);
    net.phone("carol");
    net.focus("conf-7").calls("carol");
    net.plays(
        "
        conf-7                    carol
           |----INVITE (offer)----->|  Contact has ;isfocus; From has sip:conf-7@conf-7.example; Allow-Events: conference
           |<---180 Ringing---------|
           |                        |  1 s pass
    ",
    );
    assert_eq!(net.focus("conf-7").participant("carol").state, ParticipantState::Ringing);
    net.plays(
        "
        conf-7                    carol
           |<---200 OK (answer)-----|
           |----ACK---------------->|
    ",
    );
    let carol = net.focus("conf-7").participant("carol");
    assert_eq!((carol.state, carol.direction), (ParticipantState::Connected, CallDirection::DialedOut));
}

#[test]
fn busy_declined_not_found_and_moved_are_told_apart() {
    let _proven = covers(["4579-5.2b"]).but("no NOTIFY yet; rows stay until the conference ends");
    for (status, cause) in [
        (486, Cause::Busy),
        (603, Cause::Declined),
        (404, Cause::NotFound),
        (302, Cause::Failed),
        (480, Cause::NoAnswer),
    ] {
        let mut net = Net::with_seed(u64::from(status));
        net.phone("carol");
        net.focus("conf-7").calls("carol");
        net.plays(&format!(
            "
            conf-7               carol
               |----INVITE (offer)-->|
               |<---{status} No-----------|
               |----ACK------------->|
               |                     |  10 s pass
        "
        ));
        let carol = net.focus("conf-7").participant("carol");
        assert_eq!(
            (carol.state, carol.cause, carol.status),
            (ParticipantState::Disconnected, Some(cause), Some(status))
        );
        net.comes_to_rest();
    }
}

#[test]
fn nobody_answers_within_the_time_the_conference_lets_it_ring() {
    let mut net = Net::with_seed(521);
    net.phone("carol");
    net.focus("conf-7").lets_ring_for(Duration::from_secs(20)).calls("carol");
    net.plays(
        "
        conf-7                    carol
           |----INVITE (offer)----->|
           |<---180 Ringing---------|
           |----CANCEL------------->|  at 20 s
           |<---200 OK (CANCEL)-----|
           |<---487 Terminated------|
           |----ACK---------------->|
    ",
    );
    assert_eq!(net.focus("conf-7").participant("carol").cause, Some(Cause::NoAnswer));
    net.comes_to_rest();
}

#[test]
fn a_phone_that_is_switched_off_cannot_be_reached() {
    let mut net = Net::with_seed(522);
    net.stranger("carol");
    net.focus("conf-7").calls("carol");
    net.runs_for(Duration::from_secs(40));
    let carol = net.focus("conf-7").participant("carol");
    assert_eq!((carol.cause, carol.status), (Some(Cause::Unreachable), Some(408)));
    net.comes_to_rest();
}

#[test]
fn who_is_removed_while_it_rings_is_cancelled() {
    let _proven = covers(["4579-5.2c"]);
    let mut net = Net::with_seed(523);
    net.phone("carol");
    net.focus("conf-7").calls("carol");
    net.plays(
        "
        conf-7                    carol
           |----INVITE (offer)----->|
           |<---180 Ringing---------|
           |                        |  1 s pass
    ",
    );
    net.focus("conf-7").removes("carol");
    net.plays(
        "
        conf-7                    carol
           |----CANCEL------------->|
           |<---200 OK (CANCEL)-----|
           |<---487 Terminated------|
           |----ACK---------------->|
    ",
    );
    let cause = net.focus("conf-7").participant("carol").cause;
    assert_eq!(cause, Some(Cause::Removed));
    assert!(matches!(net.phone("carol").call().ending(), Some(Ending::Cancelled { .. })));
    net.comes_to_rest();
}

/// The answer crosses the CANCEL: nobody is left in a call with a conference that does not know of it.
#[test]
fn an_answer_that_crosses_the_removal_is_acked_and_byed() {
    let _proven = covers(["4579-5.2c"]);
    let mut net = Net::with_seed(524);
    net.phone("carol");
    net.focus("conf-7").calls("carol");
    net.plays(
        "
        conf-7                    carol
           |----INVITE (offer)----->|
           |<---180 Ringing---------|
           |                        |  1 s pass
    ",
    );
    net.focus("conf-7").removes("carol");
    net.plays(
        "
        conf-7                                 carol
           |----CANCEL---><---200 OK (answer)----|
           |<---200 OK (CANCEL)------------------|
           |----ACK----------------------------->|
           |----BYE----------------------------->|
           |<---200 OK (BYE)---------------------|
    ",
    );
    assert!(net.focus("conf-7").present().is_empty());
    assert!(net.phone("carol").call().is_over());
    net.comes_to_rest();
}

/// §5.2 with RFC 6026 §7.2: the proxy of the callee forks, and two phones answer.
#[test]
fn of_two_forks_that_answer_one_is_kept() {
    let _proven = covers(["4579-5.2d"]).but("no early media to be mixed");
    let mut net = Net::with_seed(525);
    net.stranger("carol");
    net.focus("conf-7").calls("carol");
    net.plays(
        "
        conf-7                        carol
           |----INVITE (offer)--------->|
           |<---180 Ringing (fork 1)----|
           |<---180 Ringing (fork 2)----|
           |<---200 OK (fork 2, answer)-|
           |----ACK-------------------->|
           |<---200 OK (fork 1, answer)-|
           |----ACK-------------------->|
           |----BYE-------------------->|
           |<---200 OK (BYE)------------|
           |                            |  60 s pass
    ",
    );
    let byed = net.passages()[7].message.as_ref().expect("it can be read").headers().to().expect("To");
    assert_eq!(byed.tag(), Some("carol-fork-1"));
    assert_eq!(net.focus("conf-7").present(), ["carol"]);
}

/// The phone of a called participant that answers with nothing usable is hung up on.
#[test]
fn an_answer_without_a_common_codec_ends_the_call() {
    let mut net = Net::with_seed(526);
    net.stranger("carol");
    net.focus("conf-7").calls("carol");
    net.plays(
        "
        conf-7                        carol
           |----INVITE (offer)--------->|
           |<---200 OK (unusable offer)-|
           |----ACK-------------------->|
           |----BYE-------------------->|
           |<---200 OK (BYE)------------|
    ",
    );
    assert!(net.focus("conf-7").present().is_empty());
    net.comes_to_rest();
}

#[test]
fn an_unaware_phone_is_called_and_talks() {
    let _proven = covers(["4579-5.2e"]);
    let mut net = Net::with_seed(527);
    net.phone("uma").offers([plenary_media::plan::AudioCodec::Pcma]);
    net.focus("conf-7").calls("uma");
    net.plays(
        "
        conf-7                     uma
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |                        |  60 s pass
           |<---BYE-----------------|
           |----200 OK (BYE)------->|
    ",
    );
    assert_eq!(net.focus("conf-7").participant("uma").cause, Some(Cause::Left));
    let hung_up = CallState::Over(Ending::ByUs);
    assert_eq!(net.phone("uma").call().state, hung_up);
    net.comes_to_rest();
}
