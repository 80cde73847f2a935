//! What one phone says: text with a few numbers in it.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use plenary_sip::auth::{Algorithm, Challenge, Login, answer};
use plenary_sip::message::{Contacts, HeaderName, Message, Method, Response, StatusCode, Uri};
use plenary_sip::net_types::Transport;
use tokio::time::{Instant, timeout_at};

use super::line::Line;
use crate::prove::load::Target;

/// RFC 3261 §17.1.1.1.
const T1: Duration = Duration::from_millis(500);
const GIVE_UP: Duration = Duration::from_secs(8);

static CALLERS: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
pub struct Caller {
    line: Line,
    transport: Transport,
    host: String,
    registrar: Uri,
    conference: String,
    login: Login,
    offer: String,
    /// Held open for what calls bring; nobody listens.
    _media: Arc<UdpSocket>,
    /// Ports come again, and a transaction is remembered longer: no two callers of a process have one name.
    name: u64,
    /// Of transactions, and so of CSeq.
    serial: u32,
    /// The last one, and how often its nonce was used.
    challenge: Option<(Challenge, u32)>,
    /// Requests that had to be said again.
    pub repeats: u64,
}

impl Caller {
    /// `offer`: the SDP of its calls, and the socket that it names.
    pub fn new(
        line: Line,
        target: &Target,
        transport: Transport,
        login: Login,
        (offer, media): (String, Arc<UdpSocket>),
    ) -> anyhow::Result<Self> {
        let Target { host, address, conference } = target;
        let parameter = if transport == Transport::Tls { ";transport=tls" } else { "" };
        let place = format!("{host}:{}{parameter}", address.port());
        Ok(Self {
            line,
            transport,
            host: host.clone(),
            registrar: format!("sip:{place}").parse()?,
            conference: format!("sip:{conference}@{place}"),
            login,
            offer,
            _media: media,
            name: CALLERS.fetch_add(1, Ordering::Relaxed),
            serial: 0,
            challenge: None,
            repeats: 0,
        })
    }

    /// As after a start: without credentials first.
    pub async fn register_anew(&mut self) -> anyhow::Result<()> {
        self.challenge = None;
        self.refresh().await
    }

    /// With the nonce of the last challenge, where there was one and it is still taken.
    pub async fn refresh(&mut self) -> anyhow::Result<()> {
        let first = self.register().await?;
        let last = match challenge_of(&first) {
            Some(challenge) => {
                self.challenge = Some((challenge, 0));
                self.register().await?
            }
            None => first,
        };
        ensure!(last.status == StatusCode::OK, "REGISTER: {}", last.status);
        Ok(())
    }

    /// Calls the conference and hangs up as soon as it has answered. Returns how long that took.
    pub async fn call(&mut self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let conference = self.conference.clone();
        let from = format!("<sip:{}@{}>", self.login.user, self.host);
        self.serial += 1;
        let dialog = format!(
            "From: {from};tag=c{serial}\r\nCall-ID: call-{serial}-{name}@{ip}\r\nContact: {contact}\r\n",
            serial = self.serial,
            name = self.name,
            ip = self.line.local.ip(),
            contact = self.contact(),
        );
        let body =
            format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{}", self.offer.len(), self.offer);
        let invite = self.request(Method::Invite, &conference, 1, &format!("{dialog}To: <{conference}>\r\n{body}"));
        let accepted = self.ask(&invite, &Method::Invite, 1).await?;
        let took = began.elapsed();
        ensure!(accepted.status == StatusCode::OK, "INVITE: {}", accepted.status);

        let to = accepted.headers.get(&HeaderName::To).context("a 200 without To")?;
        let Contacts::List(contacts) = accepted.headers.contacts()? else { bail!("a 200 with Contact: *") };
        let remote = contacts.first().context("a 200 without Contact")?.uri.to_string();
        let mut recorded = accepted.headers.values(&HeaderName::RecordRoute);
        recorded.reverse();
        let routes: String = recorded.iter().map(|route| format!("Route: {route}\r\n")).collect();
        let within = format!("{dialog}To: {to}\r\n{routes}Content-Length: 0\r\n\r\n");
        let ack = self.request(Method::Ack, &remote, 1, &within);
        self.line.say(&ack).await?;
        let bye = self.request(Method::Bye, &remote, 2, &within);
        let ended = self.ask(&bye, &Method::Bye, 2).await?;
        ensure!(ended.status == StatusCode::OK, "BYE: {}", ended.status);
        Ok(took)
    }

    async fn register(&mut self) -> anyhow::Result<Response> {
        self.serial += 1;
        let registrar = self.registrar.clone();
        let authorization = match &mut self.challenge {
            Some((challenge, count)) => {
                *count += 1;
                let value = answer(challenge, &self.login, &Method::Register, &registrar, "prove", *count);
                format!("Authorization: {value}\r\n")
            }
            None => String::new(),
        };
        let (ip, name) = (self.line.local.ip(), self.name);
        let rest = format!(
            "From: <sip:{user}@{host}>;tag=r{name}\r\nTo: <sip:{user}@{host}>\r\nCall-ID: register-{name}@{ip}\r\n\
             Contact: {contact}\r\nExpires: 3600\r\n{authorization}Content-Length: 0\r\n\r\n",
            user = self.login.user,
            host = self.host,
            contact = self.contact(),
        );
        let serial = self.serial;
        let request = self.request(Method::Register, registrar.as_str(), serial, &rest);
        self.ask(&request, &Method::Register, serial).await
    }

    fn contact(&self) -> String {
        let parameter = if self.transport == Transport::Tls { ";transport=tls" } else { "" };
        format!("<sip:{}@{}{parameter}>", self.login.user, self.line.local)
    }

    /// `rest`: all headers but these, and the body.
    fn request(&self, method: Method, uri: &str, cseq: u32, rest: &str) -> String {
        let (local, transport) = (self.line.local, self.transport);
        let serial = self.serial;
        format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {local};branch=z9hG4bK{name}-{serial}-{cseq}-{method};rport\r\n\
             Max-Forwards: 70\r\nCSeq: {cseq} {method}\r\nUser-Agent: plenary prove\r\n{rest}",
            name = self.name,
        )
    }

    /// The final response.
    async fn ask(&mut self, request: &str, method: &Method, cseq: u32) -> anyhow::Result<Response> {
        let give_up = Instant::now() + GIVE_UP;
        let mut wait = T1;
        self.line.say(request).await?;
        let mut again = Instant::now() + wait;
        loop {
            let until = if self.line.is_lossy() { again.min(give_up) } else { give_up };
            match timeout_at(until, self.line.hear()).await {
                Ok(heard) => {
                    let Message::Response(response) = heard? else { continue };
                    let is_ours = response.headers.cseq().is_ok_and(|of| of.number == cseq && of.method == *method);
                    match (is_ours, response.status.is_final()) {
                        (true, true) => return Ok(response),
                        // Timer A stops; a non-INVITE would be said again every T2, longer than we wait.
                        (true, false) => again = give_up,
                        (false, _) => {}
                    }
                }
                Err(_) if Instant::now() >= give_up => bail!("{method}: no answer within {GIVE_UP:?}"),
                Err(_) => {
                    self.repeats += 1;
                    self.line.say(request).await?;
                    wait *= 2;
                    again = Instant::now() + wait;
                }
            }
        }
    }
}

/// MD5 where there is a choice: it is what most phones speak, and every server has it.
fn challenge_of(response: &Response) -> Option<Challenge> {
    let values = response.headers.all(&HeaderName::WwwAuthenticate);
    let mut challenges: Vec<Challenge> = values.filter_map(|one| Challenge::parse(&one.value()).ok()).collect();
    challenges.sort_by_key(|challenge| challenge.algorithm != Algorithm::Md5);
    challenges.into_iter().next().filter(|_| response.status == StatusCode::UNAUTHORIZED)
}
