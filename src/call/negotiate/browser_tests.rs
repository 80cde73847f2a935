//! What browsers offer and answer: DTLS-SRTP, ICE, a bundle, and a camera that nobody here wants (RFC 9429).

use bytes::Bytes;
use plenary_media::plan::{AudioCodec, Direction, DtlsRole, Fingerprint, FingerprintHash, MediaPlan, Security};

use super::{
    Entropy, IceMode, LocalMedia, MediaPolicy, NegotiationError, Negotiator, OfferProfile, Signalling, SrtpPolicy,
    is_found_by_ice,
};

const FINGERPRINT: &str =
    "sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08";

fn negotiator(srtp: SrtpPolicy) -> Negotiator {
    let local = LocalMedia {
        address: "192.0.2.1".parse().expect("address"),
        rtp_port: 20_000,
        rtcp_port: 20_001,
        is_shared: false,
    };
    let signalling = Signalling { secure: true, source: "10.0.0.1".parse().ok() };
    let policy = MediaPolicy { srtp, ..MediaPolicy::default() };
    Negotiator::new(policy, local, signalling, Entropy::seeded(8829))
        .with_certificate(Fingerprint::of(FingerprintHash::Sha256, b"ours"))
}

/// As Chromium writes it, shortened. `ufrag`: another one is a restart.
fn offer(ufrag: &str, fingerprint: &str) -> Vec<u8> {
    let transport = format!(
        "a=ice-ufrag:{ufrag}\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ice-options:trickle\r\n\
         a=fingerprint:{fingerprint}\r\na=setup:actpass\r\n"
    );
    format!(
        "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
         a=extmap-allow-mixed\r\na=msid-semantic: WMS stream\r\n\
         m=audio 50000 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 10.0.0.1\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
         a=candidate:1 1 udp 2122260223 10.0.0.1 50000 typ host generation 0 network-id 1\r\n{transport}a=mid:0\r\n\
         a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\na=msid:stream track\r\na=rtcp-mux\r\n\
         a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
         a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\n\
         a=rtpmap:126 telephone-event/8000\r\na=ssrc:2245042191 cname:abc\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n{transport}a=mid:1\r\na=sendrecv\r\na=rtcp-mux\r\n\
         a=rtpmap:96 VP8/90000\r\n"
    )
    .into_bytes()
}

fn lines(description: &Bytes) -> Vec<String> {
    String::from_utf8(description.to_vec()).expect("text").lines().map(str::to_owned).collect()
}

fn has(description: &Bytes, line: &str) -> bool {
    lines(description).iter().any(|found| found.starts_with(line))
}

fn role(plan: &MediaPlan) -> Option<DtlsRole> {
    match &plan.audio.security {
        Security::Dtls(dtls) => Some(dtls.role),
        _ => None,
    }
}

#[test]
fn a_browsers_offer_gets_a_lite_agent_and_an_active_handshake() {
    let (answer, plan) = negotiator(SrtpPolicy::Required).answer(&offer("EsAw", FINGERPRINT)).expect("accepted");
    let media: Vec<String> = lines(&answer).into_iter().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        media,
        ["m=audio 20000 UDP/TLS/RTP/SAVPF 111 9 8 0 13 110 126", "m=video 0 UDP/TLS/RTP/SAVPF 96"],
        "{answer:?}"
    );
    for line in [
        "a=group:BUNDLE 0",
        "a=ice-lite",
        "a=mid:0",
        "a=mid:1",
        "a=rtcp-mux",
        "a=ice-ufrag:",
        "a=ice-pwd:",
        "a=candidate:1 1 UDP 2130706431 192.0.2.1 20000 typ host",
        "a=end-of-candidates",
        "a=fingerprint:sha-256 ",
        "a=setup:active",
        "a=sendrecv",
    ] {
        assert!(has(&answer, line), "{line} in {answer:?}");
    }
    assert!(!has(&answer, "a=group:BUNDLE 0 1") && !has(&answer, "a=crypto"));
    assert_eq!((plan.audio.send.payload_type, plan.audio.send.codec), (111, AudioCodec::Opus));
    assert_eq!(role(&plan), Some(DtlsRole::Active));
    assert_eq!(plan.audio.ice.as_ref().map(|ice| ice.remote.ufrag.as_str()), Some("EsAw"));
    assert_eq!(plan.audio.direction, Direction::SendRecv);
    assert!(plan.audio.rtcp_mux);
}

#[test]
fn re_offers_keep_association_and_credentials_a_restart_brings_new_ones() {
    let mut negotiator = negotiator(SrtpPolicy::Preferred);
    let (_, first) = negotiator.answer(&offer("EsAw", FINGERPRINT)).expect("accepted");
    let (answer, again) = negotiator.answer(&offer("EsAw", FINGERPRINT)).expect("accepted");
    assert_eq!(again, first);
    assert!(has(&answer, "a=setup:active"));
    let (_, restarted) = negotiator.answer(&offer("Other", FINGERPRINT)).expect("accepted");
    assert_eq!(restarted.audio.security, first.audio.security);
    assert_ne!(restarted.audio.ice.map(|ice| ice.local), first.audio.ice.map(|ice| ice.local));
    let plain = b"v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n";
    assert!(matches!(negotiator.answer(plain), Err(NegotiationError::Downgrade)));
}

#[test]
fn who_hides_its_addresses_is_not_on_hold() {
    let hidden = String::from_utf8(offer("EsAw", FINGERPRINT)).expect("text");
    let hidden = hidden.replace("c=IN IP4 10.0.0.1", "c=IN IP4 0.0.0.0").replace("m=audio 50000", "m=audio 9");
    let hidden = hidden.replace("10.0.0.1 50000 typ", "8b1d-4f.local 50000 typ");
    let (_, plan) = negotiator(SrtpPolicy::Preferred).answer(hidden.as_bytes()).expect("accepted");
    assert_eq!(plan.audio.direction, Direction::SendRecv);
}

#[test]
fn weak_fingerprints_and_switched_off_srtp_are_refused() {
    let weak = "sha-1 AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD";
    let error = negotiator(SrtpPolicy::Preferred).answer(&offer("EsAw", weak)).expect_err("weak");
    assert_eq!((error.status(), error.warning().map(|warning| warning[..3].to_owned())), (488, Some("307".into())));
    let error = negotiator(SrtpPolicy::Off).answer(&offer("EsAw", FINGERPRINT)).expect_err("off");
    assert!(matches!(error, NegotiationError::SrtpOff));
}

#[test]
fn an_offer_to_a_browser_and_its_answer() {
    let mut negotiator = negotiator(SrtpPolicy::Required);
    negotiator.set_offer_profile(OfferProfile::Dtls);
    let offer = negotiator.offer().expect("an offer");
    for line in ["m=audio 20000 UDP/TLS/RTP/SAVPF ", "a=group:BUNDLE 0", "a=ice-lite", "a=setup:actpass", "a=rtcp-mux"]
    {
        assert!(has(&offer, line), "{line} in {offer:?}");
    }
    assert_eq!(negotiator.offer().expect("the same"), offer);
    let answer = format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96 101\r\n\
         c=IN IP4 0.0.0.0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=fingerprint:{FINGERPRINT}\r\n\
         a=setup:active\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:96 opus/48000/2\r\n\
         a=rtpmap:101 telephone-event/8000\r\n"
    );
    let plan = negotiator.accept_answer(answer.as_bytes()).expect("accepted");
    assert_eq!(role(&plan), Some(DtlsRole::Passive));
    let ours = plan.audio.ice.expect("ICE").local.ufrag;
    assert!(has(&offer, &format!("a=ice-ufrag:{ours}")));
    let again = negotiator.offer().expect("a re-offer");
    assert!(has(&again, &format!("a=ice-ufrag:{ours}")) && has(&again, "a=setup:actpass") && has(&again, "a=mid:0"));
}

/// Phones with `mediaenc=dtls_srtp`: the handshake goes to the address of the description.
#[test]
fn a_phone_with_dtls_and_without_ice_is_met_at_its_address() {
    let offer = format!(
        "v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 UDP/TLS/RTP/SAVP 0\r\na=fingerprint:{FINGERPRINT}\r\n\
         a=setup:actpass\r\na=rtcp-mux\r\n"
    );
    let (answer, plan) = negotiator(SrtpPolicy::Preferred).answer(offer.as_bytes()).expect("accepted");
    assert!(!has(&answer, "a=ice-") && !has(&answer, "a=candidate") && !has(&answer, "a=group"));
    assert_eq!((plan.audio.remote_rtp.to_string(), plan.audio.ice), ("10.0.0.1:4000".into(), None));
}

/// Who offers ICE and one port may come to the port of all; the leg there takes no other offer afterwards.
#[test]
fn only_who_is_found_by_ice_shares_a_port() {
    let theirs = String::from_utf8(offer("EsAw", FINGERPRINT)).expect("text");
    assert!(is_found_by_ice(theirs.as_bytes(), IceMode::Lite));
    let two_ports = theirs.replace("a=rtcp-mux\r\n", "");
    let without_ice = theirs.replace("a=ice-ufrag", "a=x-ufrag");
    let mut shared = negotiator(SrtpPolicy::Preferred);
    shared.local.is_shared = true;
    for other in [&two_ports, &without_ice] {
        assert!(!is_found_by_ice(other.as_bytes(), IceMode::Full));
        let error = shared.answer(other.as_bytes()).expect_err("not told from others");
        assert!(matches!(error, NegotiationError::NeedsIce) && error.status() == 488, "{error}");
    }
    assert!(!is_found_by_ice(b"v=0\r\n", IceMode::Full) && !is_found_by_ice(b"hello", IceMode::Full));
    shared.answer(theirs.as_bytes()).expect("accepted");
}
