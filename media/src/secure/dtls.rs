//! DTLS-SRTP: a handshake on the media path that agrees on SRTP keys (RFC 5763, RFC 5764), DTLS 1.2 by OpenSSL.
//!
//! ```text
//!   Handshaking ──peer's certificate has the fingerprint, and keys──▶ Established ──a minute──▶ Settled
//!        └─── another certificate, none, no SRTP profile, time over ──▶ Dead
//! ```
//!
//! The peer's key may be ECDSA or RSA: phones and PBXs show both (`src/docs/decisions/0020-dtls-by-openssl.md`).
//! OpenSSL reads the clock itself for what it sends again; all else goes by the time that it is given here.
//!
//! Left out: DTLS 1.3 and 1.0, cipher suites without a Diffie-Hellman exchange, application data.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use openssl::ssl::{ErrorCode, SslRef, SslStream, SslVerifyMode};
use openssl::x509::{X509StoreContextRef, X509VerifyResult};

pub use self::identity::Identity;
use crate::plan::{DtlsPlan, DtlsRole, Fingerprint, SrtpKeys, SrtpSuite};

mod datagrams;
mod identity;

use self::datagrams::Datagrams;

/// Passes everywhere, with room for the headers of IPv6 and a tunnel.
const LONGEST_DATAGRAM: u32 = 1_200;
/// How often OpenSSL may look whether its last flight is to be sent again: after one second first.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// From the first datagram on. The last repetition of a flight comes after 1 + 2 + 4 + 8 s.
const GIVE_UP: Duration = Duration::from_secs(30);
/// RFC 6347 §4.2.4: whose last flight it was keeps it, for a peer that did not get it. Then its buffers are let go.
const LINGER: Duration = Duration::from_secs(60);
/// RFC 5764 §4.2.
const LABEL: &str = "EXTRACTOR-dtls_srtp";

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DtlsError {
    #[error("no certificate could be made")]
    NoCertificate,
    #[error("the peer's certificate has not the fingerprint of its description")]
    Fingerprint,
    #[error("the handshake failed")]
    Handshake,
    #[error("no SRTP profile was agreed on that we have")]
    Profile,
}

/// One handshake, and what is left of it afterwards: repeating our last flight when the peer did not get it.
pub struct Association {
    role: DtlsRole,
    fingerprints: Vec<Fingerprint>,
    state: State,
    wake_at: Option<Instant>,
    outgoing: VecDeque<Vec<u8>>,
    /// Lent to who sends it.
    leaving: Vec<u8>,
    keys: Option<SrtpKeys>,
    failure: Option<DtlsError>,
}

enum State {
    /// `give_up_at`: once one of both has said something.
    Handshaking {
        stream: SslStream<Datagrams>,
        give_up_at: Option<Instant>,
    },
    Established {
        stream: SslStream<Datagrams>,
        until: Instant,
    },
    Settled,
    Dead,
}

#[derive(Debug)]
pub enum Output<'a> {
    /// To the peer, as one datagram.
    Send(&'a [u8]),
    /// The peer is who its description says; these are the keys. Once.
    Keys(SrtpKeys),
    /// The handshake is over without keys. Once.
    Failed(DtlsError),
}

impl Association {
    pub fn new(identity: &Identity, plan: &DtlsPlan, now: Instant) -> Self {
        let mut association = Self {
            role: plan.role,
            fingerprints: plan.fingerprints.clone(),
            state: State::Dead,
            // The client's first flight.
            wake_at: (plan.role == DtlsRole::Active).then_some(now),
            outgoing: VecDeque::new(),
            leaving: Vec::new(),
            keys: None,
            failure: None,
        };
        match association.stream(identity) {
            Some(stream) => association.state = State::Handshaking { stream, give_up_at: None },
            None => association.end(DtlsError::Handshake),
        }
        association
    }

    /// `None`: OpenSSL has no memory left.
    fn stream(&self, identity: &Identity) -> Option<SslStream<Datagrams>> {
        let mut ssl = identity.session().ok()?;
        ssl.set_mtu(LONGEST_DATAGRAM).ok()?;
        let known = self.fingerprints.clone();
        // Who is told by the fingerprint needs no authority's word, nor a date.
        let is_known = move |_: bool, chain: &mut X509StoreContextRef| {
            if chain.error_depth() > 0 || chain.current_cert().is_some_and(|shown| has_one_of(&known, &shown.to_der()))
            {
                return true;
            }
            chain.set_error(X509VerifyResult::APPLICATION_VERIFICATION);
            false
        };
        ssl.set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, is_known);
        match self.role {
            DtlsRole::Active => ssl.set_connect_state(),
            DtlsRole::Passive => ssl.set_accept_state(),
        }
        SslStream::new(ssl, Datagrams::default()).ok()
    }

    /// Takes what is DTLS by its first octet. Records that cannot be read are passed over.
    pub fn handle_datagram(&mut self, datagram: &[u8], now: Instant) -> Result<(), DtlsError> {
        // A socket that gives nothing is closed, to OpenSSL.
        if datagram.is_empty() || is_bare_alert(datagram) {
            return Ok(());
        }
        match &mut self.state {
            State::Handshaking { stream, .. } | State::Established { stream, .. } => stream.get_mut().arrive(datagram),
            State::Settled => return Ok(()),
            State::Dead => return Err(DtlsError::Handshake),
        }
        self.go_on(now)
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError> {
        self.wake_at = None;
        match &self.state {
            State::Handshaking { give_up_at: Some(at), .. } if *at <= now => {
                self.end(DtlsError::Handshake);
                return Err(DtlsError::Handshake);
            }
            State::Established { until, .. } if *until <= now => self.state = State::Settled,
            _ => {}
        }
        self.go_on(now)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wake_at
    }

    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if let Some(datagram) = self.outgoing.pop_front() {
            self.leaving = datagram;
            return Some(Output::Send(&self.leaving));
        }
        if let Some(keys) = self.keys.take() {
            return Some(Output::Keys(keys));
        }
        self.failure.take().map(Output::Failed)
    }

    pub fn is_established(&self) -> bool {
        matches!(self.state, State::Established { .. } | State::Settled)
    }

    /// Ends a handshake that cannot succeed any more.
    pub fn fail(&mut self, why: DtlsError) -> Output<'static> {
        self.end(why);
        self.failure = None;
        Output::Failed(why)
    }

    fn end(&mut self, why: DtlsError) {
        self.state = State::Dead;
        self.wake_at = None;
        self.failure = Some(why);
    }

    /// Lets OpenSSL take what arrived, and see to what is late.
    fn go_on(&mut self, now: Instant) -> Result<(), DtlsError> {
        let ended = match &mut self.state {
            State::Handshaking { stream, give_up_at } => {
                let begun = stream.do_handshake();
                self.outgoing.append(stream.get_mut().left());
                match begun {
                    Ok(()) => Some(agreed(stream.ssl(), &self.fingerprints, self.role)),
                    Err(error) if error.code() == ErrorCode::WANT_READ => {
                        give_up_at.get_or_insert(now + GIVE_UP);
                        self.wake_at = Some(now + LOOK_EVERY);
                        None
                    }
                    Err(_) => Some(Err(why_it_failed(stream.ssl()))),
                }
            }
            State::Established { stream, until } => {
                // The peer's last flight once more, or application data, of which there is none in SIP.
                while stream.ssl_read(&mut [0; 64]).is_ok() {}
                self.outgoing.append(stream.get_mut().left());
                self.wake_at = Some(*until);
                None
            }
            State::Settled | State::Dead => None,
        };
        match ended {
            None => Ok(()),
            Some(Ok(keys)) => {
                self.keys = Some(keys);
                let until = now + LINGER;
                if let State::Handshaking { stream, .. } = std::mem::replace(&mut self.state, State::Dead) {
                    self.state = State::Established { stream, until };
                }
                self.wake_at = Some(until);
                Ok(())
            }
            Some(Err(why)) => {
                self.end(why);
                Err(why)
            }
        }
    }
}

/// An alert before there are keys: whoever knows the addresses can send one, so it ends nothing (RFC 6347 §4.1.2.7).
fn is_bare_alert(datagram: &[u8]) -> bool {
    datagram.first() == Some(&21) && datagram.get(3..5) == Some(&[0, 0])
}

fn has_one_of(known: &[Fingerprint], shown: &Result<Vec<u8>, openssl::error::ErrorStack>) -> bool {
    shown.as_ref().is_ok_and(|shown| known.iter().any(|fingerprint| fingerprint.matches(shown)))
}

fn why_it_failed(session: &SslRef) -> DtlsError {
    match session.verify_result() == X509VerifyResult::APPLICATION_VERIFICATION {
        true => DtlsError::Fingerprint,
        false => DtlsError::Handshake,
    }
}

/// The keys of a handshake that is over, if the peer is who it should be.
fn agreed(session: &SslRef, known: &[Fingerprint], role: DtlsRole) -> Result<SrtpKeys, DtlsError> {
    let shown = session.peer_certificate().ok_or(DtlsError::Fingerprint)?;
    if !has_one_of(known, &shown.to_der()) {
        return Err(DtlsError::Fingerprint);
    }
    // RFC 5764 §4.1: what the peer does without is not asked for twice.
    let profile = session.selected_srtp_profile().ok_or(DtlsError::Profile)?;
    let suite = identity::PROFILES.iter().find(|(_, id, _)| *id == profile.id().as_raw()).ok_or(DtlsError::Profile)?.2;
    let mut material = vec![0; 2 * suite.key_and_salt_len()];
    session.export_keying_material(&mut material, LABEL, None).map_err(|_| DtlsError::Handshake)?;
    keys_of(&material, suite, role).ok_or(DtlsError::Handshake)
}

/// RFC 5764 §4.2: client key, server key, client salt, server salt.
fn keys_of(material: &[u8], suite: SrtpSuite, role: DtlsRole) -> Option<SrtpKeys> {
    let (keys, salts) = material.split_at_checked(2 * suite.key_len())?;
    let (client_key, server_key) = keys.split_at(suite.key_len());
    let (client_salt, server_salt) = salts.split_at_checked(suite.salt_len())?;
    let client = [client_key, client_salt].concat();
    let server = [server_key, server_salt.get(..suite.salt_len())?].concat();
    Some(match role {
        DtlsRole::Active => SrtpKeys { suite, local: client, remote: server },
        DtlsRole::Passive => SrtpKeys { suite, local: server, remote: client },
    })
}

impl fmt::Debug for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Handshaking { .. } => "Handshaking",
            State::Established { .. } => "Established",
            State::Settled => "Settled",
            State::Dead => "Dead",
        };
        f.debug_struct("Association").field("role", &self.role).field("state", &state).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "dtls_tests.rs"]
mod tests;
