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

/// RFC 3966 §4 (comparison, as of §3 and §5), RFC 3261 §19.1.6 (as a SIP URI and back).
#[test]
fn numbers_are_compared_and_carried_as_numbers() {
    let _proven = covers(["3966-01", "3966-03", "3966-04"]);
    let uri = |text: &str| text.parse::<Uri>().expect(text);
    let same = [
        ("tel:+49-30-1", "tel:+49301"),
        ("tel:+49(30)1", "tel:+49.30.1"),
        ("TEL:+49301", "tel:+49301"),
        ("tel:+49301;ext=5;isub=ab", "tel:+49301;ISUB=AB;Ext=5"),
        ("tel:+49301;ext=5", "tel:+49-301;ext=5"),
        ("tel:7042;phone-context=Example.COM", "tel:70-42;phone-context=example.com"),
        ("tel:7042;phone-context=+49;a=1", "tel:7042;A=1;Phone-Context=+49"),
        ("tel:ABC*;phone-context=a.example", "tel:abc*;phone-context=a.example"),
    ];
    let different = [
        ("tel:+49301", "tel:49301;phone-context=example.com"),
        ("tel:+49301", "tel:+49302"),
        ("tel:+49301;ext=5", "tel:+49301"),
        ("tel:+49301;ext=5", "tel:+49301;ext=6"),
        ("tel:+49301;isub=1", "tel:+49301;isub=2"),
        ("tel:+49301;ext=5", "tel:+49301;isub=5"),
        ("tel:7042;phone-context=a.example", "tel:7042;phone-context=b.example"),
        ("tel:7042;phone-context=+49", "tel:7042;phone-context=+4"),
        ("tel:+49301;x=1", "tel:+49301"),
        ("tel:+49301", "sip:+49301@a.example;user=phone"),
    ];
    for (one, other) in same {
        assert!(uri(one).equivalent(&uri(other)) && uri(other).equivalent(&uri(one)), "{one} {other}");
        assert_eq!((uri(one).as_str(), uri(other).as_str()), (one, other), "kept as written");
    }
    for (one, other) in different {
        assert!(!uri(one).equivalent(&uri(other)) && !uri(other).equivalent(&uri(one)), "{one} {other}");
    }
    // One order, one case and no separators: equal numbers are equal URIs, of which each gives the number again.
    for (tel, sip) in [
        ("tel:+358-555-1234567;postd=pp22;isub=1411", "sip:+3585551234567;isub=1411;postd=pp22@a.example;user=phone"),
        ("tel:+358-555-1234567;isub=1411;postd=PP22", "sip:+3585551234567;isub=1411;postd=pp22@a.example;user=phone"),
        ("tel:+1;z=1;B=2;ext=3;a", "sip:+1;ext=3;a;b=2;z=1@a.example;user=phone"),
        ("tel:7042;phone-context=Example.com;ext=5", "sip:7042;ext=5;phone-context=example.com@a.example;user=phone"),
    ] {
        let Uri::Tel(number) = uri(tel) else { panic!("{tel}") };
        let mapped = number.to_sip("a.example".parse().expect("a host"), None);
        assert_eq!(mapped.as_str(), sip, "{tel}");
        let back = mapped.to_tel().expect("a number");
        assert!(back.equivalent(&number), "{back} {tel}");
        assert_eq!(back.to_sip("a.example".parse().expect("a host"), None).as_str(), sip, "and round once more");
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
