//! Challenges: WWW-Authenticate and Proxy-Authenticate, RFC 7616 §3.3 and RFC 8760 §2.3.

use super::fields::{Fields, push_bare, push_quoted};
use super::{Algorithm, AuthError, Nonces};
use crate::message::{HeaderName, Headers};

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub realm: String,
    pub nonce: String,
    pub opaque: Option<String>,
    pub algorithm: Algorithm,
    /// Whether `qop=auth` is offered. A challenge without qop is of RFC 2069.
    pub qop: bool,
    /// The password was right, only the nonce was too old.
    pub stale: bool,
}

impl Nonces {
    /// Header values that ask for credentials: one per algorithm, in the given order, with one nonce for all.
    pub fn challenge(&self, realm: &str, algorithms: &[Algorithm], now_unix: u64, stale: bool) -> Vec<String> {
        let nonce = self.make(realm, now_unix);
        let challenge = |algorithm: &Algorithm| {
            let mut value = String::from("Digest");
            push_quoted(&mut value, "realm", realm);
            push_quoted(&mut value, "nonce", &nonce);
            push_bare(&mut value, "algorithm", algorithm.name());
            push_quoted(&mut value, "qop", "auth");
            if stale {
                push_bare(&mut value, "stale", "true");
            }
            value
        };
        algorithms.iter().map(challenge).collect()
    }
}

impl Challenge {
    pub fn parse(value: &str) -> Result<Self, AuthError> {
        let fields = Fields::parse(value)?;
        if !fields.is_digest() {
            return Err(AuthError::OtherScheme(fields.scheme.to_owned()));
        }
        let algorithm = fields.get("algorithm").unwrap_or("MD5");
        let algorithm =
            Algorithm::from_name(algorithm).ok_or_else(|| AuthError::OtherAlgorithm(algorithm.to_owned()))?;
        let qop =
            fields.get("qop").map(|offered| offered.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth")));
        if qop == Some(false) {
            return Err(AuthError::OtherQop);
        }
        Ok(Self {
            realm: fields.need("realm", "challenge without realm")?,
            nonce: fields.need("nonce", "challenge without nonce")?,
            opaque: fields.get("opaque").map(str::to_owned),
            algorithm,
            qop: qop.is_some(),
            stale: fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The challenges to answer: of each realm the topmost that we can (RFC 8760 §2.4). Others are passed over.
    ///
    /// `name` is WWW-Authenticate for a 401, Proxy-Authenticate for a 407.
    pub fn all(headers: &Headers, name: &HeaderName) -> Vec<Self> {
        let mut chosen: Vec<Self> = Vec::new();
        for challenge in headers.all(name).filter_map(|header| Self::parse(&header.value()).ok()) {
            if !chosen.iter().any(|known| known.realm == challenge.realm) {
                chosen.push(challenge);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Header;

    #[test]
    fn one_challenge_per_algorithm_best_first() {
        let values = Nonces::new([1; 32]).challenge("a \"b\"", &[Algorithm::Sha256, Algorithm::Md5], 1000, false);
        let challenges: Vec<_> = values.iter().map(|value| Challenge::parse(value).expect("ours")).collect();
        assert_eq!(challenges[0].algorithm, Algorithm::Sha256);
        assert_eq!(challenges[1].algorithm, Algorithm::Md5);
        assert_eq!(challenges[0].nonce, challenges[1].nonce);
        assert!(challenges.iter().all(|challenge| challenge.realm == "a \"b\"" && challenge.qop && !challenge.stale));
        assert!(values.iter().all(|value| value.contains("qop=\"auth\"") && !value.contains("stale")));
    }

    #[test]
    fn staleness_is_said() {
        let values = Nonces::new([1; 32]).challenge("a", &[Algorithm::Sha256], 1000, true);
        assert!(Challenge::parse(&values[0]).expect("ours").stale);
    }

    #[test]
    fn the_topmost_supported_of_each_realm_is_answered() {
        let headers: Headers = [
            "Basic realm=\"a\"",
            "Digest realm=\"a\", nonce=\"1\", algorithm=SHA-512-256, qop=\"auth\"",
            "Digest realm=\"a\", nonce=\"2\", algorithm=SHA-256, qop=\"auth-int\"",
            "Digest realm=\"a\", nonce=\"3\", algorithm=sha-256, qop=\"auth-int, auth\"",
            "Digest realm=\"a\", nonce=\"4\", algorithm=MD5, qop=\"auth\"",
            "Digest realm=\"b\", nonce=\"5\"",
            "Digest realm=\"c\"",
        ]
        .into_iter()
        .map(|value| Header::new(HeaderName::WwwAuthenticate, value))
        .collect();
        let chosen = Challenge::all(&headers, &HeaderName::WwwAuthenticate);
        let chosen: Vec<_> = chosen.iter().map(|c| (c.nonce.as_str(), c.algorithm, c.qop)).collect();
        assert_eq!(chosen, [("3", Algorithm::Sha256, true), ("5", Algorithm::Md5, false)]);
        assert!(Challenge::all(&headers, &HeaderName::ProxyAuthenticate).is_empty());
    }
}
