//! REGISTER: what is asked, and the answer. RFC 3261 §10.3; RFC 3327 §5.3; RFC 5626 §6.

use plenary_sip::message::{Header, HeaderError, HeaderName, NameAddr, Request, StatusCode, Uri};
use plenary_sip::net_types::{Source, Transport};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::bindings::{Bindings, Refusal, Wish};

/// Status and headers of a response.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: Vec<Header>,
}

impl Reply {
    pub fn new(status: StatusCode) -> Self {
        Self { status, headers: Vec::new() }
    }

    /// 503: try again in a moment.
    pub fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE).with(HeaderName::RetryAfter, RETRY_AFTER_SECONDS.to_string())
    }

    fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push(Header::new(name, value));
        self
    }

    /// Says why, for whoever reads the trace (§20.43).
    fn because(self, reason: impl std::fmt::Display) -> Self {
        let text: String = reason.to_string().chars().filter(|c| !matches!(c, '"' | '\\') && !c.is_control()).collect();
        self.with(HeaderName::Warning, format!("399 plenary \"{text}\""))
    }
}

const RETRY_AFTER_SECONDS: u32 = 5;
const EXTENSIONS: [&str; 3] = ["path", "outbound", "gruu"];

/// Steps 1 and 2, before anybody is asked for a password: is it ours, could it be about anybody, and do we know what it
/// requires?
pub fn check(request: &Request, is_ours: impl Fn(&str) -> bool) -> Result<(), Reply> {
    if !host_of(&request.uri).is_some_and(|host| is_ours(&host)) {
        return Err(Reply::new(StatusCode::NOT_FOUND).because("not the registrar of this domain"));
    }
    if request.headers.to().map_err(unreadable)?.uri.as_sip().is_none() {
        return Err(Reply::new(StatusCode::BAD_REQUEST).because("an address-of-record is a SIP URI"));
    }
    let required = request.headers.option_tags(&HeaderName::Require);
    let unknown: Vec<_> = required.into_iter().filter(|tag| !EXTENSIONS.contains(&tag.as_str())).collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(Reply::new(StatusCode::BAD_EXTENSION).with(HeaderName::Unsupported, unknown.join(", ")))
    }
}

/// Steps 4 and 5: an account registers itself and nobody else.
pub fn check_address(request: &Request, account: &str, is_ours: impl Fn(&str) -> bool) -> Result<(), Reply> {
    let to = request.headers.to().map_err(unreadable)?;
    let user = to.uri.as_sip().and_then(|uri| uri.user()).map(|user| user.to_lowercase());
    let is_itself = user.as_deref() == Some(account) && host_of(&to.uri).is_some_and(|host| is_ours(&host));
    if is_itself { Ok(()) } else { Err(Reply::new(StatusCode::FORBIDDEN)) }
}

/// Reads what is asked.
pub fn read(request: &Request, source: &Source) -> Result<Wish, Reply> {
    let headers = &request.headers;
    let wish = || -> Result<Wish, HeaderError> {
        Ok(Wish {
            contacts: headers.contacts()?,
            expires: headers.expires(),
            call_id: headers.call_id()?,
            cseq: headers.cseq()?.number,
            path: headers.paths()?,
            outbound: supports(request, "outbound"),
            user_agent: headers.get(&HeaderName::UserAgent).map(|text| printable(&text)).unwrap_or_default(),
            source: *source,
        })
    };
    let wish = wish().map_err(unreadable)?;
    // RFC 5626 §6: behind a proxy, the one nearest to the phone must keep the flow and say so by `ob`.
    let hops = headers.vias().map_err(unreadable)?.len();
    let wants_outbound = wish.outbound && wants_flow(&wish);
    if wants_outbound && hops > 1 && !wish.path.last().is_some_and(keeps_flow) {
        return Err(Reply::new(StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT));
    }
    Ok(wish)
}

/// Step 8: all bindings with the time that is left. `outbound`: where RFC 5626 is applied, what the flow is.
pub fn granted(request: &Request, bindings: &Bindings, account: &str, outbound: Option<Transport>, now: i64) -> Reply {
    let mut reply = Reply::new(StatusCode::OK);
    let wants_gruu = supports(request, "gruu");
    for binding in bindings.of(account) {
        let left = (binding.expires_at - now).max(0).to_string();
        let mut contact = binding.contact.clone().with_param("expires", Some(&left));
        if wants_gruu {
            contact = bindings.gruus().show(account, binding, contact);
        }
        reply = reply.with(HeaderName::Contact, contact.to_string());
    }
    if supports(request, "path") {
        for hop in request.headers.all(&HeaderName::Path) {
            reply = reply.with(HeaderName::Path, hop.value().into_owned());
        }
    }
    if let Some(transport) = outbound {
        reply = reply.with(HeaderName::Require, "outbound");
        let limits = bindings.limits();
        let flow_timer = match transport {
            Transport::Tcp | Transport::Tls => Some(limits.flow_timer),
            Transport::Udp => Some(limits.flow_timer_udp),
            // A browser is asked by pings of the WebSocket.
            Transport::Ws | Transport::Wss => None,
        };
        // Behind an edge proxy the flow is the proxy's to watch: what we see is its connection.
        let is_direct = request.headers.vias().is_ok_and(|hops| hops.len() == 1);
        if let Some(seconds) = flow_timer.filter(|_| is_direct) {
            reply = reply.with(HeaderName::FlowTimer, seconds.to_string());
        }
    }
    reply.with(HeaderName::Supported, EXTENSIONS.join(", ")).with(HeaderName::Date, date(now))
}

pub fn refused(refusal: &Refusal) -> Reply {
    match refusal {
        Refusal::TooBrief { min_expires, .. } => {
            Reply::new(StatusCode::INTERVAL_TOO_BRIEF).with(HeaderName::MinExpires, min_expires.to_string())
        }
        Refusal::StarThatStays | Refusal::Unreachable { .. } => Reply::new(StatusCode::BAD_REQUEST).because(refusal),
        Refusal::OutOfOrder { .. } => Reply::new(StatusCode::SERVER_INTERNAL_ERROR).because(refusal),
        Refusal::TooMany { .. } => Reply::new(StatusCode::FORBIDDEN).because(refusal),
    }
}

fn unreadable(error: HeaderError) -> Reply {
    Reply::new(StatusCode::BAD_REQUEST).because(error)
}

fn supports(request: &Request, tag: &str) -> bool {
    let names = [HeaderName::Supported, HeaderName::Require];
    names.iter().any(|name| request.headers.option_tags(name).iter().any(|known| known == tag))
}

fn wants_flow(wish: &Wish) -> bool {
    use plenary_sip::message::Contacts;
    let Contacts::List(contacts) = &wish.contacts else { return false };
    contacts.iter().any(|contact| contact.params.contains("reg-id") && contact.params.contains("+sip.instance"))
}

fn keeps_flow(hop: &NameAddr) -> bool {
    hop.uri.as_sip().is_some_and(|uri| uri.has_param("ob"))
}

fn host_of(uri: &Uri) -> Option<String> {
    uri.as_sip().map(|uri| uri.host().to_string())
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// `Sat, 13 Nov 2010 23:29:00 GMT` (§20.17).
fn date(now: i64) -> String {
    let now = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    now.format(&Rfc2822).unwrap_or_default().replace("+0000", "GMT")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use plenary_sip::message::{self, Message, parse_datagram};
    use plenary_sip::net_types::FlowId;

    use super::super::bindings::Limits;
    use super::super::gruu::Gruus;
    use super::*;

    const START: i64 = 1_289_690_940;

    fn request(to: &str, headers: &str) -> Request {
        let text = format!(
            "REGISTER sip:example.org SIP/2.0\r\n\
             Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKa;rport\r\n\
             From: <{to}>;tag=1\r\nTo: <{to}>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\n\
             {headers}Content-Length: 0\r\n\r\n"
        );
        match parse_datagram(&Bytes::from(text), &message::Limits::default()) {
            Ok(Message::Request(request)) => request,
            other => panic!("no request: {other:?}"),
        }
    }

    fn source() -> Source {
        let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "198.51.100.7:5060".parse().unwrap());
        Source { transport: Transport::Tcp, local, remote, flow: FlowId(1) }
    }

    /// What the registrar says to alice.
    fn answer(request: &Request) -> Reply {
        let is_ours = |host: &str| host == "example.org";
        let gruus = Gruus::new("example.org".parse().expect("a host"), &[7; 32]);
        let mut bindings = Bindings::new(
            Limits { min_expires: 60, max_expires: 3600, max_bindings: 10, flow_timer: 120, flow_timer_udp: 30 },
            gruus,
        );
        let mut answer = || {
            check(request, is_ours)?;
            check_address(request, "alice", is_ours)?;
            let wish = read(request, &source())?;
            let outbound = bindings.handle_register("alice", &wish, START).map_err(|refusal| refused(&refusal))?;
            let outbound = outbound.then_some(wish.source.transport);
            Ok(granted(request, &bindings, "alice", outbound, START + 10))
        };
        answer().unwrap_or_else(|refused: Reply| refused)
    }

    fn lines(reply: &Reply) -> Vec<String> {
        let lines = reply.headers.iter().map(|header| format!("{}: {}", header.name(), header.value()));
        [reply.status.as_u16().to_string()].into_iter().chain(lines).collect()
    }

    #[test]
    fn the_200_lists_every_binding_with_the_time_that_is_left() {
        let contacts = "Contact: \"A\" <sip:a@h>;q=0.5;methods=\"INVITE, BYE\", <sip:b@h>;expires=99\r\n";
        assert_eq!(
            lines(&answer(&request("sip:alice@example.org", contacts))),
            [
                "200",
                "Contact: \"A\" <sip:a@h>;q=0.5;methods=\"INVITE, BYE\";expires=3590",
                "Contact: <sip:b@h>;expires=89",
                "Supported: path, outbound, gruu",
                "Date: Sat, 13 Nov 2010 23:29:10 GMT",
            ]
        );
    }

    #[test]
    fn a_query_without_contact_changes_nothing() {
        assert_eq!(answer(&request("sip:alice@example.org", "")).status, StatusCode::OK);
    }

    #[test]
    fn refusals_tell_what_would_do() {
        for (to, headers, expected) in [
            ("sip:alice@example.org", "Contact: <sip:a@h>;expires=1\r\n", vec!["423", "Min-Expires: 60"]),
            ("sip:alice@example.org", "Require: gin, path\r\n", vec!["420", "Unsupported: gin"]),
            (
                "sip:alice@example.org",
                "Contact: *\r\nExpires: 60\r\n",
                vec!["400", "Warning: 399 plenary \"* is only for Expires: 0\""],
            ),
            ("sip:bob@example.org", "Contact: <sip:a@h>\r\n", vec!["403"]),
            ("isbn:1", "", vec!["400", "Warning: 399 plenary \"an address-of-record is a SIP URI\""]),
            ("sip:alice@example.com", "Contact: <sip:a@h>\r\n", vec!["403"]),
        ] {
            assert_eq!(lines(&answer(&request(to, headers))), expected, "{headers}");
        }
    }

    #[test]
    fn the_address_of_record_is_canonical() {
        for to in ["sip:Alice@example.org", "sip:%61lice@example.org;user=phone", "sips:alice@example.org"] {
            assert_eq!(answer(&request(to, "Contact: <sip:a@h>\r\n")).status, StatusCode::OK, "{to}");
        }
    }

    /// RFC 3327 §5.3.
    #[test]
    fn a_path_is_kept_in_order_and_echoed_to_who_knows_it() {
        let path = "Path: <sip:p2.example;lr>\r\nPath: <sip:p1.example;lr>\r\nContact: <sip:a@h>\r\n";
        let echoed = lines(&answer(&request("sip:alice@example.org", &format!("Supported: path\r\n{path}"))));
        assert_eq!(echoed[2..4], ["Path: <sip:p2.example;lr>", "Path: <sip:p1.example;lr>"]);
        assert!(!lines(&answer(&request("sip:alice@example.org", path))).iter().any(|line| line.starts_with("Path")));
    }

    /// RFC 5626 §6.
    #[test]
    fn outbound_is_confirmed_and_needs_a_first_hop_that_knows_it() {
        let wish = "Supported: outbound\r\nContact: <sip:a@h>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\n";
        let direct = answer(&request("sip:alice@example.org", wish));
        for told in ["Require: outbound", "Flow-Timer: 120"] {
            assert!(lines(&direct).contains(&told.into()), "{told}");
        }
        assert!(
            !lines(&answer(&request("sip:alice@example.org", ""))).iter().any(|line| line.starts_with("Flow-Timer"))
        );

        let via = "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKb\r\n";
        let proxied = |path: &str| {
            let reply = answer(&request("sip:alice@example.org", &format!("{via}{path}{wish}")));
            assert!(!lines(&reply).iter().any(|line| line.starts_with("Flow-Timer")), "the flow is the proxy's");
            reply.status
        };
        assert_eq!(proxied(""), StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT);
        assert_eq!(proxied("Path: <sip:edge.example;lr>\r\n"), StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT);
        assert_eq!(proxied("Path: <sip:edge.example;lr;ob>\r\n"), StatusCode::OK);
    }
}
