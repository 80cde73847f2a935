//! What a server keeps instead of a password.

use std::fmt;

use super::Algorithm;

/// `H(user:realm:password)` for each algorithm, in lower-case hex. As good as the password within its realm.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    md5: String,
    sha256: String,
}

impl Ha1 {
    pub fn of(user: &str, realm: &str, password: &str) -> Self {
        let hash = |algorithm: Algorithm| algorithm.hash(&[user, realm, password]);
        Self { md5: hash(Algorithm::Md5), sha256: hash(Algorithm::Sha256) }
    }

    /// From where they were stored. `None` unless they are 32 and 64 hex digits.
    pub fn from_hex(md5: &str, sha256: &str) -> Option<Self> {
        let legal = |text: &str, algorithm: Algorithm| {
            text.len() == algorithm.hex_len() && text.bytes().all(|b| b.is_ascii_hexdigit())
        };
        (legal(md5, Algorithm::Md5) && legal(sha256, Algorithm::Sha256))
            .then(|| Self { md5: md5.to_ascii_lowercase(), sha256: sha256.to_ascii_lowercase() })
    }

    /// 32 or 64 hex digits.
    pub fn hex(&self, algorithm: Algorithm) -> &str {
        match algorithm {
            Algorithm::Md5 => &self.md5,
            Algorithm::Sha256 => &self.sha256,
        }
    }
}

/// Tells nothing.
impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_and_read_back() {
        let ha1 = Ha1::of("alice", "example.com", "secret");
        assert_eq!(Ha1::from_hex(ha1.hex(Algorithm::Md5), ha1.hex(Algorithm::Sha256)), Some(ha1.clone()));
        assert_eq!(Ha1::from_hex(ha1.hex(Algorithm::Sha256), ha1.hex(Algorithm::Md5)), None);
        assert_eq!(Ha1::from_hex(&"é".repeat(16), ha1.hex(Algorithm::Sha256)), None);
        assert_eq!(format!("{ha1:?}"), "Ha1(…)");
    }
}
