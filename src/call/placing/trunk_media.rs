//! What of the media a trunk decides: its own codecs and its own word on SRTP.
//!
//! Many carriers couple the two: a trunk over TLS takes SRTP alone, one without TLS refuses it. They know SDES, and are
//! offered nothing that could confuse them beside it.

use plenary_media::plan::AudioCodec;

use crate::call::negotiate::{MediaPolicy, SrtpPolicy};
use crate::store::{TrunkCodec, TrunkSrtp};
use crate::trunk::LiveTrunk;

impl MediaPolicy {
    /// The policy of a call through this trunk; of any other call the server's own.
    pub(in crate::call) fn through(&self, trunk: Option<&LiveTrunk>) -> Self {
        let mut policy = self.clone();
        let Some(settings) = trunk.map(|trunk| &trunk.trunk().settings) else { return policy };
        policy.dtls_beside_keys = false;
        match settings.srtp {
            Some(TrunkSrtp::Required) => policy.srtp = SrtpPolicy::Required,
            Some(TrunkSrtp::Preferred) => policy.srtp = SrtpPolicy::Preferred,
            Some(TrunkSrtp::Off) => policy.srtp = SrtpPolicy::Off,
            None => {}
        }
        if !settings.codecs.is_empty() {
            policy.codecs = settings.codecs.iter().map(|codec| AudioCodec::from(*codec)).collect();
        }
        policy
    }
}

impl From<TrunkCodec> for AudioCodec {
    fn from(codec: TrunkCodec) -> Self {
        match codec {
            TrunkCodec::Opus => Self::Opus,
            TrunkCodec::G722 => Self::G722,
            TrunkCodec::Pcma => Self::Pcma,
            TrunkCodec::Pcmu => Self::Pcmu,
        }
    }
}
