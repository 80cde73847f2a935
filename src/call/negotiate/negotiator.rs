//! One call's negotiation: what was agreed so far, and the rules it goes on by.

use bytes::Bytes;
use plenary_media::plan::{
    self, AudioLevels, AudioPlan, ExtendedReports, Fingerprint, IceCredentials, IcePlan, Latch, MediaPlan,
    ReceiveFormat, Security,
};
use plenary_sip::sdp::attribute::{Crypto, Direction};
use plenary_sip::sdp::{About, Attributes, Bandwidth, Connection, MediaDescription, OwnDescriptions, Profile};

use super::dtls::{self, AgreedDtls};
use super::entropy::Entropy;
use super::error::NegotiationError;
use super::format::{self, CommonFormats, PayloadNumbers};
use super::ice;
use super::levels;
use super::offer::PendingOffer;
use super::policy::{LocalMedia, MediaPolicy, OfferProfile, Signalling};
use super::remote::Remote;
use super::sdes::AgreedKeys;

/// The offers and answers of one dialog. A failed exchange leaves everything as it was (RFC 3261 §14.1).
#[derive(Debug)]
pub struct Negotiator {
    pub(super) policy: MediaPolicy,
    pub(super) local: LocalMedia,
    pub(super) signalling: Signalling,
    pub(super) entropy: Entropy,
    pub(super) own: OwnDescriptions,
    /// Our direction, were the peer to allow all.
    pub(super) wanted: Direction,
    pub(super) offer_profile: OfferProfile,
    /// Of the certificate that DTLS shows; without one there is no DTLS.
    pub(super) certificate: Option<Fingerprint>,
    /// By which a conference's document names our audio (RFC 4574, RFC 4575 §5.8.3).
    label: Option<String>,
    pub(super) numbers: PayloadNumbers,
    pub(super) agreed: Option<Agreed>,
    pub(super) pending: Option<PendingOffer>,
}

/// What the last exchange settled.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    /// Our media descriptions, in the places that they keep (RFC 3264 §8).
    pub(super) media: Vec<MediaDescription>,
    /// The place of the audio among them.
    pub(super) audio: usize,
    pub(super) remote: Remote,
    /// Absent: plain RTP.
    pub(super) security: Option<AgreedSecurity>,
    pub(super) ice: Option<IcePlan>,
    /// Whether the audio stands in a bundle, alone (RFC 9143).
    pub(super) bundled: bool,
    pub(super) levels: AudioLevels,
}

/// Where the keys of an encrypted stream come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AgreedSecurity {
    Sdes(AgreedKeys),
    Dtls(AgreedDtls),
}

impl AgreedSecurity {
    fn plan(&self) -> Security {
        match self {
            Self::Sdes(keys) => Security::Sdes(keys.plan()),
            Self::Dtls(agreed) => Security::Dtls(agreed.clone()),
        }
    }
}

impl Agreed {
    pub(super) fn sdes(&self) -> Option<&AgreedKeys> {
        match &self.security {
            Some(AgreedSecurity::Sdes(keys)) => Some(keys),
            _ => None,
        }
    }

    pub(super) fn dtls(&self) -> Option<&AgreedDtls> {
        match &self.security {
            Some(AgreedSecurity::Dtls(agreed)) => Some(agreed),
            _ => None,
        }
    }
}

/// Everything that our audio line says.
pub(super) struct AudioLine<'a> {
    pub(super) profile: Profile,
    pub(super) formats: &'a [ReceiveFormat],
    pub(super) direction: Direction,
    pub(super) rtcp_mux: bool,
    pub(super) keys: &'a [Crypto],
    /// `a=setup` of a DTLS stream.
    pub(super) setup: Option<&'static str>,
    pub(super) ice: Option<&'a IceCredentials>,
    pub(super) mid: Option<&'a str>,
    pub(super) levels: AudioLevels,
    /// What the peer leaves for reports.
    pub(super) reports: &'a [Bandwidth],
}

impl Negotiator {
    pub fn new(policy: MediaPolicy, local: LocalMedia, signalling: Signalling, mut entropy: Entropy) -> Self {
        let own = OwnDescriptions::new(entropy.number(), &Connection::from(local.address));
        let offer_profile = OfferProfile::first(&policy, &signalling);
        Self {
            policy,
            local,
            signalling,
            entropy,
            own,
            wanted: Direction::SendRecv,
            offer_profile,
            certificate: None,
            label: None,
            numbers: PayloadNumbers::default(),
            agreed: None,
            pending: None,
        }
    }

    /// Allows DTLS, with the certificate of this fingerprint.
    pub fn with_certificate(self, fingerprint: Fingerprint) -> Self {
        Self { certificate: Some(fingerprint), ..self }
    }

    /// Names the audio in all descriptions.
    pub fn with_label(self, label: String) -> Self {
        Self { label: Some(label), ..self }
    }

    /// What all descriptions say of the session.
    pub fn with_about(mut self, about: About) -> Self {
        self.own.set_about(about);
        self
    }

    /// What the next exchanges aim at; [`plan::Direction::SendOnly`] holds the peer.
    pub fn set_direction(&mut self, direction: plan::Direction) {
        self.wanted = Direction::new(direction.sends(), direction.receives());
    }

    /// How [`offer`](Self::offer) presents SRTP; the default is [`OfferProfile::first`].
    pub fn set_offer_profile(&mut self, profile: OfferProfile) {
        self.offer_profile = profile;
    }

    pub fn is_encrypted(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.security.is_some())
    }

    /// Who cannot be told from others does not get to a port that is shared.
    pub(super) fn check_port(&self, ice: Option<&IcePlan>, remote: &Remote) -> Result<(), NegotiationError> {
        match self.local.is_shared && (ice.is_none() || !remote.rtcp_mux) {
            true => Err(NegotiationError::NeedsIce),
            false => Ok(()),
        }
    }

    pub(super) fn describe_audio(&self, line: &AudioLine<'_>) -> MediaDescription {
        let numbers = line.formats.iter().map(|format| format.payload_type.to_string()).collect();
        let mut media = MediaDescription::new("audio", self.local.rtp_port, line.profile.clone(), numbers);
        media.bandwidth = line.reports.to_vec();
        let attributes = &mut media.attributes;
        if let Some(mid) = line.mid {
            attributes.push("mid", mid);
        }
        if let Some(label) = &self.label {
            attributes.push("label", label);
        }
        format::describe(line.formats, attributes);
        levels::describe(line.levels, attributes);
        attributes.push("ptime", 20);
        for key in line.keys {
            attributes.push("crypto", key);
        }
        if self.local.rtcp_port != self.local.rtp_port.saturating_add(1) {
            attributes.push("rtcp", self.local.rtcp_port);
        }
        if line.rtcp_mux {
            attributes.push_flag("rtcp-mux");
        }
        if let Some(ice) = line.ice {
            ice::describe(ice, &self.local, line.rtcp_mux, attributes);
        }
        if let (Some(setup), Some(own)) = (line.setup, &self.certificate) {
            dtls::describe(own, setup, attributes);
            if line.ice.is_some() {
                // Browsers put what they receive into a stream of that name (RFC 8830).
                attributes.push("msid", "plenary audio");
            }
        }
        attributes.push_direction(line.direction);
        media
    }

    /// `bundled`: the audio stands in a bundle of its own. `lite`: we check nothing.
    pub(super) fn print(&mut self, media: Vec<MediaDescription>, bundled: bool, lite: bool) -> Bytes {
        let mut attributes = Attributes::default();
        let live = media.iter().find(|line| line.port != 0).map(|line| &line.attributes);
        if let Some(mid) = live.and_then(|attributes| attributes.value("mid")).filter(|_| bundled) {
            attributes.push("group", format!("BUNDLE {mid}"));
        }
        if lite {
            attributes.push_flag("ice-lite");
        }
        self.own.print(self.local.address.into(), attributes, media)
    }

    #[expect(clippy::too_many_arguments, reason = "what the exchange settled, each used once")]
    /// `peer`: the peer's audio line; `receive`: the numbers that the peer may send.
    pub(super) fn plan(
        &self,
        peer: &MediaDescription,
        common: &CommonFormats,
        receive: Vec<ReceiveFormat>,
        remote: &Remote,
        direction: Direction,
        security: Option<&AgreedSecurity>,
        ice: Option<&IcePlan>,
        levels: AudioLevels,
    ) -> MediaPlan {
        MediaPlan {
            audio: AudioPlan {
                remote_rtp: remote.rtp,
                remote_rtcp: remote.rtcp,
                rtcp_mux: remote.rtcp_mux,
                direction: engine_direction(direction),
                receive,
                send: common.send_format(peer),
                send_events: common.send_events(),
                rtcp_interval: common.bandwidth.rtcp_interval(),
                extended_reports: ExtendedReports::default(),
                levels,
                bundle: None,
                security: security.map_or(Security::Plain, AgreedSecurity::plan),
                ice: ice.cloned(),
                latch: Latch { trusted: self.signalling.source.into_iter().collect() },
            },
        }
    }
}

fn engine_direction(direction: Direction) -> plan::Direction {
    match direction {
        Direction::SendRecv => plan::Direction::SendRecv,
        Direction::SendOnly => plan::Direction::SendOnly,
        Direction::RecvOnly => plan::Direction::RecvOnly,
        Direction::Inactive => plan::Direction::Inactive,
    }
}
