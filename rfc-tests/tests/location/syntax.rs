//! When two URIs are one (RFC 3261 §19.1.4), and the many ways to write one header (§7.3).

use anyhow::ensure;
use plenary_sip::message::Uri;
use rfc_tests::coverage::covers;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;

use super::{all, registered, with};

/// The examples of §19.1.4.
#[test]
fn uris_are_compared_as_the_examples_say() {
    let _proven = covers(["3261-22"]);
    let same = [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
    ];
    let different = [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;user=phone"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;ttl=1"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;method=INVITE"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;maddr=192.0.2.4"),
    ];
    let uri = |text: &str| text.parse::<Uri>().expect(text);
    for (one, other) in same {
        assert!(uri(one).equivalent(&uri(other)) && uri(other).equivalent(&uri(one)), "{one} {other}");
    }
    for (one, other) in different {
        assert!(!uri(one).equivalent(&uri(other)) && !uri(other).equivalent(&uri(one)), "{one} {other}");
    }
}

#[test]
fn compact_folded_and_oddly_spelled_headers_say_the_same() -> anyhow::Result<()> {
    let claim = covers(["3261-23"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    let mut phone = RawPhone::new(&server, &api, "alice")?;
    registered(&mut phone, "", "Supported: path\r\n")?;
    let odd = |request: String| {
        let mut request = request;
        for (name, other) in [
            ("Via: ", "v:   "),
            ("From: ", "f : "),
            ("To: ", "T:\t"),
            ("Call-ID: ", "i: "),
            ("Contact: ", "m:\r\n  "),
            ("CSeq: ", "cSEQ:  "),
            ("Supported: ", "k: "),
            ("Max-Forwards: ", "MAX-FORWARDS: "),
            ("Content-Length: ", "l: "),
        ] {
            request = request.replacen(&format!("\r\n{name}"), &format!("\r\n{other}"), 1);
        }
        request
    };
    let contacts = "<sip:one@192.0.2.9>;expires=300 ,\r\n\t<sip:two@192.0.2.9>;expires=300";
    let request =
        super::register(&phone, "", "Supported: path,\r\n gruu\r\nSubject:\r\nPath: <sip:p1.example.net;lr>\r\n")?;
    let request = with(&request, "Contact", contacts);
    let challenged = phone.ask_once(&request)?;
    ensure!(challenged.status() == 401, "{}", challenged.0);
    let request = phone.with_credentials(&request, &challenged, 1)?;
    // The answer has its headers in their long names, and is to this request by its branch.
    phone.send(&odd(request.clone()))?;
    let answer = phone.answer_to(&request)?;
    ensure!(answer.status() == 200, "{}", answer.0);
    ensure!(all(&answer.0, "Contact").len() == 3 && all(&answer.0, "Path").len() == 1, "{}", answer.0);
    claim.proven();
    Ok(())
}
