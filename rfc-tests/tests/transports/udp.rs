//! What only datagrams have: keep-alives by STUN, large requests.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::raw::{Answer, RawPeer, header};
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;

/// RFC 5626 §8: the mapped address comes back, in few octets; what is no question has no answer.
#[test]
fn a_stun_keep_alive_on_the_sip_port_is_answered() -> anyhow::Result<()> {
    let claim = covers(["5626-04"]).pending();
    let server = Server::start()?;
    let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    phone.set_read_timeout(Some(Duration::from_secs(5)))?;
    let id = *b"0123456789ab";
    let question = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &id].concat();
    let mut other = question.clone();
    other[1] = 0x11; // an indication
    phone.send_to(&other, server.udp())?;
    phone.send_to(&question, server.udp())?;
    let mut answer = [0; 512];
    let count = phone.recv(&mut answer)?;
    let port = phone.local_addr()?.port() ^ 0x2112;
    let address = u32::from(Ipv4Addr::LOCALHOST) ^ 0x2112_a442;
    let expected = [
        &[1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42][..],
        &id,
        &[0, 0x20, 0, 8, 0, 1],
        &port.to_be_bytes(),
        &address.to_be_bytes(),
    ];
    ensure!(answer[..count] == expected.concat(), "{:02x?}", &answer[..count]);
    ensure!(count <= 2 * question.len());
    phone.set_read_timeout(Some(Duration::from_millis(200)))?;
    ensure!(phone.recv(&mut answer).is_err(), "nothing for what was no question");
    RawPeer::new(&server)?.ping()?;
    claim.proven();
    Ok(())
}

/// RFC 3581 §4 is for who asks by `rport`. Of who does not, only those are answered at their own port that
/// `sip.force-rport` lists; nobody, where it says nothing.
#[test]
fn a_device_that_asks_for_no_rport_gets_it_where_it_is_listed() -> anyhow::Result<()> {
    let claim = covers(["3581-04"]).pending();
    let (listed, other) = (own_address(), own_address());
    let policies = [
        (Server::start_with(&[&format!("sip.force-rport=[\"{listed}/32\", \"2001:db8::/64\"]")])?, [true, false]),
        (Server::start()?, [false, false]),
    ];
    for (server, expected) in &policies {
        for (address, forced) in [listed, other].into_iter().zip(expected) {
            let (at_source, at_sent_by) = (RawPeer::at(server, (address, 0))?, RawPeer::at(server, (address, 0))?);
            let (source, sent_by) = (at_source.address()?, at_sent_by.address()?);
            let padding = format!("Subject: {}\r\n", "x".repeat(600));
            let request = at_source.request("OPTIONS", &format!("sip:{}", server.address), &padding, "");
            let request = request.replacen(&format!("{source};rport"), &sent_by.to_string(), 1);
            ensure!(!request.contains("rport"), "{request}");
            at_source.send(request.as_bytes())?;
            let (here, there) = if *forced { (&at_source, &at_sent_by) } else { (&at_sent_by, &at_source) };
            let answer = here.receive(Duration::from_secs(5))?.map(Answer);
            let answer = answer.with_context(|| format!("{address}, forced: {forced}: no answer where it is due"))?;
            ensure!(answer.status() == 200, "{}", answer.0);
            ensure!(!header(&answer.0, "Via").is_some_and(|via| via.contains("rport")), "not asked for: {}", answer.0);
            ensure!(there.receive(Duration::from_millis(200))?.is_none(), "{address}, forced: {forced}: and elsewhere");
        }
    }
    claim.proven();
    Ok(())
}
