//! A phone without a SIP stack, but with an account: it answers challenges, keeps dialogs, and holds what comes
//! unasked until the test looks for it.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use plenary_sip::auth::{Challenge, Login, answer};
use plenary_sip::message::Method;
use rustls::sign::CertifiedKey;
use serde_json::json;

use crate::api::Api;
use crate::raw::{Answer, RawPeer, header};
use crate::server::Server;

const T1: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct RawPhone {
    peer: RawPeer,
    pub name: String,
    domain: String,
    waiting: VecDeque<String>,
    branches: u32,
    media: UdpSocket,
}

/// A dialog, as this phone keeps it.
#[derive(Clone, Debug)]
pub struct RawDialog {
    pub call_id: String,
    local: String,
    remote: String,
    target: String,
    cseq: u32,
}

impl RawPhone {
    /// Makes the account, too.
    pub fn new(server: &Server, api: &Api, name: &str) -> anyhow::Result<Self> {
        api.post("/accounts", json!({ "name": name, "password": password_of(name) }))?;
        Self::guest(server, name)
    }

    /// Nobody knows it.
    pub fn guest(server: &Server, name: &str) -> anyhow::Result<Self> {
        Self::guest_at(server, name, Ipv4Addr::LOCALHOST)
    }

    /// The same at an address of its own.
    pub fn guest_at(server: &Server, name: &str, address: Ipv4Addr) -> anyhow::Result<Self> {
        Self::guest_at_port(server, name, address, 0)
    }

    pub fn guest_at_port(server: &Server, name: &str, address: Ipv4Addr, port: u16) -> anyhow::Result<Self> {
        Self::with_peer(server, name, RawPeer::at(server, (address, port))?)
    }

    /// Nobody knows it, but nobody on the way can read what it says.
    pub fn secure_guest(server: &Server, name: &str) -> anyhow::Result<Self> {
        Self::with_peer(server, name, RawPeer::over_tls(server)?)
    }

    /// The same with a certificate of its own.
    pub fn secure_guest_showing(server: &Server, name: &str, shown: Option<Arc<CertifiedKey>>) -> anyhow::Result<Self> {
        Self::with_peer(server, name, RawPeer::over_tls_showing(server, shown)?)
    }

    fn with_peer(server: &Server, name: &str, peer: RawPeer) -> anyhow::Result<Self> {
        Ok(Self {
            peer,
            name: name.into(),
            domain: server.address.to_string(),
            waiting: VecDeque::new(),
            branches: 0,
            media: UdpSocket::bind(("127.0.0.1", 0))?,
        })
    }

    pub fn address(&self) -> String {
        format!("sip:{}@{}", self.name, self.domain)
    }

    /// Where it listens.
    pub fn socket(&self) -> anyhow::Result<SocketAddr> {
        self.peer.address()
    }

    pub fn contact(&self) -> anyhow::Result<String> {
        Ok(format!("sip:{}@{}", self.name, self.peer.place()))
    }

    /// Registers for ten minutes, so that the server can call.
    pub fn register(&mut self) -> anyhow::Result<()> {
        let uri = format!("sip:{}", self.domain);
        let request = self.request("REGISTER", &uri, "Expires: 600\r\n", "");
        let request = request.replace(&format!("To: <{uri}>"), &format!("To: <{}>", self.address()));
        let answer = self.ask(request)?.1;
        ensure!(answer.status() == 200, "REGISTER: {}", answer.0);
        Ok(())
    }

    /// A request outside dialogs: From is the account's address, Contact the phone's.
    pub fn request(&self, method: &str, uri: &str, extra: &str, body: &str) -> String {
        let request = self.peer.request(method, uri, extra, body);
        let local = self.peer.address().map(|address| address.to_string()).unwrap_or_default();
        request.replacen(&format!("From: <sip:raw@{local}>"), &format!("From: <{}>", self.address()), 1).replacen(
            "Contact: <sip:raw@",
            &format!("Contact: <sip:{}@", self.name),
            1,
        )
    }

    /// Sends it, once more with credentials when asked for them. Gives the request that was answered, and the answer.
    pub fn ask(&mut self, request: String) -> anyhow::Result<(String, Answer)> {
        let answer = self.ask_once(&request)?;
        if answer.status() != 401 {
            return Ok((request, answer));
        }
        let again = self.with_credentials(&request, &answer, 1)?;
        let answer = self.ask_once(&again)?;
        Ok((again, answer))
    }

    /// Sends it and takes the first final response, whatever it is.
    pub fn ask_once(&mut self, request: &str) -> anyhow::Result<Answer> {
        self.send(request)?;
        self.answer_to(request)
    }

    pub fn send(&self, text: &str) -> anyhow::Result<()> {
        self.peer.send(text.as_bytes())
    }

    /// A keep-alive by STUN (RFC 5626 §4.4.2); its answer is left unread.
    pub fn asks_stun(&self) -> anyhow::Result<()> {
        self.peer.send(&[&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"0123456789ab"].concat())
    }

    /// The first final response to a request that was sent, in these or other words.
    pub fn answer_to(&mut self, request: &str) -> anyhow::Result<Answer> {
        let mine = |text: &str| {
            text.starts_with("SIP/2.0 ")
                && !text.starts_with("SIP/2.0 1")
                && header(text, "Call-ID").or(header(text, "i")) == header(request, "Call-ID")
                && header(text, "CSeq") == header(request, "CSeq")
        };
        let mut answer = self.next(T1, mine)?;
        if answer.is_none() {
            // Said again after T1, as over UDP it must (§17.1.2.2): a stranger's first words earn a short answer only.
            self.send(request)?;
            answer = self.next(WITHIN, mine)?;
        }
        let answer = answer.with_context(|| format!("no final response to\n{request}"))?;
        if request.starts_with("INVITE ") && !answer.starts_with("SIP/2.0 2") {
            self.peer.send(ack_of(request, &answer).as_bytes())?;
        }
        Ok(Answer(answer))
    }

    /// The next request of this method that comes, within five seconds.
    pub fn expect(&mut self, method: &str) -> anyhow::Result<String> {
        let wanted = |text: &str| text.starts_with(&format!("{method} "));
        self.next(WITHIN, wanted)?.with_context(|| format!("{}: no {method} came", self.name))
    }

    /// Nothing of this method comes for so long.
    pub fn expect_no(&mut self, method: &str, within: Duration) -> anyhow::Result<()> {
        let wanted = |text: &str| text.starts_with(&format!("{method} "));
        let came = self.next(within, wanted)?;
        ensure!(came.is_none(), "{}: unexpected {}", self.name, came.unwrap_or_default());
        Ok(())
    }

    /// What came unasked and was not looked for yet, of these beginnings: `SIP/2.0 180`.
    pub fn heard(&self, beginning: &str) -> Vec<&str> {
        self.waiting.iter().map(String::as_str).filter(|text| text.starts_with(beginning)).collect()
    }

    /// Answers a request. A To tag is added where there is none.
    pub fn answer(&mut self, request: &str, status: &str, extra: &str, body: &str) -> anyhow::Result<()> {
        let of = |name: &str| header(request, name).unwrap_or_default().to_owned();
        let to = if of("To").contains(";tag=") { of("To") } else { format!("{};tag={}-tag", of("To"), self.name) };
        let (contact, length) = (self.contact()?, body.len());
        let content_type = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let response = format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <{contact}>\r\n\
             {extra}{content_type}Content-Length: {length}\r\n\r\n{body}",
            of("Via"),
            of("From"),
            of("Call-ID"),
            of("CSeq"),
        );
        self.peer.send(response.as_bytes())
    }

    /// 200 to an INVITE, with a Contact of its own choice.
    pub fn answer_as(&mut self, invite: &str, contact: &str, sdp: &str) -> anyhow::Result<()> {
        let of = |name: &str| header(invite, name).unwrap_or_default();
        let response = format!(
            "SIP/2.0 200 OK\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag={}-tag\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <{contact}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            of("Via"),
            of("From"),
            of("To"),
            self.name,
            of("Call-ID"),
            of("CSeq"),
            sdp.len()
        );
        self.peer.send(response.as_bytes())
    }

    /// The CANCEL for this INVITE.
    pub fn cancels(&self, invite: &str, extra: &str) -> anyhow::Result<()> {
        let of = |name: &str| header(invite, name).unwrap_or_default();
        let uri = invite.split(' ').nth(1).unwrap_or_default();
        let number = cseq_of(invite).context("a CSeq")?;
        let cancel = format!(
            "CANCEL {uri} SIP/2.0\r\nVia: {}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
             CSeq: {number} CANCEL\r\n{extra}Content-Length: 0\r\n\r\n",
            of("Via"),
            of("From"),
            of("To"),
            of("Call-ID"),
        );
        self.send(&cancel)
    }

    /// The next NOTIFY, answered with 200.
    pub fn notify(&mut self) -> anyhow::Result<Answer> {
        let notify = self.expect("NOTIFY")?;
        self.answer(&notify, "200 OK", "", "")?;
        Ok(Answer(notify))
    }

    /// Dials in and gives the dialog.
    pub fn join(&mut self, uri: &str) -> anyhow::Result<RawDialog> {
        let invite = self.request("INVITE", uri, "", &self.sdp()?);
        Ok(self.join_by(invite)?.0)
    }

    /// Dials in by this INVITE. Without offer, the ACK answers that of the 200.
    pub fn join_by(&mut self, invite: String) -> anyhow::Result<(RawDialog, Answer)> {
        let (request, answer) = self.ask(invite)?;
        ensure!(answer.status() == 200, "INVITE: {}", answer.0);
        let dialog = RawDialog::of(&request, &answer)?;
        let answering = if request.ends_with("\r\n\r\n") { self.sdp()? } else { String::new() };
        self.acknowledge_with(&dialog, &answering)?;
        Ok((dialog, answer))
    }

    /// The ACK for the 200 that made the dialog.
    pub fn acknowledge(&mut self, dialog: &RawDialog) -> anyhow::Result<()> {
        self.acknowledge_with(dialog, "")
    }

    /// The same, answering an offer in it.
    pub fn acknowledge_with(&mut self, dialog: &RawDialog, answering: &str) -> anyhow::Result<()> {
        let ack = with_body(self.in_dialog(dialog, "ACK", dialog.cseq, ""), answering);
        self.peer.send(ack.as_bytes())
    }

    /// Takes the next call that comes, with G.711, and gives its dialog.
    pub fn picks_up(&mut self) -> anyhow::Result<RawDialog> {
        let invite = self.expect("INVITE")?;
        let sdp = self.sdp()?;
        self.answer(&invite, "200 OK", "", &sdp)?;
        self.expect("ACK")?;
        RawDialog::of_called(&invite, &format!("{}-tag", self.name))
    }

    /// Calls another phone, which picks up. Gives the dialogs of both.
    pub fn calls(&mut self, other: &mut Self) -> anyhow::Result<(RawDialog, RawDialog)> {
        let address = other.address();
        thread::scope(|scope| {
            let called = scope.spawn(|| other.picks_up());
            let calling = self.join(&address)?;
            let called = called.join().map_err(|_| anyhow!("{address} did not pick up"))??;
            Ok((calling, called))
        })
    }

    /// The next BYE, answered with 200.
    pub fn is_hung_up(&mut self) -> anyhow::Result<Answer> {
        let bye = self.expect("BYE")?;
        self.answer(&bye, "200 OK", "", "")?;
        Ok(Answer(bye))
    }

    /// Sound comes from the server, from now on.
    pub fn hears(&mut self) -> anyhow::Result<()> {
        let mut packet = [0; 2048];
        self.media.set_nonblocking(true)?;
        while self.media.recv(&mut packet).is_ok() {}
        self.media.set_nonblocking(false)?;
        self.media.set_read_timeout(Some(WITHIN))?;
        self.media.recv(&mut packet).with_context(|| format!("{} hears nothing", self.name))?;
        Ok(())
    }

    /// SUBSCRIBE to the conference package; the first NOTIFY is still to come.
    pub fn subscribe(&mut self, uri: &str, extra: &str) -> anyhow::Result<(RawDialog, Answer)> {
        let request = self.request("SUBSCRIBE", uri, &format!("Event: conference\r\n{extra}"), "");
        let (request, answer) = self.ask(request)?;
        ensure!(answer.status() == 200, "SUBSCRIBE: {}", answer.0);
        Ok((RawDialog::of(&request, &answer)?, answer))
    }

    /// A request within a dialog, with its answer.
    pub fn ask_in(&mut self, dialog: &mut RawDialog, method: &str, extra: &str) -> anyhow::Result<Answer> {
        self.ask_in_with(dialog, method, extra, "")
    }

    /// The same with a body, whose type stands in `extra`.
    pub fn ask_in_with(
        &mut self,
        dialog: &mut RawDialog,
        method: &str,
        extra: &str,
        body: &str,
    ) -> anyhow::Result<Answer> {
        dialog.cseq += 1;
        let request = self.in_dialog(dialog, method, dialog.cseq, extra);
        let request =
            request.replace("Content-Length: 0\r\n\r\n", &format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let (asked, answer) = self.ask(request)?;
        dialog.cseq = cseq_of(&asked).unwrap_or(dialog.cseq);
        Ok(answer)
    }

    /// A re-INVITE, acknowledged; an empty body asks for an offer, and the phone's own SDP answers it.
    pub fn invite_again(&mut self, dialog: &mut RawDialog, body: &str) -> anyhow::Result<Answer> {
        let answering = if body.is_empty() { self.sdp()? } else { String::new() };
        self.invite_again_with(dialog, body, &answering)
    }

    /// The same with an answer of its own in the ACK.
    pub fn invite_again_with(&mut self, dialog: &mut RawDialog, body: &str, answering: &str) -> anyhow::Result<Answer> {
        dialog.cseq += 1;
        let request = with_body(self.in_dialog(dialog, "INVITE", dialog.cseq, ""), body);
        let answer = self.ask_once(&request)?;
        if answer.status() < 300 {
            let ack = self.in_dialog(dialog, "ACK", dialog.cseq, "");
            self.peer.send(with_body(ack, answering).as_bytes())?;
        }
        Ok(answer)
    }

    /// A request within a dialog with a body of this type.
    pub fn ask_with(&mut self, dialog: &mut RawDialog, method: &str, kind: &str, body: &str) -> anyhow::Result<Answer> {
        dialog.cseq += 1;
        let request = with_body(self.in_dialog(dialog, method, dialog.cseq, ""), body);
        self.ask_once(&request.replace("application/sdp", kind))
    }

    /// SDP of a phone with G.711 that hears on a port of its own.
    pub fn sdp(&self) -> anyhow::Result<String> {
        let port = self.media.local_addr()?.port();
        Ok(format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
        ))
    }

    fn in_dialog(&mut self, dialog: &RawDialog, method: &str, cseq: u32, extra: &str) -> String {
        self.branches += 1;
        let local = self.peer.address().map(|address| address.to_string()).unwrap_or_default();
        format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/{} {local};rport;branch=z9hG4bK-{}-{}\r\nMax-Forwards: 70\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{}@{}>\r\n{extra}\
             Content-Length: 0\r\n\r\n",
            dialog.target,
            self.peer.transport(),
            self.name,
            self.branches,
            dialog.local,
            dialog.remote,
            dialog.call_id,
            self.name,
            self.peer.place(),
        )
    }

    /// What waits already, else what comes; all that is not looked for waits.
    fn next(&mut self, within: Duration, wanted: impl Fn(&str) -> bool) -> anyhow::Result<Option<String>> {
        if let Some(at) = self.waiting.iter().position(|text| wanted(text)) {
            return Ok(self.waiting.remove(at));
        }
        let give_up = Instant::now() + within;
        while let Some(text) = self.peer.receive(give_up.saturating_duration_since(Instant::now()))? {
            if wanted(&text) {
                return Ok(Some(text));
            }
            self.waiting.push_back(text);
            if give_up <= Instant::now() {
                break;
            }
        }
        Ok(None)
    }

    /// The same request with the next CSeq number, a branch of its own, and the answer to the challenge; `nc` counts
    /// the uses of its nonce.
    pub fn with_credentials(&mut self, request: &str, challenged: &Answer, nc: u32) -> anyhow::Result<String> {
        self.branches += 1;
        let challenge = challenged.header("WWW-Authenticate").context("a challenge")?;
        let challenge = Challenge::parse(challenge).map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut start = request.split(' ');
        let (method, uri) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
        let login = Login { user: self.name.clone(), password: password_of(&self.name) };
        let value = answer(&challenge, &login, &Method::from(method), &uri.parse()?, "0a4f113b", nc);
        let number = cseq_of(request).context("a CSeq")?;
        let request = request.replacen(&format!("CSeq: {number} "), &format!("CSeq: {} ", number + 1), 1).replacen(
            ";branch=z9hG4bK-",
            &format!(";branch=z9hG4bK-again{}-", self.branches),
            1,
        );
        Ok(request.replacen("Content-Length:", &format!("Authorization: {value}\r\nContent-Length:"), 1))
    }
}

impl RawDialog {
    /// As Replaces, Join and a Refer-To URI name it to the server.
    pub fn name(&self) -> String {
        format!("{};to-tag={};from-tag={}", self.call_id, tag_of(&self.remote), tag_of(&self.local))
    }

    /// The same within a URI.
    pub fn escaped_name(&self) -> String {
        self.name().replace('@', "%40").replace(';', "%3B").replace('=', "%3D")
    }

    /// The dialog that our 2xx with this tag makes of a request that came.
    pub fn of_called(request: &str, tag: &str) -> anyhow::Result<Self> {
        let of = |name: &str| header(request, name).map(str::to_owned).with_context(|| format!("no {name}"));
        let target = of("Contact")?;
        let target = target.split(['<', '>']).nth(1).context("a Contact in brackets")?;
        Ok(Self {
            call_id: of("Call-ID")?,
            local: format!("{};tag={tag}", of("To")?),
            remote: of("From")?,
            target: target.into(),
            cseq: 0,
        })
    }

    /// The dialog that the answer makes of our request.
    pub fn of(request: &str, answer: &Answer) -> anyhow::Result<Self> {
        let of = |name: &str| header(request, name).map(str::to_owned).with_context(|| format!("no {name}"));
        let target = answer.header("Contact").context("a dialog needs a Contact")?;
        let target = target.split(['<', '>']).nth(1).context("a Contact in brackets")?;
        Ok(Self {
            call_id: of("Call-ID")?,
            local: of("From")?,
            remote: answer.header("To").context("no To")?.into(),
            target: target.into(),
            cseq: cseq_of(request).context("a CSeq")?,
        })
    }
}

fn tag_of(party: &str) -> &str {
    party.split(";tag=").nth(1).unwrap_or_default()
}

fn with_body(request: String, body: &str) -> String {
    if body.is_empty() {
        return request;
    }
    let described = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    request.replace("Content-Length: 0\r\n\r\n", &described)
}

fn password_of(name: &str) -> String {
    format!("the-password-of-{name}")
}

fn cseq_of(request: &str) -> Option<u32> {
    header(request, "CSeq")?.split(' ').next()?.parse().ok()
}

/// The ACK of a refusal: RFC 3261 §17.1.1.3.
fn ack_of(invite: &str, answer: &str) -> String {
    let of = |name: &str| header(invite, name).unwrap_or_default();
    let uri = invite.split(' ').nth(1).unwrap_or_default();
    format!(
        "ACK {uri} SIP/2.0\r\nVia: {}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} ACK\r\n\
         Content-Length: 0\r\n\r\n",
        of("Via"),
        of("From"),
        header(answer, "To").unwrap_or_default(),
        of("Call-ID"),
        cseq_of(invite).unwrap_or_default(),
    )
}
