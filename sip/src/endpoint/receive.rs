//! What becomes of a request that comes in: RFC 3261 §8.2, §9.2, §12.2.2 and §17.2.3.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::endpoint::calls::DialogKey;
use crate::endpoint::inspect::{Refusal, inspect};
use crate::endpoint::return_path::{return_path, stamp};
use crate::endpoint::transactions::Owner;
use crate::endpoint::{Endpoint, Event, Output, RequestId, SendId};
use crate::guard::Reason;
use crate::message::{Header, HeaderName, Message, Method, Request, StatusCode};
use crate::net_types::Source;
use crate::transaction::{ServerKey, TransactionId};
use crate::usage::{Arriving, InviteUsage};

/// How long a peer shall stay away when we are full.
const RETRY_AFTER: Duration = Duration::from_secs(10);

impl Endpoint {
    pub(super) fn handle_request(&mut self, mut request: Request, source: Source, now: Instant) {
        stamp(&mut request, source);
        let Ok(key) = ServerKey::of(&request) else {
            return self.answer_stateless(&request, StatusCode::BAD_REQUEST, None, source);
        };
        match (self.transactions.find_server(&key), &request.method) {
            (Some(id), Method::Ack) if !self.transactions.is_accepted(id) => self.transactions.handle_ack(id, now),
            (_, Method::Ack) => self.handle_ack(&request, source, now),
            (Some(id), _) => self.transactions.handle_repeated(id),
            (None, _)
                if self.transactions.len() >= self.settings.max_transactions || self.is_too_busy_for(&request) =>
            {
                self.refused.push(Reason::Overload);
                self.answer_stateless(&request, StatusCode::SERVICE_UNAVAILABLE, None, source);
            }
            (None, Method::Cancel) => self.handle_cancel(key, request, source, now),
            (None, _) => self.open(key, request, source, now),
        }
    }

    /// Nobody is thrown out of a call, and nobody is kept in one: only what begins something new is refused.
    fn is_too_busy_for(&self, request: &Request) -> bool {
        let within_dialog = || request.headers.to().is_ok_and(|to| to.tag().is_some());
        self.busy.is_some() && request.method != Method::Cancel && !within_dialog()
    }

    /// Answers without keeping anything: what cannot be read, and what we have no room for (§8.2.7).
    pub(super) fn answer_stateless(
        &mut self,
        request: &Request,
        status: StatusCode,
        reason: Option<&str>,
        source: Source,
    ) {
        if request.method == Method::Ack {
            return;
        }
        let mut request = request.clone();
        stamp(&mut request, source);
        let mut response = request.response(status, Some(&self.stateless_tag(&request)));
        if let Some(reason) = reason {
            response.reason = reason.to_owned();
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let retry_after = self.busy.unwrap_or(RETRY_AFTER).as_secs().max(1);
            response.headers.push(Header::new(HeaderName::RetryAfter, retry_after.to_string()));
        }
        self.identity.write_response(&request, &mut response);
        let destination = return_path(&request, source, self.settings.reply_port(&source)).0;
        let id = SendId(self.transactions.fresh_id().0);
        self.output.push_back(Output::Send { id, destination, message: Message::Response(response) });
    }

    /// The same each time that the request comes (§8.2.7).
    pub(super) fn stateless_tag(&self, request: &Request) -> String {
        let names = [HeaderName::Via, HeaderName::CallId, HeaderName::CSeq, HeaderName::From];
        let identity: String = names.iter().filter_map(|name| request.headers.get(name)).collect();
        self.rng.tag_for(&identity)
    }

    /// The ACK for a 2xx, which belongs to the dialog.
    fn handle_ack(&mut self, ack: &Request, source: Source, now: Instant) {
        let Some(id) = DialogKey::of_incoming(&ack.headers).and_then(|key| self.calls.find(&key)) else { return };
        if let Some(call) = self.calls.get_mut(id) {
            call.usage.handle_ack(ack, source, now);
        }
        self.run_call(id, now);
    }

    /// §9.2: 200 if there is such an INVITE, answered or not; the call decides whether it still matters.
    fn handle_cancel(&mut self, key: ServerKey, cancel: Request, source: Source, now: Instant) {
        let Some(invite) = self.transactions.find_server(&key.of_cancelled()) else {
            return self.answer_stateless(&cancel, StatusCode::CALL_DOES_NOT_EXIST, None, source);
        };
        let call = match self.transactions.owner(invite) {
            Some(Owner::Invited(call)) => Some(*call),
            _ => None,
        };
        let cancel = Arc::new(cancel);
        let transaction = self.open_server(key, &cancel, source, now);
        let call_and_tag = call.and_then(|id| {
            let call = self.calls.get_mut(id)?;
            call.usage.handle_cancel(&cancel);
            Some((id, call.dialog.local_tag.clone()))
        });
        let tag = call_and_tag.as_ref().map_or_else(|| self.rng.token(), |(_, tag)| tag.clone());
        self.respond(transaction, cancel.response(StatusCode::OK, Some(&tag)), now);
        if let Some((id, _)) = call_and_tag {
            self.run_call(id, now);
        }
    }

    fn open(&mut self, key: ServerKey, request: Request, source: Source, now: Instant) {
        let request = Arc::new(request);
        let transaction = self.open_server(key, &request, source, now);
        if !source.transport.is_secure() && self.settings.wants_tls(&request) {
            self.refused.push(Reason::Insecure);
            let why = Refusal::new(
                StatusCode::FORBIDDEN,
                HeaderName::Warning,
                "399 plenary \"this domain is served over TLS alone\"",
            );
            return self.refuse(transaction, why, now);
        }
        if let Err(refusal) = inspect(&request, source, &self.settings) {
            return self.refuse(transaction, refusal, now);
        }
        let in_dialog = request.headers.to().is_ok_and(|to| to.tag().is_some());
        if in_dialog {
            return self.receive_in_dialog(transaction, request, source, now);
        }
        if self.transactions.is_merged(&request, transaction) {
            return self.refuse(transaction, StatusCode::LOOP_DETECTED, now);
        }
        match request.method {
            Method::Invite => self.receive_call(transaction, request, source, now),
            // A NOTIFY for us names a dialog.
            Method::Bye | Method::Prack | Method::Update | Method::Info | Method::Notify => {
                self.refuse(transaction, StatusCode::CALL_DOES_NOT_EXIST, now);
            }
            Method::Subscribe if self.is_refer_only(&request) => self.refuse(transaction, StatusCode::FORBIDDEN, now),
            _ => self.tell_request(transaction, request, source),
        }
    }

    fn receive_in_dialog(&mut self, transaction: TransactionId, request: Arc<Request>, source: Source, now: Instant) {
        let key = DialogKey::of_incoming(&request.headers);
        if request.method == Method::Subscribe && self.resubscribe(transaction, &request, key.as_ref(), source, now) {
            return;
        }
        if request.method == Method::Notify && self.notified_of_referral(transaction, &request, now) {
            return;
        }
        match key.as_ref().and_then(|key| self.calls.find(key)) {
            Some(id) => {
                if request.method == Method::Invite {
                    self.transactions.set_owner(transaction, Owner::Invited(id));
                }
                if let Some(call) = self.calls.get_mut(id) {
                    call.usage.handle_request(transaction, request, source, now);
                }
                self.run_call(id, now);
            }
            None => self.receive_beside_calls(transaction, request, source, now),
        }
    }

    fn receive_call(&mut self, transaction: TransactionId, invite: Arc<Request>, source: Source, now: Instant) {
        let named = match self.named_by(&invite) {
            Ok(named) => named,
            Err(status) => return self.refuse(transaction, status, now),
        };
        let id = self.calls.next_id();
        let local_tag = self.rng.token();
        let call_id = invite.headers.call_id().unwrap_or_default();
        self.transactions.set_owner(transaction, Owner::Invited(id));
        let context = self.context(id);
        match InviteUsage::incoming(context, transaction, Arriving { invite, source, named }, &local_tag) {
            Ok(usage) => {
                self.calls.insert(id, DialogKey { call_id, local_tag }, usage);
                if let Some(call) = self.calls.get_mut(id) {
                    call.invited = Some(transaction);
                }
                self.run_call(id, now);
            }
            Err(response) => self.respond(transaction, *response, now),
        }
    }

    pub(super) fn tell_request(&mut self, transaction: TransactionId, message: Arc<Request>, source: Source) {
        let request = RequestId::of_incoming(transaction);
        self.output.push_back(Output::Event(Event::Request { request, call: None, message, source }));
    }

    fn open_server(&mut self, key: ServerKey, request: &Arc<Request>, source: Source, now: Instant) -> TransactionId {
        let path = return_path(request, source, self.settings.reply_port(&source));
        self.transactions.open_server(key, request.clone(), source, path, now)
    }

    /// A final response that needs no user.
    pub(super) fn refuse(&mut self, transaction: TransactionId, refusal: impl Into<Refusal>, now: Instant) {
        let refusal = refusal.into();
        let Some((request, _)) = self.transactions.request(transaction) else { return };
        let mut response = request.response(refusal.status, Some(&self.rng.token()));
        if let Some(header) = refusal.header() {
            response.headers.set(header);
        }
        self.respond(transaction, response, now);
    }
}
