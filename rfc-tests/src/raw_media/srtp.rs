//! SRTP by `webrtc-srtp`, keyed by SDES or by a handshake.

use anyhow::Context as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use webrtc_srtp::context::Context;
use webrtc_srtp::protection_profile::ProtectionProfile;

/// A suite by its name in `a=crypto`.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    pub name: &'static str,
    profile: ProtectionProfile,
    key: usize,
    salt: usize,
}

pub const SUITES: [Suite; 5] = [
    Suite { name: "AES_CM_128_HMAC_SHA1_80", profile: ProtectionProfile::Aes128CmHmacSha1_80, key: 16, salt: 14 },
    Suite { name: "AES_CM_128_HMAC_SHA1_32", profile: ProtectionProfile::Aes128CmHmacSha1_32, key: 16, salt: 14 },
    Suite { name: "AES_256_CM_HMAC_SHA1_80", profile: ProtectionProfile::Aes256CmHmacSha1_80, key: 32, salt: 14 },
    Suite { name: "AEAD_AES_128_GCM", profile: ProtectionProfile::AeadAes128Gcm, key: 16, salt: 12 },
    Suite { name: "AEAD_AES_256_GCM", profile: ProtectionProfile::AeadAes256Gcm, key: 32, salt: 12 },
];

impl Suite {
    pub fn named(name: &str) -> Option<Self> {
        SUITES.into_iter().find(|suite| suite.name == name)
    }

    pub fn key_and_salt_len(self) -> usize {
        self.key + self.salt
    }

    /// Of key and salt.
    pub fn lengths(self) -> (usize, usize) {
        (self.key, self.salt)
    }

    /// Some key of the right length, another for each seed.
    pub fn made(self, seed: u8) -> Vec<u8> {
        (0..self.key_and_salt_len()).map(|n| (n as u8).wrapping_mul(37).wrapping_add(seed)).collect()
    }

    pub fn line(self, tag: u32, key: &[u8]) -> String {
        format!("a=crypto:{tag} {} inline:{}\r\n", self.name, STANDARD.encode(key))
    }

    fn context(self, key_and_salt: &[u8]) -> anyhow::Result<Context> {
        let (key, salt) = key_and_salt.split_at_checked(self.key).context("a key too short")?;
        Ok(Context::new(key, salt, self.profile, None, None)?)
    }
}

/// Tag, suite and key of each `a=crypto` line.
pub fn crypto_lines(description: &str) -> Vec<(u32, &str, Vec<u8>)> {
    let lines = description.lines().filter_map(|line| line.strip_prefix("a=crypto:"));
    lines.filter_map(crypto).collect()
}

fn crypto(line: &str) -> Option<(u32, &str, Vec<u8>)> {
    let mut words = line.split(' ');
    let (tag, suite) = (words.next()?.parse().ok()?, words.next()?);
    let inline = words.next()?.strip_prefix("inline:")?.split('|').next()?;
    Some((tag, suite, STANDARD.decode(inline).ok()?))
}

/// Both directions.
pub struct RawSrtp {
    seal: Context,
    open: Context,
}

impl RawSrtp {
    pub fn new(suite: Suite, ours: &[u8], theirs: &[u8]) -> anyhow::Result<Self> {
        Ok(Self { seal: suite.context(ours)?, open: suite.context(theirs)? })
    }

    pub fn seal_rtp(&mut self, octets: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(self.seal.encrypt_rtp(octets)?.to_vec())
    }

    pub fn open_rtp(&mut self, octets: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(self.open.decrypt_rtp(octets)?.to_vec())
    }

    pub fn seal_rtcp(&mut self, octets: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(self.seal.encrypt_rtcp(octets)?.to_vec())
    }

    pub fn open_rtcp(&mut self, octets: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(self.open.decrypt_rtcp(octets)?.to_vec())
    }
}

impl std::fmt::Debug for RawSrtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawSrtp").finish_non_exhaustive()
    }
}
