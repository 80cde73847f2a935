//! Who sends a request: digest of RFC 3261 §22 and RFC 8760, against the accounts of the store.
//!
//! Whoever fails is answered in the same way and after the same work, whether the account exists or not; a source
//! that keeps failing waits ever longer. Left out: credentials in the manner of RFC 2069, without qop.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use plenary_sip::auth::{Algorithm, AuthError, Challenge, Credentials, Ha1, NonceCounts, Nonces, Realm, WithoutQop};
use plenary_sip::message::{Header, HeaderName, Request, StatusCode};
use plenary_sip::net::Silence;
use plenary_sip::net_types::Source;
use tracing::{debug, error};

use super::patience::{Patience, Verdict};
use crate::store::Store;

/// Nonces in use at once; each stands for a phone that signed in within the last minutes.
const NONCES: usize = 100_000;

/// Checks credentials for every part of the server that asks for them.
#[derive(Clone)]
pub struct Authenticator {
    store: Store,
    realm: Arc<str>,
    /// Held for the arithmetic of one request, never over an await.
    guard: Arc<Mutex<Guard>>,
    /// What comes over those who go on guessing.
    silence: Option<Silence>,
}

struct Guard {
    realm: Realm,
    patience: Patience,
}

/// Not let in: a challenge (401), or a refusal.
#[derive(Clone, Debug)]
pub struct Refused {
    pub status: StatusCode,
    pub headers: Vec<Header>,
}

impl Authenticator {
    /// `realm`: the domain served. Fails when the system has no random numbers to give.
    pub fn new(
        store: Store,
        realm: &str,
        algorithms: &[Algorithm],
        patience: Patience,
        silence: Option<Silence>,
    ) -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let counts = NonceCounts::new(NONCES);
        let digest = Realm::new(realm, algorithms, WithoutQop::Refuse, Nonces::new(secret), counts);
        let guard = Arc::new(Mutex::new(Guard { realm: digest, patience }));
        Ok(Self { store, realm: realm.into(), guard, silence })
    }

    /// 401: who are you?
    pub fn challenge(&self, request: &Request) -> Refused {
        self.ask(request, false)
    }

    /// The account that proves itself in this request, whatever its method.
    pub async fn authenticate(&self, request: &Request, source: &Source) -> Result<String, Refused> {
        let read = self.lock().realm.credentials(&request.headers, &HeaderName::Authorization);
        let credentials = match read {
            Ok(Some(credentials)) => credentials,
            Ok(None) => return Err(self.challenge(request)),
            Err(fault) => {
                debug!(%fault, "credentials cannot be read");
                return Err(if fault.is_malformed() {
                    refused(StatusCode::BAD_REQUEST)
                } else {
                    self.challenge(request)
                });
            }
        };
        let (address, user) = (source.remote.ip(), credentials.user.as_str());
        let patience = self.lock().patience.verdict(address, user, Instant::now());
        if let Verdict::Wait(wait) | Verdict::Silence(wait) = patience {
            debug!(%address, ?wait, "has to wait after wrong passwords");
            if let (Verdict::Silence(_), Some(silence)) = (patience, &self.silence) {
                silence.fall(address, wait);
            }
            let retry_after = Header::new(HeaderName::RetryAfter, wait.as_secs().max(1).to_string());
            return Err(Refused { status: StatusCode::FORBIDDEN, headers: vec![retry_after] });
        }
        let ha1 = self.ha1(user).await?;
        let verdict = self.verify(&credentials, request, ha1.as_ref());
        match verdict {
            Ok(()) => {
                self.lock().patience.handle_success(address, user, Instant::now());
                Ok(credentials.user)
            }
            Err(fault) => {
                debug!(%fault, %address, user, "credentials refused");
                if !fault.is_stale() {
                    self.lock().patience.handle_failure(address, user, Instant::now());
                }
                Err(self.ask(request, fault.is_stale()))
            }
        }
    }

    fn verify(&self, credentials: &Credentials, request: &Request, ha1: Option<&Ha1>) -> Result<(), AuthError> {
        let mut guard = self.lock();
        guard.realm.verify(credentials, &request.method, &request.uri, ha1, unix_now())
    }

    /// `None`: no such account, none that may sign in, or a password that was set for another domain.
    async fn ha1(&self, user: &str) -> Result<Option<Ha1>, Refused> {
        let stored = self.store.credentials(user).await.map_err(|error| {
            error!(%error, "credentials cannot be looked up");
            refused(StatusCode::SERVICE_UNAVAILABLE)
        })?;
        let usable = stored.filter(|stored| !stored.disabled && *stored.realm == *self.realm);
        Ok(usable.and_then(|stored| Ha1::from_hex(&stored.ha1_md5, &stored.ha1_sha256)))
    }

    fn ask(&self, request: &Request, stale: bool) -> Refused {
        let mut values = self.lock().realm.challenge(stale, unix_now());
        let is_md5 = |value: &String| Challenge::parse(value).is_ok_and(|one| one.algorithm == Algorithm::Md5);
        if gives_up_on_sha_256(request) && values.iter().any(is_md5) {
            values.retain(is_md5);
        }
        let headers = values.into_iter().map(|value| Header::new(HeaderName::WwwAuthenticate, value)).collect();
        Refused { status: StatusCode::UNAUTHORIZED, headers }
    }

    fn lock(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// baresip 1.0.0, the one of Debian 12, does not look for a challenge it knows (RFC 8760 §2.4): beside any other than
/// MD5 it says "Register: Function not implemented" and ends. So did its elder versions.
fn gives_up_on_sha_256(request: &Request) -> bool {
    let user_agent = request.headers.get(&HeaderName::UserAgent).unwrap_or_default();
    ["baresip v0.", "baresip v1.0"].iter().any(|old| user_agent.starts_with(old))
}

fn refused(status: StatusCode) -> Refused {
    Refused { status, headers: Vec::new() }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
