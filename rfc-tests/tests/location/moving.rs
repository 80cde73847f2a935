//! RFC 6141 §5: a phone in a call that lost its connection, and with it the address in its Contact.

use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::{Answer, RawStream, header};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;
use serde_json::json;

use super::{register, with};

const OUTBOUND: &str = "Supported: outbound\r\n";
const FLOW: &str = ";+sip.instance=\"<urn:uuid:1>\";reg-id=1";
const SOON: Duration = Duration::from_secs(5);

/// The same over TCP, and the Contact where this connection ends.
fn by_tcp(stream: &RawStream, request: &str, contact: &str) -> anyhow::Result<String> {
    let text = request.replacen("SIP/2.0/UDP ", "SIP/2.0/TCP ", 1);
    Ok(with(&text, "Contact", &format!("<sip:alice@{};transport=tcp>{contact}", stream.local()?)))
}

/// Sends a request and gives the final response to it.
fn ask(stream: &mut RawStream, request: &str) -> anyhow::Result<Answer> {
    let is_final = |line: &str| line.starts_with("SIP/2.0 ") && !line.starts_with("SIP/2.0 1");
    stream.send(request.as_bytes())?;
    let read = stream.read_until(|read| {
        let last = read.lines().position(is_final).map(|at| read.lines().skip(at).collect::<Vec<_>>().join("\r\n"));
        last.is_some_and(|last| match header(&last, "Content-Length") {
            Some("0") => read.ends_with("\r\n\r\n"),
            Some(_) => read.contains("m=audio") && read.ends_with("\r\n"),
            None => false,
        })
    })?;
    let at = read.match_indices("SIP/2.0 ").find(|(at, _)| !read[*at..].starts_with("SIP/2.0 1"));
    Ok(Answer(read[at.context("a final response")?.0..].to_owned()))
}

/// The same, with the password when it is asked for. Gives what was sent last, too.
fn ask_with_password(
    stream: &mut RawStream,
    phone: &mut RawPhone,
    request: String,
) -> anyhow::Result<(String, Answer)> {
    let challenge = ask(stream, &request)?;
    ensure!(challenge.status() == 401, "{}", challenge.0);
    let again = phone.with_credentials(&request, &challenge, 1)?;
    let answer = ask(stream, &again)?;
    ensure!(answer.status() == 200, "{}", answer.0);
    Ok((again, answer))
}

/// Registers by this connection, by which nothing else may have come before.
fn registers(stream: &mut RawStream, phone: &mut RawPhone) -> anyhow::Result<()> {
    let wish = by_tcp(stream, &register(phone, "", OUTBOUND)?, FLOW)?;
    ask_with_password(stream, phone, wish).map(drop)
}

/// A request in the dialog that `invite` and its 200 made.
fn in_dialog(stream: &RawStream, invite: &str, ok: &Answer, method: &str, later: u32) -> anyhow::Result<String> {
    let of = |name: &str| header(invite, name).with_context(|| format!("no {name}"));
    let number: u32 = of("CSeq")?.split(' ').next().context("a number")?.parse()?;
    let target = ok.header("Contact").and_then(|value| value.split(['<', '>']).nth(1)).context("a Contact")?;
    Ok(format!(
        "{method} {target} SIP/2.0\r\nVia: SIP/2.0/TCP {0};branch=z9hG4bK-{method}-{later}\r\nMax-Forwards: 70\r\n\
         From: {1}\r\nTo: {2}\r\nCall-ID: {3}\r\nCSeq: {4} {method}\r\nContact: <sip:alice@{0};transport=tcp>\r\n\
         Content-Length: 0\r\n\r\n",
        stream.local()?,
        of("From")?,
        ok.header("To").context("a To")?,
        of("Call-ID")?,
        number + later,
    ))
}

/// How the server learns where the phone is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Returns {
    /// By registering anew, when the old connection is gone.
    LostAndRegistered,
    /// By registering anew, while the server takes the old connection for alive.
    Registered,
    /// By an UPDATE in the call.
    Updated,
}

#[test]
fn a_call_goes_on_where_its_phone_has_come_back() -> anyhow::Result<()> {
    let claim = covers(["6141-03"]).pending();
    for returns in [Returns::LostAndRegistered, Returns::Registered, Returns::Updated] {
        let server = Server::start()?;
        let api = server.api()?;
        api.post("/conferences", json!({ "number": "3001", "access": "accounts" }))?;
        let mut phone = RawPhone::new(&server, &api, "alice")?;
        let mut old = RawStream::connect(&server)?;
        registers(&mut old, &mut phone)?;
        let uri = format!("sip:3001@{}", server.address);
        let invite = by_tcp(&old, &phone.request("INVITE", &uri, "", &phone.sdp()?), "")?;
        let (invite, ok) = ask_with_password(&mut old, &mut phone, invite)?;
        old.send(in_dialog(&old, &invite, &ok, "ACK", 0)?.as_bytes())?;
        wait_for("alice", SOON, || (present(&api) == Some(1)).then_some(()))?;

        let mut kept = None;
        if returns == Returns::Registered {
            kept = Some(old);
        } else {
            drop(old);
            wait_for("the end of the flow", SOON, || {
                let bound = api.get("/accounts/alice/registrations").ok()?;
                (bound["items"].as_array().or(bound.as_array()).map_or(0, Vec::len) == 0).then_some(())
            })?;
        }
        let mut new = RawStream::connect(&server)?;
        if returns == Returns::Updated {
            let update = in_dialog(&new, &invite, &ok, "UPDATE", 1)?;
            let answer = ask(&mut new, &update)?;
            ensure!(answer.status() == 200, "{}", answer.0);
        } else {
            registers(&mut new, &mut phone)?;
        }
        ensure!(present(&api) == Some(1), "{returns:?}: the call outlives its connection");
        api.post("/conferences/3001/actions/end", json!({}))?;
        let bye = new.read_until(|read| read.contains("\r\n\r\n")).with_context(|| format!("{returns:?}"))?;
        ensure!(bye.starts_with("BYE ") && header(&bye, "Call-ID") == header(&invite, "Call-ID"), "{returns:?}: {bye}");
        if let Some(old) = &mut kept {
            ensure!(old.read_within(Duration::from_millis(300), |_| false)?.is_empty(), "nothing by the old flow");
        }
    }
    claim.proven();
    Ok(())
}

/// Participants of the conference.
fn present(api: &Api) -> Option<usize> {
    let live = api.get("/conferences/3001/live").ok()?;
    live["participants"].as_array().map(Vec::len)
}
