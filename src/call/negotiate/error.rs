//! Why offer and answer did not come together, and what the peer is told.

use plenary_sip::sdp::SdpError;

#[derive(Debug, thiserror::Error)]
pub enum NegotiationError {
    #[error(transparent)]
    Unreadable(#[from] SdpError), // 400
    #[error("no audio stream is offered")]
    NoAudio, // 488, 304
    #[error("no codec in common: offered {offered}, allowed {allowed}")]
    NoCommonCodec { offered: String, allowed: String }, // 488, 305
    #[error("transport {profile} is not supported")]
    Profile { profile: String }, // 488, 302
    #[error("SRTP is required here")]
    SrtpRequired, // 488, 302
    #[error("SRTP is switched off here")]
    SrtpOff, // 488, 302
    #[error("SRTP keys may not travel over insecure signalling")]
    KeysOverInsecureSignalling, // 488, 302
    #[error("no a=crypto line can be used")]
    NoUsableKey, // 488, 307
    #[error("no a=fingerprint of a hash from sha-256 on")]
    NoUsableFingerprint, // 488, 307
    #[error("a=setup:{setup} cannot be answered")]
    Setup { setup: String }, // 488, 307
    #[error("an encrypted call cannot become a plain one")]
    Downgrade, // 488, 302
    #[error("media has no address")]
    NoAddress, // 488, 301
    #[error("media address {name:?} is a name, not an address")]
    NameAsAddress { name: String }, // 488, 301
    #[error("media address {address} cannot be reached from {local}")]
    OtherFamily { address: std::net::IpAddr, local: std::net::IpAddr }, // 488, 300
    #[error("media address {address} is a multicast group")]
    Multicast { address: std::net::IpAddr }, // 488, 330
    #[error("this call's media shares a port, where only a peer with ICE and rtcp-mux can be told from others")]
    NeedsIce, // 488, 301
    #[error("the peer refused the audio stream")]
    AudioRefused, // 488
    #[error("an answer came where nothing was offered")]
    NothingOffered, // 400
}

impl NegotiationError {
    /// The SIP status for whoever made the offer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unreadable(_) | Self::NothingOffered => 400,
            _ => 488,
        }
    }

    /// The value of a Warning header (RFC 3261 §20.43), where one tells more than the status.
    pub fn warning(&self) -> Option<String> {
        let code = match self {
            Self::OtherFamily { .. } => 300,
            Self::NoAddress | Self::NameAsAddress { .. } | Self::NeedsIce => 301,
            Self::Profile { .. }
            | Self::SrtpRequired
            | Self::SrtpOff
            | Self::KeysOverInsecureSignalling
            | Self::Downgrade => 302,
            Self::NoAudio => 304,
            Self::NoCommonCodec { .. } => 305,
            Self::NoUsableKey | Self::NoUsableFingerprint | Self::Setup { .. } => 307,
            Self::Multicast { .. } => 330,
            Self::Unreadable(_) | Self::AudioRefused | Self::NothingOffered => return None,
        };
        let text = self.to_string().replace(['"', '\\'], "'");
        Some(format!("{code} plenary \"{text}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_name_the_fault_in_a_quoted_string() {
        let error = NegotiationError::NameAsAddress { name: "a\"b".into() };
        assert_eq!(error.status(), 488);
        let warning = error.warning().expect("has one");
        assert!(warning.starts_with("301 plenary \"") && warning.matches('"').count() == 2, "{warning}");
    }
}
