//! RFC 4475 and RFC 5118: messages made to be misread. Each comes over UDP to a conference, or as a REGISTER to a
//! registrar; each has its answer, and the next request is answered as ever.

use std::path::Path;
use std::time::Duration;

use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

/// Row and file, and the status of the answer; 0: there is none.
const RFC4475: &[(&str, u16)] = &[
    ("4475-wsinv", 481),
    ("4475-intmeth", 501),
    ("4475-esc01", 404),
    ("4475-escnull", 404),
    ("4475-esc02", 501),
    ("4475-lwsdisp", 404),
    ("4475-longreq", 404),
    ("4475-dblreq", 404),
    ("4475-semiuri", 404),
    ("4475-transports", 404),
    ("4475-mpart01", 405),
    ("4475-unreason", 0),
    ("4475-noreason", 0),
    ("4475-badinv01", 400),
    ("4475-clerr", 400),
    ("4475-ncl", 400),
    ("4475-scalar02", 400),
    ("4475-scalarlg", 0),
    ("4475-quotbal", 400),
    ("4475-ltgtruri", 400),
    ("4475-lwsruri", 400),
    ("4475-lwsstart", 400),
    ("4475-trws", 400),
    ("4475-escruri", 400),
    ("4475-baddate", 404),
    ("4475-regbadct", 400),
    ("4475-badaspec", 400),
    ("4475-baddn", 400),
    ("4475-badvers", 505),
    ("4475-mismatch01", 400),
    ("4475-mismatch02", 400),
    ("4475-bigcode", 0),
    ("4475-badbranch", 404),
    ("4475-insuf", 400),
    ("4475-unkscm", 416),
    ("4475-novelsc", 416),
    ("4475-unksm2", 404),
    ("4475-bext01", 420),
    ("4475-invut", 415),
    ("4475-regaut01", 404),
    ("4475-multi01", 400),
    ("4475-mcl01", 400),
    ("4475-bcast", 0),
    ("4475-zeromf", 404),
    ("4475-cparam01", 404),
    ("4475-cparam02", 404),
    ("4475-regescrt", 404),
    ("4475-sdp01", 404),
    ("4475-inv2543", 400),
];

/// As they are meant to be on the wire, with right lengths and line ends.
const RFC5118: &[(&str, u16)] = &[
    ("5118-ipv6-good", 404),
    ("5118-ipv6-bad", 400),
    ("5118-port-ambiguous", 404),
    ("5118-port-unambiguous", 404),
    ("5118-via-received-param-with-delim", 481),
    ("5118-via-received-param-no-delim", 404),
    ("5118-ipv6-in-sdp", 404),
    ("5118-mult-ip-in-header", 481),
    ("5118-mult-ip-in-sdp", 404),
    ("5118-ipv4-mapped-ipv6", 404),
    ("5118-ipv6-bug-abnf-3-colons", 404),
    ("5118-ipv6-correct-abnf-2-colons", 404),
];

/// Sends the message and gives the status that comes back within the time of a 100 Trying.
fn answer_to(octets: Vec<u8>) -> u16 {
    let mut net = Net::with_seed(4475);
    net.stranger("mallory");
    net.focus("conf-7");
    net.registrar("home");
    let server = if octets.starts_with(b"REGISTER") { "home" } else { "conf-7" };
    net.stranger("mallory").blurts(octets, server);
    net.runs_for(Duration::from_millis(140));
    let answer = net.passages().get(1).map(|passage| passage.text());
    let status = answer.and_then(|text| text.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    net.plays(&format!(
        "
        mallory              {server}
           |----OPTIONS----------->|
           |<---200 OK (OPTIONS)---|
    "
    ));
    status
}

fn check(folder: &str, rows: &[(&'static str, u16)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sip/tests/data").join(folder);
    for (row, status) in rows {
        let (_, name) = row.split_once('-').expect("a row is RFC and name");
        let octets = std::fs::read(folder.join(name).with_extension("dat")).expect("the message is there");
        let is_foreign = octets.starts_with(b"REGISTER") && *status == 404;
        let _proven = covers([row]).but(if is_foreign {
            "asked of the registrar of another domain; over UDP only"
        } else {
            "over UDP; of streams the framing alone is tested, WebSocket is not there"
        });
        assert_eq!(answer_to(octets), *status, "{row}");
    }
}

#[test]
fn every_torture_message_has_its_answer_and_disturbs_nothing() {
    check("rfc4475", RFC4475);
}

#[test]
fn every_torture_message_over_ipv6_has_its_answer_and_disturbs_nothing() {
    check("rfc5118/wire", RFC5118);
}
