//! A datagram on an ICE leg: sorted by its first octets, and taken as a check or an answer by agents of both kinds.

#![no_main]

use std::net::SocketAddr;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use plenary_media::demux::Kind;
use plenary_media::ice::IceAgent;
use plenary_media::plan::{FullIce, IceCredentials, IcePlan, IceRole, RemoteCandidate};

/// As in RFC 5769, whose messages are among the seeds.
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

fuzz_target!(|octets: &[u8]| {
    let kind = Kind::of(octets);
    let expected = octets.first().map(|first| match first {
        0..=3 => Kind::Stun,
        20..=63 => Kind::Dtls,
        128..=191 if octets.len() < 2 => Kind::Other,
        128..=191 if (192..=223).contains(&octets[1]) => Kind::Rtcp,
        128..=191 => Kind::Rtp,
        _ => Kind::Other,
    });
    assert_eq!(kind, expected.unwrap_or(Kind::Other));

    let (home, now) = (SocketAddr::from(([192, 0, 2, 9], 4_000)), Instant::now());
    let credentials = |ufrag: &str| IceCredentials { ufrag: ufrag.into(), pwd: PASSWORD.into() };
    let candidates = vec![RemoteCandidate { address: home, priority: 1 }];
    let full = |role| Some(FullIce { role, tie_breaker: 7, candidates: candidates.clone() });
    for full in [None, full(IceRole::Controlling), full(IceRole::Controlled)] {
        let plan = IcePlan { local: credentials("evtj"), remote: credentials("h6vY"), full };
        let mut agent = IceAgent::new(&plan, [0; 4]);
        let _ = agent.poll_check(now);
        for from in [home, SocketAddr::from(([203, 0, 113, 66], 1))] {
            let checked = agent.handle_datagram(octets, from, now);
            // Nobody is sent more than he sent himself, but for what an answer cannot do without.
            assert!(checked.reply.is_none_or(|reply| reply.as_slice().len() <= octets.len().max(112)));
        }
        while agent.poll_check(now).is_some() {}
    }
});
