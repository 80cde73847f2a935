//! Handshakes between two of ours, with RSA keys, and with another stack (`dimpl`), in the time that OpenSSL reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::certificate::generate_self_signed_certificate;
use dimpl::{Config, Dtls, DtlsCertificate, SrtpProfile};
use openssl::pkey::PKey;
use openssl::rsa::Rsa;

use super::*;
use crate::plan::FingerprintHash;

/// A lost flight comes again after one second; a loaded machine takes its time.
const WITHIN: Duration = Duration::from_secs(20);

trait Talks {
    fn flush(&mut self, now: Instant) -> Vec<Vec<u8>>;
    fn take(&mut self, datagram: &[u8], now: Instant);
    fn is_over(&self) -> bool;
    fn has_failed(&self) -> bool;
}

struct Ours {
    association: Association,
    keys: Option<SrtpKeys>,
    failure: Option<DtlsError>,
}

impl Ours {
    fn new(own: &Identity, peer: &Fingerprint, role: DtlsRole) -> Self {
        let plan = DtlsPlan { role, fingerprints: vec![peer.clone()] };
        Self { association: Association::new(own, &plan, Instant::now()), keys: None, failure: None }
    }
}

impl Talks for Ours {
    fn flush(&mut self, now: Instant) -> Vec<Vec<u8>> {
        if self.association.poll_timeout().is_some_and(|at| at <= now) {
            let _ = self.association.handle_timeout(now);
        }
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

    fn take(&mut self, datagram: &[u8], now: Instant) {
        let _ = self.association.handle_datagram(datagram, now);
    }

    fn is_over(&self) -> bool {
        self.keys.is_some()
    }

    fn has_failed(&self) -> bool {
        self.failure.is_some()
    }
}

/// A stack in safe Rust, which has ECDSA alone.
struct Foreign {
    dtls: Dtls,
    role: DtlsRole,
    keys: Option<SrtpKeys>,
}

impl Foreign {
    fn new(certificate: &DtlsCertificate, role: DtlsRole) -> Self {
        let config = Arc::new(Config::builder().build().expect("a configuration"));
        let mut dtls = Dtls::new_12(config, certificate.clone(), Instant::now());
        dtls.set_active(role == DtlsRole::Active);
        Self { dtls, role, keys: None }
    }
}

impl Talks for Foreign {
    fn flush(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.dtls.handle_timeout(now).expect("in time");
        let (mut sent, mut scratch) = (Vec::new(), vec![0; 4_096]);
        loop {
            match self.dtls.poll_output(&mut scratch) {
                dimpl::Output::Packet(datagram) => sent.push(datagram.to_vec()),
                dimpl::Output::KeyingMaterial(material, profile) => {
                    let suite = match profile {
                        SrtpProfile::AES128_CM_SHA1_80 => SrtpSuite::AesCm128HmacSha1_80,
                        SrtpProfile::AEAD_AES_128_GCM => SrtpSuite::AeadAes128Gcm,
                        _ => SrtpSuite::AeadAes256Gcm,
                    };
                    self.keys = keys_of(&material, suite, self.role);
                }
                dimpl::Output::Timeout(_) => return sent,
                _ => {}
            }
        }
    }

    fn take(&mut self, datagram: &[u8], _now: Instant) {
        self.dtls.handle_packet(datagram).expect("of a handshake");
    }

    fn is_over(&self) -> bool {
        self.keys.is_some()
    }

    fn has_failed(&self) -> bool {
        false
    }
}

/// Lets both talk until both are done or one has failed; `lose` tells by the datagram's number which are lost.
fn shake<'a>(client: &mut (dyn Talks + 'a), server: &mut (dyn Talks + 'a), lose: impl Fn(usize) -> bool) {
    let give_up = Instant::now() + WITHIN;
    let mut count = 0;
    let goes_on = |client: &dyn Talks, server: &dyn Talks| {
        !(client.is_over() && server.is_over() || client.has_failed() || server.has_failed())
    };
    while goes_on(client, server) && Instant::now() < give_up {
        let mut was_quiet = true;
        for from_client in [true, false] {
            let (from, to) = if from_client { (&mut *client, &mut *server) } else { (&mut *server, &mut *client) };
            for datagram in from.flush(Instant::now()) {
                assert!(datagram.len() <= LONGEST_DATAGRAM as usize, "{} octets", datagram.len());
                (count, was_quiet) = (count + 1, false);
                if !lose(count) {
                    to.take(&datagram, Instant::now());
                }
            }
        }
        if was_quiet {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn ecdsa() -> Identity {
    Identity::generate().expect("made")
}

fn rsa(bits: u32) -> Identity {
    let key = Rsa::generate(bits).and_then(PKey::from_rsa).expect("a key");
    Identity::of(&key).expect("made")
}

fn between(client: &Identity, server: &Identity, lose: impl Fn(usize) -> bool) -> (Ours, Ours) {
    let mut active = Ours::new(client, server.fingerprint(), DtlsRole::Active);
    let mut passive = Ours::new(server, client.fingerprint(), DtlsRole::Passive);
    shake(&mut active, &mut passive, lose);
    (active, passive)
}

fn assert_agree(one: &Option<SrtpKeys>, other: &Option<SrtpKeys>) {
    let (one, other) = (one.as_ref().expect("keys"), other.as_ref().expect("keys"));
    assert_eq!((one.suite, &one.local, &one.remote), (other.suite, &other.remote, &other.local));
    assert_ne!(one.local, one.remote);
    assert_eq!(one.local.len(), one.suite.key_and_salt_len());
}

#[test]
fn both_sides_get_the_same_keys_the_other_way_round() {
    let (client, server) = between(&ecdsa(), &ecdsa(), |_| false);
    assert_agree(&client.keys, &server.keys);
    assert_eq!(server.keys.map(|keys| keys.suite), Some(SrtpSuite::AeadAes256Gcm), "the best that both have");
}

/// Phones and PBXs whose certificate is of RSA, in either role; old ones have short keys.
#[test]
fn a_peer_with_an_rsa_key_gets_keys() {
    for bits in [1_024, 2_048] {
        let (phone, us) = (rsa(bits), ecdsa());
        let (client, server) = between(&phone, &us, |_| false);
        assert_agree(&client.keys, &server.keys);
        let (client, server) = between(&us, &phone, |_| false);
        assert_agree(&client.keys, &server.keys);
    }
}

/// In either role, with a stack that shares no line with ours.
#[test]
fn another_stack_gets_the_same_keys() {
    let certificate = generate_self_signed_certificate().expect("made");
    let theirs = Fingerprint::of(FingerprintHash::Sha256, &certificate.certificate);
    let mut server = Ours::new(&ecdsa(), &theirs, DtlsRole::Passive);
    let mut foreign = Foreign::new(&certificate, DtlsRole::Active);
    shake(&mut foreign, &mut server, |_| false);
    assert_agree(&foreign.keys, &server.keys);
    let mut client = Ours::new(&ecdsa(), &theirs, DtlsRole::Active);
    let mut foreign = Foreign::new(&certificate, DtlsRole::Passive);
    shake(&mut client, &mut foreign, |_| false);
    assert_agree(&client.keys, &foreign.keys);
}

#[test]
fn a_lost_datagram_is_sent_again() {
    std::thread::scope(|scope| {
        for lost in 1..=6 {
            scope.spawn(move || {
                let (client, server) = between(&ecdsa(), &rsa(2_048), |count| count == lost);
                assert!(client.keys.is_some() && server.keys.is_some(), "datagram {lost} lost");
            });
        }
    });
}

/// RFC 5763 §5: whoever sits between cannot show the certificate. Each side finds it out by itself.
#[test]
fn another_certificate_gives_no_keys() {
    let (one, other, described) = (ecdsa(), rsa(2_048), ecdsa());
    for suspicious in [DtlsRole::Active, DtlsRole::Passive] {
        let of = |role, true_one: &Identity| match role == suspicious {
            true => described.fingerprint().clone(),
            false => true_one.fingerprint().clone(),
        };
        let mut client = Ours::new(&one, &of(DtlsRole::Active, &other), DtlsRole::Active);
        let mut server = Ours::new(&other, &of(DtlsRole::Passive, &one), DtlsRole::Passive);
        shake(&mut client, &mut server, |_| false);
        let (deceived, peer) = match suspicious {
            DtlsRole::Active => (client, server),
            DtlsRole::Passive => (server, client),
        };
        assert_eq!((deceived.keys.is_some(), deceived.failure), (false, Some(DtlsError::Fingerprint)));
        assert_eq!((peer.keys.is_some(), peer.failure), (false, None));
    }
}

#[test]
fn noise_does_not_end_a_handshake() {
    let (one, other) = (ecdsa(), ecdsa());
    let mut server = Ours::new(&other, one.fingerprint(), DtlsRole::Passive);
    let alert = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40];
    let noise = (0..100).map(|len| vec![22; len]).chain([alert.to_vec()]);
    for datagram in noise {
        server.association.handle_datagram(&datagram, Instant::now()).expect("passed over");
        server.flush(Instant::now());
    }
    let mut client = Ours::new(&one, other.fingerprint(), DtlsRole::Active);
    shake(&mut client, &mut server, |_| false);
    assert!(server.keys.is_some());
}

/// By the time that it is given: a peer that falls silent, and what is kept for one that may ask again.
#[test]
fn a_handshake_has_an_end_and_so_has_what_is_left_of_it() {
    let (one, other) = (ecdsa(), ecdsa());
    let mut client = Ours::new(&one, other.fingerprint(), DtlsRole::Active);
    let start = Instant::now();
    assert_eq!(client.flush(start).len(), 1);
    client.association.handle_timeout(start + GIVE_UP - LOOK_EVERY).expect("not yet");
    client.flush(start);
    assert_eq!(client.failure, None);
    assert_eq!(client.association.handle_timeout(start + 2 * GIVE_UP), Err(DtlsError::Handshake));
    client.flush(start);
    assert_eq!((client.failure, client.association.poll_timeout()), (Some(DtlsError::Handshake), None));

    let (_, mut server) = between(&one, &other, |_| false);
    let until = server.association.poll_timeout().expect("kept for a while");
    assert!(matches!(server.association.state, State::Established { .. }));
    server.association.handle_timeout(until).expect("in time");
    assert!(matches!(server.association.state, State::Settled) && server.association.is_established());
    assert_eq!(server.association.poll_timeout(), None);
}
