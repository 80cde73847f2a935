//! Our registration at a trunk: RFC 3261 §10.2, seen from the client; RFC 3608 (Service-Route).
//!
//! ```text
//!            ┌──401, 407: once more with the password──┐
//!            ▼                                         │
//!   Due ──REGISTER──▶ Asking ──200──▶ Registered ──at half the time──▶ Asking
//!    ▲                  │ 4xx–6xx, silence
//!    └── 30 s … 10 min ─┴▶ Failing                            leave(): REGISTER with Expires 0, once
//! ```
//!
//! One request is out at a time, all with one Call-ID and rising CSeq (§10.2.4). What was registered stays registered
//! until its time is over, whatever a refresh brings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plenary_sip::auth::{DigestClient, Login};
use plenary_sip::endpoint::{ContactTemplate, OutgoingRequest, Rng};
use plenary_sip::message::{CSeq, Header, HeaderName, Host, Method, NameAddr, Response, StatusCode, Uri};
use plenary_sip::net_types::{ByFlow, Source};

const FIRST_RETRY: Duration = Duration::from_secs(30);
const LAST_RETRY: Duration = Duration::from_secs(600);
/// No registrar is asked more often, however short it grants.
const SHORTEST: u32 = 20;

#[derive(Clone, Debug)]
pub struct RegistrationSettings {
    pub registrar: Uri,
    /// Of the address-of-record.
    pub address: NameAddr,
    /// The user part of our Contact.
    pub user: String,
    /// Its host; absent: our address.
    pub contact_host: Option<Host>,
    pub login: Option<Login>,
    pub realm: Option<String>,
    pub proxy: Option<NameAddr>,
    /// Seconds.
    pub expires: u32,
}

#[derive(Debug)]
pub struct Registration {
    settings: RegistrationSettings,
    rng: Rng,
    call_id: String,
    cseq: u32,
    expires: u32,
    retry: Duration,
    state: State,
    granted: Option<Granted>,
    output: Option<OutgoingRequest>,
}

#[derive(Debug)]
enum State {
    Due { at: Instant },
    Asking { client: Option<DigestClient> },
    Leaving { client: Option<DigestClient> },
    Left,
}

/// What the last 200 gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    pub until: Instant,
    pub service_routes: Vec<NameAddr>,
    /// The registrar, or the proxy before it.
    pub peer: Option<Source>,
    /// Those that the password was for.
    pub realms: Vec<String>,
}

/// What an answer came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Asked once more.
    Pending,
    Registered,
    Failing {
        why: String,
    },
    Left,
}

impl Registration {
    pub fn new(settings: RegistrationSettings, mut rng: Rng, now: Instant) -> Self {
        let (call_id, expires) = (rng.token(), settings.expires);
        let state = State::Due { at: now };
        Self { settings, rng, call_id, cseq: 0, expires, retry: FIRST_RETRY, state, granted: None, output: None }
    }

    /// What stands at `now`.
    pub fn granted(&self, now: Instant) -> Option<&Granted> {
        self.granted.as_ref().filter(|granted| now < granted.until)
    }

    pub fn has_left(&self) -> bool {
        matches!(self.state, State::Left)
    }

    /// Takes the registration back.
    pub fn leave(&mut self, now: Instant) {
        self.state = match self.granted(now) {
            Some(_) => {
                self.expires = 0;
                self.ask(Vec::new(), None);
                State::Leaving { client: self.client() }
            }
            None => State::Left,
        };
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if let State::Due { at } = self.state
            && at <= now
        {
            self.ask(Vec::new(), None);
            self.state = State::Asking { client: self.client() };
        }
    }

    /// The final response to what [`poll_output`](Self::poll_output) gave; none: 408 or 503 of our own finding.
    pub fn handle_response(
        &mut self,
        status: StatusCode,
        response: Option<Arc<Response>>,
        source: Option<Source>,
        now: Instant,
    ) -> Outcome {
        let state = std::mem::replace(&mut self.state, State::Left);
        let (mut client, leaving) = match state {
            State::Asking { client } => (client, false),
            State::Leaving { client } => (client, true),
            other => {
                self.state = other;
                return Outcome::Pending;
            }
        };
        let why = match (&response, status.as_u16()) {
            (Some(response), 401 | 407) => match self.take_up(&mut client, response) {
                Ok(credentials) => {
                    self.ask(credentials, source);
                    self.state = if leaving { State::Leaving { client } } else { State::Asking { client } };
                    return Outcome::Pending;
                }
                Err(why) => why,
            },
            (Some(response), 423) if !leaving && self.asks_for_longer(response) => {
                self.ask(Vec::new(), source);
                self.state = State::Asking { client: self.client() };
                return Outcome::Pending;
            }
            (Some(response), 200..=299) if !leaving => {
                let realms = client.as_ref().map(|client| client.realms().to_vec()).unwrap_or_default();
                return self.registered(response, source, realms, now);
            }
            (None, 408) => "it does not answer".to_owned(),
            (None, _) => "it cannot be reached".to_owned(),
            (Some(response), code) => format!("REGISTER: {code} {}", response.reason),
        };
        if leaving {
            return Outcome::Left;
        }
        let asked_for = response.as_ref().and_then(|response| response.headers.retry_after());
        let wait = asked_for.map_or(self.retry, |wait| wait.clamp(self.retry, Duration::from_secs(3600)));
        self.retry = (self.retry * 2).min(LAST_RETRY);
        self.state = State::Due { at: now + wait };
        Outcome::Failing { why }
    }

    pub fn poll_output(&mut self) -> Option<OutgoingRequest> {
        self.output.take()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Due { at } => Some(at),
            State::Asking { .. } | State::Leaving { .. } | State::Left => None,
        }
    }

    fn client(&self) -> Option<DigestClient> {
        let login = self.settings.login.clone()?;
        Some(DigestClient::new(login, self.settings.realm.clone()))
    }

    fn take_up(&mut self, client: &mut Option<DigestClient>, response: &Response) -> Result<Vec<Header>, String> {
        let client = client.as_mut().ok_or("it asks for a password, and none is configured")?;
        let cnonce = self.rng.token();
        let credentials = client.answer(response, &Method::Register, &self.settings.registrar, &cnonce);
        credentials.map_err(|unanswered| format!("{}: {unanswered}", response.status.as_u16()))
    }

    /// 423 names the least that it grants (§10.2.8); one that names no more than it was asked for is not heard.
    fn asks_for_longer(&mut self, response: &Response) -> bool {
        let least = response.headers.seconds(&HeaderName::MinExpires).flatten();
        let longer = least.filter(|least| (self.expires + 1..=86_400).contains(least));
        self.expires = longer.unwrap_or(self.expires);
        longer.is_some()
    }

    fn registered(
        &mut self,
        response: &Response,
        source: Option<Source>,
        realms: Vec<String>,
        now: Instant,
    ) -> Outcome {
        let seconds = self.granted_seconds(response).clamp(SHORTEST, self.expires.max(SHORTEST));
        let lasts = Duration::from_secs(seconds.into());
        self.granted = Some(Granted {
            until: now + lasts,
            service_routes: response.headers.service_routes().unwrap_or_default(),
            peer: source,
            realms,
        });
        self.retry = FIRST_RETRY;
        self.state = State::Due { at: now + lasts / 2 };
        Outcome::Registered
    }

    /// Of our own Contact among those of the address-of-record, else Expires, else what was asked for (§10.2.4).
    fn granted_seconds(&self, response: &Response) -> u32 {
        let contacts = response.headers.name_addrs(&HeaderName::Contact).unwrap_or_default();
        let user = |contact: &NameAddr| contact.uri.as_sip().and_then(|uri| uri.user().map(|user| user.into_owned()));
        let ours = contacts.iter().filter(|contact| user(contact).as_deref() == Some(&self.settings.user));
        let ours = ours.filter_map(NameAddr::expires).min();
        ours.or_else(|| response.headers.expires()).unwrap_or(self.expires)
    }

    /// `to`: who asked for more.
    fn ask(&mut self, credentials: Vec<Header>, to: Option<Source>) {
        self.cseq += 1;
        let host = self.settings.contact_host.clone();
        let contact = ContactTemplate { user: Some(self.settings.user.clone()), parameters: String::new(), host };
        let cseq = CSeq { number: self.cseq, method: Method::Register };
        let own = [
            Header::new(HeaderName::CallId, self.call_id.clone()),
            Header::new(HeaderName::CSeq, cseq.to_string()),
            contact.header(),
            Header::new(HeaderName::Expires, self.expires.to_string()),
        ];
        self.output = Some(OutgoingRequest {
            method: Method::Register,
            request_uri: self.settings.registrar.clone(),
            from: self.settings.address.clone(),
            to: self.settings.address.clone(),
            route: self.settings.proxy.iter().cloned().collect(),
            // A refresh goes to the proxy that has the registration, while it answers.
            flow: to.or(self.granted.as_ref().and_then(|granted| granted.peer)).map(ByFlow::First),
            headers: own.into_iter().chain(credentials).collect(),
            body: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use plenary_sip::net_types::{FlowId, Transport};

    use super::*;

    fn registration(realm: Option<&str>, now: Instant) -> Registration {
        let settings = RegistrationSettings {
            registrar: "sip:pbx.example".parse().expect("a URI"),
            address: "<sip:us@pbx.example>".parse().expect("an address"),
            user: "us".into(),
            contact_host: None,
            login: Some(Login { user: "us".into(), password: "secret".into() }),
            realm: realm.map(str::to_owned),
            proxy: None,
            expires: 600,
        };
        let mut registration = Registration::new(settings, Rng::new([1; 32]), now);
        registration.handle_timeout(now);
        registration
    }

    fn response(status: u16, headers: &[(HeaderName, &str)]) -> Option<Arc<Response>> {
        let mut response = Response::new(StatusCode::new(status).expect("a status"));
        headers.iter().for_each(|(name, value)| response.headers.push(Header::new(name.clone(), *value)));
        Some(Arc::new(response))
    }

    fn heard(registration: &mut Registration, status: u16, headers: &[(HeaderName, &str)], now: Instant) -> Outcome {
        let source = Source {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().expect("an address"),
            remote: "192.0.2.9:5060".parse().expect("an address"),
            flow: FlowId(1),
        };
        let code = StatusCode::new(status).expect("a status");
        registration.handle_response(code, response(status, headers), Some(source), now)
    }

    fn header(request: &OutgoingRequest, name: HeaderName) -> String {
        let found = request.headers.iter().find(|header| *header.name() == name);
        found.map(|header| header.value().into_owned()).unwrap_or_default()
    }

    const CHALLENGE: (HeaderName, &str) = (HeaderName::WwwAuthenticate, "Digest realm=\"pbx\", nonce=\"1\"");

    #[test]
    fn it_registers_with_its_password_and_refreshes_at_half_the_time() {
        let now = Instant::now();
        let mut registration = registration(None, now);
        let first = registration.poll_output().expect("a REGISTER");
        assert_eq!((header(&first, HeaderName::Expires).as_str(), first.flow), ("600", None));
        assert_eq!(heard(&mut registration, 401, &[CHALLENGE], now), Outcome::Pending);
        let second = registration.poll_output().expect("once more");
        assert!(header(&second, HeaderName::Authorization).contains("username=\"us\""));
        assert_eq!(header(&second, HeaderName::CallId), header(&first, HeaderName::CallId));
        assert_eq!(header(&second, HeaderName::CSeq), "2 REGISTER");
        assert!(second.flow.is_some(), "to the proxy that asked");
        let granted = [
            (HeaderName::Contact, "<sip:other@x>;expires=9, <sip:us@192.0.2.1:5060>;expires=120"),
            (HeaderName::ServiceRoute, "<sip:edge.example;lr>"),
        ];
        assert_eq!(heard(&mut registration, 200, &granted, now), Outcome::Registered);
        assert_eq!(registration.poll_timeout(), Some(now + Duration::from_secs(60)));
        let granted = registration.granted(now).expect("registered").clone();
        assert_eq!(granted.service_routes[0].to_string(), "<sip:edge.example;lr>");
        assert_eq!(granted.realms, ["pbx"]);
        assert!(registration.granted(now + Duration::from_secs(120)).is_none(), "it ends by itself");
        registration.handle_timeout(now + Duration::from_secs(60));
        assert_eq!(header(&registration.poll_output().expect("a refresh"), HeaderName::CSeq), "3 REGISTER");
    }

    /// RFC 8760 §2.4 and AST-2020-002.
    #[test]
    fn who_challenges_for_ever_is_answered_twice_at_most_and_asked_again_later() {
        let now = Instant::now();
        let mut registration = registration(None, now);
        let mut sent = 0;
        let mut outcome = Outcome::Pending;
        for nonce in 0.. {
            let Some(_) = registration.poll_output() else { break };
            sent += 1;
            let challenge = format!("Digest realm=\"pbx\", nonce=\"{nonce}\", stale=true");
            outcome = heard(&mut registration, 401, &[(HeaderName::WwwAuthenticate, &challenge)], now);
        }
        assert_eq!(sent, 3, "one without a password, two with it");
        assert_eq!(outcome, Outcome::Failing { why: "401: challenged again after 2 answers".into() });
        assert_eq!(registration.poll_timeout(), Some(now + FIRST_RETRY));
    }

    #[test]
    fn a_wrong_password_and_a_foreign_realm_are_told_apart() {
        let now = Instant::now();
        let mut wrong = registration(None, now);
        assert_eq!(heard(&mut wrong, 401, &[CHALLENGE], now), Outcome::Pending);
        let outcome = heard(&mut wrong, 401, &[CHALLENGE], now);
        assert_eq!(outcome, Outcome::Failing { why: "401: the password is wrong".into() });
        let mut bound = registration(Some("other"), now);
        let outcome = heard(&mut bound, 401, &[CHALLENGE], now);
        assert_eq!(outcome, Outcome::Failing { why: "401: the realm \"pbx\" is not the configured one".into() });
        bound.poll_output();
        assert!(bound.poll_output().is_none(), "nothing more is sent");
    }

    #[test]
    fn what_fails_is_tried_again_later_and_later_and_what_stood_stands() {
        let now = Instant::now();
        let mut registration = registration(None, now);
        assert_eq!(heard(&mut registration, 200, &[(HeaderName::Expires, "300")], now), Outcome::Registered);
        let mut at = now;
        for wait in [30, 60, 120] {
            at = registration.poll_timeout().expect("due");
            registration.handle_timeout(at);
            let outcome = registration.handle_response(StatusCode::REQUEST_TIMEOUT, None, None, at);
            assert_eq!(outcome, Outcome::Failing { why: "it does not answer".into() });
            assert_eq!(registration.poll_timeout(), Some(at + Duration::from_secs(wait)));
        }
        assert!(at < now + Duration::from_secs(300) && registration.granted(at).is_some());
    }

    #[test]
    fn a_registrar_that_grants_only_longer_gets_longer() {
        let now = Instant::now();
        let mut registration = registration(None, now);
        registration.poll_output();
        assert_eq!(heard(&mut registration, 423, &[(HeaderName::MinExpires, "1800")], now), Outcome::Pending);
        assert_eq!(header(&registration.poll_output().expect("longer"), HeaderName::Expires), "1800");
        let again = heard(&mut registration, 423, &[(HeaderName::MinExpires, "1800")], now);
        assert!(matches!(again, Outcome::Failing { .. }), "{again:?}");
    }

    #[test]
    fn leaving_takes_back_what_stands() {
        let now = Instant::now();
        let mut registration = registration(None, now);
        registration.poll_output();
        assert_eq!(heard(&mut registration, 200, &[], now), Outcome::Registered);
        registration.leave(now);
        assert_eq!(header(&registration.poll_output().expect("a REGISTER"), HeaderName::Expires), "0");
        assert_eq!(heard(&mut registration, 401, &[CHALLENGE], now), Outcome::Pending);
        assert!(registration.poll_output().is_some());
        assert_eq!(heard(&mut registration, 200, &[], now), Outcome::Left);
        assert!(registration.has_left());
        let mut never = self::registration(None, now);
        never.leave(now);
        assert!(never.has_left(), "nothing to take back");
    }
}
