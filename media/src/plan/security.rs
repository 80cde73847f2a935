//! How a stream's packets are protected, and how its peer is found: SDES, DTLS-SRTP, ICE.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use aws_lc_rs::digest;

use super::SrtpKeys;

/// How packets are protected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Security {
    #[default]
    Plain,
    /// SRTP with keys out of the descriptions (RFC 4568).
    Sdes(SrtpKeys),
    /// SRTP with keys out of a DTLS handshake on the media path (RFC 5763, RFC 5764).
    Dtls(DtlsPlan),
}

impl Security {
    pub fn is_secured(&self) -> bool {
        *self != Self::Plain
    }

    pub fn keys(&self) -> Option<&SrtpKeys> {
        match self {
            Self::Sdes(keys) => Some(keys),
            Self::Plain | Self::Dtls(_) => None,
        }
    }
}

/// The same plan again keeps the association (RFC 8842 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DtlsPlan {
    pub role: DtlsRole,
    /// The peer's certificate has one of them (RFC 8122 §5).
    pub fingerprints: Vec<Fingerprint>,
}

/// Ours in the handshake: `a=setup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsRole {
    /// We send the ClientHello.
    Active,
    Passive,
}

/// `a=fingerprint`: a hash of a certificate (RFC 8122 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    pub hash: FingerprintHash,
    pub octets: Vec<u8>,
}

/// From the weakest to the strongest. MD5 and SHA-1 prove nothing any more and are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FingerprintHash {
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    #[error("the hash is none of sha-256, sha-384, sha-512")]
    Hash,
    #[error("not the hash's octets in hexadecimal with colons between")]
    Octets,
}

impl FingerprintHash {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

impl Fingerprint {
    /// `certificate`: DER.
    pub fn of(hash: FingerprintHash, certificate: &[u8]) -> Self {
        Self { hash, octets: digest::digest(hash.algorithm(), certificate).as_ref().to_vec() }
    }

    pub fn matches(&self, certificate: &[u8]) -> bool {
        *self == Self::of(self.hash, certificate)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hash.name())?;
        self.octets
            .iter()
            .zip(std::iter::once(' ').chain(std::iter::repeat(':')))
            .try_for_each(|(octet, between)| write!(f, "{between}{octet:02X}"))
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, octets) = text.trim().split_once(' ').ok_or(FingerprintError::Octets)?;
        let known = FingerprintHash::ALL.into_iter().find(|hash| hash.name().eq_ignore_ascii_case(name));
        let hash = known.ok_or(FingerprintError::Hash)?;
        let octet = |hex: &str| u8::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 2 && !hex.starts_with('+'));
        let octets: Option<Vec<u8>> = octets.trim().split(':').map(octet).collect();
        let octets = octets.filter(|octets| octets.len() == hash.algorithm().output_len());
        Ok(Self { hash, octets: octets.ok_or(FingerprintError::Octets)? })
    }
}

/// The two sides of ICE (RFC 8839 §5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcePlan {
    pub local: IceCredentials,
    pub remote: IceCredentials,
    /// We check too; absent: we are lite.
    pub full: Option<FullIce>,
}

/// What a full agent begins with (RFC 8445 §2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullIce {
    pub role: IceRole,
    /// Settles who controls when both sides want to (RFC 8445 §7.3.1.1).
    pub tie_breaker: u64,
    /// The peer's, the best first.
    pub candidates: Vec<RemoteCandidate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceRole {
    /// We nominate.
    Controlling,
    Controlled,
}

impl IceRole {
    pub fn other(self) -> Self {
        match self {
            Self::Controlling => Self::Controlled,
            Self::Controlled => Self::Controlling,
        }
    }
}

/// An address at which the peer may be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteCandidate {
    pub address: SocketAddr,
    pub priority: u32,
}

impl IcePlan {
    pub fn lite(local: IceCredentials, remote: IceCredentials) -> Self {
        Self { local, remote, full: None }
    }

    /// The same credentials: no restart, whatever candidates are named anew.
    pub fn same_session(&self, other: &Self) -> bool {
        (&self.local, &self.remote) == (&other.local, &other.remote)
    }

    /// What the peer's checks say in USERNAME (RFC 8445 §7.2.2).
    pub fn username(&self) -> String {
        format!("{}:{}", self.local.ufrag, self.remote.ufrag)
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    pub ufrag: String,
    pub pwd: String,
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_read_and_print_as_in_rfc_8122() {
        let printed = Fingerprint::of(FingerprintHash::Sha256, b"a certificate").to_string();
        assert!(printed.starts_with("sha-256 ") && printed.len() == 8 + 32 * 3 - 1, "{printed}");
        let read: Fingerprint = printed.to_lowercase().parse().expect("readable");
        assert!(read.matches(b"a certificate") && !read.matches(b"another"));
        for (text, fault) in [
            ("sha-1 00:11", FingerprintError::Hash),
            ("sha-256 00:11", FingerprintError::Octets),
            ("sha-256", FingerprintError::Octets),
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(fault), "{text}");
        }
    }
}
