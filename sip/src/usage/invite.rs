//! One call through its stages; the parent of [`super::uas`], [`super::uac`], [`super::session`] and [`super::forks`].

use std::sync::Arc;
use std::time::Instant;

use super::act::{Act, CallContext, Purpose};
use super::forks::Forks;
use super::session::Session;
use super::uac::Uac;
use super::uas::Uas;
use crate::dialog::Dialog;
use crate::endpoint::{Body, DialogStage, Named, OutgoingInvite, OutgoingRequest, RequestId, Rng, open_via};
use crate::message::{DialogId, Header, Request, Response, StatusCode};
use crate::net_types::Source;
use crate::transaction::{Failure, TransactionId};

#[derive(Debug)]
pub struct InviteUsage {
    stage: Stage,
    /// Of a call of ours: what its INVITE may still bring after the first 2xx, or after CANCEL.
    forks: Option<Forks>,
    rng: Rng,
    /// Client transactions that may still bring something.
    open: u32,
}

/// An INVITE as it came in.
#[derive(Debug)]
pub struct Arriving {
    pub invite: Arc<Request>,
    pub source: Source,
    /// The call that it points at.
    pub named: Option<Named>,
}

#[derive(Debug)]
enum Stage {
    Uas(Box<Uas>),
    Uac(Box<Uac>),
    Session(Box<Session>),
}

impl InviteUsage {
    /// An INVITE came in. Err: the response that it gets at once.
    pub fn incoming(
        mut context: CallContext,
        transaction: TransactionId,
        arriving: Arriving,
        local_tag: &str,
    ) -> Result<Self, Box<Response>> {
        let rng = context.rng.split();
        let uas = Uas::new(context, transaction, arriving, local_tag)?;
        Ok(Self { stage: Stage::Uas(Box::new(uas)), forks: None, rng, open: 0 })
    }

    /// Calls somebody.
    pub fn outgoing(mut context: CallContext, outgoing: OutgoingInvite, now: Instant) -> Self {
        let rng = context.rng.split();
        let uac = Uac::new(context, outgoing, now);
        Self { stage: Stage::Uac(Box::new(uac)), forks: None, rng, open: 0 }
    }

    /// The INVITE of a call of ours: its Call-ID and From tag are those of the dialog.
    pub fn invite(&self) -> Option<&Request> {
        match &self.stage {
            Stage::Uac(uac) => Some(uac.invite()),
            Stage::Uas(_) | Stage::Session(_) => None,
        }
    }

    /// Nothing more comes of it, neither to the user nor to the wire.
    pub fn is_over(&self) -> bool {
        let over = match &self.stage {
            Stage::Uas(uas) => uas.is_over(),
            Stage::Uac(uac) => uac.is_over(),
            Stage::Session(session) => session.is_over(),
        };
        over && self.open == 0
    }

    /// The dialog, once there is one: other usages share it.
    pub fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        match &mut self.stage {
            Stage::Uas(uas) => Some(uas.dialog_mut()),
            Stage::Session(session) => Some(session.dialog_mut()),
            Stage::Uac(_) => None,
        }
    }

    /// Where the call stands, if its dialog has this name (RFC 3891 §3).
    pub fn stage_of(&self, id: &DialogId) -> Option<DialogStage> {
        let (is_named, stage, is_wanted) = match &self.stage {
            Stage::Uas(uas) => (uas.dialog().is_named(id), DialogStage::Early { by_us: false }, !uas.is_over()),
            Stage::Uac(uac) => (uac.has_early(id), DialogStage::Early { by_us: true }, uac.is_wanted()),
            Stage::Session(session) => (session.dialog().is_named(id), DialogStage::Confirmed, session.is_alive()),
        };
        is_named.then_some(if is_wanted { stage } else { DialogStage::Ended })
    }

    /// What outlives the call, for the other usages of its dialog (RFC 5057 §4.1).
    pub fn into_dialog(mut self) -> Option<Dialog> {
        if matches!(&self.stage, Stage::Uas(uas) if uas.was_challenged()) {
            return None;
        }
        self.dialog_mut().cloned()
    }

    pub fn ring(&mut self, status: StatusCode, body: Option<Body>, now: Instant) {
        if let Stage::Uas(uas) = &mut self.stage {
            uas.ring(status, body, now);
        }
    }

    pub fn name_contact(&mut self, contact: &Header) {
        if let Stage::Uas(uas) = &mut self.stage {
            uas.name_contact(contact);
        }
    }

    pub fn accept(&mut self, body: Option<Body>, headers: Vec<Header>, now: Instant) {
        if let Stage::Uas(uas) = &mut self.stage
            && let Some(session) = uas.accept(body, headers, now)
        {
            self.stage = Stage::Session(Box::new(session));
        }
    }

    pub fn reject(&mut self, status: StatusCode, headers: Vec<Header>) {
        if let Stage::Uas(uas) = &mut self.stage {
            uas.reject(status, headers);
        }
    }

    pub fn hangup(&mut self, headers: Vec<Header>, now: Instant) {
        match &mut self.stage {
            Stage::Uas(uas) => uas.reject(StatusCode::TEMPORARILY_UNAVAILABLE, headers),
            Stage::Uac(uac) => uac.hangup(headers, now),
            Stage::Session(session) => session.hangup(headers),
        }
    }

    pub fn reoffer(&mut self, offer: Body, now: Instant) {
        if let Stage::Session(session) = &mut self.stage {
            session.reoffer(offer, now);
        }
    }

    pub fn answer_offer(&mut self, verdict: Result<Body, StatusCode>, now: Instant) {
        match &mut self.stage {
            Stage::Uas(uas) => {
                if let Some(session) = uas.answer_offer(verdict, now) {
                    self.stage = Stage::Session(Box::new(session));
                }
            }
            Stage::Session(session) => session.answer_offer(verdict, now),
            Stage::Uac(uac) => uac.answer_offer(verdict, now),
        }
    }

    /// A request of the user within the call; false when there is no dialog to send it in.
    pub fn request(&mut self, id: RequestId, outgoing: OutgoingRequest) -> bool {
        match &mut self.stage {
            Stage::Session(session) => session.request(id, outgoing),
            Stage::Uas(_) | Stage::Uac(_) => false,
        }
    }

    /// The CANCEL for an INVITE that came in. Without effect once that is answered (§9.2).
    pub fn handle_cancel(&mut self, cancel: &Request) {
        match &mut self.stage {
            Stage::Uas(uas) => uas.cancel(cancel),
            Stage::Session(session) => session.handle_cancel(),
            Stage::Uac(_) => {}
        }
    }

    pub fn handle_ack(&mut self, ack: &Request, source: Source, now: Instant) {
        if let Stage::Session(session) = &mut self.stage {
            session.handle_ack(ack, source, now);
        }
    }

    /// A request within the dialog, or one of the early dialogs.
    pub fn handle_request(&mut self, transaction: TransactionId, request: Arc<Request>, source: Source, now: Instant) {
        match &mut self.stage {
            Stage::Uas(uas) => {
                if let Some(session) = uas.handle_request(transaction, request, source, now) {
                    self.stage = Stage::Session(Box::new(session));
                }
            }
            Stage::Uac(uac) => uac.handle_request(transaction, request, source, now),
            Stage::Session(session) => session.handle_request(transaction, request, source, now),
        }
    }

    pub fn handle_response(&mut self, purpose: &Purpose, response: Response, source: Source, now: Instant) {
        match &mut self.stage {
            Stage::Uac(uac) if *purpose == Purpose::Invite => {
                if response.status.is_provisional() {
                    uac.handle_provisional(response, source, now);
                } else if !response.status.is_success() {
                    uac.handle_refusal(response, source);
                } else if !uac.is_wanted() {
                    uac.handle_late_success();
                    self.handle_unwanted(&response, source);
                } else {
                    let forks = Forks::new(uac.invite().clone(), uac.sent_by());
                    if let Some(session) = uac.handle_success(response, source, now) {
                        self.forks = Some(forks);
                        self.stage = Stage::Session(Box::new(session));
                    }
                }
            }
            Stage::Session(session) if *purpose == Purpose::Invite && response.status.is_success() => {
                let to = response.headers.to().ok();
                if to.as_ref().and_then(|to| to.tag()).unwrap_or_default() == session.remote_tag() {
                    session.handle_response(purpose, response, source, now);
                } else {
                    self.handle_unwanted(&response, source);
                }
            }
            Stage::Session(session) => session.handle_response(purpose, response, source, now),
            Stage::Uac(_) | Stage::Uas(_) => {}
        }
    }

    pub fn handle_failure(&mut self, purpose: &Purpose, failure: Failure, now: Instant) {
        match &mut self.stage {
            Stage::Uac(uac) if *purpose == Purpose::Invite => uac.handle_failure(failure),
            Stage::Session(session) => session.handle_failure(purpose, failure, now),
            Stage::Uac(_) | Stage::Uas(_) => {}
        }
    }

    /// A client transaction of the call can bring nothing more.
    pub fn handle_closed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match &mut self.stage {
            Stage::Uas(uas) => {
                if let Some(session) = uas.handle_timeout(now) {
                    self.stage = Stage::Session(Box::new(session));
                }
            }
            Stage::Uac(uac) => uac.handle_timeout(now),
            Stage::Session(session) => session.handle_timeout(now),
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Uas(uas) => uas.poll_timeout(),
            Stage::Uac(uac) => uac.poll_timeout(),
            Stage::Session(session) => session.poll_timeout(),
        }
    }

    pub fn poll_output(&mut self) -> Option<Act> {
        let act = self.forks.as_mut().and_then(Forks::poll_output).or_else(|| match &mut self.stage {
            Stage::Uas(uas) => uas.poll_output(),
            Stage::Uac(uac) => uac.poll_output(),
            Stage::Session(session) => session.poll_output(),
        })?;
        if matches!(act, Act::Request { .. } | Act::Cancel { .. }) {
            self.open += 1;
        }
        Some(act)
    }

    fn handle_unwanted(&mut self, response: &Response, source: Source) {
        if let (None, Stage::Uac(uac)) = (&self.forks, &self.stage) {
            self.forks = Some(Forks::new(uac.invite().clone(), uac.sent_by()));
        }
        let via = open_via(&self.rng.token());
        if let Some(forks) = &mut self.forks {
            forks.handle_unwanted(response, source, via);
        }
    }
}
