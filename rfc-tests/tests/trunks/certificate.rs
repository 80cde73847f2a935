//! A trunk that is known by its certificate: RFC 5922 §7.4.

use std::sync::Arc;

use anyhow::ensure;
use rfc_tests::authority::Authority;
use rfc_tests::coverage::covers;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::Scratch;
use rfc_tests::server::Server;
use rustls::sign::CertifiedKey;
use serde_json::json;

use super::house::WITHIN;

/// Over TLS, with or without a certificate: the status of a call to a number of the trunk.
fn calls(server: &Server, shown: Option<&Arc<CertifiedKey>>) -> anyhow::Result<u16> {
    call(&mut RawPhone::secure_guest_showing(server, "sbc", shown.cloned())?, server)
}

fn call(sbc: &mut RawPhone, server: &Server) -> anyhow::Result<u16> {
    let invite = sbc.request("INVITE", &format!("sip:+39055123@{}", server.address), "", &sbc.sdp()?);
    Ok(sbc.ask_once(&invite)?.status())
}

/// Who shows the name is the trunk, who shows another, or none, is a stranger like any; an address does not make up for it.
#[test]
fn who_has_proven_its_name_is_the_trunk_and_nobody_else() -> anyhow::Result<()> {
    let claim = covers(["5922-05", "A-23"]).pending();
    let scratch = Scratch::new("trunk-certificates")?;
    let authority = Authority::new("ours")?;
    let authorities = scratch.path().join("clients.pem");
    std::fs::write(&authorities, authority.pem())?;
    let server = Server::start_with(&[&format!("sip.tls-client-ca={}", authorities.display())])?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let sbc = authority.issue("x", &["uri:sip:sbc.example"])?.certified()?;
    let others = [
        authority.issue("x", &["other.example"])?.certified()?,
        authority.issue("x", &["*.example"])?.certified()?,
        authority.issue("sbc.example", &["uri:sip:other.example", "sbc.example"])?.certified()?,
        authority.issue("x", &["uri:sip:boss@sbc.example"])?.certified()?,
    ];
    api.post(
        "/trunks",
        json!({ "name": "pstn", "host": "127.0.0.1:9", "transport": "tls", "options_seconds": 0,
                "certificate": "sbc.example", "numbers": [{ "number": "+39055123", "to": "3001" }] }),
    )?;
    let strangers_are_asked = || -> anyhow::Result<()> {
        for (number, other) in others.iter().enumerate() {
            ensure!(calls(&server, Some(other))? == 401, "certificate {number}");
        }
        ensure!(calls(&server, None)? == 401, "no certificate");
        Ok(())
    };
    let mut standing = RawPhone::secure_guest_showing(&server, "sbc", Some(sbc.clone()))?;
    ensure!(call(&mut standing, &server)? == 200);
    let people = api.wait_for_state("3001", "calling", 1, WITHIN)?;
    ensure!(people[0]["door"] == "trunk", "{people:?}");
    strangers_are_asked()?;

    // Where addresses are listed, too, both must fit.
    api.patch("/trunks/pstn", json!({ "sources": ["192.0.2.1"] }))?;
    ensure!(calls(&server, Some(&sbc))? == 401, "from elsewhere");
    let own = RawPhone::secure_guest(&server, "sbc")?.socket()?.ip();
    api.patch("/trunks/pstn", json!({ "sources": [own.to_string()] }))?;
    ensure!(calls(&server, Some(&sbc))? == 200);
    strangers_are_asked()?;
    let mut by_udp = RawPhone::guest(&server, "sbc")?;
    let invite = by_udp.request("INVITE", &format!("sip:+39055123@{}", server.address), "", &by_udp.sdp()?);
    ensure!(by_udp.ask_once(&invite)?.status() == 401, "the same address by UDP");

    // Switched off, it is nobody; without the certificate, its address is enough.
    api.patch("/trunks/pstn", json!({ "enabled": false }))?;
    ensure!(calls(&server, Some(&sbc))? == 401);
    api.patch("/trunks/pstn", json!({ "enabled": true, "certificate": null }))?;
    ensure!(calls(&server, None)? == 200);
    claim.proven();
    Ok(())
}
