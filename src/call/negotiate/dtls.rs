//! DTLS-SRTP: whose certificate, and who begins. RFC 5763 §5, RFC 8122 §5, RFC 8842 §5.
//!
//! | offered `a=setup` | answered | ours      |
//! |-------------------|----------|-----------|
//! | `actpass`, none   | active   | active; in a re-offer as before |
//! | `active`          | passive  | passive   |
//! | `passive`         | active   | active    |
//! | `holdconn`        | –        | refused   |

use plenary_media::plan::{DtlsPlan, DtlsRole, Fingerprint};
use plenary_sip::sdp::{Attributes, MediaDescription, Profile, SessionDescription};

use super::error::NegotiationError;

/// What both sides know of the association. It stays as long as this does.
pub(super) type AgreedDtls = DtlsPlan;

/// `UDP/TLS/RTP/SAVP(F)`; or SAVP with a fingerprint in place of keys, as older browsers write it.
pub(super) fn is_offered(description: &SessionDescription, media: &MediaDescription) -> bool {
    match media.profile {
        Profile::DtlsSavp | Profile::DtlsSavpf => true,
        _ => media.profile.is_sdes_srtp() && names_certificate_alone(description, media),
    }
}

/// Whether a stream's keys come by the certificate that it names, since it has no others.
pub(super) fn names_certificate_alone(description: &SessionDescription, media: &MediaDescription) -> bool {
    let fingerprint = media.attributes.has("fingerprint") || description.attributes.has("fingerprint");
    fingerprint && !media.attributes.has("crypto")
}

/// What we agree to for an offered stream.
pub(super) fn answer(
    description: &SessionDescription,
    media: &MediaDescription,
    before: Option<&AgreedDtls>,
) -> Result<AgreedDtls, NegotiationError> {
    let fingerprints = fingerprints(description, media)?;
    let role = match setup(description, media) {
        None | Some("actpass") => {
            let kept = before.filter(|before| before.fingerprints == fingerprints);
            kept.map_or(DtlsRole::Active, |before| before.role)
        }
        Some("active") => DtlsRole::Passive,
        Some("passive") => DtlsRole::Active,
        Some(other) => return Err(NegotiationError::Setup { setup: other.to_owned() }),
    };
    Ok(AgreedDtls { role, fingerprints })
}

/// What the answer to an offer of ours with `actpass` says. Without a word the answerer is active (RFC 4145 §4.1).
pub(super) fn accept(
    description: &SessionDescription,
    media: &MediaDescription,
) -> Result<AgreedDtls, NegotiationError> {
    let fingerprints = fingerprints(description, media)?;
    let role = match setup(description, media) {
        None | Some("active") => DtlsRole::Passive,
        Some("passive") => DtlsRole::Active,
        Some(other) => return Err(NegotiationError::Setup { setup: other.to_owned() }),
    };
    Ok(AgreedDtls { role, fingerprints })
}

/// Writes our side. `setup`: `actpass`, or what the role means.
pub(super) fn describe(own: &Fingerprint, setup: &str, attributes: &mut Attributes) {
    attributes.push("fingerprint", own);
    attributes.push("setup", setup);
}

pub(super) fn setup_of(role: DtlsRole) -> &'static str {
    match role {
        DtlsRole::Active => "active",
        DtlsRole::Passive => "passive",
    }
}

/// Those of the strongest hash that is there and known: any of them will do (RFC 8122 §5.1).
fn fingerprints(
    description: &SessionDescription,
    media: &MediaDescription,
) -> Result<Vec<Fingerprint>, NegotiationError> {
    let of = |attributes: &Attributes| -> Vec<Fingerprint> {
        attributes.values("fingerprint").filter_map(|value| value.parse().ok()).collect()
    };
    let at_media = media.attributes.has("fingerprint");
    let mut known = of(if at_media { &media.attributes } else { &description.attributes });
    let strongest = known.iter().map(|one| one.hash).max().ok_or(NegotiationError::NoUsableFingerprint)?;
    known.retain(|one| one.hash == strongest);
    Ok(known)
}

fn setup<'a>(description: &'a SessionDescription, media: &'a MediaDescription) -> Option<&'a str> {
    media.attributes.value("setup").or(description.attributes.value("setup"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

    fn description(lines: &[&str]) -> SessionDescription {
        let text = format!("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n{}\r\n", lines.join("\r\n"));
        SessionDescription::parse(text.as_bytes()).expect("readable")
    }

    fn role(setup: &str, before: Option<&AgreedDtls>) -> Option<DtlsRole> {
        let description = description(&[&format!("a=fingerprint:{ONE}"), setup]);
        answer(&description, &description.media[0], before).ok().map(|agreed| agreed.role)
    }

    #[test]
    fn table_of_setups() {
        for (setup, expected) in [
            ("a=setup:actpass", Some(DtlsRole::Active)),
            ("a=mid:0", Some(DtlsRole::Active)),
            ("a=setup:active", Some(DtlsRole::Passive)),
            ("a=setup:passive", Some(DtlsRole::Active)),
            ("a=setup:holdconn", None),
        ] {
            assert_eq!(role(setup, None), expected, "{setup}");
        }
    }

    #[test]
    fn the_role_stays_while_the_certificate_does() {
        let same = AgreedDtls { role: DtlsRole::Passive, fingerprints: vec![ONE.parse().expect("readable")] };
        assert_eq!(role("a=setup:actpass", Some(&same)), Some(DtlsRole::Passive));
        let other = AgreedDtls { role: DtlsRole::Passive, fingerprints: Vec::new() };
        assert_eq!(role("a=setup:actpass", Some(&other)), Some(DtlsRole::Active));
    }

    #[test]
    fn the_strongest_known_hash_counts_and_sha_1_is_none() {
        let weak = description(&["a=fingerprint:sha-1 00:11", "a=setup:actpass"]);
        assert!(matches!(answer(&weak, &weak.media[0], None), Err(NegotiationError::NoUsableFingerprint)));
        let strong = format!("sha-512 {}", vec!["AB"; 64].join(":"));
        let both = description(&[&format!("a=fingerprint:{ONE}"), &format!("a=fingerprint:{strong}")]);
        let agreed = answer(&both, &both.media[0], None).expect("accepted");
        assert_eq!(agreed.fingerprints, [strong.parse().expect("readable")]);
    }
}
