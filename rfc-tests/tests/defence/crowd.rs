//! Ten thousand who connect and say nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::RawPeer;
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use tokio::net::{TcpSocket, TcpStream};

const CROWD: usize = 10_000;
/// From each address; more than 2000 are not let in.
const EACH: usize = 1250;
/// Octets that one of them may cost: a buffer to read into, a queue, two tasks.
const COST: f64 = 40.0 * 1024.0;

#[test]
fn ten_thousand_idle_connections_hold_up_nobody() -> anyhow::Result<()> {
    let claim = covers(["S-20"]).pending();
    let files = open_files()?;
    ensure!(files >= CROWD + 2_000, "{files} open files are allowed here (ulimit -n): {CROWD} connections need more");
    let server = Server::start_with(&["log.level=info"])?;
    let api = server.api()?;
    let peer = RawPeer::at(&server, (own_address(), 0))?;
    peer.ping()?;
    let before = api.metric("memory_in_use_bytes")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begun = Instant::now();
    let crowd = runtime.block_on(connect(server.udp()))?;
    println!("{} connected within {:?}", crowd.len(), begun.elapsed());
    ensure!(begun.elapsed() < Duration::from_secs(25), "the first have been let go meanwhile");
    wait_for("the server to have taken them all", Duration::from_secs(10), || {
        (api.metric("sip_connections").ok()? >= CROWD as f64).then_some(())
    })?;
    let each = (api.metric("memory_in_use_bytes")? - before) / CROWD as f64;
    println!("{each:.0} octets each");
    ensure!(each < COST, "{each} octets each");
    for _ in 0..20 {
        let asked = Instant::now();
        peer.ping()?;
        ensure!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    }
    wait_for("the idle to be let go", Duration::from_secs(60), || {
        (api.metric("sip_connections").ok()? == 0.0).then_some(())
    })?;
    let left = api.metric("memory_in_use_bytes")? - before;
    println!("{left} octets are left");
    // Tables keep the size that they have grown to.
    ensure!(left < 8.0 * 1024.0 * 1024.0, "{left} octets are left");
    drop(crowd);
    claim.proven();
    Ok(())
}

async fn connect(to: SocketAddr) -> anyhow::Result<Vec<TcpStream>> {
    let mut crowd = Vec::new();
    while crowd.len() < CROWD {
        let from: Ipv4Addr = own_address();
        for _ in 0..EACH.min(CROWD - crowd.len()) {
            let socket = TcpSocket::new_v4()?;
            socket.bind((from, 0).into())?;
            crowd.push(socket.connect(to).await.with_context(|| format!("after {} others", crowd.len()))?);
        }
    }
    Ok(crowd)
}

/// How many this process, and the server that it starts, may have open.
fn open_files() -> anyhow::Result<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files")).context("a limit")?;
    let soft = line.split_whitespace().nth(3).context("a number")?;
    Ok(if soft == "unlimited" { usize::MAX } else { soft.parse()? })
}
