//! RFC 8445, 8839, 5763, 5764, 8122, 5761, 9143: a browser's media, and who would like to be it.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use plenary_media::plan::{AudioCodec, DtlsPlan, DtlsRole, Fingerprint, FingerprintHash};
use plenary_media::secure::dtls::{Association, Identity, Output};
use rfc_tests::coverage::covers;
use rfc_tests::raw::Answer;
use rfc_tests::raw_media::stun::{self, CONTROLLED, Said, USE_CANDIDATE};
use rfc_tests::raw_media::{RawMedia, RawSrtp, Suite};
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use rfc_tests::scratch::own_address;

use crate::{House, TONE, attributes, house};

const UFRAG: &str = "h6vY";
const PWD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

struct Browser {
    phone: RawPhone,
    dialog: RawDialog,
    media: RawMedia,
    identity: Identity,
    association: Option<Association>,
    answer: Answer,
    /// ClientHellos of the server's.
    hellos: usize,
    said: Vec<Said>,
}

/// What a browser offers, with this certificate; without `ice` like a phone that has DTLS alone.
fn offer(media: &RawMedia, fingerprint: &str, setup: &str, ice: Option<&str>) -> String {
    let ice = ice.map_or(String::new(), |ufrag| {
        let candidate = "a=candidate:1 1 udp 2113937151 0f3c8a1e-1d2b.local 50000 typ host";
        format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{PWD}\r\na=ice-options:trickle\r\n{candidate}\r\n")
    });
    let lines = format!(
        "a=mid:0\r\na=rtcp-mux\r\n{ice}a=fingerprint:{fingerprint}\r\na=setup:{setup}\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=bundle-only\r\na=rtpmap:96 VP8/90000\r\n"
    );
    let sdp = media.sdp("UDP/TLS/RTP/SAVPF 0", &lines).replace("t=0 0\r\n", "t=0 0\r\na=group:BUNDLE 0 1\r\n");
    // As a browser writes that its address is still to be found.
    let port = media.port();
    match ice.is_empty() {
        true => sdp,
        false => {
            sdp.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0").replace(&format!("m=audio {port} "), "m=audio 9 ")
        }
    }
}

impl Browser {
    fn call(house: &House, setup: &str) -> anyhow::Result<Self> {
        let identity = Identity::generate()?;
        let fingerprint = identity.fingerprint().to_string();
        Self::call_with(house, identity, &fingerprint, setup, true)
    }

    fn call_with(
        house: &House,
        identity: Identity,
        fingerprint: &str,
        setup: &str,
        with_ice: bool,
    ) -> anyhow::Result<Self> {
        let mut phone = RawPhone::guest(&house.server, "browser")?;
        let mut media = RawMedia::new(TONE)?;
        let offer = offer(&media, fingerprint, setup, with_ice.then_some(UFRAG));
        let (dialog, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &offer))?;
        media.follow(&answer.0)?;
        let association = Some(association(&identity, &answer)?);
        Ok(Self { phone, dialog, media, identity, association, answer, hellos: 0, said: Vec::new() })
    }

    fn offers_again(&mut self, ufrag: &str) -> anyhow::Result<Answer> {
        let fingerprint = self.identity.fingerprint().to_string();
        let again = offer(&self.media, &fingerprint, "actpass", Some(ufrag));
        let answer = self.phone.invite_again(&mut self.dialog, &again)?;
        ensure!(answer.status() == 200, "{}", answer.0);
        Ok(answer)
    }

    /// USERNAME and password of the server's last answer.
    fn check_of(&self, answer: &Answer, ufrag: &str, extra: &[u16]) -> anyhow::Result<Vec<u8>> {
        let value = |name| attributes(&answer.0, name).first().map(|value| (*value).to_owned());
        let (theirs, pwd) = value("ice-ufrag").zip(value("ice-pwd")).context("no ICE in the answer")?;
        Ok(stun::check(&format!("{theirs}:{ufrag}"), Some(&pwd), extra))
    }

    fn checks(&mut self, extra: &[u16]) -> anyhow::Result<()> {
        let check = self.check_of(&self.answer, UFRAG, extra)?;
        self.media.send_octets(&check)
    }

    /// Lets time pass, and the handshake go on.
    fn run(&mut self, frames: u32) -> anyhow::Result<()> {
        for _ in 0..frames {
            let now = Instant::now();
            let Self { media, association, hellos, said, .. } = self;
            if let Some(association) = association {
                if association.poll_timeout().is_some_and(|due| due <= now) {
                    association.handle_timeout(now)?;
                }
                while let Some(output) = association.poll_output() {
                    match output {
                        Output::Send(datagram) => media.send_octets(datagram)?,
                        Output::Keys(keys) => {
                            let suite = Suite::named(keys.suite.name()).context("a suite")?;
                            media.srtp = Some(RawSrtp::new(suite, &keys.local, &keys.remote)?);
                        }
                        Output::Failed(why) => anyhow::bail!("{why}"),
                    }
                }
            }
            media.meanwhile(1, |_, _| Ok(()))?;
            for datagram in std::mem::take(&mut media.others) {
                match datagram.first() {
                    Some(0..=3) => said.extend(stun::read(&datagram)),
                    Some(20..=63) => {
                        *hellos += usize::from(datagram[0] == 22 && datagram.get(13) == Some(&1));
                        if let Some(association) = association {
                            let _ = association.handle_datagram(&datagram, now);
                        }
                    }
                    _ => media.others.push(datagram),
                }
            }
        }
        Ok(())
    }

    /// Checks, is nominated, and shakes hands.
    fn connects(&mut self) -> anyhow::Result<()> {
        self.checks(&[USE_CANDIDATE])?;
        self.shakes_hands()
    }

    fn shakes_hands(&mut self) -> anyhow::Result<()> {
        let give_up = Instant::now() + Duration::from_secs(10);
        while self.media.srtp.is_none() {
            ensure!(Instant::now() < give_up, "no keys");
            self.run(5)?;
        }
        Ok(())
    }
}

/// Ours with the server of this answer.
fn association(identity: &Identity, answer: &Answer) -> anyhow::Result<Association> {
    let value = |name| attributes(&answer.0, name).first().copied();
    let fingerprint: Fingerprint = value("fingerprint").context("no fingerprint")?.parse()?;
    let role = if value("setup") == Some("active") { DtlsRole::Passive } else { DtlsRole::Active };
    Ok(Association::new(identity, &DtlsPlan { role, fingerprints: vec![fingerprint] }, Instant::now()))
}

#[test]
fn a_browser_is_met_by_its_checks_shakes_hands_and_hears_itself() -> anyhow::Result<()> {
    let claims =
        (covers(["5763-01", "8445-01", "8838-01", "8839-04"]).pending(), covers(["5761-01", "9143-01"]).pending());
    let house = house()?;
    for (setup, answered) in [("actpass", "active"), ("active", "passive"), ("passive", "active")] {
        let mut browser = Browser::call(&house, setup)?;
        let text = browser.answer.0.clone();
        ensure!(attributes(&text, "setup") == [answered] && !text.contains("a=connection"), "{text}");
        ensure!(text.contains("a=ice-lite\r\n") && text.contains("a=rtcp-mux\r\n"), "{text}");
        ensure!(attributes(&text, "candidate").iter().all(|line| line.ends_with("typ host")), "{text}");
        ensure!(attributes(&text, "group") == ["BUNDLE 0"] && attributes(&text, "mid") == ["0", "1"], "{text}");
        ensure!(text.contains("m=video 0 ") && text.contains("a=sendrecv\r\n"), "{text}");
        // Nothing leaves before a check: neither sound nor a handshake.
        browser.run(15)?;
        ensure!((browser.hellos, browser.said.len(), browser.media.others.len()) == (0, 0, 0), "{setup}: too early");
        browser.connects()?;
        browser.media.hears(TONE).with_context(|| setup.to_owned())?;
        ensure!(browser.media.others.is_empty(), "all was sealed");
        let mapped = Said::Success(browser.media.rtp.local_addr()?);
        ensure!(browser.said == [mapped], "{:?}", browser.said);
    }
    let media = RawMedia::new(TONE)?;
    let holds = offer(&media, &Identity::generate()?.fingerprint().to_string(), "holdconn", Some(UFRAG));
    let mut phone = RawPhone::guest(&house.server, "browser")?;
    let (_, refused) = phone.ask(phone.request("INVITE", &house.echo, "", &holds))?;
    ensure!(refused.status() == 488, "{}", refused.0);
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

#[test]
fn only_who_knows_the_password_moves_the_media() -> anyhow::Result<()> {
    let claim = covers(["8445-02", "8445-03", "8445-04", "A-17"]).pending();
    let house = house()?;
    let mut browser = Browser::call(&house, "active")?;
    let value = |name| attributes(&browser.answer.0, name).first().map(|value| (*value).to_owned());
    let (theirs, pwd) = value("ice-ufrag").zip(value("ice-pwd")).context("ICE")?;
    let name = format!("{theirs}:{UFRAG}");
    for (forged, code) in [
        (stun::check(&name, Some("not the password at all"), &[USE_CANDIDATE]), 401),
        (stun::check(&format!("{theirs}:else"), Some(&pwd), &[USE_CANDIDATE]), 401),
        (stun::check(&name, None, &[USE_CANDIDATE]), 400),
        (stun::check(&name, Some(&pwd), &[USE_CANDIDATE, CONTROLLED]), 487),
    ] {
        browser.said.clear();
        browser.media.send_octets(&forged)?;
        browser.run(10)?;
        ensure!(browser.said == [Said::Error(code)], "{:?}, not {code}", browser.said);
        ensure!(browser.media.srtp.is_none(), "no handshake yet");
    }
    // Lengths that lie, of the message and of each attribute: neither answered nor the end.
    let good = stun::check(&name, Some(&pwd), &[USE_CANDIDATE]);
    browser.said.clear();
    for at in (2..4).chain((20..good.len()).filter(|at| at % 4 >= 2)) {
        for value in [0, 1, 3, 0x7f, 0xff] {
            let mut mutant = good.clone();
            mutant[at] ^= value;
            if mutant != good {
                browser.media.send_octets(&mutant)?;
            }
        }
        browser.run(1)?;
    }
    ensure!(browser.said.iter().all(|said| matches!(said, Said::Error(_))), "{:?}", browser.said);

    browser.connects()?;
    browser.media.hears(TONE)?;
    // Sealed as it should be, but from where no check came.
    let mut elsewhere = RawMedia::at(own_address(), AudioCodec::Pcmu, 0, 1_700.0)?;
    elsewhere.server = browser.media.server;
    elsewhere.next = browser.media.next.clone();
    elsewhere.srtp = browser.media.srtp.take();
    let before = house.api.refused_media("unknown")?;
    ensure!(elsewhere.talk(25)?.is_empty(), "nothing goes there");
    house.wait_refused("unknown", before, 25)?;
    // With a nomination it is the peer.
    let check = browser.check_of(&browser.answer, UFRAG, &[USE_CANDIDATE])?;
    elsewhere.send_octets(&check)?;
    elsewhere.hears(1_700.0)?;
    claim.proven();
    Ok(())
}

/// CVE-2023-49786, CVE-2023-51443: a ClientHello from elsewhere ended calls.
#[test]
fn handshakes_of_strangers_change_nothing() -> anyhow::Result<()> {
    let claims = (covers(["5763-03", "A-02", "T-41", "S-10"]).pending(), covers(["5764-02"]).pending());
    let house = house()?;
    for with_ice in [true, false] {
        for setup in ["active", "passive"] {
            let identity = Identity::generate()?;
            let fingerprint = identity.fingerprint().to_string();
            let mut browser = Browser::call_with(&house, identity, &fingerprint, setup, with_ice)?;
            let stranger = RawMedia::at(own_address(), AudioCodec::Pcmu, 0, TONE)?;
            let (to, _) = browser.media.server.context("an answer")?;
            let mut foreign = association(
                &Identity::generate()?,
                &Answer(browser.answer.0.replace("setup:active", "setup:passive")),
            )?;
            foreign.handle_timeout(Instant::now())?;
            let Some(Output::Send(hello)) = foreign.poll_output() else { anyhow::bail!("no ClientHello") };
            let alert = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40];
            let endless = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff], &[1; 1_300][..]].concat();
            // At the shared port they do not get as far as a leg.
            let refusal = if with_ice { "unknown" } else { "source" };
            let before = house.api.refused_media(refusal)?;
            for _ in 0..10 {
                for datagram in [hello, &alert[..], &endless[..]] {
                    stranger.rtp.send_to(datagram, to)?;
                }
            }
            house.wait_refused(refusal, before, 30)?;
            match with_ice {
                true => browser.connects()?,
                false => browser.shakes_hands()?,
            }
            browser.media.hears(TONE).with_context(|| format!("{setup}, ICE {with_ice}"))?;
            for datagram in [hello, &alert[..]] {
                stranger.rtp.send_to(datagram, to)?;
            }
            // And all first octets from the browser's own address.
            for first in 0..=255_u8 {
                browser.media.send_octets(&[&[first], &[0x7f; 30][..]].concat())?;
                if first % 4 == 0 {
                    browser.run(1)?;
                }
            }
            browser.media.drain()?;
            browser.media.hears(TONE).with_context(|| format!("after noise: {setup}, ICE {with_ice}"))?;
            browser.phone.expect_no("BYE", Duration::from_millis(1))?;
        }
    }
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// RFC 8842 §5, RFC 8839 §4.4.1.1.1.
#[test]
fn a_re_offer_keeps_the_association_and_a_restart_only_changes_the_path() -> anyhow::Result<()> {
    let claim = covers(["5763-04", "8839-02"]).pending();
    let house = house()?;
    let mut browser = Browser::call(&house, "actpass")?;
    browser.connects()?;
    browser.media.hears(TONE)?;
    let hellos = browser.hellos;
    let same = browser.offers_again(UFRAG)?;
    for name in ["ice-ufrag", "ice-pwd", "fingerprint", "setup"] {
        ensure!(attributes(&same.0, name) == attributes(&browser.answer.0, name), "{name} stays: {}", same.0);
    }
    browser.media.hears(TONE)?;
    let restarted = browser.offers_again("new1")?;
    ensure!(attributes(&restarted.0, "ice-ufrag") != attributes(&same.0, "ice-ufrag"), "{}", restarted.0);
    ensure!(attributes(&restarted.0, "ice-pwd") != attributes(&same.0, "ice-pwd"), "{}", restarted.0);
    browser.media.hears(TONE).context("on the old path")?;
    let check = browser.check_of(&restarted, "new1", &[USE_CANDIDATE])?;
    browser.media.send_octets(&check)?;
    browser.media.hears(TONE).context("on the new path")?;
    browser.run(5)?;
    ensure!(browser.hellos == hellos, "no new handshake");

    // Another certificate is another association; the old keys serve until it stands.
    browser.identity = Identity::generate()?;
    let renewed = browser.offers_again("new1")?;
    browser.media.hears(TONE).context("with the old keys")?;
    browser.association = Some(association(&browser.identity, &renewed)?);
    browser.media.others.clear();
    let old = browser.media.srtp.take();
    browser.shakes_hands()?;
    ensure!(old.is_some() && browser.hellos > hellos, "a new handshake");
    browser.media.hears(TONE).context("with the new keys")?;
    claim.proven();
    Ok(())
}

/// RFC 5763 §5, RFC 8122 §5.
#[test]
fn a_certificate_that_was_not_described_gets_no_media() -> anyhow::Result<()> {
    let claim = covers(["5763-02", "8122-01"]).pending();
    let house = house()?;
    let other = Identity::generate()?.fingerprint().to_string();
    let mut browser = Browser::call_with(&house, Identity::generate()?, &other, "active", true)?;
    browser.checks(&[USE_CANDIDATE])?;
    for _ in 0..100 {
        // Its side may be done; the server's is not.
        let _ = browser.run(1);
    }
    browser.phone.is_hung_up()?;

    let media = RawMedia::new(TONE)?;
    let sha1 = format!("sha-1 {}", ["AB"; 20].join(":"));
    let mut phone = RawPhone::guest(&house.server, "browser")?;
    let weak = offer(&media, &sha1, "actpass", Some(UFRAG));
    let (_, refused) = phone.ask(phone.request("INVITE", &house.echo, "", &weak))?;
    ensure!(refused.status() == 488, "{}", refused.0);

    // Of two hashes the stronger counts; a weak one beside is passed over. The own fingerprint is SHA-256.
    let identity = Identity::generate()?;
    let own = identity.fingerprint().to_string();
    let beside = format!("{sha1}\r\na=fingerprint:{other}\r\na=fingerprint:{own}");
    let mut browser = Browser::call_with(&house, identity, &beside, "active", true)?;
    ensure!(browser.identity.fingerprint().hash == FingerprintHash::Sha256);
    browser.connects()?;
    browser.media.hears(TONE)?;
    claim.proven();
    Ok(())
}

/// A phone without ICE, DTLS or BUNDLE beside it: RFC 8839 §4.2.5, RFC 9143.
#[test]
fn phones_without_ice_are_answered_without() -> anyhow::Result<()> {
    let claims = (covers(["8839-01", "9143-04"]).pending(), covers(["8839-03"]).pending());
    let house = house()?;
    let mut plain = house.call(&house.echo, RawMedia::new(TONE)?, "RTP/AVP 0", "")?;
    for absent in ["a=ice", "a=candidate", "a=group", "a=mid", "a=rtcp-mux", "a=fingerprint"] {
        ensure!(!plain.answer.0.contains(absent), "{absent}: {}", plain.answer.0);
    }
    plain.media.hears(TONE)?;
    let lines = format!("a=ice-ufrag:{UFRAG}\r\na=ice-pwd:{PWD}\r\na=candidate:1 1 udp 1 192.0.2.1 4000 typ host\r\n");
    let mut rewritten = house.call(&house.echo, RawMedia::new(TONE)?, "RTP/AVP 0", &lines)?;
    ensure!(rewritten.answer.0.contains("a=ice-mismatch\r\n"), "{}", rewritten.answer.0);
    ensure!(!rewritten.answer.0.contains("a=candidate"), "{}", rewritten.answer.0);
    rewritten.media.hears(TONE)?;
    let mut seen = std::collections::HashSet::new();
    let fingerprint = Identity::generate()?.fingerprint().to_string();
    let (mut phone, media) = (RawPhone::guest(&house.server, "browser")?, RawMedia::new(TONE)?);
    for _ in 0..1_000 {
        let offer = offer(&media, &fingerprint, "active", Some(UFRAG));
        let (mut dialog, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &offer))?;
        for (name, least) in [("ice-ufrag", 4), ("ice-pwd", 22)] {
            let value = attributes(&answer.0, name)[0].to_owned();
            ensure!(value.len() >= least && seen.insert(value), "{name}: {}", answer.0);
        }
        phone.ask_in(&mut dialog, "BYE", "")?;
    }
    claims.0.proven();
    claims.1.proven();
    Ok(())
}
