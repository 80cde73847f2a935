//! RFC 3327 and RFC 3608: the way to a phone behind proxies, and its way out.

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;

use super::{all, registered};

const TWO: &str = "Path: <sip:p2.example.net;lr>\r\nPath: <sip:p1.example.net;lr;x=1>\r\n";

#[test]
fn the_path_is_told_stored_and_taken_in_its_order() -> anyhow::Result<()> {
    let claim = covers(["3327-01", "3327-02", "3327-03"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let told = registered(&mut alice, "", &format!("Supported: path\r\n{TWO}"))?;
    let two = ["<sip:p2.example.net;lr>", "<sip:p1.example.net;lr;x=1>"];
    ensure!(all(&told.0, "Path") == two, "{}", told.0);
    ensure!(route_of_a_call(&mut bob, &mut alice)? == two);
    // Another contact of the account has a path of its own, here none; who does not know `path` is served, untold.
    let mut other = RawPhone::guest(&server, "alice")?;
    registered(&mut other, ";q=0.1", "")?;
    let untold = registered(&mut alice, "", "Path: <sip:p3.example.net;lr>\r\n")?;
    ensure!(all(&untold.0, "Path").is_empty(), "{}", untold.0);
    ensure!(route_of_a_call(&mut bob, &mut alice)? == ["<sip:p3.example.net;lr>"]);
    claim.proven();
    Ok(())
}

/// The Route of the INVITE that reaches alice's side; it ends the call for good.
fn route_of_a_call(bob: &mut RawPhone, alice: &mut RawPhone) -> anyhow::Result<Vec<String>> {
    std::thread::scope(|scope| {
        let call =
            scope.spawn(|| bob.ask(bob.request("INVITE", &bob.address().replace("bob", "alice"), "", &bob.sdp()?)));
        let invite = alice.expect("INVITE")?;
        alice.answer(&invite, "603 Decline", "", "")?;
        let (_, answer) = call.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 603, "{}", answer.0);
        let routes = all(&invite, "Route").into_iter().flat_map(|line| line.split(", "));
        Ok(routes.map(str::to_owned).collect())
    })
}

#[test]
fn the_service_route_stands_in_every_200_in_its_order() -> anyhow::Result<()> {
    let claim = covers(["3608-01"]).pending();
    let server = Server::start_with(&["sip.service-route=[\"sip:out1.example.net;lr\",\"sip:out2.example.net;lr\"]"])?;
    let api = server.api()?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    for _ in 0..2 {
        let told = registered(&mut alice, "", "")?;
        ensure!(
            all(&told.0, "Service-Route") == ["<sip:out1.example.net;lr>", "<sip:out2.example.net;lr>"],
            "{}",
            told.0
        );
    }
    let plain = Server::start()?;
    let mut alice = RawPhone::new(&plain, &plain.api()?, "alice")?;
    ensure!(all(&registered(&mut alice, "", "")?.0, "Service-Route").is_empty());
    claim.proven();
    Ok(())
}
