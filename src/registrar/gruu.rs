//! Addresses that reach one phone and no other: GRUU, RFC 5627.
//!
//! ```text
//!   public     sip:alice@example.org;gr=urn:uuid:f81d4fae-…     says who and which phone; the same for ever
//!   temporary  sip:t.VGVtcG9yYXJ5…@example.org;gr               says nothing; each 200 to a REGISTER brings another
//! ```
//!
//! The user part of a temporary one is `nonce ‖ AES-128-GCM(mark)`. The mark stands for address-of-record, instance and
//! Call-ID together, so all of one Call-ID reach the phone until it leaves or registers by another (§5.1).

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use plenary_sip::message::{Host, NameAddr, SipUri, StatusCode};

use super::binding::Binding;

/// Stands for address-of-record, instance and Call-ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(u64);

/// What a GRUU of ours says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gruu {
    /// `instance` as it stands in `+sip.instance`, brackets included.
    Public {
        account: String,
        instance: String,
    },
    Temporary(Mark),
}

/// Why a GRUU reaches nobody: RFC 5627 §6.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GruuError {
    #[error("not a GRUU of this server, or one that is over")]
    Invalid, // 404
    #[error("the phone of this GRUU is not registered")]
    Unregistered, // 480
}

impl GruuError {
    pub fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::NOT_FOUND,
            Self::Unregistered => StatusCode::TEMPORARILY_UNAVAILABLE,
        }
    }
}

/// Makes GRUUs of the domain and reads them.
pub struct Gruus {
    domain: Host,
    key: Option<LessSafeKey>,
    marks: hmac::Key,
}

/// Before the token of a temporary one.
const TEMPORARY: &str = "t.";

impl Gruus {
    /// `secret`: kept over a restart, else the temporary ones end with the process.
    pub fn new(domain: Host, secret: &[u8; 32]) -> Self {
        let (sealing, marking) = secret.split_at(16);
        let key = UnboundKey::new(&AES_128_GCM, sealing).ok().map(LessSafeKey::new);
        Self { domain, key, marks: hmac::Key::new(hmac::HMAC_SHA256, marking) }
    }

    /// The contact with its GRUUs, for the 200 to its REGISTER; as it is where there is no instance.
    pub fn show(&self, account: &str, binding: &Binding, contact: NameAddr) -> NameAddr {
        let (Some(instance), Some(mark)) = (&binding.instance, binding.mark) else { return contact };
        let contact = contact.with_param("pub-gruu", Some(&self.public(account, instance)));
        match self.temporary(mark) {
            Some(temporary) => contact.with_param("temp-gruu", Some(&temporary)),
            None => contact,
        }
    }

    pub fn mark(&self, account: &str, instance: &str, call_id: &str) -> Mark {
        let tag = hmac::sign(&self.marks, [account, instance, call_id].join("\0").as_bytes());
        Mark(tag.as_ref().first_chunk().map_or(0, |octets| u64::from_be_bytes(*octets)))
    }

    /// `None`: no GRUU of this server.
    pub fn read(&self, uri: &SipUri) -> Option<Gruu> {
        let user = uri.user()?;
        match uri.param("gr")? {
            Some(instance) => Some(Gruu::Public { account: user.to_lowercase(), instance: format!("<{instance}>") }),
            None => self.open(user.strip_prefix(TEMPORARY)?).map(Gruu::Temporary),
        }
    }

    fn public(&self, account: &str, instance: &str) -> String {
        let instance = instance.trim_matches(['<', '>']);
        SipUri::new(Some(account), self.domain.clone(), None).with_param("gr", Some(instance)).to_string()
    }

    /// Each is new, by its nonce. `None`: the system gives no chance.
    fn temporary(&self, mark: Mark) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).ok()?;
        let mut sealed = mark.0.to_be_bytes().to_vec();
        let with = Nonce::assume_unique_for_key(nonce);
        self.key.as_ref()?.seal_in_place_append_tag(with, Aad::empty(), &mut sealed).ok()?;
        let token = URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat());
        let user = format!("{TEMPORARY}{token}");
        Some(SipUri::new(Some(&user), self.domain.clone(), None).with_param("gr", None).to_string())
    }

    fn open(&self, token: &str) -> Option<Mark> {
        let mut octets = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = octets.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mark = self.key.as_ref()?.open_in_place(nonce, Aad::empty(), sealed).ok()?;
        Some(Mark(u64::from_be_bytes(mark.try_into().ok()?)))
    }
}

/// Tells no secret.
impl fmt::Debug for Gruus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gruus").field("domain", &self.domain).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use plenary_sip::message::Uri;

    use super::*;

    fn gruus(secret: u8) -> Gruus {
        Gruus::new("example.org".parse().expect("a host"), &[secret; 32])
    }

    fn read(gruus: &Gruus, text: &str) -> Option<Gruu> {
        match text.parse().expect("a URI") {
            Uri::Sip(uri) => gruus.read(&uri),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_public_one_says_account_and_instance() {
        let gruus = gruus(1);
        let text = gruus.public("alice", "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>");
        assert_eq!(text, "sip:alice@example.org;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
        let instance = "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>".into();
        assert_eq!(read(&gruus, &text), Some(Gruu::Public { account: "alice".into(), instance }));
    }

    #[test]
    fn temporary_ones_differ_say_nothing_and_are_read_by_their_maker_alone() {
        let gruus_here = gruus(1);
        let mark = gruus_here.mark("alice", "<urn:uuid:1>", "call");
        let made: Vec<String> = (0..100).filter_map(|_| gruus_here.temporary(mark)).collect();
        let mut different = made.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), 100);
        for text in &made {
            assert!(!text.contains("alice") && !text.contains("urn"), "{text}");
            assert_eq!(read(&gruus_here, text), Some(Gruu::Temporary(mark)));
            assert_eq!(read(&gruus(2), text), None);
        }
        let token = made[0].len() - "@example.org;gr".len() - 1;
        let mut forged = made[0].clone();
        forged.replace_range(token..=token, if forged[token..].starts_with('A') { "B" } else { "A" });
        assert_eq!(read(&gruus_here, &forged), None, "{forged}");
        for text in ["sip:t.@example.org;gr", "sip:t.AAAA@example.org;gr", "sip:alice@example.org;gr", "sip:a@b"] {
            assert_eq!(read(&gruus_here, text), None, "{text}");
        }
    }

    #[test]
    fn another_call_id_is_another_mark() {
        let gruus = gruus(1);
        let marks = ["1", "2"].map(|call_id| gruus.mark("alice", "<urn:uuid:1>", call_id));
        assert_ne!(marks[0], marks[1]);
    }
}
