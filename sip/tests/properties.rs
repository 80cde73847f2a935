//! What holds for every input: nothing panics, and what is printed reads back as what it was.

use bytes::Bytes;
use plenary_sip::message::{
    Contacts, Framed, Header, HeaderName, Host, Limits, Message, Method, Multipart, NameAddr, Params, Request, SipUri,
    StreamFramer, Uri, Via, parse_datagram,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn token() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.!%*_+`'~-]{1,12}"
}

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        "[a-z][a-z0-9_-]{0,8}(\\.[a-z][a-z0-9]{0,5}){0,3}".prop_map(Host::Name),
        any::<[u8; 4]>().prop_map(|octets| Host::V4(octets.into())),
        any::<[u8; 16]>().prop_map(|octets| Host::V6(octets.into())),
    ]
}

fn sip_uri() -> impl Strategy<Value = SipUri> {
    let param = ("[a-z%;= ]{1,6}", option::of("\\PC{0,6}"));
    (option::of(".{1,12}"), host(), option::of(any::<u16>()), vec(param, 0..4), any::<bool>()).prop_map(
        |(user, host, port, params, sips)| {
            let uri = SipUri::new(user.as_deref(), host, port).sips(sips);
            params.iter().fold(uri, |uri, (name, value)| uri.with_param(name, value.as_deref()))
        },
    )
}

fn params() -> impl Strategy<Value = Params> {
    vec((token(), option::of("[^\\r\\n]{0,10}")), 0..5).prop_map(|list| {
        let mut params = Params::new();
        list.iter().for_each(|(name, value)| params.push(name, value.as_deref()));
        params
    })
}

fn name_addr() -> impl Strategy<Value = NameAddr> {
    (option::of("[^\\r\\n]{1,16}"), sip_uri(), params()).prop_map(|(display_name, uri, params)| NameAddr {
        display_name,
        uri: uri.into(),
        params,
    })
}

fn via() -> impl Strategy<Value = Via> {
    (token(), host(), option::of(any::<u16>()), params()).prop_map(|(transport, host, port, params)| Via {
        transport,
        host,
        port,
        params,
    })
}

/// Header lines as a peer may send them: any name, any legal value, folded or not, any white space before the colon.
fn header_line() -> impl Strategy<Value = String> {
    ("X-[a-zA-Z0-9]{1,8}", "[ \t]{0,2}", "[ -~äß€]{0,20}", option::of("[ \t]{1,3}[!-~][ -~]{0,10}")).prop_map(
        |(name, space, value, fold)| {
            format!("{name}{space}:{value}{}", fold.map(|fold| format!("\r\n{fold}")).unwrap_or_default())
        },
    )
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    (token(), sip_uri(), vec(header_line(), 0..6), vec(any::<u8>(), 0..40)).prop_map(|(method, uri, lines, body)| {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!(
            "{method} {uri} SIP/2.0\r\nv: SIP/2.0/UDP a\r\n{lines}f: sip:a@b\r\nt: sip:c@d\r\ni: 1\r\nCSeq: 1 {method}\r\nl: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), &body].concat()
    })
}

fn read(octets: &[u8]) -> Request {
    match parse_datagram(&Bytes::copy_from_slice(octets), &Limits::default()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{}\n{other:?}", octets.escape_ascii()),
    }
}

/// Asks for everything.
fn look_at(message: &Message) {
    let headers = message.headers();
    let _ = (headers.from(), headers.to(), headers.cseq(), headers.call_id(), headers.contacts(), headers.vias());
    let _ = (headers.max_forwards(), headers.expires(), headers.routes(), headers.record_routes(), headers.paths());
    for header in headers.iter() {
        let _ = (
            header.value(),
            headers.values(header.name()),
            headers.name_addrs(header.name()),
            headers.parameterized(header.name()),
        );
    }
    let body = match message {
        Message::Request(request) => &request.body,
        Message::Response(response) => &response.body,
    };
    let _ = Multipart::of(headers, body);
    if let Ok(Contacts::List(contacts)) = headers.contacts() {
        for contact in contacts {
            let _ = (contact.q_thousandths(), contact.expires(), contact.uri.equivalent(&contact.uri));
            let _ =
                contact.uri.as_sip().map(|uri| (uri.user(), uri.address_of_record(), uri.param("lr"), uri.header("x")));
        }
    }
}

const SEED: &str = "INVITE sip:a%00@[::1]:5060;transport=tcp SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/TCP [::1]\r\n\
    From: \"A \\\" B\" <sip:a@b;x=%41?Subject=y>;tag=1\r\nTo: <tel:+1-2>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n\
    Contact: <sip:a@b>;q=0.5;expires=7, *\r\nRoute: <sip:p;lr>\r\nSubject: a\r\n b\r\nContent-Type: multipart/mixed;boundary=b\r\n\
    Content-Length: 41\r\n\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--";

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_octets_whatever_make_it_panic(octets in vec(any::<u8>(), 0..300)) {
        if let Ok(message) = parse_datagram(&Bytes::from(octets), &Limits::default()) {
            look_at(&message);
        }
    }

    /// A sound message with some octets changed, taken away or doubled.
    #[test]
    fn no_damage_makes_it_panic(damage in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..6)) {
        let mut octets = SEED.as_bytes().to_vec();
        for (at, octet, kind) in damage {
            let at = at.index(octets.len());
            match kind {
                0 => octets[at] = octet,
                1 => drop(octets.remove(at)),
                _ => octets.insert(at, b"\"<>;,:\\\r\n @%"[usize::from(octet) % 12]),
            }
        }
        let mut framer = StreamFramer::new(Limits::default());
        framer.push(&octets);
        framer.by_ref().take_while(Result::is_ok).for_each(drop);
        match parse_datagram(&Bytes::from(octets), &Limits::default()) {
            Ok(message) => {
                look_at(&message);
                let printed = message.to_bytes();
                let again = parse_datagram(&printed, &Limits::default()).expect("what we print can be read");
                prop_assert_eq!(again.to_bytes(), printed);
            }
            Err(error) => {
                if let Some(request) = error.reply {
                    let _ = request.response(error.status, Some("t")).to_bytes();
                    look_at(&Message::Request(*request));
                }
            }
        }
    }

    #[test]
    fn messages_print_back_octet_for_octet(octets in message()) {
        prop_assert_eq!(&read(&octets).to_bytes()[..], &octets[..]);
    }

    #[test]
    fn streams_are_cut_where_the_messages_end(messages in vec(message(), 1..4), step in 1usize..50) {
        let stream = messages.concat();
        let mut framer = StreamFramer::new(Limits::default());
        let mut framed = Vec::new();
        for octets in stream.chunks(step) {
            framer.push(octets);
            framed.extend(framer.by_ref().map(|frame| frame.expect("sound")));
        }
        let expected: Vec<_> = messages.into_iter().map(|octets| Framed::Message(octets.into())).collect();
        prop_assert_eq!(framed, expected);
    }

    #[test]
    fn uris_of_ours_read_back(uri in sip_uri()) {
        let read: Uri = uri.as_str().parse().expect("ours");
        let read = read.as_sip().expect("sip");
        prop_assert_eq!(read, &uri);
        prop_assert_eq!(read.user(), uri.user());
        prop_assert_eq!((read.host(), read.port(), read.is_sips()), (uri.host(), uri.port(), uri.is_sips()));
        prop_assert_eq!(read.params().collect::<Vec<_>>(), uri.params().collect::<Vec<_>>());
        prop_assert!(read.equivalent(&uri));
        prop_assert_eq!(read.address_of_record().parse::<Uri>().map(|aor| aor.as_sip().map(SipUri::address_of_record)),
            Ok(Some(uri.address_of_record())));
    }

    #[test]
    fn users_survive_whatever_they_are(user in "\\PC{1,20}|.{1,10}") {
        let uri: Uri = SipUri::new(Some(&user), Host::Name("a".into()), None).to_string().parse().expect("ours");
        prop_assert_eq!(uri.as_sip().expect("sip").user(), Some(user.into()));
    }

    #[test]
    fn addresses_read_back(address in name_addr()) {
        prop_assert_eq!(address.to_string().parse::<NameAddr>(), Ok(address));
    }

    #[test]
    fn vias_read_back(via in via()) {
        prop_assert_eq!(via.to_string().parse::<Via>(), Ok(via));
    }

    /// Whatever it is set to, a header of ours stays one line, and a list stays one list.
    #[test]
    fn headers_of_ours_stay_one_line(value in any::<String>(), addresses in vec(name_addr(), 1..4)) {
        let mut request = Request::new(Method::Options, "sip:a".parse().expect("URI"));
        for (name, value) in [("Via", "SIP/2.0/UDP a"), ("From", "sip:a@b"), ("To", "sip:a@b"), ("i", "1"), ("CSeq", "1 OPTIONS")] {
            request.headers.push(Header::new(name.into(), value));
        }
        let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        request.headers.push(Header::new(HeaderName::Subject, value));
        request.headers.push(Header::new(HeaderName::PAssertedIdentity, list.join(", ")));
        let again = read(&request.to_bytes());
        prop_assert_eq!(again.headers.len(), 8);
        prop_assert_eq!(again.headers.name_addrs(&HeaderName::PAssertedIdentity), Ok(addresses));
    }
}
