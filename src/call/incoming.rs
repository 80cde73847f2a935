//! A call that comes in: where to, by whom, and in.

use std::sync::Arc;

use bytes::Bytes;
use plenary_config::Language;
use plenary_dialplan::{self as dialplan, Action};
use plenary_media::engine::{EngineError, MediaCommand};
use plenary_media::plan::MediaPlan;
use plenary_sip::endpoint::{Body, CallId, Command, ContactTemplate, Event};
use plenary_sip::message::{Header, HeaderName, Request, StatusCode, Uri};
use plenary_sip::net_types::{Source, Transport};
use tokio::sync::mpsc;
use tracing::{debug, info};

use super::between::Callee;
use super::calls::{Calls, MediaLeg};
use super::connected::{ConnectedLeg, status_of};
use super::identity::{Caller, Dialled};
use super::negotiate::{NegotiationError, Negotiator, Signalling};
use super::routing::{Asked, Routed};
use super::switchboard::{Inbox, LegInput};
use crate::conference::{Door, Join, JoinError, LegCommand, LegNews, Plan, Proof};
use crate::trunk::{self, LiveTrunk};

/// A call on its way in, until somebody takes it.
pub(super) struct Incoming {
    pub calls: Calls,
    pub call: CallId,
    pub request: Arc<Request>,
    source: Source,
    /// Where the call comes from, when it is one.
    pub trunk: Option<Arc<LiveTrunk>>,
    pub line: mpsc::Sender<LegInput>,
    pub inbox: Inbox,
    /// Spoken to the caller where it is not the server's own.
    pub language: Option<Language>,
}

/// A leg that has its answer ready.
pub(super) struct Prepared {
    pub media: MediaLeg,
    negotiator: Negotiator,
    plan: Option<MediaPlan>,
    pub body: Bytes,
}

/// Why the call ends here: a refusal with its status, or because it is over already.
pub(super) enum Refusal {
    Status(StatusCode, Vec<Header>),
    Over,
}

pub(super) type Outcome<T> = Result<T, Refusal>;

pub async fn take(
    calls: Calls,
    call: CallId,
    request: Arc<Request>,
    source: Source,
    line: mpsc::Sender<LegInput>,
    inbox: Inbox,
) {
    let (trunk, language) = (None, None);
    let mut incoming = Incoming { calls: calls.clone(), call, request, source, trunk, line, inbox, language };
    if let Err(Refusal::Status(status, mut headers)) = incoming.route().await {
        info!(status = status.as_u16(), "call refused");
        headers.extend(incoming.reason_of(status));
        calls.sip(Command::Reject { call, status, headers });
    }
}

impl Incoming {
    async fn route(&mut self) -> Outcome<()> {
        let claimed = Caller::of(&self.request).ok_or(refusal(StatusCode::BAD_REQUEST))?;
        let mut dialled = Dialled::of(&self.request.uri).ok_or(refusal(StatusCode::UNSUPPORTED_URI_SCHEME))?;
        let local = match &self.request.uri {
            // A local number says whose it is (RFC 3966 §5.1.5).
            Uri::Tel(tel) if !tel.is_complete() => return Err(refusal(StatusCode::NOT_FOUND)),
            Uri::Tel(_) if dialled.host.is_empty() => true,
            _ => self.calls.is_ours(&dialled.host, &self.source),
        };
        let account = self.account_if_shown().await?;
        let mut caller = claimed;
        if account.is_none()
            && let Some(trunk) = self.calls.trunks.snapshot().identify(&self.source)
        {
            self.calls.vouch_for(&self.source);
            dialled.user = trunk::called(trunk, &self.request, &dialled);
            caller = trunk::caller(trunk, &self.request, caller);
            self.trunk = Some(trunk.clone());
        }
        let asked = Asked {
            from: caller.address.split_once(':').map_or("", |(_, rest)| rest),
            caller: match (&account, &self.trunk) {
                (Some(account), _) => dialplan::Caller::Account(account),
                (None, Some(trunk)) => dialplan::Caller::Trunk(trunk.name()),
                (None, None) => dialplan::Caller::Guest,
            },
            transport: transport_name(self.source.transport),
            dialled: &dialled,
            local,
        };
        let Routed { action, conference, .. } = self.calls.routing.route(asked).await;
        match action {
            Action::Conference(number) => {
                let plan = match conference.filter(|plan| plan.number == number) {
                    Some(plan) => plan,
                    None => self.calls.directory.plan(&number).await.ok_or(refusal(StatusCode::NOT_FOUND))?,
                };
                self.conference(caller, account, plan).await
            }
            Action::Echo => self.echo().await,
            Action::Challenge => Err(self.challenge()),
            Action::Refuse { status, reason } => {
                let status = StatusCode::new(status).unwrap_or(StatusCode::NOT_FOUND);
                Err(reason.map_or_else(|| refusal(status), |reason| refuse_with(status, &reason)))
            }
            Action::Account(name) => self.phone(caller, Callee::Account(name)).await,
            Action::Factory => Err(refuse_with(StatusCode::NOT_IMPLEMENTED, "the conference factory is not built yet")),
            Action::Entrance => self.entrance(caller, account).await,
            Action::Trunk { name, number } => self.phone(caller, Callee::Trunk { name, number }).await,
        }
    }

    async fn conference(&mut self, caller: Caller, account: Option<String>, plan: Plan) -> Outcome<()> {
        if plan.proof() == Proof::Account && account.is_none() {
            // A PBX has no account to show.
            return Err(match &self.trunk {
                Some(_) => refuse_with(StatusCode::FORBIDDEN, "this conference is for accounts; give it a PIN"),
                None => self.challenge(),
            });
        }
        let contact = ContactTemplate { user: Some(plan.number.clone()), parameters: ";isfocus".into() };
        let mut join = Join { account, address: caller.address, name: caller.name, door: self.door(), pin: None };
        if plan.proof() == Proof::Pin {
            return self.conference_by_pin(join, plan, contact).await;
        }
        let (conference, mut commands) = mpsc::channel::<LegCommand>(4);
        join.name = self.display_name(&join).await;
        let admitted = self.calls.directory.join(&plan.number, join, conference).await.map_err(refused_join)?;
        let link = admitted.link;
        let media = match MediaLeg::open(&self.calls, admitted.room, &self.line) {
            Ok(media) => media,
            Err(error) => {
                link.tell(failed(StatusCode::SERVICE_UNAVAILABLE)).await;
                return Err(no_media(error));
            }
        };
        match self.answer(media, contact).await {
            Ok(leg) => {
                leg.join(&self.calls, admitted.room, &link).await;
                leg.talk(&self.calls, &link, &mut commands, &mut self.inbox).await;
                Ok(())
            }
            Err(refusal) => {
                let status = match &refusal {
                    Refusal::Status(status, _) => *status,
                    Refusal::Over => StatusCode::REQUEST_TERMINATED,
                };
                link.tell(failed(status)).await;
                Err(refusal)
            }
        }
    }

    /// The caller hears himself.
    async fn echo(&mut self) -> Outcome<()> {
        let room = self.calls.engine.open_room();
        let media = MediaLeg::open(&self.calls, room, &self.line);
        let outcome = async {
            let media = media.map_err(no_media)?;
            let contact = ContactTemplate { user: Some("echo".into()), parameters: String::new() };
            let mut leg = self.answer(media, contact).await?;
            self.calls.media(MediaCommand::Echo { leg: leg.media.id });
            while let Some(input) = self.inbox.recv().await {
                match input {
                    LegInput::Sip(Event::Ended { .. }) => break,
                    LegInput::Sip(event) => drop(leg.handle_sip(&self.calls, event)),
                    LegInput::Media(_) => {}
                }
            }
            Ok(())
        };
        let outcome = outcome.await;
        self.calls.media(MediaCommand::CloseRoom { room });
        outcome
    }

    /// Answers the call: its offer, or one of ours where it had none. Returns once the ACK came.
    pub(super) async fn answer(&mut self, media: MediaLeg, contact: ContactTemplate) -> Outcome<ConnectedLeg> {
        let prepared = self.prepare(media)?;
        self.accept(prepared, contact).await
    }

    /// The answer to the caller's offer, or our offer where he made none.
    pub(super) fn prepare(&self, media: MediaLeg) -> Outcome<Prepared> {
        let source = &self.source;
        let signalling = Signalling { secure: source.transport.is_secure(), source: Some(source.remote.ip()) };
        let policy = self.calls.settings.media.through(self.trunk.as_deref());
        let mut negotiator = media.negotiator(policy, signalling);
        let offer = sdp_of(&self.request)?;
        let mut plan = None;
        let body = match offer {
            Some(offer) => {
                let (answer, agreed) = negotiator.answer(&offer).map_err(|error| no_agreement(&error))?;
                // Before the ACK: a phone speaks as soon as it has the 200.
                self.calls.media(MediaCommand::Connect { leg: media.id, plan: Box::new(agreed.clone()) });
                plan = Some(agreed);
                answer
            }
            None => negotiator.delayed_offer().map_err(|error| no_agreement(&error))?,
        };
        Ok(Prepared { media, negotiator, plan, body })
    }

    /// 200; returns once the ACK came.
    pub(super) async fn accept(&mut self, prepared: Prepared, contact: ContactTemplate) -> Outcome<ConnectedLeg> {
        let Prepared { media, mut negotiator, mut plan, body } = prepared;
        self.calls.sip(Command::Accept {
            call: self.call,
            body: Some(Body::sdp(body)),
            headers: vec![contact.header()],
        });
        loop {
            match self.inbox.recv().await {
                Some(LegInput::Sip(Event::Established { body, .. })) => {
                    if plan.is_none() {
                        plan = self.plan_of_ack(&mut negotiator, body, &media);
                    }
                    break;
                }
                Some(LegInput::Sip(Event::Ended { .. })) | None => return Err(Refusal::Over),
                Some(input) => debug!(?input, "before the ACK"),
            }
        }
        let Some(plan) = plan else {
            self.calls.sip(Command::Hangup { call: self.call, headers: Vec::new() });
            return Err(Refusal::Over);
        };
        Ok(ConnectedLeg::new(self.call, media, negotiator, &plan).saying(self.farewell()))
    }

    /// The cause of a refusal in the words of the telephone network, for a trunk (RFC 3398 §8.2.6.1). A cause that was
    /// passed on goes before ours.
    fn reason_of(&self, status: StatusCode) -> Option<Header> {
        let trunk = self.trunk.as_ref().filter(|trunk| trunk.trunk().settings.q850_reason)?;
        debug!(trunk = trunk.name(), "refused to a trunk");
        Some(trunk::reason_of_status(status.as_u16()))
    }

    pub(super) fn door(&self) -> Door {
        if self.trunk.is_some() { Door::Trunk } else { Door::Sip }
    }

    /// What our BYE says.
    pub(super) fn farewell(&self) -> Vec<Header> {
        self.reason_of(StatusCode::OK).into_iter().collect()
    }

    fn plan_of_ack(&self, negotiator: &mut Negotiator, body: Option<Body>, media: &MediaLeg) -> Option<MediaPlan> {
        let plan = negotiator.accept_answer(&body?.content).inspect_err(|error| debug!(%error, "ACK")).ok()?;
        self.calls.media(MediaCommand::Connect { leg: media.id, plan: Box::new(plan.clone()) });
        Some(plan)
    }

    // ── Who and where ───────────────────────────────────────────────────────────────────────────────────────

    /// The account whose credentials the request carries; wrong ones are challenged anew.
    async fn account_if_shown(&self) -> Outcome<Option<String>> {
        if !self.request.headers.contains(&HeaderName::Authorization) {
            return Ok(None);
        }
        match self.calls.registrar.authenticate(&self.request, &self.source).await {
            Ok(account) => {
                self.calls.vouch_for(&self.source);
                Ok(Some(account))
            }
            Err(refused) => Err(Refusal::Status(refused.status, refused.headers)),
        }
    }

    fn challenge(&self) -> Refusal {
        let refused = self.calls.registrar.challenge(&self.request);
        Refusal::Status(refused.status, refused.headers)
    }

    /// The account's own display name before what the phone says of itself.
    pub(super) async fn display_name(&self, join: &Join) -> String {
        let Some(account) = &join.account else { return join.name.clone() };
        let stored = self.calls.store.account(account).await.ok();
        let stored = stored.map(|account| account.display_name).filter(|name| !name.is_empty());
        stored.unwrap_or_else(|| join.name.clone())
    }
}

fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
        Transport::Ws => "ws",
        Transport::Wss => "wss",
    }
}

/// The SDP of a request, out of a multipart where need be (RFC 5621).
fn sdp_of(request: &Request) -> Outcome<Option<Bytes>> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let content_type = request.headers.get(&HeaderName::ContentType).unwrap_or_default();
    match plenary_sip::message::find_part(&content_type, &request.body, "application/sdp") {
        Some(sdp) => Ok(Some(sdp)),
        None => {
            let accept = Header::new(HeaderName::Accept, "application/sdp");
            Err(Refusal::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE, vec![accept]))
        }
    }
}

pub(super) fn not_found() -> Refusal {
    refusal(StatusCode::NOT_FOUND)
}

fn refusal(status: StatusCode) -> Refusal {
    Refusal::Status(status, Vec::new())
}

/// Says why in a Warning (RFC 3261 §20.43, code 399).
pub(super) fn refuse_with(status: StatusCode, why: &str) -> Refusal {
    let text: String = why.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
    Refusal::Status(status, vec![Header::new(HeaderName::Warning, format!("399 plenary \"{text}\""))])
}

fn no_agreement(error: &NegotiationError) -> Refusal {
    let warning = error.warning().map(|warning| Header::new(HeaderName::Warning, warning));
    Refusal::Status(status_of(error), warning.into_iter().collect())
}

pub(super) fn no_media(error: EngineError) -> Refusal {
    refuse_with(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}

fn refused_join(error: JoinError) -> Refusal {
    let status = StatusCode::new(error.status()).unwrap_or(StatusCode::FORBIDDEN);
    refuse_with(status, &error.to_string())
}

fn failed(status: StatusCode) -> LegNews {
    LegNews::Ended { cause: super::causes::cause_of(status), status: Some(status.as_u16()) }
}
