//! Where others may send the server: by REFER, by names, by Contact and Record-Route; and how often.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::dns::{NameServer, Record, Zone};
use rfc_tests::raw::Answer;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;
use serde_json::json;

use super::abuse::Elsewhere;
use super::refused;

const WITHIN: Duration = Duration::from_secs(5);
/// What hands out credentials to the machines of a cloud.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Alice chairs 3001, a guest is in it.
struct House {
    server: Server,
    api: Api,
    alice: RawPhone,
    guest: RawPhone,
}

fn house(settings: &[&str]) -> anyhow::Result<House> {
    let server = Server::start_with(settings)?;
    let api = server.api()?;
    let alice = RawPhone::new(&server, &api, "alice")?;
    let guest = RawPhone::new(&server, &api, "guest")?;
    let members = json!([
        { "address": "alice", "role": "chair" }, { "address": "guest", "role": "participant" },
    ]);
    api.post("/conferences", json!({ "number": "3001", "access": "members", "members": members }))?;
    Ok(House { server, api, alice, guest })
}

fn refer(server: &Server, phone: &mut RawPhone, to: &str) -> anyhow::Result<Answer> {
    let uri = format!("sip:3001@{}", server.address);
    Ok(phone.ask(phone.request("REFER", &uri, &format!("Refer-To: {to}\r\n"), ""))?.1)
}

#[test]
fn refer_sends_nobody_where_the_referrer_may_not() -> anyhow::Result<()> {
    let claims = (covers(["S-15"]).pending(), covers(["S-26"]).pending());
    let House { server, api, mut alice, mut guest } = house(&["security.dial-outs=2"])?;
    let elsewhere = Elsewhere::new()?;
    let address = elsewhere.address()?;
    for to in [format!("<sip:x@{address}>"), "<tel:+390900123456>".into(), "<sip:+390900123456@a.example>".into()] {
        ensure!(refer(&server, &mut guest, &to)?.status() == 403, "a participant has nobody called: {to}");
    }
    for (to, status) in [
        ("<sip:x@169.254.169.254>", 403),
        ("<sip:x@0.0.0.0>", 403),
        ("<sip:x@224.0.0.1>", 403),
        ("<sip:x@[::ffff:169.254.169.254]:80>", 403),
        ("<sip:x@a.example;method=REGISTER>", 403),
        ("<sip:x@a.example?Replaces=a%0d%0aRoute:x>", 400),
        ("<http://169.254.169.254/>", 416),
    ] {
        let answer = refer(&server, &mut alice, to)?;
        ensure!(answer.status() == status, "{to}: {}", answer.0);
    }
    ensure!(refused(&api, "target")? == 4);
    // The focus does not call itself.
    let uri = format!("sip:3001@{}", server.address);
    ensure!(refer(&server, &mut alice, &format!("<{uri}>"))?.status() == 403);
    elsewhere.heard_nothing()?;

    // Two calls to the outside within the hour are hers, and no third; it is not for others to pay for them.
    let (one, two, three) = (Elsewhere::new()?, Elsewhere::new()?, Elsewhere::new()?);
    for far in [&one, &two] {
        ensure!(refer(&server, &mut alice, &format!("<sip:x@{}>", far.address()?))?.status() == 202);
        ensure!(far.heard_nothing().is_err(), "she may");
    }
    ensure!(refer(&server, &mut alice, &format!("<sip:x@{}>", three.address()?))?.status() == 202);
    let told = wait_for("what became of the third", WITHIN, || {
        alice.notify().ok().filter(|notify| notify.0.contains("SIP/2.0 403"))
    });
    told.context("a NOTIFY that says 403")?;
    three.heard_nothing()?;
    ensure!(refused(&api, "dial-outs")? == 1);
    api.post("/conferences/3001/participants", json!({ "address": format!("sip:x@{}", three.address()?) }))?;
    ensure!(three.heard_nothing().is_err(), "the administrator's calls are his own");
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// A name is judged by what it means when it is used: what was asked about it before counts nothing.
#[test]
fn a_name_of_an_inner_address_leads_nowhere() -> anyhow::Result<()> {
    let claim = covers(["S-26"]).pending();
    let good = Elsewhere::new()?;
    let std::net::IpAddr::V4(good_ip) = good.address()?.ip() else { anyhow::bail!("an address of IPv4") };
    let zone = Zone::default()
        .with("inner.example", Record::Address(METADATA.into()))
        .with("nobody.example", Record::Address(Ipv4Addr::UNSPECIFIED.into()))
        .with("both.example", Record::Address(METADATA.into()))
        .with("both.example", Record::Address(good_ip.into()))
        .with("_sip._udp.srv.example", Record::Srv(0, 0, 5060, "inner.example".into()));
    let names = NameServer::start(zone)?;
    let House { server, api, mut alice, .. } = house(&[&format!("sip.name-servers=[\"{}\"]", names.address)])?;
    for (count, to) in ["inner.example:5060", "nobody.example:5060", "srv.example"].into_iter().enumerate() {
        ensure!(refer(&server, &mut alice, &format!("<sip:x@{to}>"))?.status() == 202, "{to}");
        let told = wait_for("what became of it", WITHIN, || {
            alice.notify().ok().filter(|notify| notify.0.contains("Subscription-State: terminated"))
        });
        ensure!(told.with_context(|| to.to_owned())?.0.contains("SIP/2.0 503"), "{to}");
        ensure!(refused(&api, "target")? == count as u64 + 1, "{to}");
    }
    let port = good.address()?.port();
    ensure!(refer(&server, &mut alice, &format!("<sip:x@both.example:{port}>"))?.status() == 202);
    ensure!(good.heard_nothing().is_err(), "of two addresses the one that may be called is");

    // In a call, what Contact and Record-Route say is no better.
    api.post("/conferences", json!({ "number": "3002", "access": "open" }))?;
    for (extra, contact) in [
        ("", "<sip:mallory@inner.example:5060>"),
        ("Record-Route: <sip:inner.example:5060;lr>\r\n", "<sip:mallory@192.0.2.1>"),
        ("Record-Route: <sip:169.254.169.254;lr>\r\n", "<sip:mallory@192.0.2.1>"),
    ] {
        let before = refused(&api, "target")?;
        let mut mallory = RawPhone::guest(&server, "mallory")?;
        let invite = mallory.request("INVITE", &format!("sip:3002@{}", server.address), extra, &mallory.sdp()?);
        let own = format!("<{}>", mallory.contact()?);
        mallory.join_by(invite.replace(&own, contact))?;
        let people = api.wait_for_state("3002", "connected", 1, WITHIN)?;
        let person = people.iter().find(|person| person["state"] == "connected").context("a participant")?;
        api.delete(&format!("/conferences/3002/participants/{}", person["id"].as_str().unwrap_or_default()))?;
        wait_for("the BYE that is not sent", WITHIN, || (refused(&api, "target").ok()? > before).then_some(()))
            .with_context(|| format!("{extra}{contact}"))?;
        mallory.expect_no("BYE", Duration::from_millis(1))?;
    }
    claim.proven();
    Ok(())
}
