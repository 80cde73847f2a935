//! A call that comes in: where to, by whom, and in.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use plenary_config::Language;
use plenary_dialplan::{self as dialplan, Action};
use plenary_media::RoomId;
use plenary_media::engine::{EngineError, MediaCommand, PortUse};
use plenary_media::plan::MediaPlan;
use plenary_sip::endpoint::{Body, CallId, Command, ContactTemplate, Event, Named};
use plenary_sip::guard::Reason;
use plenary_sip::message::{Header, HeaderName, Request, StatusCode, Uri};
use plenary_sip::net_types::{Source, Transport};
use plenary_sip::sdp::About;
use tokio::sync::mpsc;
use tracing::{debug, info};

use crate::call::arriving::unconfirmed::Place;
use crate::call::calls::{Calls, MediaLeg, MediaRoom, NO_RELAY};
use crate::call::identity::{Caller, Dialled, referred_by};
use crate::call::negotiate::{self, NegotiationError, Negotiator, Signalling};
use crate::call::routing::{Asked, Routed};
use crate::call::switchboard::{Inbox, LegInput};
use crate::call::talking::between::Callee;
use crate::call::talking::connected::{ConnectedLeg, reason_no_agreement, status_of};
use crate::call::talking::party::Who;
use crate::conference::{Door, Join, Plan, Proof};
use crate::registrar::{GruuError, Target};
use crate::trunk::{self, LiveTrunk};

/// A call on its way in, until somebody takes it.
pub(in crate::call) struct Incoming {
    pub calls: Calls,
    pub call: CallId,
    pub request: Arc<Request>,
    pub source: Source,
    /// Another call of ours that it points at.
    pub named: Option<Named>,
    /// Where the call comes from, when it is one.
    pub trunk: Option<Arc<LiveTrunk>>,
    pub line: mpsc::Sender<LegInput>,
    pub inbox: Inbox,
    /// Spoken to the caller where it is not the server's own.
    pub language: Option<Language>,
    /// The one phone that a GRUU names (RFC 5627), if one was called.
    pub phone: Option<Result<Target, GruuError>>,
    /// What our descriptions say of the session.
    pub about: About,
    /// Among the strangers whose calls are not connected yet, if he is one.
    pub place: Option<Place>,
}

/// A leg that has its answer ready.
pub(in crate::call) struct Prepared {
    pub media: MediaLeg,
    negotiator: Negotiator,
    plan: Option<MediaPlan>,
    pub body: Bytes,
}

impl Prepared {
    /// The caller's answer to our offer in a reliable 18x.
    pub fn take_answer(&mut self, calls: &Calls, answer: Option<Body>) {
        self.plan = plan_of(calls, &mut self.negotiator, answer, &self.media);
    }

    /// Another offer of the caller, before the call is answered.
    pub fn answer_offer(&mut self, calls: &Calls, call: CallId, offer: Option<Body>) {
        let answered = match offer {
            None => self.negotiator.offer(),
            Some(offer) => self.negotiator.answer(&offer.content).map(|(answer, plan)| {
                calls.media(MediaCommand::Connect { leg: self.media.id, plan: Box::new(plan.clone()) });
                self.plan = Some(plan);
                answer
            }),
        };
        let answer = answered.map(Body::sdp).map_err(|error| status_of(&error));
        calls.sip(Command::AnswerOffer { call, answer });
    }
}

/// Our offer was answered; without an answer that can be used there is no plan.
fn plan_of(calls: &Calls, negotiator: &mut Negotiator, answer: Option<Body>, media: &MediaLeg) -> Option<MediaPlan> {
    let plan = negotiator.accept_answer(&answer?.content).inspect_err(|error| debug!(%error, "answer")).ok()?;
    calls.media(MediaCommand::Connect { leg: media.id, plan: Box::new(plan.clone()) });
    Some(plan)
}

/// Why the call ends here: a refusal with its status, or because it is over already.
pub(in crate::call) enum Refusal {
    Status(StatusCode, Vec<Header>),
    Over,
}

pub(in crate::call) type Outcome<T> = Result<T, Refusal>;

/// What becomes of a call once it is known where it goes. In a box of its own, so that an hour's call does not carry with
/// it what finding the way took, nor the size of the largest of all ways.
type Way = Pin<Box<dyn Future<Output = Outcome<()>> + Send>>;

impl Incoming {
    pub async fn take(mut self) {
        let (calls, call) = (self.calls.clone(), self.call);
        if !self.request.headers.contains(&HeaderName::Authorization) {
            self.trunk = calls.trunks.snapshot().identify(&self.source, &calls.proven(&self.source)).cloned();
        }
        let trunk = self.trunk.clone();
        let outcome = match Box::pin(self.route()).await {
            Ok(way) => way.await,
            Err(refusal) => Err(refusal),
        };
        if let Err(Refusal::Status(status, mut headers)) = outcome {
            info!(status = status.as_u16(), "call refused");
            headers.extend(reason_for(trunk.as_deref(), status));
            calls.sip(Command::Reject { call, status, headers });
        }
    }

    async fn route(mut self) -> Outcome<Way> {
        let mut caller = Caller::of(&self.request).ok_or(refusal(StatusCode::BAD_REQUEST))?;
        let mut dialled = Dialled::of(&self.request.uri).ok_or(refusal(StatusCode::UNSUPPORTED_URI_SCHEME))?;
        let local = match &self.request.uri {
            // A local number says whose it is (RFC 3966 §5.1.5).
            Uri::Tel(tel) if !tel.is_complete() => return Err(refusal(StatusCode::NOT_FOUND)),
            Uri::Tel(_) if dialled.host.is_empty() => true,
            _ => self.calls.is_ours(&dialled.host, &self.source),
        };
        let privacy = self.request.headers.privacy();
        if privacy.critical && privacy.beyond_us {
            // RFC 3323 §5.2.
            return Err(refuse_with(StatusCode::SERVER_INTERNAL_ERROR, "this privacy cannot be had here"));
        }
        if self.calls.asks_for_relay(&self.request, &dialled, &self.source) {
            self.calls.refused(Reason::Relay);
            return Err(refuse_with(StatusCode::FORBIDDEN, NO_RELAY));
        }
        self.read_gruu(&mut dialled).await?;
        let account = self.account_if_shown().await?;
        if let Some(account) = account.clone() {
            self.calls.sip(Command::Belongs { call: self.call, account });
        }
        self.refuse_borrowed_name(account.as_deref())?;
        if let Some(trunk) = &self.trunk {
            self.calls.vouch_for(&self.source);
            dialled.user = trunk::called(trunk, &self.request, &dialled);
            if let Some(host) = trunk.contact_host() {
                let user = Some(dialled.user.clone());
                let contact = ContactTemplate { user, parameters: String::new(), host: Some(host) };
                self.calls.sip(Command::NameContact { call: self.call, contact });
            }
            caller = trunk::caller(trunk, &self.request, caller);
        }
        match self.named {
            Some(Named::Replaces(call)) => return Ok(Box::pin(self.replace(caller, account, call))),
            Some(Named::Join(Some(call))) => return Ok(Box::pin(self.join_beside(caller, account, call))),
            Some(Named::Join(None)) if self.calls.directory.plan(&dialled.user).await.is_none() => {
                return Err(refusal(StatusCode::CALL_DOES_NOT_EXIST));
            }
            Some(Named::Join(None)) | None => {}
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
        let plan = match &action {
            Action::Conference(number) => match conference.filter(|plan| plan.number == *number) {
                Some(plan) => Some(plan),
                None => Some(self.calls.directory.plan(number).await.ok_or(refusal(StatusCode::NOT_FOUND))?),
            },
            _ => None,
        };
        if account.is_none() && self.trunk.is_none() && is_served_to_strangers(&action, plan.as_ref()) {
            self.place = Some(self.place_among_strangers()?);
        }
        Ok(match action {
            Action::Conference(_) => {
                let plan = plan.ok_or(refusal(StatusCode::NOT_FOUND))?;
                Box::pin(self.conference(caller, account, plan))
            }
            Action::Echo => Box::pin(self.echo()),
            Action::Challenge => return Err(self.challenge()),
            Action::Refuse { status, reason } => {
                let status = StatusCode::new(status).unwrap_or(StatusCode::NOT_FOUND);
                return Err(reason.map_or_else(|| refusal(status), |reason| refuse_with(status, &reason)));
            }
            Action::Account(name) => Box::pin(self.phone(Who::of(caller, account), Callee::Account(name))),
            Action::Factory => Box::pin(self.new_conference(caller, account)),
            Action::Entrance => Box::pin(self.entrance(caller, account)),
            Action::Trunk { name, number } => {
                Box::pin(self.phone(Who::of(caller, account), Callee::Trunk { name, number }))
            }
        })
    }

    /// Nobody has the server repeat many 200s to an address that may be a victim's.
    fn place_among_strangers(&self) -> Outcome<Place> {
        self.calls.unconfirmed.enter(self.source.remote.ip()).ok_or_else(|| {
            self.calls.refused(Reason::Unconfirmed);
            try_again("too many calls from there wait for their ACK")
        })
    }

    /// The caller hears himself.
    async fn echo(mut self) -> Outcome<()> {
        let room = MediaRoom::open(&self.calls);
        let media = self.open_media(room.id)?;
        let contact = ContactTemplate { user: Some("echo".into()), parameters: String::new(), host: None };
        let mut leg = self.answer(media, contact).await?;
        self.calls.media(MediaCommand::Echo { leg: leg.media.id });
        while let Some(input) = self.inbox.recv().await {
            match input {
                LegInput::Sip(Event::Ended { .. }) => break,
                LegInput::Sip(event) => drop(leg.handle_sip(&self.calls, event)),
                LegInput::Media(event) => leg.handle_media(&self.calls, &event),
                LegInput::Asked(_) => {}
            }
        }
        Ok(())
    }

    /// Opens the caller's media near a room.
    pub(in crate::call) fn open_media(&self, room: RoomId) -> Outcome<MediaLeg> {
        let mode = self.calls.settings.media.ice;
        let by_ice = sdp_of(&self.request)?.is_some_and(|offer| negotiate::is_found_by_ice(&offer, mode));
        let port = if by_ice { PortUse::Shared } else { PortUse::Own };
        MediaLeg::open(&self.calls, room, port, &self.line).map_err(no_media)
    }

    /// Answers the call: its offer, or one of ours where it had none. Returns once the ACK came.
    pub(in crate::call) async fn answer(
        &mut self,
        media: MediaLeg,
        contact: ContactTemplate,
    ) -> Outcome<Box<ConnectedLeg>> {
        let prepared = self.prepare(media)?;
        self.accept(prepared, contact).await
    }

    /// The answer to the caller's offer, or our offer where he made none.
    pub(in crate::call) fn prepare(&self, media: MediaLeg) -> Outcome<Prepared> {
        let source = &self.source;
        let signalling = Signalling { secure: source.transport.is_secure(), source: Some(source.remote.ip()) };
        let policy = self.calls.settings.media.through(self.trunk.as_deref());
        let mut negotiator = media.negotiator(policy, signalling).with_about(self.about.clone());
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
    pub(in crate::call) async fn accept(
        &mut self,
        prepared: Prepared,
        contact: ContactTemplate,
    ) -> Outcome<Box<ConnectedLeg>> {
        let mut prepared = prepared;
        let body = Some(Body::sdp(prepared.body.clone()));
        let host = self.trunk.as_ref().and_then(|trunk| trunk.contact_host());
        let contact = ContactTemplate { host, ..contact };
        self.calls.sip(Command::Accept { call: self.call, body, headers: vec![contact.header()] });
        loop {
            match self.inbox.recv().await {
                Some(LegInput::Sip(Event::Established { body, .. })) => {
                    if prepared.plan.is_none() {
                        prepared.take_answer(&self.calls, body);
                    }
                    self.place = None;
                    break;
                }
                Some(LegInput::Sip(Event::ReofferDone { outcome, .. })) => {
                    prepared.take_answer(&self.calls, outcome.ok());
                }
                Some(LegInput::Sip(Event::Offered { offer, .. })) => {
                    prepared.answer_offer(&self.calls, self.call, offer);
                }
                Some(LegInput::Sip(Event::Ended { .. })) | None => return Err(Refusal::Over),
                Some(input) => debug!(?input, "before the ACK"),
            }
        }
        let Prepared { media, negotiator, plan, .. } = prepared;
        let Some(plan) = plan else {
            self.calls.sip(Command::Hangup { call: self.call, headers: vec![reason_no_agreement()] });
            return Err(Refusal::Over);
        };
        Ok(ConnectedLeg::new(self.call, media, negotiator, &plan, &self.request.headers).saying(self.farewell()))
    }

    pub(in crate::call) fn door(&self) -> Door {
        if self.trunk.is_some() { Door::Trunk } else { Door::Sip }
    }

    /// What our BYE says.
    pub(in crate::call) fn farewell(&self) -> Vec<Header> {
        reason_for(self.trunk.as_deref(), StatusCode::OK).into_iter().collect()
    }

    // ── Who and where ───────────────────────────────────────────────────────────────────────────────────────

    /// A GRUU of ours calls the account that it belongs to, and of its phones only one.
    async fn read_gruu(&mut self, dialled: &mut Dialled) -> Outcome<()> {
        let Some(uri) = self.request.uri.as_sip().filter(|uri| uri.has_param("gr")) else { return Ok(()) };
        if !self.calls.is_ours(&dialled.host, &self.source) {
            return Ok(());
        }
        self.phone = match self.calls.registrar.phone_of(uri).await {
            Ok((account, phone)) => {
                dialled.user = account;
                Some(Ok(phone))
            }
            Err(error @ GruuError::Invalid) => return Err(refuse_with(error.status(), &error.to_string())),
            Err(error) => Some(Err(error)),
        };
        Ok(())
    }

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

    /// Who proves one account does not call as another: From names the account, or somebody who is not ours to vouch for.
    fn refuse_borrowed_name(&self, account: Option<&str>) -> Outcome<()> {
        let from = self.request.headers.from().ok().and_then(|from| Dialled::of(&from.uri));
        let (Some(account), Some(from)) = (account, from) else { return Ok(()) };
        let ours = from.scheme != "tel" && self.calls.is_ours(&from.host, &self.source);
        if ours && !from.user.eq_ignore_ascii_case(account) {
            self.calls.refused(Reason::Identity);
            return Err(refuse_with(StatusCode::FORBIDDEN, "From names another account"));
        }
        Ok(())
    }

    pub(in crate::call) fn challenge(&self) -> Refusal {
        let refused = self.calls.registrar.challenge(&self.request);
        Refusal::Status(refused.status, refused.headers)
    }

    pub(in crate::call) fn join_of(&self, account: Option<String>, caller: Caller) -> Join {
        let Caller { address, name, anonymous } = caller;
        let referred_by = referred_by(&self.request);
        Join { account, address, name, door: self.door(), pin: None, referred_by, brought: false, anonymous }
    }

    /// The account's own display name before what the phone says of itself.
    pub(in crate::call) async fn display_name(&self, join: &Join) -> String {
        let Some(account) = &join.account else { return join.name.clone() };
        let stored = self.calls.store.account(account).await.ok();
        let stored = stored.map(|account| account.display_name).filter(|name| !name.is_empty());
        stored.unwrap_or_else(|| join.name.clone())
    }
}

/// The cause in the words of the telephone network, for a trunk (RFC 3398 §8.2.6.1). One that was passed on goes before
/// ours.
fn reason_for(trunk: Option<&LiveTrunk>, status: StatusCode) -> Option<Header> {
    let trunk = trunk.filter(|trunk| trunk.trunk().settings.q850_reason)?;
    debug!(trunk = trunk.name(), status = status.as_u16(), "told a trunk");
    Some(trunk::reason_of_status(status.as_u16()))
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

/// Whether somebody who proves nothing is answered, or makes a phone ring; else he is refused or asked for a password.
fn is_served_to_strangers(action: &Action, plan: Option<&Plan>) -> bool {
    match action {
        Action::Conference(_) => plan.is_some_and(|plan| plan.proof() != Proof::Account),
        Action::Echo | Action::Account(_) | Action::Entrance | Action::Trunk { .. } => true,
        Action::Challenge | Action::Refuse { .. } | Action::Factory => false,
    }
}

/// The SDP of a request, out of a multipart where need be (RFC 5621).
fn sdp_of(request: &Request) -> Outcome<Option<Bytes>> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let content_type = request.headers.get(&HeaderName::ContentType).unwrap_or_default();
    // A part that had to be understood and is not was refused by the endpoint.
    Ok(plenary_sip::message::find_part(&content_type, &request.body, "application/sdp"))
}

pub(in crate::call) fn refusal(status: StatusCode) -> Refusal {
    Refusal::Status(status, Vec::new())
}

/// Says why in a Warning (RFC 3261 §20.43, code 399).
pub(in crate::call) fn refuse_with(status: StatusCode, why: &str) -> Refusal {
    let text: String = why.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
    Refusal::Status(status, vec![Header::new(HeaderName::Warning, format!("399 plenary \"{text}\""))])
}

fn no_agreement(error: &NegotiationError) -> Refusal {
    let warning = error.warning().map(|warning| Header::new(HeaderName::Warning, warning));
    Refusal::Status(status_of(error), warning.into_iter().collect())
}

pub(in crate::call) fn no_media(error: EngineError) -> Refusal {
    try_again(&error.to_string())
}

/// 503 with Retry-After.
fn try_again(why: &str) -> Refusal {
    match refuse_with(StatusCode::SERVICE_UNAVAILABLE, why) {
        Refusal::Status(status, mut headers) => {
            headers.push(Header::new(HeaderName::RetryAfter, RETRY_AFTER));
            Refusal::Status(status, headers)
        }
        over @ Refusal::Over => over,
    }
}

/// Seconds after which a caller who found no room may try again: load is measured twice a second.
const RETRY_AFTER: &str = "5";
