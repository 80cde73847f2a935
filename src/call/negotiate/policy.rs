//! What a call's media may be.

use std::net::IpAddr;

use plenary_media::plan::AudioCodec;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPolicy {
    /// Allowed codecs, the preferred first.
    pub codecs: Vec<AudioCodec>,
    pub srtp: SrtpPolicy,
    /// Whether keys are agreed on as RFC 4733 events.
    pub telephone_event: bool,
    /// Allows `a=crypto` where the signalling itself can be read on the way (against RFC 4568 §8.3).
    pub sdes_over_insecure: bool,
    /// Whether offers with keys also name our certificate: phones set to DTLS-SRTP take no keys, and answer with theirs.
    pub dtls_beside_keys: bool,
    pub ice: IceMode,
}

/// Which kind of ICE agent we are (RFC 8445 §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceMode {
    /// Everybody reaches us: the peer checks.
    Lite,
    /// Lite, but full towards a peer that is lite itself.
    Adaptive,
    /// Both sides check: there may be a NAT before us.
    Full,
}

impl IceMode {
    pub(super) fn is_full_towards(self, lite_peer: bool) -> bool {
        match self {
            Self::Lite => false,
            Self::Adaptive => lite_peer,
            Self::Full => true,
        }
    }

    /// Whether our offers say `a=ice-lite`.
    pub(super) fn offers_lite(self) -> bool {
        self != Self::Full
    }
}

impl MediaPolicy {
    pub(super) fn allows(&self, codec: AudioCodec) -> bool {
        self.codecs.iter().any(|allowed| allowed.is_like(codec))
    }
}

impl Default for MediaPolicy {
    fn default() -> Self {
        Self {
            codecs: vec![AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcma, AudioCodec::Pcmu],
            srtp: SrtpPolicy::Preferred,
            telephone_event: true,
            sdes_over_insecure: false,
            dtls_beside_keys: true,
            ice: IceMode::Adaptive,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrtpPolicy {
    /// `RTP/SAVP` with keys, or no call. Opportunistic security does not count (RFC 8643 §4).
    Required,
    /// SRTP where the peer can and the signalling is secure; else plain.
    Preferred,
    /// Plain RTP only.
    Off,
}

/// Our sockets, as the peer is to reach them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    pub address: IpAddr,
    pub rtp_port: u16,
    pub rtcp_port: u16,
    /// Others are met at this port too: only a peer that ICE finds can be.
    pub is_shared: bool,
}

/// How the description travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signalling {
    /// TLS or WSS, so that keys may stand in it.
    pub secure: bool,
    /// Where the peer's messages come from; its media is trusted from there too.
    pub source: Option<IpAddr>,
}

/// How an offer of ours presents SRTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferProfile {
    /// `RTP/AVP` without keys.
    Plain,
    /// `RTP/AVP` with keys: who cannot SRTP answers plain (RFC 8643). Phones set to "SRTP mandatory" refuse it.
    Opportunistic,
    /// `RTP/SAVP` with keys: phones without SRTP refuse it.
    Savp,
    /// `UDP/TLS/RTP/SAVPF` with ICE: what browsers take, and nothing else.
    Dtls,
}

impl OfferProfile {
    /// What to offer first. Secure signalling begins with SAVP: baresip takes it with `mediaenc=srtp` and `srtp-mand`
    /// alike, trunks that couple TLS and SRTP take nothing else; a 488 to it is retried with the next.
    pub fn first(policy: &MediaPolicy, signalling: &Signalling) -> Self {
        match (policy.srtp, signalling.secure) {
            (SrtpPolicy::Off, _) => Self::Plain,
            (SrtpPolicy::Required, _) | (SrtpPolicy::Preferred, true) => Self::Savp,
            (SrtpPolicy::Preferred, false) if policy.sdes_over_insecure => Self::Opportunistic,
            (SrtpPolicy::Preferred, false) => Self::Plain,
        }
    }

    /// What to offer after a 488 to this one.
    pub fn after_refusal(self, policy: &MediaPolicy) -> Option<Self> {
        match (self, policy.srtp) {
            (Self::Savp, SrtpPolicy::Preferred) => Some(Self::Opportunistic),
            _ => None,
        }
    }
}

impl MediaPolicy {
    pub(super) fn allows_sdes(&self, signalling: &Signalling) -> bool {
        self.srtp != SrtpPolicy::Off && (signalling.secure || self.sdes_over_insecure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_offer_follows_policy_and_signalling() {
        use OfferProfile::{Opportunistic, Plain, Savp};
        use SrtpPolicy::{Off, Preferred, Required};
        let table = [
            (Off, true, false, Plain),
            (Off, false, true, Plain),
            (Preferred, true, false, Savp),
            (Preferred, false, false, Plain),
            (Preferred, false, true, Opportunistic),
            (Required, true, false, Savp),
            (Required, false, false, Savp),
        ];
        for (srtp, secure, sdes_over_insecure, expected) in table {
            let policy = MediaPolicy { srtp, sdes_over_insecure, ..MediaPolicy::default() };
            let signalling = Signalling { secure, source: None };
            assert_eq!(OfferProfile::first(&policy, &signalling), expected, "{srtp:?} {secure} {sdes_over_insecure}");
        }
    }
}
