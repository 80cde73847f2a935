//! What a watched SIP path costs more than an unwatched one: `cargo run --release -p plenary-sip --features net --example tap_cost`
//!
//! Messages come in by the gate, are judged, parsed and handed to the loop; with taps, also shown to two watchers that
//! keep up, as the ladder and the capture do. Printed: the best of several rounds, in nanoseconds a message.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenary_sip::guard::{GuardSettings, Rate};
use plenary_sip::net::{Net, NetSettings, Tap, Watch};
use plenary_sip::net_types::Transport;

const ROUNDS: usize = 9;
const MESSAGES: u32 = 20_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (place, watchers) in [0, 2].into_iter().enumerate() {
            best[place] = best[place].min(runtime.block_on(round(watchers)));
        }
    }
    let nanos = best.map(|best| best.as_nanos() / u128::from(MESSAGES));
    println!("unwatched {} ns, watched by two {} ns a message", nanos[0], nanos[1]);
}

async fn round(watchers: usize) -> Duration {
    let mut taps = Vec::new();
    for _ in 0..watchers {
        let (tap, mut seen) = Tap::new(Watch::Everything, 4096);
        taps.push(tap);
        tokio::spawn(async move { while seen.recv().await.is_some() {} });
    }
    let everybody = Rate(1_000_000);
    let guard = GuardSettings { address: everybody, network: everybody, strangers: everybody, ..Default::default() };
    let mut net = Net::start(NetSettings { taps, guard, ..NetSettings::default() }).expect("a net");
    let gate = net.gate();
    tokio::spawn(async move {
        loop {
            net.receive().await;
        }
    });
    let address: SocketAddr = "192.0.2.1:5060".parse().expect("an address");
    let flow = gate.open(Transport::Ws, address, address).await.expect("room for one");
    let message = Bytes::from(message());
    let begun = Instant::now();
    for _ in 0..MESSAGES {
        flow.receive(message.clone()).await;
    }
    begun.elapsed()
}

fn message() -> String {
    let body =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n";
    format!(
        "INVITE sip:3001@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1;rport\r\n\
         Max-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@example.org>;tag=1\r\nTo: <sip:3001@example.org>\r\n\
         Call-ID: a84b4c76e66710@192.0.2.9\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.9>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
