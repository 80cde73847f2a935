//! Offering, and taking the answer: RFC 3264 §5 and §7, and §8 for a later offer.

use bytes::Bytes;
use plenary_media::plan::{AudioLevels, IceCredentials, MediaPlan, ReceiveFormat};
use plenary_sip::sdp::attribute::{Crypto, Direction};
use plenary_sip::sdp::{MediaDescription, Profile, SessionDescription, answering_direction, rejected};

use super::dtls;
use super::error::NegotiationError;
use super::extended;
use super::format::CommonFormats;
use super::ice::{self, Offered, Turn};
use super::levels;
use super::negotiator::{Agreed, AgreedSecurity, AudioLine, Negotiator};
use super::policy::{OfferProfile, SrtpPolicy};
use super::remote::Remote;
use super::sdes::{self, AgreedKeys};

/// An offer on its way. It stays after the answer: a 200 may repeat the answer of a 183, another fork bring its own.
#[derive(Clone, Debug)]
pub(super) struct PendingOffer {
    media: Vec<MediaDescription>,
    audio: usize,
    formats: Vec<ReceiveFormat>,
    keys: Vec<Crypto>,
    dtls: Dtls,
    ice: Option<IceCredentials>,
    /// We said that we check nothing.
    lite: bool,
    bundled: bool,
    direction: Direction,
    levels: AudioLevels,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dtls {
    No,
    /// Keys come by DTLS.
    Only,
    /// The answer may name a certificate in place of keys. No RFC has it so; RFC 8643 has for `RTP/AVP`.
    BesideKeys,
}

impl Negotiator {
    /// The next offer: the first, or one that keeps places, numbers and keys of what was agreed.
    ///
    /// Fails only where SRTP is required and the signalling cannot carry keys.
    pub fn offer(&mut self) -> Result<Bytes, NegotiationError> {
        self.offer_as(self.offer_profile)
    }

    /// An offer where no second attempt is possible: in the 200 to an INVITE without one. Who prefers SRTP offers it
    /// opportunistically there, since `RTP/SAVP` would end the call with a phone that has none.
    pub fn delayed_offer(&mut self) -> Result<Bytes, NegotiationError> {
        match self.offer_profile {
            OfferProfile::Savp if self.policy.srtp == SrtpPolicy::Preferred => {
                self.offer_as(OfferProfile::Opportunistic)
            }
            profile => self.offer_as(profile),
        }
    }

    fn offer_as(&mut self, profile: OfferProfile) -> Result<Bytes, NegotiationError> {
        let required = self.policy.srtp == SrtpPolicy::Required && profile != OfferProfile::Dtls;
        let profile = if required { OfferProfile::Savp } else { profile };
        let before = self.agreed.as_ref();
        let agreed_keys = before.and_then(Agreed::sdes);
        let dtls = before.map_or(profile == OfferProfile::Dtls, |agreed| agreed.dtls().is_some());
        let ice = match before {
            Some(agreed) => agreed.ice.as_ref().map(|ice| ice.local.clone()),
            None => dtls
                .then(|| self.pending.as_ref().and_then(|offer| offer.ice.clone()))
                .map(|pending| pending.unwrap_or_else(|| ice::credentials(&mut self.entropy))),
        };
        let before_ice = before.and_then(|agreed| agreed.ice.as_ref());
        let lite = ice.is_some() && before_ice.map_or(self.policy.ice.offers_lite(), |ice| ice.full.is_none());
        let bundled = before.map_or(dtls, |agreed| agreed.bundled);
        // A call that was agreed on as plain stays plain: phones stumble over keys that come later.
        let with_keys = !dtls && before.map_or(profile != OfferProfile::Plain, |agreed| agreed.sdes().is_some());
        if with_keys && !self.policy.allows_sdes(&self.signalling) {
            return Err(NegotiationError::KeysOverInsecureSignalling);
        }
        let beside_keys = with_keys && before.is_none() && self.policy.dtls_beside_keys && self.certificate.is_some();
        let keys = if with_keys { sdes::offered_keys(agreed_keys, &mut self.entropy) } else { Vec::new() };
        let (mut media, place) = match before {
            Some(agreed) => (agreed.media.iter().map(rejected).collect(), agreed.audio),
            None => (vec![MediaDescription::new("audio", 0, Profile::Avp, Vec::new())], 0),
        };
        let kept = before.and_then(|agreed| agreed.media.get(agreed.audio));
        let profile = match (kept, profile) {
            (Some(kept), _) => kept.profile.clone(),
            (None, OfferProfile::Savp) => Profile::Savp,
            (None, OfferProfile::Dtls) => Profile::DtlsSavpf,
            (None, OfferProfile::Plain | OfferProfile::Opportunistic) => Profile::Avp,
        };
        let formats = self.numbers.offered(&self.policy);
        let levels = before.map_or(levels::OFFERED, |agreed| agreed.levels);
        let mut audio = self.describe_audio(&AudioLine {
            profile,
            formats: &formats,
            direction: self.wanted,
            rtcp_mux: true,
            keys: &keys,
            setup: (dtls || beside_keys).then_some("actpass"),
            ice: ice.as_ref(),
            levels,
            reports: &[],
            mid: kept.map_or(dtls.then_some("0"), |kept| kept.attributes.value("mid")),
        });
        extended::offer(&mut audio.attributes);
        audio.attributes.push_flag(levels::ALLOW_MIXED);
        if let Some(line) = media.get_mut(place) {
            *line = audio;
        }
        let direction = self.wanted;
        self.pending = Some(PendingOffer {
            media: media.clone(),
            audio: place,
            formats,
            keys,
            dtls: match (dtls, beside_keys) {
                (true, _) => Dtls::Only,
                (false, true) => Dtls::BesideKeys,
                (false, false) => Dtls::No,
            },
            ice,
            lite,
            bundled,
            direction,
            levels,
        });
        Ok(self.print(media, bundled, lite))
    }

    /// Takes the answer to the last offer. We send the answer's first codec, with the answer's number.
    pub fn accept_answer(&mut self, answer: &[u8]) -> Result<MediaPlan, NegotiationError> {
        let offered = self.pending.clone().ok_or(NegotiationError::NothingOffered)?;
        let answer = SessionDescription::parse(answer)?;
        let audio = answer
            .media
            .get(offered.audio)
            .filter(|audio| audio.is_audio() && audio.port != 0)
            .ok_or(NegotiationError::AudioRefused)?;
        let by_dtls = match offered.dtls {
            Dtls::Only => true,
            Dtls::BesideKeys => dtls::names_certificate_alone(&answer, audio),
            Dtls::No => false,
        };
        let security = match by_dtls {
            true => Some(AgreedSecurity::Dtls(dtls::accept(&answer, audio)?)),
            false => self.keys_of_answer(audio, &offered)?.map(AgreedSecurity::Sdes),
        };
        let address = self.local.address;
        let before = self.agreed.as_ref();
        let ice = match (ice::read(&answer, audio), offered.ice.clone()) {
            (Offered::By(peer), Some(local)) => {
                let joined = ice::join(local, peer, !offered.lite, address, Turn::Offered, &mut self.entropy);
                let before = before.and_then(|agreed| agreed.ice.clone());
                match (joined, before) {
                    (Some(joined), Some(before)) if joined.same_session(&before) => Some(before),
                    (joined, _) => joined,
                }
            }
            _ => None,
        };
        let remote = match &ice {
            Some(_) => Remote::by_ice(&answer, audio, address),
            None => Remote::read(&answer, audio, address, before.map(|agreed| agreed.remote))?,
        };
        self.check_port(ice.as_ref(), &remote)?;
        let common = CommonFormats::find(&answer, audio, &self.policy)?;
        let direction = answering_direction(remote.direction, offered.direction);
        let receive = receivable(&offered.formats, &common.listed());
        let levels = levels::accepted(&audio.attributes, offered.levels);
        let mut plan = self.plan(audio, &common, receive, &remote, direction, security.as_ref(), ice.as_ref(), levels);
        plan.audio.extended_reports = extended::read(&answer.attributes, &audio.attributes).unwrap_or_default();
        let PendingOffer { media, audio, bundled, .. } = offered;
        self.agreed = Some(Agreed { media, audio, remote, security, ice, bundled, levels });
        Ok(plan)
    }

    /// The profile of the answer is not looked at: some phones write `RTP/AVP` into the answer to `RTP/SAVP`, with a key.
    fn keys_of_answer(
        &self,
        audio: &MediaDescription,
        offered: &PendingOffer,
    ) -> Result<Option<AgreedKeys>, NegotiationError> {
        let secured_profile = offered.media.get(offered.audio).is_some_and(|line| line.profile.is_sdes_srtp());
        match sdes::accepted_key(audio, &offered.keys) {
            Some(keys) => Ok(Some(keys)),
            None if self.is_encrypted() => Err(NegotiationError::Downgrade),
            None if secured_profile || audio.attributes.has("crypto") && !offered.keys.is_empty() => {
                Err(NegotiationError::NoUsableKey)
            }
            None => Ok(None),
        }
    }
}

/// What the peer may send: the numbers that we offered, and its own where they clash with none of ours, since some
/// peers send by their own answer.
fn receivable(ours: &[ReceiveFormat], theirs: &[ReceiveFormat]) -> Vec<ReceiveFormat> {
    let free = |format: &&ReceiveFormat| ours.iter().all(|our| our.payload_type != format.payload_type);
    ours.iter().chain(theirs.iter().filter(free)).copied().collect()
}

#[cfg(test)]
mod tests {
    use plenary_media::plan::{AudioCodec, DtlsPlan, DtlsRole, Fingerprint, FingerprintHash, Security, SrtpSuite};

    use super::*;
    use crate::call::negotiate::{Entropy, LocalMedia, MediaPolicy, Signalling};

    fn negotiator(policy: MediaPolicy, secure: bool) -> Negotiator {
        let local = LocalMedia {
            address: "192.0.2.1".parse().expect("address"),
            rtp_port: 20_000,
            rtcp_port: 20_005,
            is_shared: false,
        };
        Negotiator::new(policy, local, Signalling { secure, source: None }, Entropy::seeded(3264))
    }

    fn answer(lines: &str) -> Vec<u8> {
        format!("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n{lines}\r\n").into_bytes()
    }

    fn text(offer: &Bytes) -> String {
        String::from_utf8(offer.to_vec()).expect("text").replace("\r\n", "\n")
    }

    /// baresip with `mediaenc=dtls_srtp` takes `RTP/SAVP`, and answers with its certificate.
    #[test]
    fn a_phone_may_answer_keys_with_its_certificate() {
        let ours = Fingerprint::of(FingerprintHash::Sha256, b"ours");
        let theirs = Fingerprint::of(FingerprintHash::Sha256, b"theirs");
        let offering = |dtls_beside_keys| {
            let policy = MediaPolicy { dtls_beside_keys, ..MediaPolicy::default() };
            negotiator(policy, true).with_certificate(ours.clone())
        };
        let mut both = offering(true);
        let offer = text(&both.offer().expect("an offer"));
        for line in ["RTP/SAVP", "a=crypto:", "a=setup:actpass", &format!("a=fingerprint:{ours}")] {
            assert!(offer.contains(line), "{line} in {offer}");
        }
        let own = format!("a=fingerprint:{theirs}\r\na=setup:active");
        let plan = both.accept_answer(&answer(&format!("m=audio 4000 RTP/SAVP 0\r\n{own}"))).expect("agreed");
        let agreed = DtlsPlan { role: DtlsRole::Passive, fingerprints: vec![theirs.clone()] };
        assert_eq!(plan.audio.security, Security::Dtls(agreed));
        let again = text(&both.offer().expect("an offer"));
        assert!(again.contains("a=fingerprint:") && !again.contains("a=crypto:"), "what was agreed stays: {again}");

        // Who answers with both means the keys; a trunk is asked for nothing but keys.
        let mut both = offering(true);
        let offer = text(&both.offer().expect("an offer"));
        let key = offer.lines().find(|line| line.starts_with("a=crypto:")).expect("a key");
        let plan = both.accept_answer(&answer(&format!("m=audio 4000 RTP/SAVP 0\r\n{own}\r\n{key}"))).expect("agreed");
        assert!(matches!(plan.audio.security, Security::Sdes(_)), "{:?}", plan.audio.security);
        let again = text(&both.offer().expect("an offer"));
        assert!(!again.contains("a=fingerprint:") && again.contains("a=crypto:"), "what was agreed stays: {again}");
        assert!(!text(&offering(false).offer().expect("an offer")).contains("a=fingerprint:"));
    }

    #[test]
    fn plain_offer_and_its_answer() {
        let mut negotiator = negotiator(MediaPolicy::default(), false);
        let offer = text(&negotiator.offer().expect("an offer"));
        assert_eq!(
            offer.split_once("m=").expect("media").1,
            "audio 20000 RTP/AVP 96 9 8 0 101 102\n\
             a=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1\na=rtpmap:9 G722/8000\na=rtpmap:8 PCMA/8000\n\
             a=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n\
             a=rtpmap:102 telephone-event/48000\na=fmtp:102 0-15\n\
             a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\n\
             a=extmap:2/sendonly urn:ietf:params:rtp-hdrext:csrc-audio-level\na=ptime:20\na=rtcp:20005\na=rtcp-mux\na=sendrecv\na=rtcp-xr:voip-metrics\na=extmap-allow-mixed\n"
        );
        let plan = negotiator
            .accept_answer(&answer(
                "m=audio 4000 RTP/AVP 0 111 100\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:100 telephone-event/8000\r\na=recvonly",
            ))
            .expect("accepted");
        assert_eq!((plan.audio.send.payload_type, plan.audio.send.codec), (0, AudioCodec::Pcmu));
        assert_eq!(plan.audio.send_events.map(|events| (events.payload_type, events.clock_rate)), Some((100, 8000)));
        assert_eq!(plan.audio.direction, plenary_media::plan::Direction::SendOnly);
        let numbers: Vec<u8> = plan.audio.receive.iter().map(|format| format.payload_type).collect();
        assert_eq!(numbers, [96, 9, 8, 0, 101, 102, 111, 100]);
    }

    #[test]
    fn secure_offer_takes_the_chosen_suite_and_keeps_its_key() {
        let mut negotiator = negotiator(MediaPolicy::default(), true);
        let offer = text(&negotiator.offer().expect("an offer"));
        assert!(offer.contains("m=audio 20000 RTP/SAVP 96 "), "{offer}");
        assert_eq!(offer.matches("a=crypto:").count(), 5);
        let key = "2 AEAD_AES_128_GCM inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubA==";
        let line = offer.lines().find(|line| line.starts_with("a=crypto:2 ")).expect("our key").to_owned();
        // A phone whose answer names the wrong profile.
        let accepted = answer(&format!("m=audio 4000 RTP/AVP 0\r\na=crypto:{key}"));
        let plan = negotiator.accept_answer(&accepted).expect("accepted");
        assert_eq!(plan.audio.security.keys().map(|keys| keys.suite), Some(SrtpSuite::AeadAes128Gcm));

        negotiator.set_direction(plenary_media::plan::Direction::SendOnly);
        let again = text(&negotiator.offer().expect("an offer"));
        let keys: Vec<&str> = again.lines().filter(|line| line.starts_with("a=crypto:")).collect();
        assert_eq!(keys, [line]);
        assert!(again.contains("a=sendonly\n"));
        let keyless = negotiator.accept_answer(&answer("m=audio 4000 RTP/SAVP 0")).expect_err("downgrade");
        assert_eq!(keyless.status(), 488);
        assert!(negotiator.is_encrypted());
    }

    /// A secured offer answered without a key fails; nothing is sent in the clear.
    #[test]
    fn answers_without_key() {
        let plain = answer("m=audio 4000 RTP/AVP 0");
        let mut savp = negotiator(MediaPolicy::default(), true);
        savp.offer().expect("an offer");
        assert!(matches!(savp.accept_answer(&plain), Err(NegotiationError::NoUsableKey)));

        let mut opportunistic = negotiator(MediaPolicy::default(), true);
        let offer = text(&opportunistic.delayed_offer().expect("an offer"));
        assert!(offer.contains("RTP/AVP") && offer.contains("a=crypto:1 "), "{offer}");
        assert_eq!(opportunistic.accept_answer(&plain).expect("plain is allowed").audio.security, Default::default());

        let half = answer("m=audio 4000 RTP/AVP 0\r\na=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:x");
        assert!(matches!(opportunistic.accept_answer(&half), Err(NegotiationError::NoUsableKey)));
    }

    #[test]
    fn required_srtp_is_not_offered_where_it_could_be_read() {
        let policy = MediaPolicy { srtp: SrtpPolicy::Required, ..MediaPolicy::default() };
        assert!(matches!(negotiator(policy, false).offer(), Err(NegotiationError::KeysOverInsecureSignalling)));
    }

    #[test]
    fn refused_audio_and_stray_answers_are_told() {
        let mut negotiator = negotiator(MediaPolicy::default(), false);
        let refused = answer("m=audio 0 RTP/AVP 0");
        assert!(matches!(negotiator.accept_answer(&refused), Err(NegotiationError::NothingOffered)));
        negotiator.offer().expect("an offer");
        assert!(matches!(negotiator.accept_answer(&refused), Err(NegotiationError::AudioRefused)));
        assert!(matches!(negotiator.accept_answer(&answer("")), Err(NegotiationError::AudioRefused)));
    }

    /// RFC 3264 §8: places stay, numbers stay, the version rises by one exactly on change.
    #[test]
    fn re_offer_after_their_offer_keeps_places_and_numbers() {
        let mut negotiator = negotiator(MediaPolicy::default(), false);
        let theirs = answer(
            "m=video 4002 RTP/AVP 99\r\nm=audio 4000 RTP/AVP 96 97\r\na=mid:a\r\na=rtpmap:96 telephone-event/8000\r\na=rtpmap:97 PCMU/8000",
        );
        negotiator.answer(&theirs).expect("accepted");
        let offer = negotiator.offer().expect("an offer");
        let again = negotiator.offer().expect("an offer");
        assert_eq!(offer, again);
        let offer = SessionDescription::parse(&offer).expect("own print");
        assert_eq!(offer.origin.version, 2);
        let [video, audio] = offer.media.as_slice() else { panic!("two places") };
        assert_eq!((video.port, audio.port), (0, 20_000));
        assert_eq!(audio.attributes.value("mid"), Some("a"));
        assert_eq!(audio.formats, ["98", "9", "8", "97", "96", "102"]);
    }
}
