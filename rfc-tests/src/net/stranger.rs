//! A peer without a SIP stack: it says what the figure draws, right or wrong, and nothing by itself.
//!
//! What it needs for a plausible message it remembers from those that came: tags, numbers, branches. Notes and remarks
//! of the figure make it misbehave: `INVITE (again)`, `BYE (lower CSeq)`, `Require: foo`.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use plenary_sip::message::{
    CSeq, Header, HeaderName, Headers, Limits, Message, Method, Request, Response, StatusCode, Uri, parse_datagram,
};
use plenary_sip::net_types::{Destination, Source, Transport};

use super::agent::{Content, Outgoing};
use super::label::{Label, Note, Oddity, What};
use super::remark::Remark;

#[derive(Debug)]
pub struct Stranger {
    pub(super) name: String,
    pub(super) host: SocketAddr,
    transport: Transport,
    outgoing: VecDeque<Outgoing>,
    heard: Vec<(Message, Source)>,
    said: Vec<Message>,
    /// Of the call that it is in.
    talk: Option<Talk>,
    description: Option<String>,
    counter: u32,
}

/// What the two sides of a dialog call it.
#[derive(Clone, Debug)]
struct Talk {
    call_id: String,
    local: String,
    remote: String,
    target: Uri,
    cseq: u32,
}

/// Where a stranger's numbers begin, so that there are lower ones.
const FIRST_CSEQ: u32 = 10;

impl Stranger {
    pub(super) fn new(name: &str, host: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            host,
            transport: Transport::Udp,
            outgoing: VecDeque::new(),
            heard: Vec::new(),
            said: Vec::new(),
            talk: None,
            description: None,
            counter: 0,
        }
    }

    pub fn over(&mut self, transport: Transport) -> &mut Self {
        self.transport = transport;
        self
    }

    /// What it sends next belongs to no call that was before.
    pub fn forgets(&mut self) -> &mut Self {
        self.talk = None;
        self.heard.clear();
        self.said.clear();
        self
    }

    /// Its offers and answers are this from now on, an SDP whose lines end in `\n`.
    pub fn describes(&mut self, description: &str) -> &mut Self {
        self.description = Some(description.lines().map(|line| format!("{}\r\n", line.trim())).collect());
        self
    }

    /// Sends octets, whatever they are.
    pub fn blurts(&mut self, octets: impl Into<Bytes>, to: &str) {
        let destination = self.destination(to);
        self.outgoing.push_back(Outgoing { send: None, destination, content: Content::Octets(octets.into()) });
    }

    /// Everything it has heard, the latest last.
    pub fn heard(&self) -> impl Iterator<Item = &Message> {
        self.heard.iter().map(|(message, _)| message)
    }

    pub(super) fn hear(&mut self, octets: &Bytes, source: Source) {
        let Ok(message) = parse_datagram(octets, &Limits::default()) else { return };
        self.learn(&message);
        self.heard.push((message, source));
    }

    pub(super) fn poll_outgoing(&mut self) -> Option<Outgoing> {
        self.outgoing.pop_front()
    }

    /// Says what the figure draws.
    pub(super) fn act(&mut self, label: &Label, remarks: &[Remark], to: &str) {
        let (message, destination) = match &label.what {
            What::Request(method) => (self.request(method, label, to), self.destination(to)),
            What::Response(status) => self.response(*status, label),
        };
        let mut octets = message;
        let headers = match &mut octets {
            Message::Request(request) => &mut request.headers,
            Message::Response(response) => &mut response.headers,
        };
        remarks.iter().for_each(|remark| remark.write(headers));
        self.said.push(octets.clone());
        let content = Content::Octets(octets.to_bytes());
        self.outgoing.push_back(Outgoing { send: None, destination, content });
    }

    // ── Requests ────────────────────────────────────────────────────────────────────────────────────────────

    fn request(&mut self, method: &Method, label: &Label, to: &str) -> Message {
        let earlier = self.said_request(method).cloned();
        if let Some(earlier) = earlier.as_ref().filter(|_| label.has(&Note::Again)) {
            return Message::Request(earlier.clone());
        }
        if let (Some(mut other), Some(Oddity::OtherBranch)) = (earlier, label.oddity()) {
            other.headers.set(self.via());
            return Message::Request(other);
        }
        let invite = self.said_request(&Method::Invite).cloned();
        match (method, invite) {
            (Method::Ack, Some(invite)) => Message::Request(self.ack(invite, label)),
            (Method::Cancel, Some(invite)) => Message::Request(self.cancel(invite, label)),
            (method, _) => Message::Request(self.new_request(method, label, to)),
        }
    }

    /// For a 2xx a transaction of its own, for any other final response that of the INVITE (RFC 3261 §17.1.1.3).
    fn ack(&mut self, invite: Request, label: &Label) -> Request {
        let response = self.heard_response(&Method::Invite).cloned();
        let is_2xx = response.as_ref().is_some_and(|response| response.status.is_success());
        let mut ack = follow(&invite, Method::Ack);
        if let Some(to) = response.as_ref().and_then(|response| response.headers.get(&HeaderName::To)) {
            ack.headers.set(Header::new(HeaderName::To, to.into_owned()));
        }
        if is_2xx {
            ack.headers.set(self.via());
            ack.uri = self.talk.as_ref().map_or(ack.uri, |talk| talk.target.clone());
        }
        self.describe(&mut ack.headers, &mut ack.body, label);
        ack
    }

    fn cancel(&mut self, invite: Request, label: &Label) -> Request {
        let mut cancel = follow(&invite, Method::Cancel);
        if label.oddity() == Some(&Oddity::OtherBranch) {
            cancel.headers.set(self.via());
        }
        cancel
    }

    fn new_request(&mut self, method: &Method, label: &Label, to: &str) -> Request {
        let fresh = self.talk.is_none();
        let counter = self.next_number();
        let target: Uri = format!("sip:{to}@{to}.example").parse().expect("names of parties make URIs");
        let talk = self.talk.get_or_insert_with(|| Talk {
            call_id: format!("{}-{counter}", self.name),
            local: format!("<sip:{name}@{name}.example>;tag={name}{counter}", name = self.name),
            remote: format!("<{target}>"),
            target: target.clone(),
            cseq: FIRST_CSEQ - 1,
        });
        let number = match label.oddity() {
            Some(Oddity::LowerCseq) => FIRST_CSEQ / 2,
            _ => {
                talk.cseq += 1;
                talk.cseq
            }
        };
        let talk = talk.clone();
        let mut request = Request::new(method.clone(), talk.target.clone());
        let remote = match label.oddity() {
            Some(Oddity::UnknownDialog) => format!("<{target}>;tag=nobody"),
            _ => talk.remote,
        };
        let mut push = |name, value| request.headers.push(Header::new(name, value));
        push(HeaderName::From, talk.local);
        push(HeaderName::To, remote);
        push(HeaderName::CallId, talk.call_id);
        push(HeaderName::CSeq, CSeq { number, method: method.clone() }.to_string());
        push(HeaderName::MaxForwards, "70".into());
        push(HeaderName::Contact, self.contact());
        request.headers.push_front(self.via());
        if *method == Method::Prack {
            let rack = self.rack().unwrap_or_default();
            request.headers.push(Header::new(HeaderName::RAck, rack));
        }
        self.describe(&mut request.headers, &mut request.body, label);
        // What is outside any call leaves none behind.
        if fresh && *method != Method::Invite {
            self.talk = None;
        }
        request
    }

    // ── Responses ───────────────────────────────────────────────────────────────────────────────────────────

    /// To the latest request of that method, by the way it came.
    fn response(&mut self, status: StatusCode, label: &Label) -> (Message, Destination) {
        let by_default = (status.is_provisional() && status > StatusCode::TRYING).then_some(&Method::Invite);
        let method = label.response_to().or(by_default);
        let asked = self.heard.iter().rev().find_map(|(message, source)| match message {
            Message::Request(request) if method.is_none_or(|method| *method == request.method) => {
                (request.method != Method::Ack).then(|| (request.clone(), *source))
            }
            _ => None,
        });
        let (request, source) = asked.unwrap_or_else(|| panic!("{} was never asked for {label}", self.name));
        let tag = match label.oddity() {
            Some(Oddity::Fork(number)) => format!("{}-fork-{number}", self.name),
            _ => format!("{}-tag", self.name),
        };
        let mut response = request.response(status, Some(&tag));
        if status > StatusCode::TRYING && !status.is_failure() {
            response.headers.push(Header::new(HeaderName::Contact, self.contact()));
        }
        self.describe(&mut response.headers, &mut response.body, label);
        let to = response.headers.get(&HeaderName::To).unwrap_or_default().into_owned();
        if let Some(talk) = self.talk.as_mut().filter(|_| request.method == Method::Invite) {
            talk.local = to;
        }
        (Message::Response(response), Destination::from(source))
    }

    // ── What it remembers ───────────────────────────────────────────────────────────────────────────────────

    fn learn(&mut self, message: &Message) {
        let header = |name| message.headers().get(&name).unwrap_or_default().into_owned();
        match message {
            Message::Request(request) if request.method == Method::Invite && self.talk.is_none() => {
                let target = contact_of(&request.headers).unwrap_or_else(|| request.uri.clone());
                self.talk = Some(Talk {
                    call_id: header(HeaderName::CallId),
                    local: header(HeaderName::To),
                    remote: header(HeaderName::From),
                    target,
                    cseq: FIRST_CSEQ - 1,
                });
            }
            Message::Response(response) if response.headers.cseq().is_ok_and(|cseq| cseq.method == Method::Invite) => {
                let Some(talk) = self.talk.as_mut() else { return };
                if response.status > StatusCode::TRYING && !response.status.is_failure() {
                    talk.remote = header(HeaderName::To);
                    talk.target = contact_of(&response.headers).unwrap_or_else(|| talk.target.clone());
                }
            }
            _ => {}
        }
    }

    fn said_request(&self, wanted: &Method) -> Option<&Request> {
        self.said.iter().rev().find_map(|message| match message {
            Message::Request(request) if request.method == *wanted => Some(request),
            _ => None,
        })
    }

    /// The latest final response.
    fn heard_response(&self, to: &Method) -> Option<&Response> {
        self.heard.iter().rev().find_map(|(message, _)| match message {
            Message::Response(response) if response.status.is_final() => {
                response.headers.cseq().is_ok_and(|cseq| cseq.method == *to).then_some(response)
            }
            _ => None,
        })
    }

    /// The RAck for the latest reliable 1xx.
    fn rack(&self) -> Option<String> {
        self.heard.iter().rev().find_map(|(message, _)| {
            let rseq = message.headers().get(&HeaderName::RSeq)?;
            let cseq = message.headers().cseq().ok()?;
            Some(format!("{rseq} {} {}", cseq.number, cseq.method))
        })
    }

    fn next_number(&mut self) -> u32 {
        self.counter += 1;
        self.counter
    }

    fn via(&mut self) -> Header {
        let (transport, host, number) = (self.transport.via_name(), self.host, self.next_number());
        let via = format!("SIP/2.0/{transport} {host};branch=z9hG4bK-{}-{number}", self.name);
        Header::new(HeaderName::Via, via)
    }

    fn contact(&self) -> String {
        let transport = if self.transport == Transport::Tcp { ";transport=tcp" } else { "" };
        format!("<sip:{}@{}{transport}>", self.name, self.host)
    }

    fn destination(&self, to: &str) -> Destination {
        let came = self.heard.last().map(|(_, source)| *source);
        match (self.transport, came) {
            (Transport::Udp, _) | (_, None) => Destination::Host {
                transport: Some(self.transport),
                secure: false,
                host: format!("{to}.example"),
                port: Some(5060),
                named_by: None,
            },
            (_, Some(source)) => Destination::from(source),
        }
    }

    /// PCMU to everybody, unless the figure wants otherwise.
    fn describe(&self, headers: &mut Headers, body: &mut Bytes, label: &Label) {
        let unusable = label.oddity() == Some(&Oddity::UnusableOffer);
        let direction = match () {
            () if label.has(&Note::Hold) => "sendonly",
            () if label.has(&Note::Held) => "recvonly",
            () => "sendrecv",
        };
        let wanted = [Note::Description, Note::Hold, Note::Held, Note::Resume].iter().any(|note| label.has(note));
        if !wanted && !unusable {
            return;
        }
        let (ip, format) = (self.host.ip(), if unusable { 4 } else { 0 });
        let description = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP {format}\r\na={direction}\r\n"
        );
        let description = self.description.clone().filter(|_| !unusable).unwrap_or(description);
        headers.set(Header::new(HeaderName::ContentType, "application/sdp"));
        *body = description.into();
    }
}

/// ACK and CANCEL: all of the INVITE that must agree.
fn follow(invite: &Request, method: Method) -> Request {
    let mut request = Request::new(method.clone(), invite.uri.clone());
    for name in [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::MaxForwards] {
        invite.headers.get(&name).into_iter().for_each(|value| {
            request.headers.push(Header::new(name.clone(), value.into_owned()));
        });
    }
    let number = invite.headers.cseq().map_or(1, |cseq| cseq.number);
    request.headers.push(Header::new(HeaderName::CSeq, CSeq { number, method }.to_string()));
    request
}

fn contact_of(headers: &Headers) -> Option<Uri> {
    match headers.contacts().ok()? {
        plenary_sip::message::Contacts::List(contacts) => contacts.into_iter().next().map(|contact| contact.uri),
        plenary_sip::message::Contacts::Star => None,
    }
}
