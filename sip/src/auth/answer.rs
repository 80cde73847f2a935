//! The client's side: credentials for a challenge, RFC 7616 §3.4 and RFC 8760 §2.4.

use std::fmt;

use super::algorithm::Counted;
use super::fields::{push_bare, push_quoted};
use super::{Algorithm, Challenge};
use crate::message::{Method, Uri};

/// Who we are to a foreign realm.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

/// Makes the value of Authorization (after a 401) or Proxy-Authorization (after a 407).
///
/// `uri` is the Request-URI of the request that carries it. `cnonce` is chance; `nc` begins at 1 with each new nonce
/// and rises by one with each request.
pub fn answer(challenge: &Challenge, login: &Login, method: &Method, uri: &Uri, cnonce: &str, nc: u32) -> String {
    let Challenge { realm, nonce, opaque, algorithm, qop, .. } = challenge;
    let ha1 = algorithm.hash(&[&login.user, realm, &login.password]);
    let counted = qop.then_some(Counted { nc, cnonce });
    let response = algorithm.response(&ha1, nonce, counted, method.as_str(), uri.as_str());

    let mut value = String::from("Digest");
    push_quoted(&mut value, "username", &login.user);
    push_quoted(&mut value, "realm", realm);
    push_quoted(&mut value, "nonce", nonce);
    push_quoted(&mut value, "uri", uri.as_str());
    push_quoted(&mut value, "response", &response);
    // A server of RFC 2069 may not know the parameter, and means MD5 anyway.
    if *qop || *algorithm != Algorithm::Md5 {
        push_bare(&mut value, "algorithm", algorithm.name());
    }
    if let Some(Counted { nc, cnonce }) = counted {
        push_bare(&mut value, "qop", "auth");
        push_bare(&mut value, "nc", &format!("{nc:08x}"));
        push_quoted(&mut value, "cnonce", cnonce);
    }
    if let Some(opaque) = opaque {
        push_quoted(&mut value, "opaque", opaque);
    }
    value
}

/// Leaves the password out.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The challenge of RFC 7616 §3.9.1, asked of SIP.
    #[test]
    fn an_answer_says_all_that_was_asked() {
        let challenge = Challenge::parse(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        )
        .expect("well-formed");
        let login = Login { user: "Mufasa".into(), password: "Circle of Life".into() };
        let uri = "sip:example.org".parse().expect("URI");
        let value = answer(&challenge, &login, &Method::Register, &uri, "abc", 0x1f);
        let response = Algorithm::Sha256.response(
            &Algorithm::Sha256.hash(&["Mufasa", "http-auth@example.org", "Circle of Life"]),
            &challenge.nonce,
            Some(Counted { nc: 31, cnonce: "abc" }),
            "REGISTER",
            "sip:example.org",
        );
        assert_eq!(
            value,
            format!(
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"sip:example.org\", response=\"{response}\", \
                 algorithm=SHA-256, qop=auth, nc=0000001f, cnonce=\"abc\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            )
        );
    }

    #[test]
    fn a_realm_cannot_write_parameters_of_its_own() {
        let challenge = Challenge::parse("Digest realm=\"a\\\", uri=\\\"x\", nonce=\"1\"").expect("well-formed");
        let login = Login { user: "u".into(), password: "p".into() };
        let value = answer(&challenge, &login, &Method::Invite, &"sip:a".parse().expect("URI"), "c", 1);
        assert!(value.contains("realm=\"a\\\", uri=\\\"x\""), "{value}");
        assert_eq!(format!("{login:?}"), "Login { user: \"u\", .. }");
    }
}
