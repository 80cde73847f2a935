//! RFC 4916 §4: within a dialog the other side may call itself something else.

use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

#[test]
fn a_from_that_changes_within_the_dialog_does_not_lose_it() {
    let _proven = covers(["4916-01"]);
    let mut net = Net::with_seed(4916);
    net.stranger("uma");
    net.focus("conf-7");
    net.plays(
        "
        uma                    conf-7
         |----INVITE (offer)----->|
         |<---200 OK (answer)-----|
         |----ACK---------------->|
    ",
    );
    let ok = net.passages()[1].text();
    let tag = ok.lines().find_map(|line| line.strip_prefix("From: ")?.split(";tag=").nth(1)).expect("her tag");
    let from = format!("From: <sip:ursula@elsewhere.example>;tag={tag}");
    net.plays(&format!(
        "
        uma                    conf-7
         |----INVITE (hold)------>|  {from}
         |<---200 OK (held)-------|
         |----ACK---------------->|
         |----BYE---------------->|
         |<---200 OK (BYE)--------|
    "
    ));
    assert_eq!(net.focus("conf-7").present(), [] as [&str; 0]);
}
