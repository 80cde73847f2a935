//! What only datagrams have: keep-alives by STUN, large requests.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::raw::RawPeer;
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
