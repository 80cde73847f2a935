//! RFC 4028: session timers.

use plenary_sip::endpoint::SessionTimerSettings;
use plenary_sip::message::{Message, Method};
use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

/// §9.
#[test]
fn an_interval_that_is_too_short_gets_422_with_the_least_we_take() {
    let _proven = covers(["4028-01"]);
    let mut net = Net::with_seed(40281);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|  Session-Expires: 60; Supported: timer
           |<---422 Too Small-------|  Min-SE: 90
           |----ACK---------------->|
    ",
    );
    assert!(net.focus("conf-7").roster().participants.is_empty());
}

#[test]
fn the_200_says_how_long_and_who_refreshes() {
    let _proven = covers(["4028-02"]);
    let mut net = Net::with_seed(40282);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|  Session-Expires: 600; Supported: timer
           |<---200 OK (answer)-----|  Session-Expires: 600;refresher=uac; Require: timer
           |----ACK---------------->|
    ",
    );
    net.stranger("mallory").forgets();
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|  Session-Expires: 86400;refresher=uas; Supported: timer
           |<---200 OK (answer)-----|  Session-Expires: 1800;refresher=uas; no Require
           |----ACK---------------->|
    ",
    );
}

/// §7.2, §10: whoever refreshes does so at half time, by UPDATE where the other knows it.
#[test]
fn the_refresher_refreshes_at_half_time() {
    let _proven = covers(["4028-03"]);
    let mut net = Net::with_seed(40283);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|  Session-Expires: 90;refresher=uas; Supported: timer; Allow: INVITE, ACK, BYE, UPDATE
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |<---UPDATE (no SDP)-----|  at 45 s; Session-Expires has refresher=uac
           |----200 OK (UPDATE)---->|  Session-Expires: 90;refresher=uac
           |<---UPDATE (no SDP)-----|  after 45 s
           |----200 OK (UPDATE)---->|  Session-Expires: 90;refresher=uac
    ",
    );
    net.stranger("mallory").forgets();
    net.stranger("uma");
    net.plays(
        "
        uma                    conf-7
         |----INVITE (offer)----->|  Session-Expires: 90;refresher=uas; Supported: timer; Allow: INVITE, ACK, BYE
         |<---200 OK (answer)-----|
         |----ACK---------------->|
         |<---INVITE (offer)------|  at 45 s
         |----200 OK (answer)---->|  Session-Expires: 90;refresher=uac
         |<---ACK-----------------|
    ",
    );
    let of_uma: Vec<_> = net.passages().iter().filter(|passage| passage.text().contains("\nm=audio")).collect();
    let versions: Vec<String> = of_uma
        .iter()
        .filter(|passage| passage.from == 1)
        .map(|passage| passage.text().lines().find(|line| line.starts_with("o=")).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(versions[versions.len() - 1], versions[versions.len() - 2], "o= says that nothing changed");
}

/// §10: the other side ends the call min(32 s, a third) before the end.
#[test]
fn who_hears_no_refresh_hangs_up_before_the_session_expires() {
    let _proven = covers(["4028-04"]);
    let mut net = Net::with_seed(40284);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|  Session-Expires: 90;refresher=uac; Supported: timer
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |<---BYE-----------------|  at 60 s
           |----200 OK (BYE)------->|
    ",
    );
    assert!(net.focus("conf-7").present().is_empty());
    net.comes_to_rest();
}

/// §7.4 and §10, as phones of the field are: one lists UPDATE and does not serve it, one has forgotten the call, one says
/// nothing, one refreshes at the very moment we do.
#[test]
fn a_refresh_takes_what_the_peer_serves_and_the_call_ends_with_one_that_fails() {
    let _proven = covers(["T-31"]);
    for (seed, refusal) in [(40287, "405 Not Allowed----"), (40288, "501 Not Implemented")] {
        let mut net = Net::with_seed(seed);
        net.stranger("mallory");
        net.focus("conf-7");
        net.plays(&format!(
            "
            mallory                  conf-7
               |----INVITE (offer)----->|  Session-Expires: 90;refresher=uas; Supported: timer; Allow: INVITE, ACK, BYE, UPDATE
               |<---200 OK (answer)-----|
               |----ACK---------------->|
               |<---UPDATE (no SDP)-----|  at 45 s
               |----{refusal}>|
               |<---INVITE (offer)------|
               |----200 OK (answer)---->|  Session-Expires: 90;refresher=uac
               |<---ACK-----------------|
               |<---INVITE (offer)------|  after 45 s
               |----200 OK (answer)---->|  Session-Expires: 90;refresher=uac
               |<---ACK-----------------|
            "
        ));
        assert_eq!(net.focus("conf-7").present(), ["mallory"]);
    }
    // Nobody is left there to hang up on.
    let mut net = Net::with_seed(40289);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|  Session-Expires: 90;refresher=uas; Supported: timer; Allow: INVITE, ACK, BYE, UPDATE
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |<---UPDATE (no SDP)-----|  at 45 s
           |----481 No Such Call--->|
           |                        |  40 s pass
    ",
    );
    assert!(net.focus("conf-7").present().is_empty());
    net.comes_to_rest();
    let mut net = Net::with_seed(40290);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|  Session-Expires: 90;refresher=uas; Supported: timer; Allow: INVITE, ACK, BYE, UPDATE
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |<---UPDATE (no SDP)-----|  at 45 s
           |----408 Timeout-------->|
           |<---BYE-----------------|
           |----200 OK (BYE)------->|
    ",
    );
    assert!(net.focus("conf-7").present().is_empty());
    net.comes_to_rest();
    // Two refreshes that cross, with nothing to negotiate, are both taken; the session goes on from there.
    let mut net = Net::with_seed(40291);
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|  Session-Expires: 90;refresher=uas; Supported: timer; Allow: INVITE, ACK, BYE, UPDATE
           |<---200 OK (answer)-----|
           |----ACK---------------->|
           |<---UPDATE (no SDP)-----|  at 45 s
           |----UPDATE (no SDP)---->|  Session-Expires: 90;refresher=uas; Supported: timer
           |<---200 OK (UPDATE)-----|  Session-Expires: 90;refresher=uas
           |----200 OK (UPDATE)---->|  Session-Expires: 90;refresher=uac
           |<---UPDATE (no SDP)-----|  after 40 to 46 s
           |----200 OK (UPDATE)---->|  Session-Expires: 90;refresher=uac
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["mallory"]);
}

/// §7.3.
#[test]
fn after_422_the_same_call_is_tried_with_a_longer_interval() {
    let _proven = covers(["4028-05"]);
    let mut net = Net::with_seed(40285);
    net.focus("conf-7");
    net.stranger("carol");
    net.focus("conf-7").calls("carol");
    net.plays(
        "
        conf-7                    carol
           |----INVITE (offer)----->|  Session-Expires has 1800; CSeq: 1 INVITE
           |<---422 Too Small-------|  Min-SE: 3600
           |----ACK---------------->|
           |----INVITE (offer)----->|  Session-Expires has 3600; Min-SE: 3600; CSeq: 2 INVITE
           |<---200 OK (answer)-----|
           |----ACK---------------->|
    ",
    );
    let call_ids: Vec<_> =
        net.passages().iter().filter_map(|passage| passage.message.as_ref()?.headers().call_id().ok()).collect();
    assert!(call_ids.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(net.focus("conf-7").present(), ["carol"]);
}

/// §7.1.
#[test]
fn every_request_but_ack_says_that_timers_are_known() {
    let _proven = covers(["4028-06"]);
    let mut net = Net::with_seed(40286);
    let timers = SessionTimerSettings { session_expires: 90, min_se: 90 };
    net.phone("alice").set(|settings| settings.session_timers = Some(timers));
    net.phone("bob");
    net.plays(
        "
        alice                     bob
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|
          |----ACK---------------->|
          |----OPTIONS------------>|
          |<---200 OK (OPTIONS)----|
          |----INFO--------------->|
          |<---200 OK (INFO)-------|
          :                        :  100 s pass
          |----BYE---------------->|
          |<---200 OK (BYE)--------|
    ",
    );
    for passage in net.passages() {
        let Some(Message::Request(request)) = &passage.message else { continue };
        let says = request.headers.option_tags(&"Supported".into()).iter().any(|tag| tag == "timer");
        let exempt = matches!(request.method, Method::Ack | Method::Cancel);
        assert!(says || exempt, "{}", passage.text());
    }
    let updates = net.sent_by("alice").iter().filter(|sent| *sent == "UPDATE").count();
    assert_eq!(updates, 2, "the session was refreshed\n{}", net.ladder());
}
