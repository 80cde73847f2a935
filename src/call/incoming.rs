//! A call that comes in: where to, by whom, and in.

use std::sync::Arc;

use plenary_config::Language;
use plenary_dialplan::{self as dialplan, Action, Facts, Known};
use plenary_media::engine::{EngineError, MediaCommand};
use plenary_sip::endpoint::{Body, CallId, Command, ContactTemplate, Event, Named};
use plenary_sip::guard::Reason;
use plenary_sip::message::{Header, HeaderName, Request, StatusCode};
use plenary_sip::net_types::{Source, Transport};
use tokio::sync::mpsc;
use tracing::{debug, info};

use super::calls::{Calls, MediaLeg, MediaRoom};
use super::connected::{ConnectedLeg, status_of};
use super::identity::{Caller, Dialled, referred_by};
use super::negotiate::{NegotiationError, Signalling};
use super::party::Who;
use super::switchboard::{Inbox, LegInput};
use crate::conference::{Door, Join};
use crate::registrar::{GruuError, Target};

/// A call on its way in, until somebody takes it.
pub(super) struct Incoming {
    pub calls: Calls,
    pub call: CallId,
    pub request: Arc<Request>,
    pub source: Source,
    /// Another call of ours that it points at.
    pub named: Option<Named>,
    pub line: mpsc::Sender<LegInput>,
    pub inbox: Inbox,
    /// Spoken to the caller where it is not the server's own.
    pub language: Option<Language>,
    /// The one phone that a GRUU names (RFC 5627), if one was called.
    pub phone: Option<Result<Target, GruuError>>,
}

/// Why the call ends here: a refusal with its status, or because it is over already.
pub(super) enum Refusal {
    Status(StatusCode, Vec<Header>),
    Over,
}

pub(super) type Outcome<T> = Result<T, Refusal>;

impl Incoming {
    pub async fn take(self) {
        let (calls, call) = (self.calls.clone(), self.call);
        if let Err(Refusal::Status(status, headers)) = self.route().await {
            info!(status = status.as_u16(), "call refused");
            calls.sip(Command::Reject { call, status, headers });
        }
    }

    async fn route(mut self) -> Outcome<()> {
        let caller = Caller::of(&self.request).ok_or(refusal(StatusCode::BAD_REQUEST))?;
        let mut dialled = Dialled::of(&self.request.uri).ok_or(refusal(StatusCode::UNSUPPORTED_URI_SCHEME))?;
        let privacy = self.request.headers.privacy();
        if privacy.critical && privacy.beyond_us {
            // RFC 3323 §5.2.
            return Err(refuse_with(StatusCode::SERVER_INTERNAL_ERROR, "this privacy cannot be had here"));
        }
        self.read_gruu(&mut dialled).await?;
        let account = self.account_if_shown().await?;
        self.refuse_borrowed_name(account.as_deref())?;
        let conference = self.calls.directory.plan(&dialled.user).await;
        match self.named {
            Some(Named::Replaces(call)) => return self.replace(caller, account, call).await,
            Some(Named::Join(Some(call))) => return self.join_beside(caller, account, call).await,
            Some(Named::Join(None)) if conference.is_none() => return Err(refusal(StatusCode::CALL_DOES_NOT_EXIST)),
            Some(Named::Join(None)) | None => {}
        }
        let known = match &conference {
            Some(plan) => Some(Known::Conference { number: &plan.number }),
            None => self.known(&dialled.user).await,
        };
        let facts = Facts {
            from: caller.address.split_once(':').map_or("", |(_, rest)| rest),
            caller: account.as_deref().map_or(dialplan::Caller::Guest, dialplan::Caller::Account),
            transport: transport_name(self.source.transport),
            scheme: dialled.scheme,
            user: &dialled.user,
            host: &dialled.host,
            local: dialled.scheme == "tel" || self.calls.is_ours(&dialled.host, &self.source),
            known,
        };
        let decision = self.calls.dialplan.decide(&facts);
        debug!(rule = decision.rule, action = ?decision.action, "routed");
        match decision.action {
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
            Action::Account(name) => self.phone(Who::of(caller, account), &name).await,
            Action::Factory => self.new_conference(caller, account).await,
            Action::Entrance => self.entrance(caller, account).await,
            Action::Trunk { .. } => Err(refuse_with(StatusCode::NOT_IMPLEMENTED, "trunks are not built yet")),
        }
    }

    /// The caller hears himself.
    async fn echo(mut self) -> Outcome<()> {
        let room = MediaRoom::open(&self.calls);
        let media = MediaLeg::open(&self.calls, room.id, &self.line).map_err(no_media)?;
        let contact = ContactTemplate { user: Some("echo".into()), parameters: String::new() };
        let mut leg = self.answer(media, contact).await?;
        self.calls.media(MediaCommand::Echo { leg: leg.media.id });
        while let Some(input) = self.inbox.recv().await {
            match input {
                LegInput::Sip(Event::Ended { .. }) => break,
                LegInput::Sip(event) => drop(leg.handle_sip(&self.calls, event)),
                LegInput::Media(_) | LegInput::Asked(_) => {}
            }
        }
        Ok(())
    }

    /// Answers the call: its offer, or one of ours where it had none. Returns once the ACK came.
    pub(super) async fn answer(&mut self, media: MediaLeg, contact: ContactTemplate) -> Outcome<ConnectedLeg> {
        let source = &self.source;
        let signalling = Signalling { secure: source.transport.is_secure(), source: Some(source.remote.ip()) };
        let mut negotiator = media.negotiator(signalling);
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
        Ok(ConnectedLeg::new(self.call, media, negotiator, &plan))
    }

    fn plan_of_ack(
        &self,
        negotiator: &mut super::negotiate::Negotiator,
        body: Option<Body>,
        media: &MediaLeg,
    ) -> Option<plenary_media::plan::MediaPlan> {
        let plan = negotiator.accept_answer(&body?.content).inspect_err(|error| debug!(%error, "ACK")).ok()?;
        self.calls.media(MediaCommand::Connect { leg: media.id, plan: Box::new(plan.clone()) });
        Some(plan)
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

    /// What the user part is on this server, beside conferences.
    async fn known(&self, user: &str) -> Option<Known<'static>> {
        let settings = &self.calls.settings;
        match user {
            user if user == settings.factory => Some(Known::Factory),
            user if user == settings.echo => Some(Known::Echo),
            user if user == settings.entrance => Some(Known::Entrance),
            user => self.calls.store.account(user).await.ok().map(|_| Known::Account),
        }
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

    pub(super) fn challenge(&self) -> Refusal {
        let refused = self.calls.registrar.challenge(&self.request);
        Refusal::Status(refused.status, refused.headers)
    }

    pub(super) fn join_of(&self, account: Option<String>, caller: Caller) -> Join {
        let Caller { address, name, anonymous } = caller;
        let referred_by = referred_by(&self.request);
        Join { account, address, name, door: Door::Sip, pin: None, referred_by, brought: false, anonymous }
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
fn sdp_of(request: &Request) -> Outcome<Option<bytes::Bytes>> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let content_type = request.headers.get(&HeaderName::ContentType).unwrap_or_default();
    // A part that had to be understood and is not was refused by the endpoint.
    Ok(plenary_sip::message::find_part(&content_type, &request.body, "application/sdp"))
}

pub(super) fn refusal(status: StatusCode) -> Refusal {
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
    match refuse_with(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()) {
        Refusal::Status(status, mut headers) => {
            headers.push(Header::new(HeaderName::RetryAfter, RETRY_AFTER));
            Refusal::Status(status, headers)
        }
        over @ Refusal::Over => over,
    }
}

/// Seconds after which a caller who found no room may try again: load is measured twice a second.
const RETRY_AFTER: &str = "5";
