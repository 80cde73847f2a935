//! DTLS-SRTP: a handshake on the media path that agrees on SRTP keys (RFC 5763, RFC 5764), DTLS 1.2 by `dimpl`.
//!
//! ```text
//!   Handshaking ──peer's certificate has the fingerprint, and keys──▶ Established
//!        └─── another certificate, none, no SRTP profile, time over ──▶ Dead
//! ```
//!
//! Left out: certificates with RSA keys, DTLS 1.3, application data.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use dimpl::certificate::generate_self_signed_certificate;
use dimpl::{Config, Dtls, DtlsCertificate, KeyingMaterial, SrtpProfile};

use crate::plan::{DtlsPlan, DtlsRole, Fingerprint, FingerprintHash, SrtpKeys, SrtpSuite};

/// Records of a handshake fit into it; a certificate may need more.
const SCRATCH: usize = 2_048;
const LARGEST_CERTIFICATE: usize = 16 * 1024;

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

/// Our certificate: made at start, the same in all handshakes.
#[derive(Clone, Debug)]
pub struct Identity {
    certificate: DtlsCertificate,
    config: Arc<Config>,
    fingerprint: Fingerprint,
}

impl Identity {
    /// Makes an ECDSA certificate on P-256.
    pub fn generate() -> Result<Self, DtlsError> {
        let certificate = generate_self_signed_certificate().map_err(|_| DtlsError::NoCertificate)?;
        let config = Config::builder().build().map_err(|_| DtlsError::NoCertificate)?;
        let fingerprint = Fingerprint::of(FingerprintHash::Sha256, &certificate.certificate);
        Ok(Self { certificate, config: Arc::new(config), fingerprint })
    }

    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

/// One handshake, and what is left of it afterwards: repeating our last flight when the peer did not get it.
pub struct Association {
    dtls: Dtls,
    role: DtlsRole,
    fingerprints: Vec<Fingerprint>,
    state: State,
    wake_at: Option<Instant>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Handshaking { proven: bool, keys: Option<SrtpKeys>, is_over: bool },
    Established,
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
        let mut dtls = Dtls::new_12(identity.config.clone(), identity.certificate.clone(), now);
        dtls.set_active(plan.role == DtlsRole::Active);
        Self {
            dtls,
            role: plan.role,
            fingerprints: plan.fingerprints.clone(),
            state: State::Handshaking { proven: false, keys: None, is_over: false },
            // The client's first flight.
            wake_at: (plan.role == DtlsRole::Active).then_some(now),
            scratch: vec![0; SCRATCH],
        }
    }

    pub fn handle_datagram(&mut self, datagram: &[u8], now: Instant) -> Result<(), DtlsError> {
        let taken = self.dtls.handle_timeout(now).and_then(|()| self.dtls.handle_packet(datagram));
        taken.map_err(|_| DtlsError::Handshake)
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError> {
        self.wake_at = None;
        self.dtls.handle_timeout(now).map_err(|_| DtlsError::Handshake)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wake_at
    }

    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        enum Next {
            Send(usize),
            Keys(KeyingMaterial, SrtpProfile),
            Certificate(bool),
            Grow(usize),
            Wait(Instant),
            Over,
            Nothing,
        }
        loop {
            if matches!(self.state, State::Dead) {
                self.wake_at = None;
                return None;
            }
            let next = match self.dtls.poll_output(&mut self.scratch) {
                dimpl::Output::Packet(packet) => Next::Send(packet.len()),
                dimpl::Output::BufferTooSmall { needed } => Next::Grow(needed),
                dimpl::Output::Timeout(at) => Next::Wait(at),
                dimpl::Output::PeerCert(certificate) => {
                    Next::Certificate(self.fingerprints.iter().any(|known| known.matches(certificate)))
                }
                dimpl::Output::KeyingMaterial(material, profile) => Next::Keys(material, profile),
                dimpl::Output::Connected => Next::Over,
                // Application data, the peer's goodbye: SIP ends the call.
                _ => Next::Nothing,
            };
            match (next, &mut self.state) {
                (Next::Send(len), _) => return self.scratch.get(..len).map(Output::Send),
                (Next::Grow(needed), _) if needed <= LARGEST_CERTIFICATE => self.scratch.resize(needed, 0),
                (Next::Grow(_), _) => return Some(self.fail(DtlsError::Handshake)),
                (Next::Over, State::Handshaking { is_over, .. }) => *is_over = true,
                // RFC 5764 §4.1: what the peer does without is not asked for twice.
                (Next::Wait(_), State::Handshaking { keys: None, is_over: true, .. }) => {
                    return Some(self.fail(DtlsError::Profile));
                }
                (Next::Wait(at), _) => {
                    self.wake_at = Some(at);
                    return None;
                }
                (Next::Certificate(false), _) => return Some(self.fail(DtlsError::Fingerprint)),
                (Next::Certificate(true), State::Handshaking { proven, .. }) => *proven = true,
                (Next::Keys(material, profile), State::Handshaking { keys, .. }) => {
                    *keys = keys_of(&material, profile, self.role);
                    if keys.is_none() {
                        return Some(self.fail(DtlsError::Profile));
                    }
                }
                _ => {}
            }
            if let State::Handshaking { proven: true, keys, .. } = &mut self.state
                && let Some(keys) = keys.take()
            {
                self.state = State::Established;
                return Some(Output::Keys(keys));
            }
        }
    }

    pub fn is_established(&self) -> bool {
        matches!(self.state, State::Established)
    }

    /// Ends a handshake that cannot succeed any more.
    pub fn fail(&mut self, why: DtlsError) -> Output<'static> {
        self.state = State::Dead;
        self.wake_at = None;
        Output::Failed(why)
    }
}

/// RFC 5764 §4.2: client key, server key, client salt, server salt.
fn keys_of(material: &[u8], profile: SrtpProfile, role: DtlsRole) -> Option<SrtpKeys> {
    let suite = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => SrtpSuite::AesCm128HmacSha1_80,
        SrtpProfile::AEAD_AES_128_GCM => SrtpSuite::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => SrtpSuite::AeadAes256Gcm,
        _ => return None,
    };
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
            State::Established => "Established",
            State::Dead => "Dead",
        };
        f.debug_struct("Association").field("role", &self.role).field("state", &state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Side {
        association: Association,
        keys: Option<SrtpKeys>,
        failure: Option<DtlsError>,
    }

    impl Side {
        fn new(own: &Identity, peer: &Identity, role: DtlsRole, now: Instant) -> Self {
            let plan = DtlsPlan { role, fingerprints: vec![peer.fingerprint().clone()] };
            Self { association: Association::new(own, &plan, now), keys: None, failure: None }
        }

        fn flush(&mut self) -> Vec<Vec<u8>> {
            let mut sent = Vec::new();
            while let Some(output) = self.association.poll_output() {
                match output {
                    Output::Send(datagram) => sent.push(datagram.to_vec()),
                    Output::Keys(keys) => self.keys = Some(keys),
                    Output::Failed(why) => self.failure = Some(why),
                }
            }
            sent
        }
    }

    /// Lets both talk; `lose` tells by the datagram's number which are lost.
    fn shake(client: &mut Side, server: &mut Side, start: Instant, lose: impl Fn(usize) -> bool) {
        let mut count = 0;
        for step in 0..400 {
            let now = start + Duration::from_millis(20 * step);
            for side in 0..2 {
                let (from, to) = if side == 0 { (&mut *client, &mut *server) } else { (&mut *server, &mut *client) };
                if from.association.poll_timeout().is_some_and(|at| at <= now) {
                    from.association.handle_timeout(now).expect("in time");
                }
                for datagram in from.flush() {
                    count += 1;
                    if !lose(count) {
                        let _ = to.association.handle_datagram(&datagram, now);
                    }
                }
            }
        }
    }

    #[test]
    fn both_sides_get_the_same_keys_the_other_way_round() {
        let (one, other) = (Identity::generate().expect("made"), Identity::generate().expect("made"));
        let now = Instant::now();
        let mut client = Side::new(&one, &other, DtlsRole::Active, now);
        let mut server = Side::new(&other, &one, DtlsRole::Passive, now);
        shake(&mut client, &mut server, now, |_| false);
        let (client, server) = (client.keys.expect("keys"), server.keys.expect("keys"));
        assert_eq!((client.suite, &client.local, &client.remote), (server.suite, &server.remote, &server.local));
        assert_ne!(client.local, client.remote);
        assert_eq!(client.local.len(), client.suite.key_and_salt_len());
    }

    #[test]
    fn a_lost_datagram_is_sent_again() {
        let (one, other) = (Identity::generate().expect("made"), Identity::generate().expect("made"));
        for lost in 1..=6 {
            let now = Instant::now();
            let mut client = Side::new(&one, &other, DtlsRole::Active, now);
            let mut server = Side::new(&other, &one, DtlsRole::Passive, now);
            shake(&mut client, &mut server, now, |count| count == lost);
            assert!(client.keys.is_some() && server.keys.is_some(), "datagram {lost} lost");
        }
    }

    /// RFC 5763 §5: whoever sits between cannot show the certificate.
    #[test]
    fn another_certificate_gives_no_keys() {
        let identities: Vec<Identity> = (0..3).map(|_| Identity::generate().expect("made")).collect();
        let now = Instant::now();
        let mut client = Side::new(&identities[0], &identities[2], DtlsRole::Active, now);
        let mut server = Side::new(&identities[1], &identities[0], DtlsRole::Passive, now);
        shake(&mut client, &mut server, now, |_| false);
        assert_eq!((client.keys.is_some(), client.failure), (false, Some(DtlsError::Fingerprint)));
    }

    #[test]
    fn noise_does_not_end_a_handshake() {
        let (one, other) = (Identity::generate().expect("made"), Identity::generate().expect("made"));
        let now = Instant::now();
        let mut server = Side::new(&other, &one, DtlsRole::Passive, now);
        for len in 0..100 {
            server.association.handle_datagram(&vec![22; len], now).expect("passed over");
            server.flush();
        }
        let mut client = Side::new(&one, &other, DtlsRole::Active, now);
        shake(&mut client, &mut server, now, |_| false);
        assert!(server.keys.is_some());
    }
}
