//! Answering an offer: RFC 3264 §6, and §8 for a later one.

use bytes::Bytes;
use plenary_media::plan::{IcePlan, MediaPlan};
use plenary_sip::sdp::{MediaDescription, SessionDescription, answering_direction, rejected};

use super::bundle::{self, is_bundled};
use super::dtls;
use super::error::NegotiationError;
use super::extended;
use super::format::CommonFormats;
use super::ice::{self, Offered};
use super::levels;
use super::negotiator::{Agreed, AgreedSecurity, AudioLine, Negotiator};
use super::policy::SrtpPolicy;
use super::remote::Remote;
use super::sdes;

/// An offered audio stream that we can take.
struct Acceptable<'a> {
    place: usize,
    offered: &'a MediaDescription,
    common: CommonFormats,
    remote: Remote,
    security: Option<AgreedSecurity>,
    ice: Option<IcePlan>,
    mismatch: bool,
}

impl Negotiator {
    /// Takes one audio stream of the offer and refuses the rest in place. Codecs are listed in our order, with the
    /// offerer's numbers; all of them may be sent to us at any time, and we send the first.
    pub fn answer(&mut self, offer: &[u8]) -> Result<(Bytes, MediaPlan), NegotiationError> {
        let offer = SessionDescription::parse(offer)?;
        let taken = self.choose(&offer)?;
        let formats = taken.common.listed();
        let levels = levels::read(&taken.offered.attributes);
        let direction = answering_direction(taken.remote.direction, self.wanted);
        let (keys, setup) = match &taken.security {
            Some(AgreedSecurity::Sdes(keys)) => (std::slice::from_ref(&keys.local), None),
            Some(AgreedSecurity::Dtls(agreed)) => (&[][..], Some(dtls::setup_of(agreed.role))),
            None => (&[][..], None),
        };
        let mut audio = self.describe_audio(&AudioLine {
            profile: taken.offered.profile.clone(),
            formats: &formats,
            direction,
            rtcp_mux: taken.remote.rtcp_mux,
            keys,
            setup,
            ice: taken.ice.as_ref().map(|ice| &ice.local),
            mid: taken.offered.attributes.value("mid"),
            levels,
            reports: taken.common.bandwidth.reports(),
        });
        let wanted = extended::read(&offer.attributes, &taken.offered.attributes);
        extended::answer(wanted, &mut audio.attributes);
        let of_bundle = bundle::read(&offer, taken.offered);
        bundle::describe(of_bundle.as_ref(), &mut audio.attributes);
        if levels::may_mix(&offer.attributes, &taken.offered.attributes) {
            audio.attributes.push_flag(levels::ALLOW_MIXED);
        }
        if taken.mismatch {
            audio.attributes.push_flag("ice-mismatch");
        }
        let bundled = audio.attributes.value("mid").is_some_and(|mid| is_bundled(&offer, mid));
        let mut media: Vec<MediaDescription> = offer.media.iter().map(rejected).collect();
        if let Some(place) = media.get_mut(taken.place) {
            *place = audio;
        }
        self.numbers.learn(&formats);
        let Acceptable { place, offered, common, remote, security, ice, .. } = taken;
        let mut plan =
            self.plan(offered, &common, formats, &remote, direction, security.as_ref(), ice.as_ref(), levels);
        plan.audio.bundle = of_bundle.map(Box::new);
        plan.audio.extended_reports = wanted.unwrap_or_default();
        let lite = ice.as_ref().is_some_and(|ice| ice.full.is_none());
        self.agreed = Some(Agreed { media: media.clone(), audio: place, remote, security, ice, bundled, levels });
        self.pending = None;
        Ok((self.print(media, bundled, lite), plan))
    }

    /// The first acceptable audio stream, an encrypted one before a plain one where SRTP is preferred: some peers offer
    /// both as alternatives.
    fn choose<'a>(&mut self, offer: &'a SessionDescription) -> Result<Acceptable<'a>, NegotiationError> {
        let mut plain = None;
        let mut refusal = None;
        let audio = offer.media.iter().enumerate().filter(|(_, media)| media.is_audio() && media.port != 0);
        for (place, media) in audio {
            match self.consider(offer, place, media) {
                Ok(taken) if taken.security.is_some() || self.policy.srtp != SrtpPolicy::Preferred => return Ok(taken),
                Ok(taken) => plain = plain.or(Some(taken)),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        plain.ok_or(refusal.unwrap_or(NegotiationError::NoAudio))
    }

    fn consider<'a>(
        &mut self,
        offer: &SessionDescription,
        place: usize,
        offered: &'a MediaDescription,
    ) -> Result<Acceptable<'a>, NegotiationError> {
        let before = self.agreed.as_ref();
        let security = if dtls::is_offered(offer, offered) {
            self.allow_dtls(offered)?;
            Some(AgreedSecurity::Dtls(dtls::answer(offer, offered, before.and_then(Agreed::dtls))?))
        } else {
            let keys = before.and_then(Agreed::sdes);
            sdes::answer_keys(offered, keys, &self.policy, &self.signalling, &mut self.entropy)?
                .map(AgreedSecurity::Sdes)
        };
        if security.is_none() && self.is_encrypted() {
            return Err(NegotiationError::Downgrade);
        }
        let by_ice = ice::read(offer, offered);
        let (mismatch, local) = (by_ice == Offered::Mismatch, self.local.address);
        let ice = match by_ice {
            Offered::By(peer) => {
                let ice = before.and_then(|agreed| agreed.ice.as_ref());
                ice::agree(peer, ice, self.policy.ice, local, &mut self.entropy)
            }
            Offered::None | Offered::Mismatch => None,
        };
        let remote = match &ice {
            Some(_) => Remote::by_ice(offer, offered, local),
            None => Remote::read(offer, offered, local, before.map(|agreed| agreed.remote))?,
        };
        self.check_port(ice.as_ref(), &remote)?;
        let common = CommonFormats::find(offer, offered, &self.policy)?.preferred_by(&self.policy);
        Ok(Acceptable { place, offered, common, remote, security, ice, mismatch })
    }

    fn allow_dtls(&self, offered: &MediaDescription) -> Result<(), NegotiationError> {
        match (self.policy.srtp, &self.certificate) {
            (SrtpPolicy::Off, _) => Err(NegotiationError::SrtpOff),
            (_, None) => Err(NegotiationError::Profile { profile: offered.profile.to_string() }),
            (_, Some(_)) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use plenary_media::plan::{AudioCodec, Direction, ReceiveKind, Security};

    use super::*;
    use crate::call::negotiate::{Entropy, LocalMedia, MediaPolicy, Signalling};

    const KEY: &str = "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn negotiator(policy: MediaPolicy, secure: bool) -> Negotiator {
        let local = LocalMedia {
            address: "192.0.2.1".parse().expect("address"),
            rtp_port: 20_000,
            rtcp_port: 20_001,
            is_shared: false,
        };
        let source = "10.0.0.1".parse().ok();
        Negotiator::new(policy, local, Signalling { secure, source }, Entropy::seeded(3264))
    }

    fn offer(lines: &str) -> Vec<u8> {
        format!("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n{lines}\r\n").into_bytes()
    }

    fn text(answer: &Bytes) -> String {
        String::from_utf8(answer.to_vec()).expect("text").replace("\r\n", "\n")
    }

    #[test]
    fn plain_phone_gets_our_order_with_its_numbers() {
        let mut negotiator = negotiator(MediaPolicy::default(), false);
        let (answer, plan) = negotiator
            .answer(&offer(
                "m=audio 4000 RTP/AVP 0 8 107 13 101\r\na=rtpmap:107 opus/48000\r\na=fmtp:107 foo=1\r\n\
                 a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:30",
            ))
            .expect("accepted");
        let answer = text(&answer);
        assert_eq!(
            answer.split_once("m=").expect("media").1,
            "audio 20000 RTP/AVP 107 8 0 13 101\n\
             a=rtpmap:107 opus/48000/2\na=fmtp:107 useinbandfec=1\na=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\n\
             a=rtpmap:13 CN/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\na=sendrecv\n"
        );
        let audio = plan.audio;
        assert_eq!((audio.send.payload_type, audio.send.codec), (107, AudioCodec::Opus));
        assert_eq!(audio.send_events.map(|events| (events.payload_type, events.clock_rate)), Some((101, 8000)));
        assert_eq!(audio.remote_rtp.to_string(), "10.0.0.1:4000");
        assert_eq!(audio.remote_rtcp.to_string(), "10.0.0.1:4001");
        assert_eq!(audio.latch.trusted.len(), 1);
        assert!(audio.receive.iter().any(|format| format.kind == ReceiveKind::ComfortNoise));
        assert_eq!(audio.security, Security::Plain);
    }

    /// RFC 3264 §6: as many lines as offered, in their order.
    #[test]
    fn other_media_are_refused_in_place() {
        let lines = "m=video 4002 RTP/AVP 96\r\na=mid:v\r\nm=audio 4000 RTP/AVP 9\r\na=mid:a\r\n\
                     m=application 4004 UDP/BFCP *\r\nm=message 0 TCP/MSRP *\r\nm=audio 4006 RTP/AVP 0";
        let (answer, plan) = negotiator(MediaPolicy::default(), false).answer(&offer(lines)).expect("accepted");
        let answer = text(&answer);
        let media: Vec<&str> = answer.lines().filter(|line| line.starts_with("m=")).collect();
        assert_eq!(
            media,
            [
                "m=video 0 RTP/AVP 96",
                "m=audio 20000 RTP/AVP 9",
                "m=application 0 UDP/BFCP *",
                "m=message 0 TCP/MSRP *",
                "m=audio 0 RTP/AVP 0"
            ]
        );
        assert!(answer.contains("a=mid:v\n") && answer.contains("a=mid:a\n"));
        assert_eq!(plan.audio.send.codec, AudioCodec::G722);
    }

    #[test]
    fn refusals_name_their_warning() {
        let table = [
            ("m=audio 4000 RTP/AVP 4", "305"),
            ("m=video 4000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000", "304"),
            ("m=audio 0 RTP/AVP 0", "304"),
            ("m=image 4000 udptl t38\r\nm=audio 0 RTP/AVP 0", "304"),
            ("m=audio 4000 UDP/TLS/RTP/SAVPF 0", "302"),
            ("m=audio 4000 RTP/SAVP 0", "302"),
        ];
        for (lines, code) in table {
            let error = negotiator(MediaPolicy::default(), false).answer(&offer(lines)).expect_err(lines);
            assert_eq!(error.status(), 488, "{lines}");
            assert!(error.warning().is_some_and(|warning| warning.starts_with(code)), "{lines}: {error}");
        }
        assert_eq!(negotiator(MediaPolicy::default(), false).answer(b"hello").expect_err("no SDP").status(), 400);
    }

    /// The three forms of hold, and back: RFC 3264 §8.4.
    #[test]
    fn hold_and_resume_by_the_peer() {
        let mut negotiator = negotiator(MediaPolicy::default(), false);
        let table = [
            ("m=audio 4000 RTP/AVP 0", Direction::SendRecv, 1),
            ("m=audio 4000 RTP/AVP 0\r\na=sendonly", Direction::RecvOnly, 2),
            ("m=audio 4000 RTP/AVP 0", Direction::SendRecv, 3),
            ("m=audio 4000 RTP/AVP 0\r\na=inactive", Direction::Inactive, 4),
            ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0", Direction::RecvOnly, 5),
            ("m=audio 4002 RTP/AVP 0", Direction::SendRecv, 6),
            ("m=audio 4004 RTP/AVP 0", Direction::SendRecv, 6),
        ];
        for (lines, direction, version) in table {
            let (answer, plan) = negotiator.answer(&offer(lines)).expect(lines);
            assert_eq!(plan.audio.direction, direction, "{lines}");
            assert!(!plan.audio.remote_rtp.ip().is_unspecified(), "{lines}");
            let answer = SessionDescription::parse(&answer).expect("own print");
            assert_eq!(answer.origin.version, version, "{lines}");
        }
    }

    /// RFC 8643 §3.1: the profile stays, one key comes back; a later plain offer does not undo it.
    #[test]
    fn opportunistic_srtp_keeps_its_profile_and_is_never_undone() {
        let mut negotiator = negotiator(MediaPolicy::default(), true);
        let opportunistic = offer(&format!("m=audio 4000 RTP/AVP 0\r\na=crypto:{KEY}\r\na=fingerprint:sha-256 00"));
        let (answer, plan) = negotiator.answer(&opportunistic).expect("accepted");
        let first = text(&answer);
        assert!(first.contains("m=audio 20000 RTP/AVP 0\n"), "{first}");
        assert_eq!(first.matches("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:").count(), 1);
        assert!(!first.contains("fingerprint"));
        assert!(negotiator.is_encrypted());

        let plain = negotiator.answer(&offer("m=audio 4000 RTP/AVP 0")).expect_err("downgrade");
        assert_eq!(plain.status(), 488);

        let held = offer(&format!("m=audio 4000 RTP/AVP 0\r\na=crypto:{KEY}\r\na=sendonly"));
        let (_, again) = negotiator.answer(&held).expect("accepted");
        assert_eq!(again.audio.security, plan.audio.security);
    }

    /// Peers that offer SAVP and AVP as alternatives get one stream.
    #[test]
    fn of_two_alternatives_the_encrypted_is_taken() {
        let lines = format!("m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/SAVP 0\r\na=crypto:{KEY}");
        let (answer, plan) = negotiator(MediaPolicy::default(), true).answer(&offer(&lines)).expect("accepted");
        assert!(plan.audio.security.is_secured());
        let answer = text(&answer);
        assert!(answer.contains("m=audio 0 RTP/AVP 0\n") && answer.contains("m=audio 20000 RTP/SAVP 0\n"), "{answer}");
    }
}
