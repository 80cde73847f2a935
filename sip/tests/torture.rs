//! The torture messages: RFC 4475 (SIP) and RFC 5118 (IPv6), each with what becomes of it at message level.
//!
//! What a registrar or user agent answers further up (404, 416, 420, 501, …) is not decided here.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bytes::Bytes;
use plenary_sip::message::{
    Contacts, Framed, HeaderName, Host, Limits, MediaType, Message, Method, Multipart, ParseError, Request, Response,
    StatusCode, StreamFramer, Uri, parse_datagram,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// Read and passed on.
    Taken,
    /// Answered with this status.
    Refused(u16),
    /// Thrown away: it waits for no answer.
    Dropped,
}

use Fate::{Dropped, Refused, Taken};

const RFC4475: &[(&str, Fate)] = &[
    ("wsinv", Taken),
    ("intmeth", Taken),
    ("esc01", Taken),
    ("escnull", Taken),
    ("esc02", Taken),
    ("lwsdisp", Taken),
    ("longreq", Taken),
    ("dblreq", Taken),
    ("semiuri", Taken),
    ("transports", Taken),
    ("mpart01", Taken),
    ("unreason", Taken),
    ("noreason", Taken),
    ("badinv01", Refused(400)),
    ("clerr", Refused(400)),
    ("ncl", Refused(400)),
    ("scalar02", Refused(400)),
    ("scalarlg", Dropped),
    ("quotbal", Refused(400)),
    ("ltgtruri", Refused(400)),
    ("lwsruri", Refused(400)),
    ("lwsstart", Refused(400)),
    ("trws", Refused(400)),
    ("escruri", Refused(400)),
    ("baddate", Taken),
    ("regbadct", Refused(400)),
    ("badaspec", Refused(400)),
    ("baddn", Refused(400)),
    ("badvers", Refused(505)),
    ("mismatch01", Refused(400)),
    ("mismatch02", Refused(400)),
    ("bigcode", Dropped),
    ("badbranch", Taken),
    ("insuf", Refused(400)),
    ("unkscm", Taken),
    ("novelsc", Taken),
    ("unksm2", Taken),
    ("bext01", Taken),
    ("invut", Taken),
    ("regaut01", Taken),
    ("multi01", Refused(400)),
    ("mcl01", Refused(400)),
    ("bcast", Taken),
    ("zeromf", Taken),
    ("cparam01", Taken),
    ("cparam02", Taken),
    ("regescrt", Taken),
    ("sdp01", Taken),
    ("inv2543", Taken),
    ("test", Refused(400)),
];

/// As in the archive, with lone LFs. Two have a Content-Length beyond their body, two no empty line at their end.
const RFC5118_ARCHIVED: &[(&str, Fate)] = &[
    ("ipv6-good", Taken),
    ("ipv6-bad", Refused(400)),
    ("port-ambiguous", Taken),
    ("port-unambiguous", Taken),
    ("via-received-param-with-delim", Taken),
    ("via-received-param-no-delim", Taken),
    ("ipv6-in-sdp", Refused(400)),
    ("mult-ip-in-header", Taken),
    ("mult-ip-in-sdp", Refused(400)),
    ("ipv4-mapped-ipv6", Taken),
    ("ipv6-bug-abnf-3-colons", Refused(400)),
    ("ipv6-correct-abnf-2-colons", Refused(400)),
];

/// With CRLFs, right lengths and the empty line.
const RFC5118_WIRE: &[(&str, Fate)] = &[
    ("wire/ipv6-good", Taken),
    ("wire/ipv6-bad", Refused(400)),
    ("wire/port-ambiguous", Taken),
    ("wire/port-unambiguous", Taken),
    ("wire/via-received-param-with-delim", Taken),
    ("wire/via-received-param-no-delim", Taken),
    ("wire/ipv6-in-sdp", Taken),
    ("wire/mult-ip-in-header", Taken),
    ("wire/mult-ip-in-sdp", Taken),
    ("wire/ipv4-mapped-ipv6", Taken),
    ("wire/ipv6-bug-abnf-3-colons", Taken),
    ("wire/ipv6-correct-abnf-2-colons", Taken),
];

fn all() -> impl Iterator<Item = (String, Fate)> {
    let of = |rfc: &'static str, fates: &'static [(&'static str, Fate)]| {
        fates.iter().map(move |(name, fate)| (format!("{rfc}/{name}"), *fate))
    };
    of("rfc4475", RFC4475).chain(of("rfc5118", RFC5118_ARCHIVED)).chain(of("rfc5118", RFC5118_WIRE))
}

fn octets(name: &str) -> Bytes {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/data", &format!("{name}.dat")].iter().collect();
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

fn read(name: &str) -> Result<Message, ParseError> {
    parse_datagram(&octets(name), &Limits::default())
}

fn request(name: &str) -> Request {
    match read(&format!("rfc4475/{name}")) {
        Ok(Message::Request(request)) => request,
        other => panic!("{name}: {other:?}"),
    }
}

fn response(name: &str) -> Response {
    match read(&format!("rfc4475/{name}")) {
        Ok(Message::Response(response)) => response,
        other => panic!("{name}: {other:?}"),
    }
}

fn refused(name: &str) -> ParseError {
    read(&format!("rfc4475/{name}")).expect_err(name)
}

fn contacts(request: &Request) -> Vec<plenary_sip::message::NameAddr> {
    match request.headers.contacts().expect("readable") {
        Contacts::List(contacts) => contacts,
        Contacts::Star => panic!("star"),
    }
}

#[test]
fn every_message_meets_its_fate() {
    let mut wrong = Vec::new();
    for (name, expected) in all() {
        let (fate, why) = match read(&name) {
            Ok(_) => (Taken, String::new()),
            Err(ParseError { status, reply: Some(_), reason }) => (Refused(status.as_u16()), reason),
            Err(ParseError { reply: None, reason, .. }) => (Dropped, reason),
        };
        if fate != expected {
            wrong.push(format!("{name}: {fate:?} ({why}) instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_message_of_the_archives_is_left_out() {
    for (rfc, fates) in [("rfc4475", RFC4475), ("rfc5118", RFC5118_ARCHIVED)] {
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/data", rfc, "index.tsv"].iter().collect();
        let index = std::fs::read_to_string(path).expect("index");
        let indexed: BTreeSet<_> =
            index.lines().skip(1).filter_map(|line| line.split_once('\t')?.0.strip_suffix(".dat")).collect();
        let tried: BTreeSet<_> = fates.iter().map(|(name, _)| *name).collect();
        assert_eq!(indexed, tried);
    }
}

/// What was taken prints back octet for octet, but for lone LFs, noise behind the body and a missing Content-Length.
#[test]
fn what_is_taken_prints_back_as_it_came() {
    for (name, _) in all().filter(|(_, fate)| *fate == Taken) {
        let (sent, printed) = (octets(&name), read(&name).expect("taken").to_bytes());
        match name.as_str() {
            "rfc4475/dblreq" => assert!(sent.starts_with(&printed), "{name}"),
            "rfc4475/inv2543" => assert_eq!(printed.len(), sent.len() + "Content-Length: 106\r\n".len()),
            archived if archived.starts_with("rfc5118/") && !archived.contains("wire/") => {
                let again = parse_datagram(&printed, &Limits::default()).expect("ours");
                assert_eq!(again.to_bytes(), printed, "{name}");
            }
            _ => assert_eq!(printed, sent, "{name}"),
        }
    }
}

/// Over a stream, cut at every place; only those messages that a stream can carry.
#[test]
fn a_stream_gives_the_same_messages_wherever_it_is_cut() {
    for (name, _) in all().filter(|(_, fate)| *fate == Taken) {
        let octets = octets(&name);
        if matches!(name.as_str(), "rfc4475/dblreq" | "rfc4475/inv2543")
            || !name.contains("wire/") && name.contains("5118")
        {
            continue;
        }
        for cut in 0..=octets.len() {
            let (one, two) = octets.split_at(cut);
            let mut framer = StreamFramer::new(Limits::default());
            let mut framed = Vec::new();
            for piece in [one, two] {
                framer.push(piece);
                framed.extend(framer.by_ref().map(|frame| frame.expect("sound")));
            }
            assert_eq!(framed, [Framed::Message(octets.clone())], "{name} cut at {cut}");
        }
    }
}

#[test]
fn noise_behind_a_datagram_is_a_second_message_on_a_stream() {
    let mut framer = StreamFramer::new(Limits::default());
    framer.push(&octets("rfc4475/dblreq"));
    let methods: Vec<_> = framer
        .by_ref()
        .take(2)
        .map(|frame| match frame.expect("sound") {
            Framed::Message(octets) => match parse_datagram(&octets, &Limits::default()).expect("sound") {
                Message::Request(request) => request.method,
                Message::Response(_) => panic!("response"),
            },
            Framed::Ping => panic!("ping"),
        })
        .collect();
    assert_eq!(methods, [Method::Register, Method::Invite]);
}

#[test]
fn streams_break_on_lengths_that_do_not_count() {
    for name in ["ncl", "mcl01", "inv2543"] {
        let mut framer = StreamFramer::new(Limits::default());
        framer.push(&octets(&format!("rfc4475/{name}")));
        let error = framer.next().expect("complete").expect_err(name);
        assert_eq!(error.0.status, StatusCode::BAD_REQUEST, "{name}");
        assert!(error.0.reply.is_some(), "{name}");
        framer.push(b"OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n");
        assert!(framer.next().is_none(), "{name}");
    }
    let mut framer = StreamFramer::new(Limits::default());
    framer.push(&octets("rfc4475/clerr"));
    assert!(framer.next().is_none() && framer.is_midway(), "clerr waits for the rest");
}

/// §3.1.1.1.
#[test]
fn wsinv_is_read_rightly() {
    let invite = request("wsinv");
    let headers = &invite.headers;
    assert_eq!(headers.to().expect("to").tag(), Some("1918181833n"));
    let from = headers.from().expect("from");
    assert_eq!((from.display_name.as_deref(), from.tag()), (Some("J Rosenberg \\\""), Some("98asjd8")));
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    assert_eq!(headers.cseq().expect("cseq").to_string(), "9 INVITE");
    let vias: Vec<_> = headers.vias().expect("via").iter().map(ToString::to_string).collect();
    assert_eq!(
        vias,
        [
            "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw",
            "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
            "SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239",
        ]
    );
    assert_eq!(headers.get(&HeaderName::Subject).as_deref(), Some(""));
    assert_eq!(headers.get(&"UnknownHeaderWithUnusualValue".into()).as_deref(), Some(";;,,;;,;"));
    assert_eq!(headers.get(&"newfangledheader".into()).as_deref(), Some("newfangled value continued newfangled value"));
    let contacts = contacts(&invite);
    assert_eq!(contacts[0].display_name.as_deref(), Some("Quoted string \"\""));
    assert_eq!((contacts[0].q_thousandths(), contacts[0].params.value("newparam")), (Some(330), Some("newvalue")));
    let route = &headers.routes().expect("route")[0];
    assert!(route.uri.as_sip().expect("sip").has_param("lr"));
    assert_eq!(invite.body.len(), 150);
}

/// §3.1.1.2.
#[test]
fn intmeth_keeps_every_octet() {
    let request = request("intmeth");
    assert_eq!(request.method.as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(request.headers.cseq().expect("cseq").method, request.method);
    let to = request.headers.to().expect("to");
    assert_eq!(to.display_name.as_deref(), Some("BEL:\x07 NUL:\0 DEL:\x7f"));
    let from = request.headers.from().expect("from");
    assert_eq!(from.params.value("fromParam''~+*_!.-%"), Some("работающий"));
    assert_eq!(from.tag(), Some("_token~1'+`*%!-."));
    assert_eq!(request.headers.get(&"extensionHeader-!.%*+_`'~".into()).as_deref(), Some("\u{feff}大停電"));
    let uri = request.uri.as_sip().expect("sip");
    assert_eq!(uri.user().as_deref(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(uri.password().as_deref(), Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
}

/// §3.1.1.3–5.
#[test]
fn escapes_are_escapes_where_they_are() {
    let invite = request("esc01");
    assert_eq!(invite.uri.as_sip().expect("sip").user().as_deref(), Some("sips:user@example.com"));
    let contact = contacts(&invite).remove(0).uri;
    let contact = contact.as_sip().expect("sip");
    assert!(contact.has_param("lr"));
    assert_eq!(contact.param("name"), Some(Some("value%41".into())));

    let bindings = contacts(&request("escnull"));
    assert!(!bindings[0].uri.equivalent(&bindings[1].uri));

    let register = request("esc02");
    assert_eq!(register.method.as_str(), "RE%47IST%45R");
    assert_eq!(register.headers.to().expect("to").display_name.as_deref(), Some("%Z%45"));
    assert_eq!(contacts(&register).len(), 2);
    assert!(register.headers.contains(&"C%6Fntact".into()));
}

/// §3.1.1.6–10.
#[test]
fn odd_but_legal_requests_are_read_rightly() {
    assert_eq!(request("lwsdisp").headers.from().expect("from").display_name.as_deref(), Some("caller"));
    assert_eq!(request("longreq").headers.vias().expect("via").len(), 34);
    assert_eq!((request("dblreq").method, request("dblreq").body.len()), (Method::Register, 0));
    let semiuri = request("semiuri").uri;
    assert_eq!(semiuri.as_sip().expect("sip").user().as_deref(), Some("user;par=u@example.net"));
    let transports: Vec<_> =
        request("transports").headers.vias().expect("via").into_iter().map(|via| via.transport).collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
}

/// §3.1.1.11.
#[test]
fn mpart01_has_two_parts_and_the_second_is_binary() {
    let message = request("mpart01");
    let multipart = Multipart::of(&message.headers, &message.body).expect("sound");
    let types: Vec<_> = multipart.parts.iter().map(|part| part.media_type.essence.as_str()).collect();
    assert_eq!(types, ["text/plain", "application/octet-stream"]);
    assert_eq!(&*multipart.parts[0].content, b"Hello");
    assert!(multipart.parts[1].content.contains(&0));
    assert_eq!(message.body.len(), 553);
}

/// §3.1.1.12–13.
#[test]
fn reason_phrases_are_for_people() {
    let unreason = response("unreason");
    assert_eq!(unreason.status, StatusCode::OK);
    assert!(unreason.reason.starts_with("= 2**3 * 5**2 но"));
    assert_eq!((response("noreason").status, response("noreason").reason.as_str()), (StatusCode::TRYING, ""));
    let without_space =
        Bytes::from(String::from_utf8_lossy(&octets("rfc4475/noreason")).replacen("100 \r", "100\r", 1));
    assert!(parse_datagram(&without_space, &Limits::default()).is_ok());
}

/// §3.1.2: a refusal can be sent, with all of Via, From, To, Call-ID and CSeq that was there.
#[test]
fn refusals_can_be_answered() {
    let error = refused("clerr");
    let answer = error.reply.expect("request").response(error.status, Some("t"));
    for name in [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq] {
        assert!(answer.headers.contains(&name), "{name}");
    }
    let error = refused("insuf");
    let answer = error.reply.expect("request").response(error.status, Some("t"));
    assert_eq!(answer.headers.iter().map(|header| header.name().as_str()).collect::<Vec<_>>(), ["CSeq", "Via"]);
    assert!(refused("badinv01").reply.expect("request").headers.top_via().is_err());
}

/// §3.1.2.4 and §3.1.2.5: each overlarge number by itself.
#[test]
fn overlarge_numbers_mean_what_the_rfc_says() {
    let text = String::from_utf8(octets("rfc4475/scalar02").to_vec()).expect("ascii");
    let only_cseq_right = text.replace("36893488147419103232 REGISTER", "1 REGISTER");
    let Ok(Message::Request(register)) = parse_datagram(&only_cseq_right.into(), &Limits::default()) else {
        panic!("the other numbers are tolerable")
    };
    assert_eq!(register.headers.max_forwards(), Ok(None));
    assert_eq!(register.headers.expires(), Some(3600));
    assert_eq!(contacts(&register)[0].expires(), Some(3600));
}

/// §3.3 and §3.4: what the layers above decide on.
#[test]
fn what_others_decide_reaches_them() {
    assert_eq!(request("badbranch").headers.top_via().expect("via").transaction_branch(), None);
    assert!(matches!(request("unkscm").uri, Uri::Other(_)));
    assert_eq!(request("novelsc").uri.scheme(), "soap.beep");
    assert_eq!(request("unksm2").headers.to().expect("to").uri.as_str(), "isbn:2983792873");
    assert_eq!(
        request("bext01").headers.option_tags(&HeaderName::Require),
        ["nothingsupportsthis", "nothingsupportsthiseither"]
    );
    let invut = request("invut");
    let media_type: MediaType = invut.headers.get(&HeaderName::ContentType).expect("type").parse().expect("sound");
    assert!(media_type.is("application/unknownformat"));
    assert_eq!(request("zeromf").headers.max_forwards(), Ok(Some(0)));
    assert_eq!(response("bcast").headers.vias().expect("via").len(), 2);
    let inv2543 = request("inv2543");
    assert_eq!(inv2543.headers.from().expect("from").tag(), None);
    assert!(inv2543.body.ends_with(b"m=audio 49217 RTP/AVP 0\r\n"));
}

/// §3.3.12–14.
#[test]
fn contact_parameters_stay_where_they_were() {
    let bare = contacts(&request("cparam01")).remove(0);
    assert!(bare.params.contains("unknownparam") && !bare.uri.as_str().contains("unknownparam"));
    let bracketed = contacts(&request("cparam02")).remove(0);
    assert!(
        !bracketed.params.contains("unknownparam") && bracketed.uri.as_sip().expect("sip").has_param("unknownparam")
    );
    let escaped = contacts(&request("regescrt")).remove(0);
    assert_eq!(escaped.uri.as_str(), "sip:user@example.com?Route=%3Csip:sip.example.com%3E");
}

/// RFC 5118 §4.3, §4.4, §4.5, §4.7, §4.10.
#[test]
fn ipv6_addresses_are_read_rightly() {
    let request = |name: &str| match read(&format!("rfc5118/wire/{name}")) {
        Ok(Message::Request(request)) => request,
        other => panic!("{name}: {other:?}"),
    };
    let host_port = |uri: &Uri| uri.as_sip().map(|uri| (uri.host().clone(), uri.port())).expect("sip");
    let v6 = |text: &str| Host::V6(text.parse().expect("address"));
    assert_eq!(host_port(&request("port-ambiguous").uri), (v6("2001:db8::10:5070"), None));
    assert_eq!(host_port(&request("port-unambiguous").uri), (v6("2001:db8::10"), Some(5070)));
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let via = request(name).headers.top_via().expect("via");
        assert_eq!(via.received(), "2001:db8::9:255".parse().ok(), "{name}");
    }
    let vias = request("mult-ip-in-header").headers.vias().expect("via");
    assert_eq!((vias.len(), vias[2].received()), (3, "192.0.2.200".parse().ok()));
    assert!(request("ipv6-bug-abnf-3-colons").uri.equivalent(&request("ipv6-correct-abnf-2-colons").uri));
}
