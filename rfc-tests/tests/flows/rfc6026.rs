//! RFC 6026: a 2xx does not end an INVITE transaction.

use std::time::Duration;

use plenary_sip::endpoint::Ending;
use plenary_sip::net_types::Transport;
use rfc_tests::coverage::covers;
use rfc_tests::net::{CallState, Net};

/// §7.1.
#[test]
fn an_invite_that_comes_again_after_the_200_makes_no_second_leg() {
    let _proven = covers(["6026-01"]);
    let mut net = Net::with_seed(60261);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|
           |<---200 OK (answer)-----|
           |----INVITE (again)----->|
           |                        |  0.3 s pass
           |<---200 OK (again)------|  at 0.5 s
           |----ACK---------------->|
           |----INVITE (again)----->|
           |                        |  10 s pass
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["mallory"]);
    assert_eq!(net.focus("conf-7").roster().participants.len(), 1);
}

/// §7.2.
#[test]
fn a_second_fork_that_answers_is_acked_and_byed() {
    let _proven = covers(["6026-02"]);
    let mut net = Net::with_seed(60262);
    net.focus("conf-7");
    net.stranger("carol");
    net.focus("conf-7").calls("carol");
    net.plays(
        "
        conf-7                                carol
           |----INVITE (offer)----------------->|
           |<---200 OK (fork 1, answer)---------|
           |----ACK---------------------------->|
           |<---200 OK (fork 2, answer)---------|
           |----ACK---------------------------->|
           |----BYE---------------------------->|
           |<---200 OK (BYE, fork 2)------------|
           |<---200 OK (INVITE, fork 1, answer)-|
           |----ACK (again)-------------------->|
           |                                    |  60 s pass
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["carol"]);
}

/// §6 and §7.1: the connection breaks with the 200 on it, and the call comes about all the same.
#[test]
fn a_failed_send_does_not_end_the_transaction() {
    let _proven = covers(["6026-03"]);
    let mut net = Net::with_seed(60263);
    net.phone("alice").over(Transport::Tcp);
    net.focus("conf-7");
    net.phone("alice").calls("conf-7");
    net.runs_for(Duration::from_millis(12));
    net.cuts("alice", "conf-7");
    net.runs_for(Duration::from_secs(3));
    assert!(net.phone("alice").is_talking());
    assert_eq!(net.focus("conf-7").present(), ["alice"]);
    net.phone("alice").hangs_up();
    net.comes_to_rest();
    assert_eq!(net.phone("alice").call().state, CallState::Over(Ending::ByUs));
}

/// §7.3.
#[test]
fn a_200_that_nobody_asked_for_is_dropped() {
    let _proven = covers(["6026-04"]);
    let mut net = Net::with_seed(60264);
    net.stranger("mallory");
    net.focus("conf-7");
    let stray = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKstray\r\n\
                 From: <sip:conf-7@conf-7.example>;tag=1\r\nTo: <sip:mallory@mallory.example>;tag=2\r\n\
                 Call-ID: stray\r\nCSeq: 1 INVITE\r\nContact: <sip:m@192.0.2.1>\r\nContent-Length: 0\r\n\r\n";
    net.stranger("mallory").blurts(stray, "conf-7");
    net.runs_for(Duration::from_secs(60));
    assert_eq!(net.passages().len(), 1, "{}", net.ladder());
}
