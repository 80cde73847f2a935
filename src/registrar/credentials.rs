//! Who sends a request: digest of RFC 3261 §22 and RFC 8760, against the accounts of the store.
//!
//! Whoever fails is answered in the same way and after the same work, whether the account exists or not.

#[derive(Clone, Debug)]
pub struct Authenticator {}
pub struct Refused {
    pub status: StatusCode,
    pub headers: Vec<Header>,
}
use super::patience::Patience;
use crate::store::Store;
use plenary_sip::message::{Header, Request, StatusCode};
use plenary_sip::net_types::Source;
use std::sync::Arc;
impl Authenticator {
    pub fn new(_store: Store, _realm: &str, _patience: Patience) -> Self {
        Self {}
    }
    pub fn challenge(&self) -> Refused {
        Refused { status: StatusCode::UNAUTHORIZED, headers: vec![] }
    }
    pub async fn authenticate(&self, _request: &Request, _source: &Source) -> Result<String, Refused> {
        Err(self.challenge())
    }
}
