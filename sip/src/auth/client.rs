//! A client among challenges: whom it answers, and when it stops. RFC 3261 §22.2 and §22.3, RFC 8760 §2.4.
//!
//! A password is for one peer and its realm: a challenge of another realm, which somebody behind the peer may have
//! made, is not answered. Two rounds are enough for a registrar with a proxy before it, or for a nonce that grew old;
//! who challenges on is not satisfied by any password.

use super::{Challenge, Login, answer};
use crate::message::{Header, HeaderName, Method, Response, Uri};

const ROUNDS: usize = 2;

/// The answering side of one request and its repetitions.
#[derive(Clone, Debug)]
pub struct DigestClient {
    login: Login,
    /// Absent: any, for a request that goes to nobody but the peer itself.
    realm: Option<String>,
    answered: Vec<String>,
    rounds: usize,
}

/// Why a challenge stays unanswered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    #[error("the challenge is none that we can answer")]
    NoChallenge,
    #[error("the realm {0:?} is not the configured one")]
    OtherRealm(String),
    #[error("the password is wrong")]
    Wrong,
    #[error("challenged again after {ROUNDS} answers")]
    Endless,
}

impl DigestClient {
    pub fn new(login: Login, realm: Option<String>) -> Self {
        Self { login, realm, answered: Vec::new(), rounds: 0 }
    }

    /// The credentials for the next try of a request that got this 401 or 407. `uri` is its Request-URI, `cnonce` chance.
    pub fn answer(
        &mut self,
        refusal: &Response,
        method: &Method,
        uri: &Uri,
        cnonce: &str,
    ) -> Result<Vec<Header>, Unanswered> {
        let (asked, given) = match refusal.status.as_u16() {
            401 => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
            407 => (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
            _ => return Err(Unanswered::NoChallenge),
        };
        let challenges = Challenge::all(&refusal.headers, &asked);
        let other = challenges.first().map(|challenge| challenge.realm.clone()).ok_or(Unanswered::NoChallenge)?;
        let ours = |challenge: &Challenge| self.realm.as_ref().is_none_or(|realm| *realm == challenge.realm);
        let challenges: Vec<_> = challenges.into_iter().filter(ours).collect();
        if challenges.is_empty() {
            return Err(Unanswered::OtherRealm(other));
        }
        if challenges.iter().all(|challenge| !challenge.stale && self.answered.contains(&challenge.realm)) {
            return Err(Unanswered::Wrong);
        }
        if self.rounds == ROUNDS {
            return Err(Unanswered::Endless);
        }
        self.rounds += 1;
        self.answered.extend(challenges.iter().map(|challenge| challenge.realm.clone()));
        let credentials = |challenge: &Challenge| answer(challenge, &self.login, method, uri, cnonce, 1);
        Ok(challenges.iter().map(|challenge| Header::new(given.clone(), credentials(challenge))).collect())
    }

    /// The realms that were answered so far.
    pub fn realms(&self) -> &[String] {
        &self.answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::StatusCode;

    fn client(realm: Option<&str>) -> DigestClient {
        DigestClient::new(Login { user: "us".into(), password: "secret".into() }, realm.map(str::to_owned))
    }

    fn challenged(status: u16, challenges: &[&str]) -> Response {
        let mut refusal = Response::new(StatusCode::new(status).expect("a status"));
        let name = if status == 401 { HeaderName::WwwAuthenticate } else { HeaderName::ProxyAuthenticate };
        challenges.iter().for_each(|value| refusal.headers.push(Header::new(name.clone(), *value)));
        refusal
    }

    fn answered(client: &mut DigestClient, refusal: &Response) -> Result<Vec<String>, Unanswered> {
        let uri = "sip:pbx.example".parse().expect("a URI");
        let headers = client.answer(refusal, &Method::Invite, &uri, "c")?;
        Ok(headers.iter().map(|header| format!("{}: {}", header.name(), header.value())).collect())
    }

    #[test]
    fn of_each_realm_the_topmost_that_is_known_is_answered() {
        let refusal = challenged(
            401,
            &[
                "Digest realm=\"a\", nonce=\"1\", algorithm=SHA-512-256, qop=\"auth\"",
                "Digest realm=\"a\", nonce=\"2\", algorithm=SHA-256, qop=\"auth\"",
                "Digest realm=\"a\", nonce=\"3\", algorithm=MD5, qop=\"auth\"",
                "Digest realm=\"b\", nonce=\"4\", algorithm=MD5, qop=\"auth\"",
            ],
        );
        let values = answered(&mut client(None), &refusal).expect("answered");
        assert_eq!(values.len(), 2);
        assert!(values[0].starts_with("Authorization: Digest") && values[0].contains("nonce=\"2\""), "{values:?}");
        assert!(values[1].contains("realm=\"b\"") && values[1].contains("nonce=\"4\""), "{values:?}");
    }

    /// CVE-2021-41158: a stranger behind the peer asks for a digest to crack at home.
    #[test]
    fn another_realm_gets_nothing() {
        let refusal = challenged(407, &["Digest realm=\"evil\", nonce=\"1\""]);
        assert_eq!(answered(&mut client(Some("pbx")), &refusal), Err(Unanswered::OtherRealm("evil".into())));
        let both = challenged(407, &["Digest realm=\"evil\", nonce=\"1\"", "Digest realm=\"pbx\", nonce=\"2\""]);
        let values = answered(&mut client(Some("pbx")), &both).expect("answered");
        assert!(values.len() == 1 && values[0].starts_with("Proxy-Authorization: ") && values[0].contains("\"pbx\""));
    }

    #[test]
    fn a_second_challenge_of_the_same_realm_means_a_wrong_password_unless_the_nonce_is_stale() {
        let fresh = challenged(401, &["Digest realm=\"a\", nonce=\"1\""]);
        let stale = challenged(401, &["Digest realm=\"a\", nonce=\"2\", stale=true"]);
        let mut client = client(None);
        assert!(answered(&mut client, &fresh).is_ok());
        assert_eq!(answered(&mut client, &fresh), Err(Unanswered::Wrong));
        assert!(answered(&mut client, &stale).is_ok());
    }

    /// AST-2020-002: whoever invents a nonce each time would be answered for ever.
    #[test]
    fn after_two_rounds_it_stops_whatever_comes() {
        let mut client = client(None);
        for (round, realm) in ["a", "b", "c"].into_iter().enumerate() {
            let outcome =
                answered(&mut client, &challenged(401, &[&format!("Digest realm=\"{realm}\", nonce=\"{round}\"")]));
            assert_eq!(outcome.is_ok(), round < 2, "{outcome:?}");
        }
        assert_eq!(
            answered(&mut client, &challenged(401, &["Digest realm=\"a\", nonce=\"9\", stale=true"])),
            Err(Unanswered::Endless)
        );
        assert_eq!(answered(&mut client, &challenged(401, &["Basic realm=\"a\""])), Err(Unanswered::NoChallenge));
    }
}
