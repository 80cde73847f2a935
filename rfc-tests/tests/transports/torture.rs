//! The torture messages on the wire: RFC 4475 and RFC 5118, against a started server.
//!
//! Each goes by UDP, by TCP in one write, by TCP octet by octet, and as one WebSocket message; behind each the server
//! answers an OPTIONS at once. The good ones come out of the printer as they went into the parser.
//! What is expected follows `expected_response` of the archives' `index.tsv`, for a server that is registrar of
//! example.com and asks everybody who he is: where a registrar says 200, the stranger is asked first (401).

use std::collections::{BTreeSet, HashSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use plenary_sip::message::{Limits, Message, Request, parse_datagram};
use plenary_sip::transaction::ServerKey;
use rfc_tests::coverage::{self, Claim, covers};
use rfc_tests::raw::{Answer, RawPeer, RawStream, header};
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use rfc_tests::websocket::RawWebSocket;
use tokio_tungstenite::tungstenite::Message as WebSocketMessage;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// A final response with this status.
    Answered(u16),
    /// Nothing comes back.
    Silence,
}

use Fate::{Answered, Silence};

/// File, what it gets as a datagram, and on a stream where that differs.
type Row = (&'static str, Fate, Option<Fate>);

const RFC4475: &[Row] = &[
    ("wsinv", Answered(481), None),
    ("intmeth", Answered(501), None),
    ("esc01", Answered(404), None),
    ("escnull", Answered(401), None),
    ("esc02", Answered(501), None),
    ("lwsdisp", Answered(404), None),
    ("longreq", Answered(401), None),
    ("dblreq", Answered(401), None),
    ("semiuri", Answered(404), None),
    ("transports", Answered(404), None),
    // Its Route leads on to a server of somebody else.
    ("mpart01", Answered(403), None),
    ("unreason", Silence, None),
    ("noreason", Silence, None),
    ("badinv01", Answered(400), None),
    ("clerr", Answered(400), Some(Silence)),
    ("ncl", Answered(400), None),
    ("scalar02", Answered(400), None),
    ("scalarlg", Silence, None),
    ("quotbal", Answered(400), None),
    ("ltgtruri", Answered(400), None),
    ("lwsruri", Answered(400), None),
    ("lwsstart", Answered(400), None),
    ("trws", Answered(400), None),
    ("escruri", Answered(400), None),
    ("baddate", Answered(401), None),
    ("regbadct", Answered(400), None),
    ("badaspec", Answered(400), None),
    ("baddn", Answered(400), Some(Silence)),
    ("badvers", Answered(505), None),
    ("mismatch01", Answered(400), None),
    ("mismatch02", Answered(400), None),
    ("bigcode", Silence, None),
    ("badbranch", Answered(404), None),
    ("insuf", Answered(400), None),
    ("unkscm", Answered(416), None),
    ("novelsc", Answered(416), None),
    ("unksm2", Answered(400), None),
    ("bext01", Answered(420), None),
    ("invut", Answered(415), None),
    ("regaut01", Answered(401), None),
    ("multi01", Answered(400), None),
    ("mcl01", Answered(400), None),
    ("bcast", Silence, None),
    ("zeromf", Answered(404), None),
    ("cparam01", Answered(401), None),
    ("cparam02", Answered(401), None),
    ("regescrt", Answered(401), None),
    ("sdp01", Answered(406), None),
    ("inv2543", Answered(400), None),
    ("test", Answered(400), None),
];

const RFC5118: &[Row] = &[
    ("ipv6-good", Answered(401), None),
    ("ipv6-bad", Answered(400), None),
    ("port-ambiguous", Answered(401), None),
    ("port-unambiguous", Answered(401), None),
    ("via-received-param-with-delim", Answered(481), None),
    ("via-received-param-no-delim", Answered(200), None),
    ("ipv6-in-sdp", Answered(404), None),
    ("mult-ip-in-header", Answered(481), None),
    ("mult-ip-in-sdp", Answered(404), None),
    ("ipv4-mapped-ipv6", Answered(401), None),
    ("ipv6-bug-abnf-3-colons", Answered(404), None),
    ("ipv6-correct-abnf-2-colons", Answered(404), None),
];

/// Where one WebSocket message gets something else than the same datagram: what is behind the body is no noise there.
const ON_WEBSOCKET: &[(&str, Fate)] = &[("dblreq", Answered(400))];

const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// What comes after this would be no answer.
const SILENT_FOR: Duration = Duration::from_millis(150);
const ALIVE_WITHIN: Duration = Duration::from_millis(500);

struct Trial {
    name: &'static str,
    octets: Vec<u8>,
    datagram: Fate,
    stream: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Datagram,
    Stream,
    OctetByOctet,
    WebSocket,
}

/// Rows whose treatment in the index is one that a stranger gets only after the password.
const ASKED_FIRST: &[&str] = &["escnull", "longreq", "dblreq", "baddate", "cparam01", "cparam02", "regescrt"];

#[test]
fn every_message_by_every_way() -> anyhow::Result<()> {
    let ways = [Way::Datagram, Way::Stream, Way::OctetByOctet, Way::WebSocket];
    let rows = || RFC4475.iter().map(|row| ("4475", row.0)).chain(RFC5118.iter().map(|row| ("5118", row.0)));
    let claims: Vec<(&str, Claim)> = rows()
        .filter_map(|(rfc, name)| {
            let row = coverage::rows().iter().find(|row| row.id == format!("{rfc}-{name}"))?;
            let claim = covers([row.id]).pending();
            let asked = ASKED_FIRST.contains(&name);
            Some((name, if asked { claim.but("who sends it is asked for his password first") } else { claim }))
        })
        .collect();
    let tried: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = ways.iter().map(|way| scope.spawn(|| torture(*way))).collect();
        running.into_iter().map(|way| way.join().expect("no panic")).collect::<anyhow::Result<_>>()
    })?;
    let mut wrong: Vec<(&str, String)> = tried.concat();
    wrong.extend(read_and_printed()?);
    for (name, claim) in claims {
        if wrong.iter().all(|(failed, _)| *failed != name) {
            claim.proven();
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.iter().map(|(_, fault)| fault.as_str()).collect::<Vec<_>>().join("\n"));
    Ok(())
}

/// Those that are good come out of the printer as they went into the parser.
fn read_and_printed() -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut wrong = Vec::new();
    for (folder, rows) in [("rfc4475", RFC4475), ("rfc5118/wire", RFC5118)] {
        for (name, ..) in rows {
            let octets = std::fs::read(data(folder).join(format!("{name}.dat"))).context(*name)?;
            let Ok(message) = parse_datagram(&octets.into(), &Limits::default()) else { continue };
            let printed = message.to_bytes();
            let again = parse_datagram(&printed, &Limits::default()).map(|again| again.to_bytes());
            if again.as_ref().ok() != Some(&printed) {
                wrong.push((*name, format!("{name}: printed as {}", String::from_utf8_lossy(&printed))));
            }
        }
    }
    Ok(wrong)
}

#[test]
fn no_message_of_the_archives_is_left_out() -> anyhow::Result<()> {
    for (rfc, rows) in [("rfc4475", RFC4475), ("rfc5118", RFC5118)] {
        let index = std::fs::read_to_string(data(rfc).join("index.tsv"))?;
        let indexed: BTreeSet<_> =
            index.lines().skip(1).filter_map(|line| line.split_once('\t')?.0.strip_suffix(".dat")).collect();
        let tried: BTreeSet<_> = rows.iter().map(|(name, ..)| *name).collect();
        ensure!(indexed == tried, "{rfc}: {indexed:?} are not {tried:?}");
    }
    Ok(())
}

fn torture(way: Way) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut wrong = Vec::new();
    for round in rounds()? {
        let server = Server::start_with(&["server.domain=example.com"])?;
        let prober = RawPeer::new(&server)?;
        let phone = own_address();
        for Trial { name, octets, datagram, stream } in round {
            let (expected, met) = match way {
                Way::Datagram => (datagram, as_datagram(&server, phone, &octets, datagram)?),
                Way::Stream | Way::OctetByOctet => (stream, on_stream(&server, &octets, way, stream)?),
                Way::WebSocket => {
                    let expected = ON_WEBSOCKET.iter().find(|(of, _)| *of == name).map_or(datagram, |(_, fate)| *fate);
                    (expected, on_websocket(&server, &octets, expected)?)
                }
            };
            if met != expected {
                wrong.push((name, format!("{way:?} {name}: {met:?} instead of {expected:?}")));
            }
            let asked = Instant::now();
            prober.ping().with_context(|| format!("after {name}"))?;
            if asked.elapsed() >= ALIVE_WITHIN {
                wrong.push((name, format!("{way:?}, after {name}: OPTIONS took {:?}", asked.elapsed())));
            }
        }
    }
    Ok(wrong)
}

/// All messages, those apart that share branch and sent-by: to one server they would be one request sent twice.
fn rounds() -> anyhow::Result<Vec<Vec<Trial>>> {
    let mut rounds: Vec<(HashSet<ServerKey>, Vec<Trial>)> = Vec::new();
    for (folder, rows) in [("rfc4475", RFC4475), ("rfc5118/wire", RFC5118)] {
        for (name, datagram, stream) in rows.iter().copied() {
            let octets = std::fs::read(data(folder).join(format!("{name}.dat"))).context(name)?;
            let key = request(&octets).and_then(|request| ServerKey::of(&request).ok());
            let is_free = |round: &(HashSet<_>, _)| key.as_ref().is_none_or(|key| !round.0.contains(key));
            let place = rounds.iter().position(is_free).unwrap_or(rounds.len());
            if place == rounds.len() {
                rounds.push(Default::default());
            }
            rounds[place].0.extend(key);
            rounds[place].1.push(Trial { name, octets, datagram, stream: stream.unwrap_or(datagram) });
        }
    }
    Ok(rounds.into_iter().map(|(_, trials)| trials).collect())
}

/// From the port that the message itself names in its top Via: without `rport` the answer goes there (§18.2.2).
fn as_datagram(server: &Server, phone: Ipv4Addr, octets: &[u8], expected: Fate) -> anyhow::Result<Fate> {
    let request = request(octets);
    let port = request.as_ref().and_then(|request| request.headers.top_via().ok()?.port).unwrap_or(5060);
    let peer = RawPeer::at(server, (phone, port))?;
    peer.send(octets)?;
    let call_id = call_id(octets);
    let give_up = Instant::now() + patience(expected);
    while let Some(text) = peer.receive(give_up.saturating_duration_since(Instant::now()))? {
        if let Some(fate) = fate_in(&text, call_id.as_deref()) {
            return Ok(fate);
        }
    }
    Ok(Silence)
}

fn on_stream(server: &Server, octets: &[u8], way: Way, expected: Fate) -> anyhow::Result<Fate> {
    let mut stream = RawStream::connect(server)?;
    let chunk = if way == Way::OctetByOctet { 1 } else { octets.len() };
    for piece in octets.chunks(chunk) {
        // The server may have closed already: what matters is what it said.
        if stream.send(piece).is_err() {
            break;
        }
    }
    let call_id = call_id(octets);
    let fate = |read: &str| fate_in(read, call_id.as_deref());
    let read = stream.read_within(patience(expected), |read| read.ends_with("\r\n\r\n") && fate(read).is_some())?;
    Ok(fate(&read).unwrap_or(Silence))
}

/// As one message, binary: not all of them are UTF-8.
fn on_websocket(server: &Server, octets: &[u8], expected: Fate) -> anyhow::Result<Fate> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut socket = RawWebSocket::open(server, &[("sec-websocket-protocol", "sip")]).await?.expect("let in");
        socket.send(WebSocketMessage::binary(octets.to_vec())).await?;
        let call_id = call_id(octets);
        let give_up = tokio::time::Instant::now() + patience(expected);
        while let Ok(received) = tokio::time::timeout_at(give_up, socket.receive()).await {
            let Ok(message) = received else { return Ok(Silence) };
            let text = String::from_utf8_lossy(&message.into_data()).into_owned();
            if let Some(fate) = fate_in(&text, call_id.as_deref()) {
                return Ok(fate);
            }
        }
        Ok(Silence)
    })
}

/// The first final response that has this Call-ID, under its long name or as `i`.
fn fate_in(read: &str, call_id: Option<&str>) -> Option<Fate> {
    let messages = read.split("SIP/2.0 ").skip(1).map(|rest| Answer(format!("SIP/2.0 {rest}")));
    let mut finals = messages.filter(|answer| answer.status() >= 200 && call_id.is_none_or(|id| answer.0.contains(id)));
    finals.next().map(|answer| Answered(answer.status()))
}

fn patience(expected: Fate) -> Duration {
    if expected == Silence { SILENT_FOR } else { ANSWER_WITHIN }
}

/// As far as it can be read.
pub(super) fn request(octets: &[u8]) -> Option<Request> {
    match parse_datagram(&Bytes::copy_from_slice(octets), &Limits::default()) {
        Ok(Message::Request(request)) => Some(request),
        Ok(Message::Response(_)) => None,
        Err(error) => error.reply.map(|request| *request),
    }
}

pub(super) fn call_id(octets: &[u8]) -> Option<String> {
    let read = request(octets).and_then(|request| request.headers.call_id().ok());
    read.or_else(|| header(&String::from_utf8_lossy(octets), "Call-ID").map(str::to_owned))
}

pub(super) fn data(folder: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../sip/tests/data", folder].iter().collect()
}
