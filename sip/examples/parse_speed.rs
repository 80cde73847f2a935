//! How long a typical INVITE takes: `cargo run --release -p plenary-sip --no-default-features --example parse_speed`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenary_sip::message::{Limits, Message, Request, parse_datagram};

const ROUNDS: u32 = 20_000;

fn main() {
    let invite = Bytes::from(INVITE.replace('\n', "\r\n"));
    let limits = Limits::default();
    let read = || match parse_datagram(&invite, &limits) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    };
    println!("INVITE of {} octets", invite.len());
    println!("read and checked          {:>9.2?}", best(|| drop(black_box(read()))));
    println!("read, checked and typed   {:>9.2?}", best(|| typed(black_box(&read()))));
    println!("read, checked and printed {:>9.2?}", best(|| drop(black_box(read().to_bytes()))));
}

/// What the endpoint looks at before it decides anything.
fn typed(request: &Request) {
    let headers = &request.headers;
    black_box((
        headers.to().expect("to"),
        headers.from().expect("from"),
        headers.cseq().expect("cseq"),
        headers.vias().expect("via"),
        headers.contacts().expect("contact"),
        headers.max_forwards().expect("max-forwards"),
    ));
}

/// Time of one call, in the best of ten runs.
fn best(mut work: impl FnMut()) -> Duration {
    let run = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        start.elapsed() / ROUNDS
    };
    (0..10).map(|_| run(&mut work)).min().unwrap_or_default()
}

const INVITE: &str = "\
INVITE sip:8600@conference.example.com;transport=udp SIP/2.0
Via: SIP/2.0/UDP proxy.example.com:5060;branch=z9hG4bK-524287-1---9f0c54b2d5a3b1c7;rport
Via: SIP/2.0/UDP 192.168.178.44:51372;branch=z9hG4bK-d8754z-2f4a8c6b1e90d375-1---d8754z-;rport=51372;received=203.0.113.7
Max-Forwards: 69
Record-Route: <sip:proxy.example.com;lr;ftag=4c7b2a19>
Contact: \"Alice Example\" <sip:alice@192.168.178.44:51372;ob>;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"
To: <sip:8600@conference.example.com>
From: \"Alice Example\" <sip:alice@example.com>;tag=4c7b2a19
Call-ID: 81b1c0e2f7a94c65a3d8e9b0c1d2e3f4@192.168.178.44
CSeq: 2 INVITE
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE, UPDATE, PRACK
Supported: replaces, outbound, path, gruu, timer, 100rel, norefersub
Session-Expires: 1800
User-Agent: ExamplePhone 5.2.1 (build 20134)
Content-Type: application/sdp
Content-Length: 426

v=0
o=- 3906541872 3906541872 IN IP4 192.168.178.44
s=call
c=IN IP4 192.168.178.44
t=0 0
m=audio 40012 RTP/AVP 111 9 8 0 101
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=rtcp:40013
a=sendrecv
a=ssrc:2873940561 cname:3f1c8d7b
a=ssrc:2873940561 msid:audio
a=mid:0
";
