//! Which key line is taken, and when a stream may be plain: RFC 4568 §5.1.2 and §7.1, RFC 8643.
//!
//! | offered              | `required` | `preferred`                      | `off` |
//! |----------------------|------------|----------------------------------|-------|
//! | `RTP/SAVP` + key     | SRTP       | SRTP                             | 488   |
//! | `RTP/AVP` + key      | 488        | SRTP, the answer stays `RTP/AVP` | plain |
//! | `RTP/AVP`            | 488        | plain; 488 in an encrypted call  | plain |
//!
//! Over insecure signalling no key is taken: `RTP/SAVP` gets 488, `RTP/AVP` counts as if it had none.

use plenary_media::plan::{SrtpKeys, SrtpSuite};
use plenary_sip::sdp::MediaDescription;
use plenary_sip::sdp::attribute::{Crypto, CryptoSuite};

use super::entropy::Entropy;
use super::error::NegotiationError;
use super::policy::{MediaPolicy, Signalling, SrtpPolicy};

/// The keys of an encrypted stream. They stay through hold and re-offer, so that packet counters go on (§7.1.4).
#[derive(Clone, PartialEq, Eq)]
pub(super) struct AgreedKeys {
    /// With the tag that both sides use.
    pub(super) local: Crypto,
    pub(super) remote: Vec<u8>,
}

impl std::fmt::Debug for AgreedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgreedKeys").field("local", &self.local).finish_non_exhaustive()
    }
}

impl AgreedKeys {
    pub(super) fn plan(&self) -> SrtpKeys {
        SrtpKeys {
            suite: engine_suite(self.local.suite),
            local: self.local.key_and_salt.clone(),
            remote: self.remote.clone(),
        }
    }
}

fn engine_suite(suite: CryptoSuite) -> SrtpSuite {
    match suite {
        CryptoSuite::AesCm128HmacSha1_80 => SrtpSuite::AesCm128HmacSha1_80,
        CryptoSuite::AesCm128HmacSha1_32 => SrtpSuite::AesCm128HmacSha1_32,
        CryptoSuite::AesCm256HmacSha1_80 => SrtpSuite::AesCm256HmacSha1_80,
        CryptoSuite::AeadAes128Gcm => SrtpSuite::AeadAes128Gcm,
        CryptoSuite::AeadAes256Gcm => SrtpSuite::AeadAes256Gcm,
    }
}

/// Decides about one offered stream: keys, or none for plain RTP.
pub(super) fn answer_keys(
    offered: &MediaDescription,
    before: Option<&AgreedKeys>,
    policy: &MediaPolicy,
    signalling: &Signalling,
    entropy: &mut Entropy,
) -> Result<Option<AgreedKeys>, NegotiationError> {
    let profile = &offered.profile;
    if profile.is_sdes_srtp() {
        if policy.srtp == SrtpPolicy::Off {
            return Err(NegotiationError::SrtpOff);
        }
        if !policy.allows_sdes(signalling) {
            return Err(NegotiationError::KeysOverInsecureSignalling);
        }
        return take_key(offered, before, entropy).map(Some).ok_or(NegotiationError::NoUsableKey);
    }
    if !profile.is_plain_rtp() {
        return Err(NegotiationError::Profile { profile: profile.to_string() });
    }
    if policy.srtp == SrtpPolicy::Required {
        return Err(NegotiationError::SrtpRequired);
    }
    let keys = policy.allows_sdes(signalling).then(|| take_key(offered, before, entropy)).flatten();
    match (keys, before) {
        (None, Some(_)) => Err(NegotiationError::Downgrade),
        (keys, _) => Ok(keys),
    }
}

/// The offerer's first usable line (§5.1.2), or in a re-offer the one with the suite in use. Our key stays as long as the
/// peer's does: another key may be another phone's, and no two are to know the same (RFC 3711 §8).
fn take_key(offered: &MediaDescription, before: Option<&AgreedKeys>, entropy: &mut Entropy) -> Option<AgreedKeys> {
    let usable: Vec<Crypto> = offered.attributes.cryptos().flatten().filter(Crypto::is_ordinary).collect();
    let in_use =
        before.and_then(|keys| usable.iter().find(|line| line.suite == keys.local.suite).map(|line| (keys, line)));
    let (key, line) = match in_use {
        Some((keys, line)) if keys.remote == line.key_and_salt => (keys.local.key_and_salt.clone(), line),
        Some((_, line)) => (entropy.octets(line.suite.key_and_salt_len()), line),
        None => usable.first().map(|line| (entropy.octets(line.suite.key_and_salt_len()), line))?,
    };
    let local = Crypto::new(line.tag, line.suite, key);
    Some(AgreedKeys { local, remote: line.key_and_salt.clone() })
}

/// The lines of an offer: the key in use, else a fresh one for every suite, in our order of preference.
pub(super) fn offered_keys(before: Option<&AgreedKeys>, entropy: &mut Entropy) -> Vec<Crypto> {
    match before {
        Some(keys) => vec![keys.local.clone()],
        None => (1..)
            .zip(CryptoSuite::ALL)
            .map(|(tag, suite)| Crypto::new(tag, suite, entropy.octets(suite.key_and_salt_len())))
            .collect(),
    }
}

/// The answer's key: its tag and suite must be those of one line that we offered (§5.1.3).
pub(super) fn accepted_key(answered: &MediaDescription, offered: &[Crypto]) -> Option<AgreedKeys> {
    answered.attributes.cryptos().flatten().filter(Crypto::is_ordinary).find_map(|line| {
        let local = offered.iter().find(|ours| ours.tag == line.tag && ours.suite == line.suite)?;
        Some(AgreedKeys { local: local.clone(), remote: line.key_and_salt })
    })
}

#[cfg(test)]
mod tests {
    use plenary_sip::sdp::SessionDescription;

    use super::*;

    const KEY: &str = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn stream(profile: &str, lines: &[&str]) -> MediaDescription {
        let mut text = format!("v=0\r\nm=audio 4000 {profile} 0\r\n");
        for line in lines {
            text += &format!("a=crypto:{}\r\n", line.replace("KEY", KEY));
        }
        SessionDescription::parse(text.as_bytes()).expect("readable").media.remove(0)
    }

    fn outcome(srtp: SrtpPolicy, secure: bool, media: &MediaDescription, before: Option<&AgreedKeys>) -> String {
        let policy = MediaPolicy { srtp, ..MediaPolicy::default() };
        let signalling = Signalling { secure, source: None };
        match answer_keys(media, before, &policy, &signalling, &mut Entropy::seeded(1)) {
            Ok(Some(keys)) => format!("srtp {}", keys.local.tag),
            Ok(None) => "plain".into(),
            Err(error) => error.status().to_string(),
        }
    }

    #[test]
    fn table_of_profile_policy_and_signalling() {
        use SrtpPolicy::{Off, Preferred, Required};
        let savp = stream("RTP/SAVP", &["4 AES_CM_128_HMAC_SHA1_80 KEY"]);
        let savpf = stream("RTP/SAVPF", &["4 AES_CM_128_HMAC_SHA1_80 KEY"]);
        let opportunistic = stream("RTP/AVP", &["4 AES_CM_128_HMAC_SHA1_80 KEY"]);
        let plain = stream("RTP/AVP", &[]);
        let keyless = stream("RTP/SAVP", &[]);
        let dtls = stream("UDP/TLS/RTP/SAVPF", &[]);
        let table = [
            (Required, true, &savp, "srtp 4"),
            (Preferred, true, &savp, "srtp 4"),
            (Preferred, true, &savpf, "srtp 4"),
            (Off, true, &savp, "488"),
            (Preferred, false, &savp, "488"),
            (Required, false, &savp, "488"),
            (Required, true, &opportunistic, "488"),
            (Preferred, true, &opportunistic, "srtp 4"),
            (Preferred, false, &opportunistic, "plain"),
            (Off, true, &opportunistic, "plain"),
            (Required, true, &plain, "488"),
            (Preferred, true, &plain, "plain"),
            (Off, false, &plain, "plain"),
            (Preferred, true, &keyless, "488"),
            (Preferred, true, &dtls, "488"),
        ];
        for (srtp, secure, media, expected) in table {
            assert_eq!(outcome(srtp, secure, media, None), expected, "{srtp:?} secure {secure} {media:?}");
        }
    }

    #[test]
    fn unusable_lines_are_passed_over() {
        let media = stream(
            "RTP/SAVP",
            &[
                "1 F8_128_HMAC_SHA1_80 KEY",
                "2 AES_CM_128_HMAC_SHA1_80 KEY|2^20|1:4",
                "3 AES_CM_128_HMAC_SHA1_80 KEY UNENCRYPTED_SRTP",
                "4 AES_CM_128_HMAC_SHA1_80 KEY FOO=1",
                "5 AES_CM_128_HMAC_SHA1_32 KEY -FOO=1",
                "6 AES_CM_128_HMAC_SHA1_80 KEY",
            ],
        );
        assert_eq!(outcome(SrtpPolicy::Required, true, &media, None), "srtp 5");
        let unencrypted = stream("RTP/SAVP", &["3 AES_CM_128_HMAC_SHA1_80 KEY UNENCRYPTED_SRTP"]);
        assert_eq!(outcome(SrtpPolicy::Preferred, true, &unencrypted, None), "488");
    }

    #[test]
    fn re_offers_keep_suite_and_key_and_never_turn_plain() {
        let first = stream("RTP/SAVP", &["1 AES_CM_128_HMAC_SHA1_32 KEY"]);
        let policy = MediaPolicy::default();
        let signalling = Signalling { secure: true, source: None };
        let mut entropy = Entropy::seeded(1);
        let mut take = |media: &MediaDescription, before: Option<&AgreedKeys>| {
            answer_keys(media, before, &policy, &signalling, &mut entropy).expect("accepted").expect("keys")
        };
        let keys = take(&first, None);
        let more = stream("RTP/SAVP", &["7 AES_CM_128_HMAC_SHA1_80 KEY", "8 AES_CM_128_HMAC_SHA1_32 KEY"]);
        let again = take(&more, Some(&keys));
        assert_eq!((again.local.tag, &again.local.key_and_salt), (8, &keys.local.key_and_salt));
        let mut rekeyed = stream("RTP/SAVP", &["1 AES_CM_128_HMAC_SHA1_32 KEY"]);
        let line = rekeyed.attributes.value("crypto").map(|line| line.replace("WVN", "XVN")).expect("a key");
        rekeyed.attributes = Default::default();
        rekeyed.attributes.push("crypto", line);
        assert_ne!(take(&rekeyed, Some(&keys)).local.key_and_salt, keys.local.key_and_salt);
        let other_suite = take(&stream("RTP/SAVP", &["7 AES_CM_128_HMAC_SHA1_80 KEY"]), Some(&keys));
        assert_ne!(other_suite.local.key_and_salt, keys.local.key_and_salt);
        assert_eq!(outcome(SrtpPolicy::Preferred, true, &stream("RTP/AVP", &[]), Some(&keys)), "488");
        assert_eq!(outcome(SrtpPolicy::Preferred, true, &stream("RTP/SAVP", &[]), Some(&keys)), "488");
    }

    #[test]
    fn answers_must_echo_an_offered_line() {
        let offered = offered_keys(None, &mut Entropy::seeded(1));
        assert_eq!(offered.len(), 5);
        assert!(accepted_key(&stream("RTP/SAVP", &["1 AES_CM_128_HMAC_SHA1_80 KEY"]), &offered).is_some());
        assert!(accepted_key(&stream("RTP/SAVP", &["2 AES_CM_128_HMAC_SHA1_80 KEY"]), &offered).is_none());
        assert!(accepted_key(&stream("RTP/SAVP", &[]), &offered).is_none());
    }
}
