//! What phones, proxies and gateways send every day, and what readers of SIP are known to stumble over.

use bytes::Bytes;
use plenary_sip::message::{
    Contacts, HeaderName, Host, Limits, Message, Method, NameAddr, Request, StatusCode, Uri, parse_datagram,
};

const NEEDED: [(&str, &str); 5] = [
    ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
    ("From", "<sip:alice@example.com>;tag=1"),
    ("To", "<sip:bob@example.com>"),
    ("Call-ID", "c"),
    ("CSeq", "1 INVITE"),
];

/// An INVITE whose needed headers may be replaced by those given; all others are appended.
fn text(lines: &[&str]) -> String {
    let replaced = |name: &str| {
        let same = |line: &&str| {
            let given = line.split_once(':').map_or("", |(given, _)| given).trim_end();
            HeaderName::from(given) == HeaderName::from(name)
        };
        lines.iter().any(same)
    };
    let kept = NEEDED.iter().filter(|(name, _)| !replaced(name)).map(|(name, value)| format!("{name}: {value}\r\n"));
    let given = lines.iter().map(|line| format!("{line}\r\n"));
    format!("INVITE sip:bob@example.com SIP/2.0\r\n{}\r\n", kept.chain(given).collect::<String>())
}

fn read(octets: impl Into<Bytes>) -> Request {
    let octets = octets.into();
    match parse_datagram(&octets, &Limits::default()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{}\n{other:?}", octets.escape_ascii()),
    }
}

/// Reads the INVITE with these headers, and sees that it prints back unchanged.
fn invite(lines: &[&str]) -> Request {
    let text = text(lines).replacen("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n", 1);
    let request = read(text.clone());
    assert_eq!(request.to_bytes(), text);
    request
}

fn contacts(request: &Request) -> Vec<NameAddr> {
    match request.headers.contacts().expect("readable") {
        Contacts::List(contacts) => contacts,
        Contacts::Star => panic!("star"),
    }
}

fn host_port(uri: &Uri) -> (String, Option<u16>) {
    uri.as_sip().map(|uri| (uri.host().to_string(), uri.port())).expect("sip")
}

#[test]
fn folded_headers() {
    let request = invite(&["Subject: one\r\n two\r\n\tthree", "To:\r\n <sip:bob@example.com>\r\n ;tag=2"]);
    assert_eq!(request.headers.get(&HeaderName::Subject).as_deref(), Some("one two three"));
    assert_eq!(request.headers.to().expect("to").tag(), Some("2"));
}

#[test]
fn compact_forms() {
    let request =
        invite(&["v: SIP/2.0/TCP a", "f: <sip:a@b>;tag=9", "t: sip:c@d", "i: x", "m: <sip:e@f>", "k: timer", "s: hi"]);
    assert_eq!(request.headers.top_via().expect("via").transport, "TCP");
    assert_eq!(request.headers.from().expect("from").tag(), Some("9"));
    assert_eq!(request.headers.to().expect("to").uri.as_str(), "sip:c@d");
    assert_eq!(request.headers.call_id().as_deref(), Ok("x"));
    assert_eq!(contacts(&request)[0].uri.as_str(), "sip:e@f");
    assert_eq!(request.headers.option_tags(&HeaderName::Supported), ["timer"]);
}

#[test]
fn names_in_any_case() {
    let request = invite(&["VIA: SIP/2.0/UDP a", "cOnTaCt: <sip:e@f>", "call-id: X", "cseq: 1 INVITE"]);
    assert_eq!((contacts(&request).len(), request.headers.call_id().as_deref()), (1, Ok("X")));
}

#[test]
fn two_via_on_one_line_and_one_below() {
    let request = invite(&["Via: SIP/2.0/UDP a:1;branch=z9hG4bK1,SIP/2.0/TCP b", "Via: SIP/2.0/TLS c"]);
    let hops: Vec<_> = request.headers.vias().expect("via").iter().map(|via| via.sent_by()).collect();
    assert_eq!(hops, ["a:1", "b", "c"]);
}

#[test]
fn two_contacts_on_one_line() {
    let request = invite(&["Contact: \"A, B\" <sip:a@b>;q=0.5, <sip:c@d;x=1,2>;expires=60"]);
    let contacts = contacts(&request);
    assert_eq!(contacts[0].display_name.as_deref(), Some("A, B"));
    assert_eq!((contacts[1].uri.as_str(), contacts[1].expires()), ("sip:c@d;x=1,2", Some(60)));
}

#[test]
fn star_contact() {
    assert_eq!(invite(&["Contact: *"]).headers.contacts(), Ok(Contacts::Star));
    let both = text(&["Contact: *", "Contact: <sip:a@b>"]);
    assert!(parse_datagram(&both.into(), &Limits::default()).is_err());
}

#[test]
fn ipv6_in_request_uri_via_and_contact() {
    let text = text(&[
        "Via: SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bK1",
        "Contact: <sip:a@[2001:db8::1]:5080;transport=tcp>",
    ]);
    let request = read(text.replacen("bob@example.com", "bob@[2001:db8::10]", 1));
    assert_eq!(host_port(&request.uri), ("[2001:db8::10]".into(), None));
    let via = request.headers.top_via().expect("via");
    assert_eq!((via.host, via.port), (Host::V6("2001:db8::9".parse().expect("address")), Some(5070)));
    assert_eq!(host_port(&contacts(&request)[0].uri), ("[2001:db8::1]".into(), Some(5080)));
}

#[test]
fn tel_in_to_and_as_request_uri() {
    let request = read(text(&["To: <tel:+1-201-555-0123>"]).replacen(
        "sip:bob@example.com",
        "tel:7042;phone-context=example.com",
        1,
    ));
    assert_eq!(request.headers.to().expect("to").uri.as_tel().expect("tel").digits(), "+12015550123");
    assert_eq!(request.uri.as_tel().expect("tel").param("phone-context"), Some(Some("example.com".into())));
}

#[test]
fn urn_as_request_uri_and_in_to() {
    let request = read(text(&["To: <urn:service:sos>"]).replacen("sip:bob@example.com", "urn:service:sos.fire", 1));
    assert_eq!((request.uri.scheme(), request.uri.as_str()), ("urn", "urn:service:sos.fire"));
    assert!(matches!(request.headers.to().expect("to").uri, Uri::Other(_)));
}

#[test]
fn instance_parameter_of_a_contact() {
    let line = "Contact: <sip:a@b;ob>;reg-id=1;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"";
    let contact = contacts(&invite(&[line])).remove(0);
    assert_eq!(contact.params.value("+sip.instance"), Some("<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"));
    assert_eq!(contact.params.value("reg-id"), Some("1"));
}

#[test]
fn display_name_full_of_separators() {
    let from = invite(&[r#"From: "a;b <x> \"c\", \\d" <sip:a@b>;tag=1"#]).headers.from().expect("from");
    assert_eq!((from.display_name.as_deref(), from.tag()), (Some(r#"a;b <x> "c", \d"#), Some("1")));
    assert_eq!(from.to_string(), r#""a;b <x> \"c\", \\d" <sip:a@b>;tag=1"#);
}

#[test]
fn unknown_method_uri_parameter_and_transport() {
    let text = text(&["CSeq: 1 FOO", "Via: SIP/2.0/QUIC a"]).replacen(
        "INVITE sip:bob@example.com",
        "FOO sip:b@e;transport=quic",
        1,
    );
    let request = read(text);
    assert_eq!(request.method, Method::Other("FOO".into()));
    assert_eq!(request.uri.as_sip().expect("sip").transport().as_deref(), Some("quic"));
    assert_eq!(request.headers.top_via().expect("via").transport, "QUIC");
}

#[test]
fn latin_1_and_utf_8_in_values() {
    let mut octets = text(&["Subject: Gr??e"]).into_bytes();
    for (place, octet) in octets.iter_mut().filter(|octet| **octet == b'?').zip([0xfc, 0xdf]) {
        *place = octet;
    }
    let request = read(octets.clone());
    assert_eq!(request.headers.get(&HeaderName::Subject).as_deref(), Some("Grüße"));
    let printed = request.to_bytes();
    assert!(printed.windows(5).any(|window| window == b"Gr\xfc\xdfe"));
    let from = invite(&["From: \"Jürgen\" <sip:j@b>;tag=1"]).headers.from().expect("from");
    assert_eq!(from.display_name.as_deref(), Some("Jürgen"));
}

#[test]
fn binary_body_and_body_without_length() {
    let body = b"\0\xff\r\n\r\n\n\x80SIP/2.0";
    let octets = [text(&["Content-Type: application/octet-stream"]).as_bytes(), body].concat();
    let request = read(octets);
    assert_eq!(&*request.body, body);
    assert_eq!(read(request.to_bytes()).body, request.body);
}

#[test]
fn line_feeds_alone_and_line_ends_in_front() {
    assert_eq!(read(text(&[]).replace("\r\n", "\n")).headers.len(), 5);
    assert_eq!(read(format!("\r\n\r\n{}", text(&[]))).headers.len(), 5);
}

#[test]
fn white_space_about_separators() {
    let request = invite(&["To  :  Bob  <sip:bob@example.com>  ;  tag  =  t1  ;  x", "CSeq:  1   INVITE"]);
    let to = request.headers.to().expect("to");
    assert_eq!((to.display_name.as_deref(), to.tag(), to.params.get("x")), (Some("Bob"), Some("t1"), Some(None)));
}

#[test]
fn to_without_brackets_has_its_tag_in_the_header() {
    let request = invite(&["To: sip:bob@example.com;tag=t1"]);
    let to = request.headers.to().expect("to");
    assert_eq!((to.tag(), to.uri.as_str()), (Some("t1"), "sip:bob@example.com"));
    assert_eq!(to.to_string(), "<sip:bob@example.com>;tag=t1");
}

#[test]
fn gruu() {
    let contact = contacts(&invite(&["Contact: <sip:a@b;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"])).remove(0);
    let gr = contact.uri.as_sip().expect("sip").param("gr").flatten();
    assert_eq!(gr.as_deref(), Some("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
    let temporary =
        contacts(&invite(&["Contact: <sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@example.com;gr>"])).remove(0);
    assert_eq!(temporary.uri.as_sip().expect("sip").param("gr"), Some(None));
}

#[test]
fn underscore_in_a_host() {
    let request = invite(&["Contact: <sip:a@my_host.local>"]);
    assert_eq!(host_port(&contacts(&request)[0].uri).0, "my_host.local");
}

#[test]
fn many_headers_and_a_long_one() {
    let lines: Vec<String> =
        (0..120).map(|n| format!("X-{n}: {n}")).chain([format!("X-Long: {}", "x".repeat(6000))]).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let request = invite(&lines);
    assert_eq!(request.headers.get(&"x-long".into()).map(|value| value.len()), Some(6000));
}

#[test]
fn a_content_length_said_twice_is_refused_even_if_it_agrees() {
    let error = parse_datagram(&text(&["Content-Length: 0", "l: 0"]).into(), &Limits::default()).expect_err("twice");
    assert_eq!(error.status, StatusCode::BAD_REQUEST);
}

#[test]
fn escapes_are_printed_as_they_came() {
    for uri in ["sip:a@b;foo=%41%42", "sip:a@b;foo=a%20b", "sip:%75ser%40x@b", "sip:a%2fb@c", "sip:a@b;%6C%72"] {
        let request = read(text(&[]).replacen("sip:bob@example.com", uri, 1));
        assert!(request.to_bytes().starts_with(format!("INVITE {uri} SIP/2.0\r\n").as_bytes()));
    }
}

#[test]
fn escapes_are_seen_decoded_once() {
    let uri: Uri = "sip:%75ser%40x@b;foo=a%20b;bar=%2541".parse().expect("URI");
    let uri = uri.as_sip().expect("sip");
    assert_eq!(uri.user().as_deref(), Some("user@x"));
    assert_eq!(uri.param("foo"), Some(Some("a b".into())));
    assert_eq!(uri.param("bar"), Some(Some("%41".into())));
}

#[test]
fn user_parts_with_number_parameters() {
    let uri: Uri = "sip:+1-201;phone-context=a.b;ext=5@gw.example.com;user=phone".parse().expect("URI");
    let uri = uri.as_sip().expect("sip");
    assert_eq!(uri.user().as_deref(), Some("+1-201;phone-context=a.b;ext=5"));
    assert_eq!(uri.param("user"), Some(Some("phone".into())));
}

#[test]
fn empty_headers_are_no_values() {
    let request = invite(&["Supported:", "Allow: ", "Subject:"]);
    assert!(request.headers.option_tags(&HeaderName::Supported).is_empty());
    assert_eq!(request.headers.get(&HeaderName::Subject).as_deref(), Some(""));
}

#[test]
fn routes_pop_in_order_over_lines_and_commas() {
    let mut request = invite(&["Route: <sip:p1;lr>,<sip:p2;lr>", "Route: \"P 3\" <sip:p3>;x=\",\""]);
    let routes: Vec<_> = request.headers.routes().expect("route").iter().map(|route| route.uri.to_string()).collect();
    assert_eq!(routes, ["sip:p1;lr", "sip:p2;lr", "sip:p3"]);
    request.headers.pop_first_value(&HeaderName::Route);
    assert_eq!(request.headers.routes().expect("route").len(), 2);
}

#[test]
fn dates_user_agents_and_challenges_keep_their_commas() {
    let challenge = "Digest realm=\"a, b\", nonce=\"1\", qop=\"auth,auth-int\"";
    let request =
        invite(&["Date: Sat, 13 Nov 2010 23:29:00 GMT", &format!("WWW-Authenticate: {challenge}"), "Subject: a, b"]);
    for (name, value) in [
        (HeaderName::Date, "Sat, 13 Nov 2010 23:29:00 GMT"),
        (HeaderName::WwwAuthenticate, challenge),
        (HeaderName::Subject, "a, b"),
    ] {
        assert_eq!(request.headers.values(&name), [value]);
    }
}

#[test]
fn refer_to_with_an_embedded_replaces() {
    let request = invite(&["Refer-To: <sip:bob@b;gr=1?Replaces=12%40c%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>"]);
    let refer_to = request.headers.name_addr(&HeaderName::ReferTo).expect("readable").expect("there");
    let uri = refer_to.uri.as_sip().expect("sip");
    assert_eq!(uri.header("replaces").as_deref(), Some("12@c;to-tag=1;from-tag=2"));
    assert_eq!(uri.without_headers().as_str(), "sip:bob@b;gr=1");
}

#[test]
fn values_with_parameters() {
    let request = invite(&[
        "Session-Expires: 1800 ; refresher=uac",
        "Event: conference;id=7",
        "Retry-After: 5 (in a meeting);duration=9",
    ]);
    let session = request.headers.parameterized(&HeaderName::SessionExpires).expect("readable").expect("there");
    assert_eq!((session.value.as_str(), session.params.value("Refresher")), ("1800", Some("uac")));
    assert_eq!(request.headers.seconds(&HeaderName::SessionExpires), Some(Some(1800)));
    assert_eq!(request.headers.seconds(&HeaderName::RetryAfter), Some(Some(5)));
    let event = request.headers.parameterized(&HeaderName::Event).expect("readable").expect("there");
    assert_eq!(event.to_string(), "conference;id=7");
}

#[test]
fn port_and_transport_of_a_web_phone() {
    let request = invite(&[
        "Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks;rport",
        "Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>;expires=0",
    ]);
    let via = request.headers.top_via().expect("via");
    assert_eq!((via.transport.as_str(), via.rport()), ("WSS", Some(None)));
    let contact = &contacts(&request)[0];
    assert_eq!((contact.uri.as_sip().expect("sip").transport().as_deref(), contact.expires()), (Some("ws"), Some(0)));
}

#[test]
fn a_top_via_gets_received_and_rport_and_the_rest_stays() {
    let mut request = invite(&["Via: SIP/2.0/UDP a;rport;branch=z9hG4bK1, SIP/2.0/UDP b"]);
    let mut via = request.headers.top_via().expect("via");
    via.set_received("192.0.2.9".parse().expect("address"));
    via.set_rport(4711);
    request.headers.replace_first_value(&HeaderName::Via, &via.to_string());
    let line = request.headers.get(&HeaderName::Via);
    assert_eq!(line.as_deref(), Some("SIP/2.0/UDP a;rport=4711;branch=z9hG4bK1;received=192.0.2.9, SIP/2.0/UDP b"));
}

#[test]
fn rfc_2543_requests() {
    let request = read(text(&["From: sip:a@b", "Via: SIP/2.0/UDP a"]));
    assert_eq!(request.headers.from().expect("from").tag(), None);
    assert_eq!(request.headers.top_via().expect("via").transaction_branch(), None);
    assert_eq!(request.headers.max_forwards(), Ok(None));
}
