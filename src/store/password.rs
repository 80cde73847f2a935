//! One password for the web and for SIP: Argon2id for the one, the digest's HA1 for the other.
//!
//! RFC 9106 (Argon2id, by the parameters OWASP names: 19 MiB, 2 passes); RFC 7616 §3.4.2 and RFC 8760 (HA1).
//! The password itself is kept nowhere. HA1 serves only within its realm, so it carries the realm.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Argon2, PasswordHash, PasswordVerifier};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use md5::{Digest, Md5};
use serde::Deserialize;
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::error::{Invalid, StoreError};

/// 8 to 256 characters; write-only.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(format = Password, min_length = 8, max_length = 256)]
pub struct Password(String);

/// A password made here, to be shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct GeneratedPassword(String);

/// What is stored of a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secrets {
    pub hash: String,
    pub realm: String,
    pub ha1_md5: String,
    pub ha1_sha256: String,
}

/// Two checks at a time hold 38 MiB; a flood of sign-ins waits, then is refused.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
const WAIT_FOR_TURN: Duration = Duration::from_secs(5);

/// Checked in place of an account that does not exist, so that both refusals take as long.
static NOBODYS_HASH: LazyLock<Arc<str>> = LazyLock::new(|| hash("nobody has this password").unwrap_or_default().into());

impl Password {
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let refuse = |reason: String| Err(Invalid::new("password", reason));
        match self.0.chars().count() {
            0..8 => refuse("shorter than 8 characters".into()),
            257.. => refuse("longer than 256 characters".into()),
            _ if self.0.chars().any(char::is_control) => refuse("has a control character".into()),
            _ => Ok(()),
        }
    }

    /// Derives what is stored; takes some 30 ms on a thread of its own.
    pub(super) async fn secrets(&self, name: &str, realm: &str) -> Result<Secrets, StoreError> {
        let (password, name, realm) = (self.clone(), name.to_owned(), realm.to_owned());
        in_turn(move || {
            Ok(Secrets {
                hash: hash(&password.0)?,
                ha1_md5: hex(&Md5::digest(format!("{name}:{realm}:{}", password.0))),
                ha1_sha256: hex(&Sha256::digest(format!("{name}:{realm}:{}", password.0))),
                realm,
            })
        })
        .await
    }

    /// Tells whether it is the password of `stored`; without one it takes as long to say no.
    pub(super) async fn is(&self, stored: Option<String>) -> Result<bool, StoreError> {
        let password = self.clone();
        in_turn(move || {
            let nobody = NOBODYS_HASH.clone();
            let parsed = PasswordHash::new(stored.as_deref().unwrap_or(&nobody))
                .map_err(|error| StoreError::Hash(error.to_string()))?;
            let right = Argon2::default().verify_password(password.0.as_bytes(), &parsed).is_ok();
            Ok(right && stored.is_some())
        })
        .await
    }
}

impl GeneratedPassword {
    /// 20 characters of 120 random bits.
    pub fn new() -> Result<Self, StoreError> {
        let mut bits = [0; 15];
        getrandom::fill(&mut bits).map_err(|error| StoreError::Hash(error.to_string()))?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bits)))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl fmt::Debug for GeneratedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GeneratedPassword(…)")
    }
}

async fn in_turn<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let turn = timeout(WAIT_FOR_TURN, AT_ONCE.acquire()).await.map_err(|_| StoreError::Busy)?;
    let done = spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    done.await.map_err(|error| StoreError::Hash(error.to_string()))?
}

fn hash(password: &str) -> Result<String, StoreError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| StoreError::Hash(error.to_string()))?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| StoreError::Hash(error.to_string()))?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(|error| StoreError::Hash(error.to_string()))?.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1: Mufasa's password, with MD5 and SHA-256.
    #[tokio::test]
    async fn ha1_is_that_of_rfc_7616() {
        let secrets = Password::new("Circle of Life").secrets("Mufasa", "http-auth@example.org").await.unwrap();
        assert_eq!(secrets.ha1_md5, "3d78807defe7de2157e2b0b6573a855f");
        assert_eq!(secrets.ha1_sha256, "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232");
    }

    #[tokio::test]
    async fn only_the_right_password_opens() {
        let right = Password::new("correct horse");
        let stored = right.secrets("alice", "localhost").await.unwrap().hash;
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(right.is(Some(stored.clone())).await.unwrap());
        assert!(!Password::new("correct house").is(Some(stored)).await.unwrap());
    }

    /// Otherwise the hash checked for unknown accounts would be an account without one.
    #[tokio::test]
    async fn an_account_without_a_password_opens_to_none() {
        assert!(!Password::new("nobody has this password").is(None).await.unwrap());
    }

    #[test]
    fn short_long_and_unprintable_passwords_are_refused() {
        for (password, reason) in [
            ("seven77", "shorter than 8 characters"),
            (&*"x".repeat(257), "longer than 256 characters"),
            ("line\nbreak", "has a control character"),
        ] {
            assert_eq!(Password::new(password).check().unwrap_err().reason, reason);
        }
        assert_eq!(Password::new("пароль88").check(), Ok(()));
    }

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(format!("{:?}", Password::new("correct horse")), "Password(…)");
    }
}
