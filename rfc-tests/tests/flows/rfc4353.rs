//! RFC 4353: one conference, one focus, and a dialog with each participant.

use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

/// §3.1 and §4.1.
#[test]
fn whoever_calls_the_uri_is_in_one_conference_with_a_dialog_of_his_own() {
    let _proven = covers(["4353-01"]);
    let mut net = Net::with_seed(43531);
    net.phone("alice");
    net.phone("bob");
    net.focus("conf-7");
    net.plays(
        "
        alice                   conf-7                     bob
          |----INVITE (offer)----->|                        |
          |<---200 OK (answer)-----|                        |
          |----ACK---------------->|                        |
          |                        |<---INVITE (offer)------|
          |                        |----200 OK (answer)---->|
          |                        |<---ACK-----------------|
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["alice", "bob"]);
    let said = |passage: usize, name: &str| {
        let message = net.passages()[passage].message.as_ref().expect("it can be read");
        message.headers().get(&name.into()).unwrap_or_default().into_owned()
    };
    assert_eq!(said(1, "Contact"), said(4, "Contact"), "one focus");
    assert_ne!(said(1, "Call-ID"), said(4, "Call-ID"), "two dialogs");
    assert_ne!(said(1, "To"), said(4, "To"), "two dialogs");
    net.plays(
        "
        alice                   conf-7                     bob
          |----BYE---------------->|                        |
          |<---200 OK (BYE)--------|                        |
          |                        |                        |  5 s pass
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["bob"]);
}

/// §5.6.
#[test]
fn what_one_negotiates_anew_is_nothing_to_the_others() {
    let _proven = covers(["4353-03"]);
    let mut net = Net::with_seed(43533);
    let session = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 0\n";
    net.stranger("uma").describes(session);
    net.phone("bob");
    net.focus("conf-7");
    net.plays(
        "
        uma                     conf-7                     bob
         |----INVITE (offer)------>|                        |
         |<---200 OK (answer)------|                        |
         |----ACK----------------->|                        |
         |                         |<---INVITE (offer)------|
         |                         |----200 OK (answer)---->|
         |                         |<---ACK-----------------|
    ",
    );
    let before = net.focus("conf-7").participant("bob");
    net.stranger("uma").describes(&format!("{session}m=video 4002 RTP/AVP 96\na=rtpmap:96 H264/90000\n"));
    net.plays(
        "
        uma                     conf-7                     bob
         |----INVITE (offer)------>|                        |
         |<---200 OK (answer)------|                        |
         |----ACK----------------->|                        |
         |                         |                        |  3 s pass
    ",
    );
    net.stranger("uma").describes(&session.replace("m=audio 4000", "m=audio 0"));
    net.plays(
        "
        uma                     conf-7                     bob
         |----INVITE (no SDP)----->|                        |
         |<---200 OK (offer)-------|                        |
         |----ACK (answer)-------->|                        |
         |                         |                        |  0.2 s pass
    ",
    );
    assert_eq!(net.focus("conf-7").participant("bob"), before);
}
