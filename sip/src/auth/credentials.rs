//! Credentials: Authorization and Proxy-Authorization, RFC 7616 §3.4.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::algorithm::Counted;
use super::fields::Fields;
use super::{Algorithm, AuthError, Ha1};
use crate::message::{Method, Uri};

/// What a client says to prove that it knows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub realm: String,
    pub nonce: String,
    /// The Request-URI as the client knew it.
    pub uri: String,
    pub algorithm: Algorithm,
    /// Nonce count and client nonce, when `qop=auth`.
    pub count: Option<(u32, String)>,
    /// Lower-case hex, of the length the algorithm has.
    response: String,
}

impl Credentials {
    /// Reads a header value.
    pub fn parse(value: &str) -> Result<Self, AuthError> {
        let fields = Fields::parse(value)?;
        if !fields.is_digest() {
            return Err(AuthError::OtherScheme(fields.scheme.to_owned()));
        }
        if fields.get("username*").is_some()
            || fields.get("userhash").is_some_and(|hash| hash.eq_ignore_ascii_case("true"))
        {
            return Err(AuthError::HashedUser);
        }
        let algorithm = fields.get("algorithm").unwrap_or("MD5");
        let algorithm =
            Algorithm::from_name(algorithm).ok_or_else(|| AuthError::OtherAlgorithm(algorithm.to_owned()))?;
        let uri = fields.need("uri", "no uri")?;
        if !fields.is_quoted("uri") {
            return Err(AuthError::Malformed("uri without quotes"));
        }
        Ok(Self {
            user: fields.need("username", "no username")?,
            realm: fields.need("realm", "no realm")?,
            nonce: fields.need("nonce", "no nonce")?,
            uri,
            algorithm,
            count: count(&fields)?,
            response: response(&fields, algorithm)?,
        })
    }

    /// Whether the digest is right for this password and this request. The nonce is not looked at.
    pub fn verify(&self, method: &Method, uri: &Uri, ha1: &Ha1) -> Result<(), AuthError> {
        let counted = self.count.as_ref().map(|(nc, cnonce)| Counted { nc: *nc, cnonce });
        let ha1 = ha1.hex(self.algorithm);
        let expected = self.algorithm.response(ha1, &self.nonce, counted, method.as_str(), &self.uri);
        verify_slices_are_equal(expected.as_bytes(), self.response.as_bytes()).map_err(|_| AuthError::Wrong)?;
        if self.is_for(uri) { Ok(()) } else { Err(AuthError::OtherUri) }
    }

    /// Whether `uri` names what the request names. Parameters may differ: some clients leave `;transport` out.
    fn is_for(&self, request_uri: &Uri) -> bool {
        if self.uri == request_uri.as_str() {
            return true;
        }
        match (self.uri.parse(), request_uri) {
            (Ok(Uri::Sip(theirs)), Uri::Sip(ours)) => theirs.address_of_record() == ours.address_of_record(),
            (Ok(theirs), ours) => ours.equivalent(&theirs),
            (Err(_), _) => false,
        }
    }
}

/// `nc` and `cnonce`, which come with qop and only with it.
fn count(fields: &Fields<'_>) -> Result<Option<(u32, String)>, AuthError> {
    match fields.get("qop") {
        None => return Ok(None),
        Some(qop) if qop.eq_ignore_ascii_case("auth") => {}
        Some(_) => return Err(AuthError::OtherQop),
    }
    let nc = fields.need("nc", "qop without nc")?;
    let cnonce = fields.need("cnonce", "qop without cnonce")?;
    if nc.len() != 8 || !nc.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(AuthError::Malformed("nc is not 8 hex digits"));
    }
    let nc = u32::from_str_radix(&nc, 16).map_err(|_| AuthError::Malformed("nc is not 8 hex digits"))?;
    Ok(Some((nc, cnonce)))
}

fn response(fields: &Fields<'_>, algorithm: Algorithm) -> Result<String, AuthError> {
    let response = fields.need("response", "no response")?;
    if response.len() != algorithm.hex_len() || !response.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(AuthError::Malformed("response is no digest of its algorithm"));
    }
    Ok(response.to_ascii_lowercase())
}

/// Leaves the response out.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("realm", &self.realm)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "Digest username=\"alice\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", qop=auth, nc=0000000a, \
        cnonce=\"c\", algorithm=MD5, response=\"00000000000000000000000000000000\"";

    fn changed(from: &str, to: &str) -> Result<Credentials, AuthError> {
        assert!(SOUND.contains(from));
        Credentials::parse(&SOUND.replace(from, to))
    }

    #[test]
    fn what_is_written_is_read() {
        let credentials = Credentials::parse(SOUND).expect("sound");
        assert_eq!((credentials.user.as_str(), credentials.count), ("alice", Some((10, "c".to_owned()))));
        assert!(changed("qop=auth", "qop=\"auth\"").is_ok(), "many phones quote it");
        assert_eq!(changed("algorithm=MD5, ", "").map(|read| read.algorithm), Ok(Algorithm::Md5));
    }

    #[test]
    fn malformed_credentials_are_told_from_wrong_ones() {
        for (from, to) in [
            ("uri=\"sip:r\"", "uri=sip:r"),
            ("algorithm=MD5", "algorithm=SHA-256"),
            ("0\"", "\""),
            ("\"0", "\"g"),
            ("nc=0000000a", "nc=a"),
            ("nc=0000000a", "nc=+000000a"),
            ("nc=0000000a, ", ""),
            ("cnonce=\"c\", ", ""),
            ("nonce=\"n\"", "nonce=\"n\", nonce=\"m\""),
            ("username=\"alice\", ", ""),
        ] {
            assert!(changed(from, to).is_err_and(|error| error.is_malformed()), "{from} → {to}");
        }
    }

    #[test]
    fn what_was_not_offered_is_challenged_again() {
        assert_eq!(changed("qop=auth", "qop=auth-int"), Err(AuthError::OtherQop));
        assert_eq!(changed("MD5", "MD5-sess"), Err(AuthError::OtherAlgorithm("MD5-sess".into())));
        assert_eq!(changed("MD5", "MD5, userhash=true"), Err(AuthError::HashedUser));
        assert_eq!(changed("username=", "username*="), Err(AuthError::HashedUser));
        assert!(changed("MD5", "MD5, userhash=false").is_ok());
        assert_eq!(Credentials::parse("Basic QWxhZGRpbg=="), Err(AuthError::OtherScheme("Basic".into())));
        assert_eq!(
            Credentials::parse("NoOneKnowsThisScheme opaque-data=here"),
            Err(AuthError::OtherScheme("NoOneKnowsThisScheme".into()))
        );
    }

    #[test]
    fn another_uri_is_refused_but_not_for_its_parameters() {
        let is_for = |uri: &str, request: &str| {
            let credentials = changed("sip:r", uri).expect("sound");
            credentials.is_for(&request.parse().expect("URI"))
        };
        assert!(is_for("sip:r", "sip:R;transport=tcp"));
        assert!(is_for("sip:%61@r", "sip:a@r"));
        assert!(!is_for("sip:b@r", "sip:a@r"));
        assert!(!is_for("/index.html", "sip:r"));
        assert!(is_for("urn:service:sos", "URN:service:sos"));
    }
}
