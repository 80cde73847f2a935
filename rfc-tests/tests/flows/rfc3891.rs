//! RFC 3891 §3 and RFC 3911 §4: what Replaces and Join may stand in, and what they may name.

use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

/// Uma is in the conference; gives what another would call her dialog.
fn uma_is_in(net: &mut Net) -> String {
    net.stranger("uma");
    net.stranger("mallory");
    net.focus("conf-7");
    net.plays(
        "
        uma                    conf-7
         |----INVITE (offer)----->|
         |<---200 OK (answer)-----|
         |----ACK---------------->|
    ",
    );
    name_of(&net.passages()[1].text())
}

fn mallory_hears(net: &mut Net, request: &str, remark: &str, status: &str) {
    let is_invite = request == "INVITE";
    let right = |text: &str| format!("           |{:-<28}>|", format!("----{text}"));
    let asks = right(if is_invite { "INVITE (offer)" } else { request });
    let hears = format!("           |{:-<29}|", format!("<---{status}"));
    let ack = if is_invite { right("ACK") } else { String::new() };
    net.stranger("mallory").forgets();
    net.plays(&format!(
        "
        mallory                      conf-7
{asks}  {remark}
{hears}
{ack}
    "
    ));
}

/// §3: one header, in an INVITE, and no other that contradicts it.
#[test]
fn replaces_and_join_are_for_invite_and_one_at_a_time() {
    let _proven = covers(["3891-01"]);
    let mut net = Net::with_seed(38911);
    let uma = uma_is_in(&mut net);
    mallory_hears(&mut net, "OPTIONS", &format!("Replaces: {uma}"), "400 Bad Request");
    mallory_hears(&mut net, "OPTIONS", &format!("Join: {uma}"), "400 Bad Request");
    mallory_hears(&mut net, "INVITE", &format!("Replaces: {uma}; Join: {uma}"), "400 Bad Request");
    mallory_hears(&mut net, "INVITE", "Replaces: somebody;to-tag=1", "400 Bad Request");
    let two = "Replaces: a;to-tag=1;from-tag=2\r\nReplaces: b;to-tag=1;from-tag=2";
    let invite = format!(
        "INVITE sip:conf-7@conf-7.example SIP/2.0\r\nVia: SIP/2.0/UDP mallory.example;branch=z9hG4bK-two\r\n\
         From: <sip:mallory@mallory.example>;tag=m\r\nTo: <sip:conf-7@conf-7.example>\r\nCall-ID: two\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:mallory@mallory.example>\r\nMax-Forwards: 70\r\n{two}\r\nContent-Length: 0\r\n\r\n"
    );
    net.stranger("mallory").forgets().blurts(invite, "conf-7");
    net.runs_for(std::time::Duration::from_secs(1));
    assert!(net.passages().iter().any(|passage| passage.text().starts_with("SIP/2.0 400")), "two Replaces");
    assert_eq!(net.focus("conf-7").present(), ["uma"]);
}

/// §3: names of nothing, of what is no call, and of what has ended.
#[test]
fn a_name_that_matches_nothing_is_481_and_an_ended_dialog_603() {
    let _proven = covers(["3891-02"]);
    let mut net = Net::with_seed(38912);
    let uma = uma_is_in(&mut net);
    for wrong in [uma.replace("to-tag=", "to-tag=x"), uma.replace("from-tag=", "from-tag=x"), format!("x{uma}")] {
        mallory_hears(&mut net, "INVITE", &format!("Replaces: {wrong}"), "481 No Such Call");
    }
    net.plays(
        "
        uma                    conf-7
         |----BYE---------------->|
         |<---200 OK (BYE)--------|
    ",
    );
    mallory_hears(&mut net, "INVITE", &format!("Replaces: {uma}"), "603 Decline");
    mallory_hears(&mut net, "INVITE", &format!("Join: {uma}"), "603 Decline");
    assert_eq!(net.focus("conf-7").present(), [] as [&str; 0]);
}

/// §3: who asks for a ringing phone alone does not get one that talks.
#[test]
fn early_only_does_not_take_an_answered_call() {
    let _proven = covers(["3891-03"]);
    let mut net = Net::with_seed(38913);
    let uma = uma_is_in(&mut net);
    mallory_hears(&mut net, "INVITE", &format!("Replaces: {uma};early-only"), "486 Busy Here");
    assert_eq!(net.focus("conf-7").present(), ["uma"]);
}

/// §3: nobody picks up a call at the phone that it rings at.
#[test]
fn a_dialog_that_rings_here_is_not_to_be_replaced() {
    let _proven = covers(["3891-03"]);
    let mut net = Net::with_seed(38914);
    net.stranger("uma");
    net.stranger("mallory");
    net.phone("bob");
    net.plays(
        "
        uma                      bob
         |----INVITE (offer)----->|
         |<---180 Ringing---------|
    ",
    );
    let uma = name_of(&net.passages()[1].text());
    net.plays(&format!(
        "
        mallory                  bob
           |----INVITE (offer)---->|  Replaces: {uma}
           |<---481 No Such Call---|
           |----ACK--------------->|
    "
    ));
}

/// What another would call the dialog that this response makes.
fn name_of(response: &str) -> String {
    let of = |name: &str| response.lines().find_map(|line| line.strip_prefix(name)).expect("a complete response");
    let tag = |name: &str| of(name).split(";tag=").nth(1).expect("a tag");
    format!("{};to-tag={};from-tag={}", of("Call-ID: "), tag("To: "), tag("From: "))
}
