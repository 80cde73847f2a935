//! A protection space: who is challenged how, and which credentials are taken. RFC 3261 §22, RFC 8760 §2.

use super::{Algorithm, AuthError, Credentials, Ha1, NonceCounts, Nonces};
use crate::message::{HeaderName, Headers, Method, Uri};

/// One realm of a server.
#[derive(Debug)]
pub struct Realm {
    name: String,
    /// Offered, most preferred first.
    algorithms: Vec<Algorithm>,
    without_qop: WithoutQop,
    nonces: Nonces,
    counts: NonceCounts,
    /// Stands in for the password of a user we do not have, so that both take the same time.
    nobody: Ha1,
}

/// What becomes of credentials in the manner of RFC 2069, which cannot be told from their replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutQop {
    Refuse,
    /// For old phones: taken with MD5, as long as the nonce lives.
    TakeMd5,
}

impl Realm {
    /// Offers the algorithms in their order of preference; `counts` bounds the nonces in use at a time.
    pub fn new(
        name: &str,
        algorithms: &[Algorithm],
        without_qop: WithoutQop,
        nonces: Nonces,
        counts: NonceCounts,
    ) -> Self {
        let mut algorithms = algorithms.to_vec();
        algorithms.sort();
        algorithms.dedup();
        let nobody = Ha1::of("", name, "");
        Self { name: name.to_owned(), algorithms, without_qop, nonces, counts, nobody }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Values for WWW-Authenticate (401) or Proxy-Authenticate (407).
    pub fn challenge(&self, stale: bool, now_unix: u64) -> Vec<String> {
        self.nonces.challenge(&self.name, &self.algorithms, now_unix, stale)
    }

    /// The credentials meant for this realm, from Authorization or Proxy-Authorization. `None` when there are none;
    /// those of other realms and schemes do not count (RFC 3261 §22.3).
    pub fn credentials(&self, headers: &Headers, name: &HeaderName) -> Result<Option<Credentials>, AuthError> {
        let mut passed_over = None;
        for header in headers.all(name) {
            match Credentials::parse(&header.value()) {
                Ok(credentials) if credentials.realm == self.name => return Ok(Some(credentials)),
                Ok(credentials) => drop(passed_over.get_or_insert(AuthError::OtherRealm(credentials.realm))),
                Err(AuthError::OtherScheme(_)) => {}
                Err(error) => drop(passed_over.replace(error)),
            }
        }
        match passed_over {
            None | Some(AuthError::OtherRealm(_)) => Ok(None),
            Some(error) => Err(error),
        }
    }

    /// Whether the request comes from who knows the password, and comes for the first time.
    ///
    /// `ha1` is that of `credentials.user`, `None` when there is no such user. Only after the digest proved right does
    /// the nonce count: who is told `stale` has the right password.
    pub fn verify(
        &mut self,
        credentials: &Credentials,
        method: &Method,
        uri: &Uri,
        ha1: Option<&Ha1>,
        now_unix: u64,
    ) -> Result<(), AuthError> {
        if credentials.realm != self.name {
            return Err(AuthError::OtherRealm(credentials.realm.clone()));
        }
        if !self.algorithms.contains(&credentials.algorithm) {
            return Err(AuthError::OtherAlgorithm(credentials.algorithm.to_string()));
        }
        let known = credentials.verify(method, uri, ha1.unwrap_or(&self.nobody));
        if ha1.is_none() {
            return Err(AuthError::Wrong);
        }
        known?;
        let nonce = self.nonces.check(&credentials.nonce, &self.name, now_unix).map_err(|_| AuthError::Stale)?;
        match &credentials.count {
            Some((nc, _)) => {
                self.counts.forget_before(now_unix.saturating_sub(self.nonces.lifetime().as_secs()));
                self.counts.take(nonce, *nc)
            }
            None if self.without_qop == WithoutQop::TakeMd5 && credentials.algorithm == Algorithm::Md5 => Ok(()),
            None => Err(AuthError::OtherQop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Challenge, Login, answer};
    use crate::message::Header;

    const NOW: u64 = 1_700_000_000;
    const BOTH: &[Algorithm] = &[Algorithm::Md5, Algorithm::Sha256];

    fn realm(algorithms: &[Algorithm]) -> Realm {
        Realm::new("example.com", algorithms, WithoutQop::Refuse, Nonces::new([3; 32]), NonceCounts::new(100))
    }

    fn uri() -> Uri {
        "sip:example.com".parse().expect("URI")
    }

    fn ha1() -> Ha1 {
        Ha1::of("alice", "example.com", "secret")
    }

    /// A phone that takes the nth challenge.
    fn credentials(realm: &Realm, nth: usize, password: &str, nc: u32) -> Credentials {
        let challenge = Challenge::parse(&realm.challenge(false, NOW)[nth]).expect("ours");
        reply(&challenge, password, nc)
    }

    fn reply(challenge: &Challenge, password: &str, nc: u32) -> Credentials {
        let login = Login { user: "alice".into(), password: password.into() };
        Credentials::parse(&answer(challenge, &login, &Method::Register, &uri(), "c", nc)).expect("ours")
    }

    fn verify(realm: &mut Realm, credentials: &Credentials) -> Result<(), AuthError> {
        realm.verify(credentials, &Method::Register, &uri(), Some(&ha1()), NOW)
    }

    #[test]
    fn both_algorithms_are_offered_best_first_and_taken() {
        let mut realm = realm(BOTH);
        for (nth, algorithm) in [Algorithm::Sha256, Algorithm::Md5].into_iter().enumerate() {
            let credentials = credentials(&realm, nth, "secret", 1);
            assert_eq!(credentials.algorithm, algorithm);
            assert_eq!(verify(&mut realm, &credentials), Ok(()));
        }
    }

    #[test]
    fn an_algorithm_that_was_not_offered_is_refused() {
        let both = realm(BOTH);
        let credentials = credentials(&both, 1, "secret", 1);
        assert_eq!(
            verify(&mut realm(&[Algorithm::Sha256]), &credentials),
            Err(AuthError::OtherAlgorithm("MD5".into()))
        );
    }

    #[test]
    fn a_wrong_password_and_an_unknown_user_look_alike() {
        let mut realm = realm(BOTH);
        let wrong = credentials(&realm, 0, "guess", 1);
        assert_eq!(verify(&mut realm, &wrong), Err(AuthError::Wrong));
        let right = credentials(&realm, 0, "secret", 1);
        assert_eq!(realm.verify(&right, &Method::Register, &uri(), None, NOW), Err(AuthError::Wrong));
        let empty = Challenge::parse(&realm.challenge(false, NOW)[0]).expect("ours");
        let login = Login { user: String::new(), password: String::new() };
        let nobody = Credentials::parse(&answer(&empty, &login, &Method::Register, &uri(), "c", 1)).expect("ours");
        assert_eq!(realm.verify(&nobody, &Method::Register, &uri(), None, NOW), Err(AuthError::Wrong));
    }

    #[test]
    fn a_repeated_count_is_stale_and_a_higher_one_is_taken() {
        let mut realm = realm(BOTH);
        let challenge = Challenge::parse(&realm.challenge(false, NOW)[0]).expect("ours");
        assert_eq!(verify(&mut realm, &reply(&challenge, "secret", 1)), Ok(()));
        let replayed = verify(&mut realm, &reply(&challenge, "secret", 1));
        assert_eq!(replayed, Err(AuthError::Replayed(1)));
        assert!(replayed.is_err_and(|error| error.is_stale()));
        assert_eq!(verify(&mut realm, &reply(&challenge, "secret", 2)), Ok(()));
    }

    #[test]
    fn an_old_or_foreign_nonce_is_stale_only_for_who_knows_the_password() {
        let mut realm = realm(BOTH);
        let right = credentials(&realm, 0, "secret", 1);
        let wrong = credentials(&realm, 0, "guess", 1);
        let later = NOW + 301;
        assert_eq!(realm.verify(&right, &Method::Register, &uri(), Some(&ha1()), later), Err(AuthError::Stale));
        assert_eq!(realm.verify(&wrong, &Method::Register, &uri(), Some(&ha1()), later), Err(AuthError::Wrong));
        let mut restarted =
            Realm::new("example.com", BOTH, WithoutQop::Refuse, Nonces::new([4; 32]), NonceCounts::new(1));
        assert_eq!(verify(&mut restarted, &right), Err(AuthError::Stale));
    }

    #[test]
    fn credentials_are_good_for_one_method_and_one_uri() {
        let mut realm = realm(BOTH);
        let right = credentials(&realm, 0, "secret", 1);
        assert_eq!(realm.verify(&right, &Method::Invite, &uri(), Some(&ha1()), NOW), Err(AuthError::Wrong));
        let other: Uri = "sip:premium@example.com".parse().expect("URI");
        assert_eq!(realm.verify(&right, &Method::Register, &other, Some(&ha1()), NOW), Err(AuthError::OtherUri));
    }

    #[test]
    fn without_qop_is_for_md5_by_leave() {
        for (without_qop, nth, expected) in [
            (WithoutQop::Refuse, 1, Err(AuthError::OtherQop)),
            (WithoutQop::TakeMd5, 0, Err(AuthError::OtherQop)),
            (WithoutQop::TakeMd5, 1, Ok(())),
        ] {
            let mut realm = Realm { without_qop, ..realm(BOTH) };
            let challenge = Challenge::parse(&realm.challenge(false, NOW)[nth]).expect("ours");
            let credentials = reply(&Challenge { qop: false, ..challenge }, "secret", 1);
            assert_eq!(credentials.count, None);
            assert_eq!(verify(&mut realm, &credentials), expected);
        }
    }

    #[test]
    fn only_credentials_for_this_realm_count() {
        let realm = realm(BOTH);
        let challenge = Challenge::parse(&realm.challenge(false, NOW)[0]).expect("ours");
        let login = Login { user: "alice".into(), password: "secret".into() };
        let ours = answer(&challenge, &login, &Method::Register, &uri(), "c", 1);
        let others = ours.replace("example.com\", nonce", "other\", nonce");
        let found = |values: &[&str]| {
            let headers: Headers = values.iter().map(|value| Header::new(HeaderName::Authorization, *value)).collect();
            realm.credentials(&headers, &HeaderName::Authorization).map(|found| found.map(|found| found.realm))
        };
        assert_eq!(found(&[]), Ok(None));
        assert_eq!(found(&["Basic eA==", &others]), Ok(None));
        assert_eq!(found(&[&others, &ours]), Ok(Some("example.com".into())));
        assert_eq!(found(&["Digest x", &ours]), Ok(Some("example.com".into())));
        assert!(found(&["Digest x", &others]).is_err_and(|error| error.is_malformed()));
    }
}
