//! What comes to the port of all ICE legs, from strangers and from a peer: datagrams of a length octet and as much.

#![no_main]

use std::net::SocketAddr;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use plenary_media::engine::{EngineSettings, MediaCommand, Simulation};
use plenary_media::plan::{
    AudioCodec, AudioPlan, Direction, DtlsPlan, DtlsRole, Fingerprint, FingerprintHash, IceCredentials, IcePlan, Latch,
    MediaPlan, OpusWishes, ReceiveFormat, ReceiveKind, Security, SendFormat,
};

const TICK: Duration = Duration::from_millis(20);
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

fn plan(local: &str, security: Security) -> Box<MediaPlan> {
    let credentials = |ufrag: &str| IceCredentials { ufrag: ufrag.into(), pwd: PASSWORD.into() };
    let nowhere = SocketAddr::from(([0, 0, 0, 0], 9));
    let audio = AudioPlan {
        remote_rtp: nowhere,
        remote_rtcp: nowhere,
        rtcp_mux: true,
        direction: Direction::SendRecv,
        receive: vec![ReceiveFormat { payload_type: 0, kind: ReceiveKind::Audio(AudioCodec::Pcmu) }],
        send: SendFormat { payload_type: 0, codec: AudioCodec::Pcmu, ptime: TICK, opus: OpusWishes::default() },
        send_events: None,
        rtcp_interval: Some(plenary_media::rtp::schedule::INTERVAL),
        extended_reports: Default::default(),
        bundle: None,
        levels: Default::default(),
        security,
        ice: Some(IcePlan::lite(credentials(local), credentials("h6vY"))),
        latch: Latch { trusted: Vec::new() },
    };
    Box::new(MediaPlan { audio })
}

fuzz_target!(|octets: &[u8]| {
    let mut sim = Simulation::new(&EngineSettings::default(), 7983);
    let dtls = DtlsPlan { role: DtlsRole::Passive, fingerprints: vec![Fingerprint::of(FingerprintHash::Sha256, b"x")] };
    for (ufrag, security) in [("evtj", Security::Plain), ("dtls", Security::Dtls(dtls))] {
        let leg = sim.open_shared_leg().leg;
        sim.send(MediaCommand::Connect { leg, plan: plan(ufrag, security) }).expect("a plan");
    }
    let mut rest = octets;
    let mut port = 0;
    while let Some((len, more)) = rest.split_first() {
        let (datagram, left) = more.split_at(usize::from(*len).min(more.len()));
        port = (port + 1) % 3;
        sim.arrive_shared(SocketAddr::from(([192, 0, 2, 9], 4_000 + port)), datagram);
        rest = left;
    }
    sim.run(TICK);
    sim.run(TICK);
});
