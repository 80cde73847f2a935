//! Who knows which password: the real realm of digest, with accounts held in memory.
//!
//! Stands in for the registrar's authenticator, which asks the store.

use std::collections::BTreeMap;

use plenary_sip::auth::{Algorithm, Ha1, NonceCounts, Nonces, Realm, WithoutQop};
use plenary_sip::message::{Header, HeaderName, Request};

#[derive(Debug)]
pub(super) struct Doorkeeper {
    realm: Realm,
    secrets: BTreeMap<String, Ha1>,
}

impl Doorkeeper {
    pub fn new(realm: &str, seed: [u8; 32]) -> Self {
        let algorithms = [Algorithm::Sha256, Algorithm::Md5];
        let realm = Realm::new(realm, &algorithms, WithoutQop::Refuse, Nonces::new(seed), NonceCounts::new(100));
        Self { realm, secrets: BTreeMap::new() }
    }

    pub fn learn(&mut self, account: &str, password: &str) {
        self.secrets.insert(account.to_owned(), Ha1::of(account, self.realm.name(), password));
    }

    /// The account whose password the request proves to know; else the headers of a 401.
    pub fn authenticate(&mut self, request: &Request, now_unix: u64) -> Result<String, Vec<Header>> {
        let credentials = self.realm.credentials(&request.headers, &HeaderName::Authorization).ok().flatten();
        let Some(credentials) = credentials else { return Err(self.challenge(false, now_unix)) };
        let ha1 = self.secrets.get(&credentials.user).cloned();
        match self.realm.verify(&credentials, &request.method, &request.uri, ha1.as_ref(), now_unix) {
            Ok(()) => Ok(credentials.user),
            Err(error) => Err(self.challenge(error.is_stale(), now_unix)),
        }
    }

    fn challenge(&self, stale: bool, now_unix: u64) -> Vec<Header> {
        let challenges = self.realm.challenge(stale, now_unix);
        challenges.into_iter().map(|value| Header::new(HeaderName::WwwAuthenticate, value)).collect()
    }
}
