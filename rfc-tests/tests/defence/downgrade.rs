//! Whoever can lie to the name resolution, or strip what is offered, brings nobody to speak in clear.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::dns::{NameServer, Record, Zone};
use rfc_tests::raw::RawPeer;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;
use serde_json::json;

use super::abuse::Elsewhere;
use super::refused;

const WITHIN: Duration = Duration::from_secs(10);

#[test]
fn names_with_records_for_udp_alone_are_not_called_in_clear() -> anyhow::Result<()> {
    let claim = covers(["S-13"]).pending();
    let middle = Elsewhere::new()?;
    let (ip, port) = (middle.address()?.ip(), middle.address()?.port());
    // All that is left of a domain's records after somebody has been at them.
    let stripped = |zone: Zone, domain: &str| {
        zone.with(domain, Record::Naptr(50, "SIP+D2U", format!("_sip._udp.{domain}")))
            .with(&format!("_sip._udp.{domain}"), Record::Srv(0, 0, port, domain.into()))
            .with(domain, Record::Address(ip))
    };
    let zone = stripped(stripped(Zone::default(), "secure.example"), "only.example");
    let zone = zone.with("host.only.example", Record::Address(ip));
    let names = NameServer::start(zone)?;
    let names = format!("sip.name-servers=[\"{}\"]", names.address);
    let server = Server::start_with(&[&names, "security.tls-only=[\"only.example\"]"])?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "accounts" }))?;
    let addresses = [
        "sips:x@secure.example".to_owned(),
        format!("sips:x@secure.example:{port}"),
        format!("sips:x@{ip}:{port};transport=udp"),
        "sip:x@only.example".into(),
        "sip:x@only.example;transport=udp".into(),
        format!("sip:x@host.only.example:{port}"),
        format!("sip:x@HOST.only.example:{port};transport=tcp"),
    ];
    for address in &addresses {
        api.post("/conferences/3001/participants", json!({ "address": address }))?;
    }
    let ended = api.wait_for_state("3001", "disconnected", addresses.len(), WITHIN)?;
    ensure!(ended.iter().all(|person| person["cause"] == "unreachable"), "{ended:?}");
    // A trunk that speaks TLS does so whatever its host's records say.
    let trunk = json!({ "name": "pstn", "host": "secure.example", "transport": "tls", "options_seconds": 10 });
    api.post("/trunks", trunk)?;
    middle.heard_nothing()?;
    claim.proven();
    Ok(())
}

#[test]
fn nobody_speaks_in_clear_to_a_domain_of_tls_alone() -> anyhow::Result<()> {
    let claim = covers(["S-13"]).pending();
    let server = Server::start_with(&["security.tls-only=[\"only.example\"]"])?;
    let ask = |peer: &RawPeer, uri: &str, from: &str| -> anyhow::Result<u16> {
        let request = peer.request("OPTIONS", uri, "", "");
        let place = format!("From: <sip:raw@{}>", peer.address()?);
        Ok(peer.ask(&request.replacen(&place, &format!("From: <{from}>"), 1))?.status())
    };
    let (clear, secure) = (RawPeer::new(&server)?, RawPeer::over_tls(&server)?);
    let ours = format!("sip:{}", server.address);
    for (uri, from) in [
        ("sip:alice@only.example", "sip:bob@b.example"),
        ("sip:alice@sip.only.example", "sip:bob@b.example"),
        (ours.as_str(), "sip:alice@only.example"),
    ] {
        ensure!(ask(&clear, uri, from)? == 403, "{uri} {from}");
        ensure!(ask(&secure, uri, from)? != 403, "{uri} {from}");
    }
    ensure!(ask(&clear, &ours, "sip:bob@b.example")? == 200);
    ensure!(refused(&server.api()?, "insecure")? == 3);
    claim.proven();
    Ok(())
}

#[test]
fn media_in_clear_and_old_tls_are_refused_where_encryption_is_required() -> anyhow::Result<()> {
    let claim = covers(["S-13"]).pending();
    let server = Server::start_with(&["security.srtp=required"])?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let uri = format!("sip:3001@{}", server.address);
    for mut phone in [RawPhone::guest(&server, "guest")?, RawPhone::secure_guest(&server, "guest")?] {
        let plain = phone.request("INVITE", &uri, "", &phone.sdp()?);
        let answer = phone.ask(plain)?.1;
        ensure!(answer.status() == 488, "{}", answer.0);
    }
    ensure!(api.participants("3001")?.iter().all(|person| person["state"] == "disconnected"));
    // Version 3.1, 3.2 of the record layer's sense: TLS 1.0, TLS 1.1; and 1.2 with a suite without forward secrecy.
    for (minor, suite) in [(1, [0xc0, 0x13]), (2, [0xc0, 0x13]), (3, [0x00, 0x2f]), (3, [0x00, 0x05])] {
        let mut stream = TcpStream::connect(server.tls())?;
        stream.set_read_timeout(Some(WITHIN))?;
        stream.write_all(&client_hello(minor, suite))?;
        let mut answer = [0; 64];
        let count = stream.read(&mut answer).context("an alert, or the end")?;
        ensure!(count == 0 || answer[0] == 21, "TLS 1.{} and suite {suite:x?}: {:x?}", minor - 1, &answer[..count]);
    }
    claim.proven();
    Ok(())
}

/// RFC 5246 §7.4.1.2, as short as may be: one suite, no extensions.
fn client_hello(minor: u8, suite: [u8; 2]) -> Vec<u8> {
    let mut hello = vec![3, minor];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, suite[0], suite[1], 1, 0]);
    let length = u8::try_from(hello.len()).expect("short");
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    record
}
