//! RFC 8445 and RFC 7675: agents of either kind, consent, and peers that move. The peer's agent is ours, on our side of
//! the wire; strangers are met in `strangers.rs` and by Chromium.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use plenary_media::ice::IceAgent;
use plenary_media::plan::{AudioCodec, FullIce, IceCredentials, IcePlan, IceRole, RemoteCandidate};
use rfc_tests::coverage::covers;
use rfc_tests::namespace::{in_own_network, sent_elsewhere};
use rfc_tests::raw::Answer;
use rfc_tests::raw_media::{RawMedia, RawRtp, SUITES};
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use rfc_tests::scratch::own_address;

use crate::{House, InCall, OTHER_TONE, TONE, attributes, house, house_with};

const UFRAG: &str = "h6vY";
const PWD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
/// RFC 7675 §5.1, and what a busy machine may add.
const CONSENT: Duration = Duration::from_secs(30);
const SLACK: Duration = Duration::from_secs(3);

/// A phone with ICE and plain RTP.
struct Peer {
    phone: RawPhone,
    dialog: RawDialog,
    media: RawMedia,
    agent: IceAgent,
    answer: Answer,
    /// Answers the server's checks.
    agrees: bool,
    /// The server's checks.
    asked: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lite,
    Full,
}

fn offer(media: &RawMedia, kind: Kind, ufrag: &str) -> String {
    let candidate = format!("1 1 udp 2130706431 {} {} typ host", media.address(), media.port());
    let lines = format!("a=rtcp-mux\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{PWD}\r\na=candidate:{candidate}\r\n");
    let sdp = media.sdp("RTP/AVP 0", &lines);
    if kind == Kind::Lite { sdp.replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n") } else { sdp }
}

/// Of our side, from the server's answer. The offerer controls, if it is full.
fn agent(answer: &str, kind: Kind, ufrag: &str) -> anyhow::Result<IceAgent> {
    let value = |name| attributes(answer, name).first().map(|value| (*value).to_owned());
    let (theirs, pwd) = value("ice-ufrag").zip(value("ice-pwd")).context("no ICE in the answer")?;
    let candidate = value("candidate").context("no candidate")?;
    let words: Vec<&str> = candidate.split(' ').collect();
    let address = SocketAddr::new(words[4].parse()?, words[5].parse()?);
    let candidates = vec![RemoteCandidate { address, priority: words[3].parse()? }];
    let full = FullIce { role: IceRole::Controlling, tie_breaker: 7, candidates };
    let plan = IcePlan {
        local: IceCredentials { ufrag: ufrag.into(), pwd: PWD.into() },
        remote: IceCredentials { ufrag: theirs, pwd },
        full: (kind == Kind::Full).then_some(full),
    };
    Ok(IceAgent::new(&plan, *b"peer"))
}

impl Peer {
    fn call(house: &House, kind: Kind) -> anyhow::Result<Self> {
        let mut phone = RawPhone::guest(&house.server, "phone")?;
        let mut media = RawMedia::new(TONE)?;
        let offer = offer(&media, kind, UFRAG);
        let (dialog, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &offer))?;
        media.follow(&answer.0)?;
        let agent = agent(&answer.0, kind, UFRAG)?;
        Ok(Self { phone, dialog, media, agent, answer, agrees: true, asked: 0 })
    }

    /// So many frames, said or not, with checks and answers meanwhile; gives what was heard.
    fn run(&mut self, frames: u32, says: bool) -> anyhow::Result<Vec<RawRtp>> {
        let mut heard = Vec::new();
        for _ in 0..frames {
            let now = Instant::now();
            while let Some((to, check)) = self.agent.poll_check(now) {
                self.media.rtp.send_to(check.as_slice(), to)?;
            }
            heard.extend(self.media.meanwhile(1, |media, _| {
                let packet = media.packet()?;
                if says { media.send(&packet) } else { Ok(()) }
            })?);
            let (server, _) = self.media.server.context("an answer")?;
            for datagram in std::mem::take(&mut self.media.others) {
                let is_request = datagram.starts_with(&[0, 1]);
                self.asked += usize::from(is_request);
                if is_request && !self.agrees {
                    continue;
                }
                if let Some(reply) = self.agent.handle_datagram(&datagram, server, now).reply {
                    self.media.rtp.send_to(reply.as_slice(), server)?;
                }
            }
        }
        Ok(heard)
    }

    /// Is found, and hears itself.
    fn connects(&mut self) -> anyhow::Result<()> {
        let give_up = Instant::now() + Duration::from_secs(10);
        loop {
            let heard = self.run(50, true)?;
            if self.media.level(&heard[heard.len() / 2..], TONE)? > -30.0 && heard.len() > 25 {
                return Ok(());
            }
            ensure!(Instant::now() < give_up, "not found: {} packets", heard.len());
        }
    }
}

#[test]
fn agents_of_either_kind_find_each_other() -> anyhow::Result<()> {
    for (mode, peer, says_lite) in [
        ("lite", Kind::Full, true),
        ("auto", Kind::Full, true),
        ("auto", Kind::Lite, false),
        ("full", Kind::Full, false),
        ("full", Kind::Lite, false),
    ] {
        let house = house_with(&[&format!("media.ice={mode}")])?;
        let mut peer_leg = Peer::call(&house, peer)?;
        let text = peer_leg.answer.0.clone();
        ensure!(text.contains("a=ice-lite\r\n") == says_lite, "{mode}, {peer:?}: {text}");
        ensure!(text.contains("m=audio 10000 "), "the port of all: {text}");
        peer_leg.connects().with_context(|| format!("{mode}, {peer:?}"))?;
        ensure!((peer_leg.asked == 0) == says_lite, "{mode}, {peer:?}: {} checks", peer_leg.asked);
    }
    // Two lite agents: nobody would check, so the description's addresses count.
    let house = house_with(&["media.ice=lite"])?;
    let media = RawMedia::new(TONE)?;
    let lite = offer(&media, Kind::Lite, UFRAG);
    let mut phone = RawPhone::guest(&house.server, "phone")?;
    let (_, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &lite))?;
    ensure!(!answer.0.contains("a=ice-") && !answer.0.contains("m=audio 10000 "), "{}", answer.0);
    let mut media = media;
    media.follow(&answer.0)?;
    media.hears(TONE)?;
    // Switched off, each has its own port.
    let house = house_with(&["media.mux-port=0"])?;
    let mut own = Peer::call(&house, Kind::Full)?;
    ensure!(!own.answer.0.contains("m=audio 10000 "), "{}", own.answer.0);
    own.connects()?;
    Ok(())
}

/// RFC 7675 §5.1: nobody is sent to who stopped answering, whatever he sends.
#[test]
fn without_consent_nothing_is_sent_after_half_a_minute() -> anyhow::Result<()> {
    let claim = covers(["7675-01"]).pending();
    let house = house_with(&["media.ice=full"])?;
    let (mut fickle, mut steady) = (Peer::call(&house, Kind::Lite)?, Peer::call(&house, Kind::Full)?);
    fickle.connects()?;
    steady.connects()?;
    let frames = |time: Duration| (time.as_millis() / 20) as u32;
    let heard = std::thread::scope(|scope| {
        let steady = scope.spawn(|| steady.run(frames(CONSENT + SLACK), true));
        fickle.agrees = false;
        // It was asked up to six seconds ago, and consented for thirty.
        let before = fickle.run(frames(CONSENT / 2), true)?;
        ensure!(before.len() > 500, "consent lasts: {} packets", before.len());
        fickle.run(frames(CONSENT / 2 + SLACK), true)?;
        let after = fickle.run(50, true)?;
        ensure!(after.is_empty(), "{} packets without consent", after.len());
        steady.join().expect("no panic")
    })?;
    let late = heard.len() - heard.len().min(100);
    ensure!(steady.media.level(&heard[late..], TONE)? > -30.0, "who consents is sent to");
    ensure!(steady.asked > 5, "and asked again and again: {}", steady.asked);
    // With new consent, by a restart, it goes on.
    fickle.agrees = true;
    let again = fickle.phone.invite_again(&mut fickle.dialog, &offer(&fickle.media, Kind::Lite, "new1"))?;
    fickle.agent = agent(&again.0, Kind::Lite, "new1")?;
    fickle.connects()?;
    claim.proven();
    Ok(())
}

/// T-65: another address in the middle of a call, without a re-INVITE.
#[test]
fn a_peer_that_moves_is_followed_if_it_proves_itself() -> anyhow::Result<()> {
    let claim = covers(["T-65"]).pending();
    let house = house()?;
    // With ICE by a check from there, or by a restart.
    let mut peer = Peer::call(&house, Kind::Full)?;
    peer.connects()?;
    let elsewhere = |peer: &mut Peer, answer: &str, ufrag: &str| -> anyhow::Result<()> {
        let mut media = RawMedia::at(own_address(), AudioCodec::Pcmu, 0, TONE)?;
        (media.server, media.next) = (peer.media.server, peer.media.next.clone());
        ensure!(media.talk(10)?.is_empty(), "who only speaks is nobody");
        peer.media = media;
        peer.agent = agent(answer, Kind::Full, ufrag)?;
        peer.connects()
    };
    let answer = peer.answer.0.clone();
    elsewhere(&mut peer, &answer, UFRAG).context("by a check")?;
    let restarted = peer.phone.invite_again(&mut peer.dialog, &offer(&peer.media, Kind::Full, "new1"))?;
    elsewhere(&mut peer, &restarted.0, "new1").context("by a restart")?;
    // Without ICE only by SRTP.
    let InCall { mut media, .. } = house.secure_call(&house.echo, SUITES[0])?;
    media.hears(TONE)?;
    let mut moved = RawMedia::at(own_address(), AudioCodec::Pcmu, 0, OTHER_TONE)?;
    (moved.server, moved.next) = (media.server, media.next.clone());
    ensure!(moved.talk(25)?.is_empty(), "in clear it is anybody");
    moved.srtp = media.srtp.take();
    moved.hears(OTHER_TONE)?;
    let mut plain = house.call(&house.echo, RawMedia::new(TONE)?, "RTP/AVP 0", "")?.media;
    plain.hears(TONE)?;
    let mut moved = RawMedia::at(own_address(), AudioCodec::Pcmu, 0, OTHER_TONE)?;
    (moved.server, moved.next) = (plain.server, plain.next.clone());
    ensure!(moved.talk(25)?.is_empty(), "plain RTP proves nothing");
    claim.proven();
    Ok(())
}

/// RFC 8839 §5.1: the name in a candidate is nobody's business but the browser's.
#[test]
fn names_in_candidates_are_asked_of_no_dns() -> anyhow::Result<()> {
    in_own_network("ice::names_in_candidates_are_asked_of_no_dns", Duration::from_secs(60), || {
        let claim = covers(["8445-05"]).pending();
        // What leaves is counted: a question of mDNS, and one to a resolver.
        let before = sent_elsewhere()?;
        let asker = UdpSocket::bind((Ipv4Addr::new(10, 9, 0, 1), 0))?;
        asker.send_to(b"mDNS", "224.0.0.251:5353")?;
        ensure!(sent_elsewhere()? > before, "the question would be seen");
        for mode in ["lite", "full"] {
            let house = house_with(&[&format!("media.ice={mode}")])?;
            let before = sent_elsewhere()?;
            let mut phone = RawPhone::guest(&house.server, "phone")?;
            let mut media = RawMedia::new(TONE)?;
            let named = offer(&media, Kind::Full, UFRAG)
                .replace("2130706431 127.0.0.1", "2130706431 0f3c8a1e-1d2b-4c5d.local")
                .replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0")
                .replace(&format!("m=audio {} ", media.port()), "m=audio 9 ");
            let (dialog, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &named))?;
            media.follow(&answer.0)?;
            let agent = agent(&answer.0, Kind::Full, UFRAG)?;
            let mut peer = Peer { phone, dialog, media, agent, answer, agrees: true, asked: 0 };
            peer.connects().with_context(|| mode.to_owned())?;
            ensure!(sent_elsewhere()? == before, "{mode}: {} packets left", sent_elsewhere()? - before);
        }
        claim.proven();
        Ok(())
    })
}
