//! How a phone registers, and what it knows of digest.

use plenary_sip::auth::{self, Challenge};
use plenary_sip::endpoint::Command;
use plenary_sip::message::{CSeq, Header, HeaderName, Method, Response, StatusCode, Uri};

use super::Phone;

/// Name and password, and the last challenge that they have answered.
#[derive(Debug)]
pub(super) struct Login {
    login: auth::Login,
    challenge: Option<Challenged>,
}

#[derive(Debug)]
struct Challenged {
    challenge: Challenge,
    call_id: String,
    cseq: CSeq,
    used: u32,
}

impl Login {
    pub fn new(user: &str, password: &str) -> Self {
        let login = auth::Login { user: user.to_owned(), password: password.to_owned() };
        Self { login, challenge: None }
    }

    /// Keeps the challenge of a 401, the topmost that can be answered (RFC 8760 §2.4).
    pub fn hear(&mut self, response: &Response) {
        let challenge = Challenge::all(&response.headers, &HeaderName::WwwAuthenticate).into_iter().next();
        let (Ok(call_id), Ok(cseq)) = (response.headers.call_id(), response.headers.cseq()) else { return };
        if let (StatusCode::UNAUTHORIZED, Some(challenge)) = (response.status, challenge) {
            self.challenge = Some(Challenged { challenge, call_id, cseq, used: 0 });
        }
    }

    /// What a request needs to go on where the one before was challenged (§22.2).
    pub fn headers(&mut self, method: &Method, uri: &Uri) -> Vec<Header> {
        let Some(challenged) = &mut self.challenge else { return Vec::new() };
        challenged.used += 1;
        let answer = auth::answer(&challenged.challenge, &self.login, method, uri, "c0ffee", challenged.used);
        let mut headers = vec![Header::new(HeaderName::Authorization, answer)];
        if challenged.cseq.method == *method {
            challenged.cseq.number += 1;
            headers.push(Header::new(HeaderName::CallId, challenged.call_id.clone()));
            headers.push(Header::new(HeaderName::CSeq, challenged.cseq.to_string()));
        }
        headers
    }
}

impl Phone {
    pub fn registers_at(&mut self, registrar: &str) {
        let contact = format!("<{}>", self.contact());
        self.register(registrar, &contact, 3600);
    }

    /// Takes all its contacts back, those of other phones of the account too.
    pub fn leaves(&mut self, registrar: &str) {
        self.register(registrar, "*", 0);
    }

    fn register(&mut self, registrar: &str, contact: &str, expires: u32) {
        let uri: Uri = format!("sip:{registrar}.example").parse().expect("names of parties make URIs");
        let address = format!("sip:{}@{registrar}.example", self.name).parse().expect("names of parties make URIs");
        let mut headers = self.login.as_mut().map(|login| login.headers(&Method::Register, &uri)).unwrap_or_default();
        headers.push(Header::new(HeaderName::Contact, contact));
        headers.push(Header::new(HeaderName::Expires, expires.to_string()));
        let mut outgoing = self.request(Method::Register, registrar, headers);
        outgoing.request_uri = uri;
        outgoing.from.uri = address;
        outgoing.to = outgoing.from.clone();
        let request = self.agent.next_request();
        self.agent.command(Command::Request { request, outgoing: Box::new(outgoing) });
    }

    fn contact(&self) -> Uri {
        format!("sip:{}@{}", self.name, self.agent.host).parse().expect("an address makes a URI")
    }
}
