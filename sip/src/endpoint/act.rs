//! Doing what the user commands and what the calls want, and telling what came of it.

use std::borrow::Cow;
use std::time::Instant;

use crate::endpoint::calls::{DialogKey, Left};
use crate::endpoint::transactions::{Owner, Upward};
use crate::endpoint::{
    CallId, Command, Ending, Endpoint, Event, OutgoingInvite, OutgoingRequest, Output, RequestId, SendId, complete,
    open_via,
};
use crate::message::{Header, HeaderName, Message, Method, Request, Response, StatusCode};
use crate::net_types::{Destination, Source};
use crate::transaction::{Failure, TransactionId};
use crate::usage::{Act, CallContext, Delivery, InviteUsage, Purpose, delivery_of, first_hops, put_body, request_of};

impl Endpoint {
    pub(super) fn obey(&mut self, command: Command, now: Instant) {
        match command {
            Command::Invite { call, invite } => self.call(call, *invite, now),
            Command::Ring { call, status, body } => self.with_call(call, now, |usage| usage.ring(status, body, now)),
            Command::Accept { call, body, headers } => {
                self.with_call(call, now, |usage| usage.accept(body, headers, now));
            }
            Command::Reject { call, status, headers } => {
                self.with_call(call, now, |usage| usage.reject(status, headers));
            }
            Command::Hangup { call, headers } => self.with_call(call, now, |usage| usage.hangup(headers, now)),
            Command::Reoffer { call, offer } => self.with_call(call, now, |usage| usage.reoffer(offer, now)),
            Command::AnswerOffer { call, answer } => {
                self.with_call(call, now, |usage| usage.answer_offer(answer, now));
            }
            Command::NameContact { call, contact } => {
                self.with_call(call, now, |usage| usage.name_contact(&contact.header()));
            }
            Command::Belongs { call, account } => {
                if let Some(call) = self.calls.get_mut(call) {
                    call.account = Some(account);
                }
            }
            Command::FlowMoved { account, from, to } => self.moved.insert(&account, from, to),
            Command::RequestInCall { call, request, outgoing } => self.request_in_call(call, request, *outgoing, now),
            Command::Refer { call, request, refer } => self.refer(call, request, &refer, now),
            Command::Request { request, outgoing } => self.request(request, *outgoing, now),
            Command::Respond { request, status, headers, body } => {
                self.respond_to_request(request, status, headers, body, now);
            }
            Command::AcceptSubscription { request, status, contact, headers } => {
                self.accept_subscription(request, status, &contact, headers, now);
            }
            Command::Notify { subscription, state, body } => {
                self.with_subscription(subscription, now, |notifier| notifier.notify(state, body, now));
            }
        }
    }

    /// Brings to its end what an input has set in motion. `source`: whence the input came.
    pub(super) fn settle(&mut self, source: Option<Source>, now: Instant) {
        while let Some(upward) = self.transactions.poll_output() {
            match upward {
                Upward::Send { id, destination, message } => {
                    self.output.push_back(Output::Send { id, destination, message });
                }
                Upward::Response { owner, response } => self.deliver(owner, response, source, now),
                Upward::Failed { owner: Owner::Call(call, purpose), failure } => {
                    self.with_call(call, now, |usage| usage.handle_failure(&purpose, failure, now));
                }
                Upward::Failed { owner: Owner::User(request), failure } => self.tell_failure(request, failure, now),
                Upward::Failed { owner: Owner::Subscription(id), .. } => {
                    self.with_subscription(id, now, |notifier| notifier.handle_delivery(Delivery::Gone, now));
                }
                Upward::Closed { owner: Owner::Call(call, _) } => {
                    self.with_call(call, now, InviteUsage::handle_closed);
                }
                Upward::Failed { .. } | Upward::Closed { .. } => {}
            }
        }
    }

    /// Does everything that a call wants done.
    pub(super) fn run_call(&mut self, id: CallId, now: Instant) {
        while let Some(act) = self.calls.poll_act(id) {
            match act {
                Act::Request { purpose, request, destinations } => {
                    self.send_for_call(id, purpose, request, destinations, now);
                }
                Act::Abandon => {
                    if let Some(invite) = self.calls.get_mut(id).and_then(|call| call.invite) {
                        self.transactions.forget(invite);
                    }
                }
                Act::Cancel { headers } => self.cancel_for_call(id, headers, now),
                Act::Respond { transaction, response } => self.respond(transaction, response, now),
                Act::Ack { ack, destination } => {
                    let send = SendId(self.transactions.fresh_id().0);
                    let destination = destination.map(|destination| self.where_now(id, destination));
                    self.output.extend(destination.map(|destination| Output::Send {
                        id: send,
                        destination,
                        message: Message::Request(ack),
                    }));
                }
                Act::Tell(event) => self.tell(event, now),
            }
        }
        let Some(Left { key, dialog, invited }) = self.calls.settle(id) else { return };
        if let Some(invited) = invited {
            self.transactions.drop_request(invited);
        }
        if let Some(dialog) = dialog {
            self.ended.insert(key.clone(), &dialog, now);
            self.subscriptions.inherit(key, dialog);
        }
    }

    pub(super) fn context(&mut self, call: CallId) -> CallContext {
        let (timing, session_timers) = (self.settings.timing, self.settings.session_timers);
        CallContext { call, timing, rng: self.rng.split(), session_timers }
    }

    /// Answers a server transaction, with all that a response of ours says.
    pub(super) fn respond(&mut self, transaction: TransactionId, mut response: Response, now: Instant) {
        let Some((request, source)) = self.transactions.request(transaction) else { return };
        if response.status.is_challenge() {
            // §8.2.7: asked again, we challenge again, and by the same tag.
            let tag = self.stateless_tag(&request);
            let to = request.response(response.status, Some(&tag)).headers.get(&HeaderName::To).map(Cow::into_owned);
            to.into_iter().for_each(|to| response.headers.set(Header::new(HeaderName::To, to)));
        }
        self.identity.write_response(&request, &mut response);
        let mut message = Message::Response(response);
        complete(&mut message, source.transport, &self.settings.sent_by(source.transport, source.local));
        if let Message::Response(response) = message {
            self.transactions.respond(transaction, response, now);
        }
    }

    fn with_call(&mut self, id: CallId, now: Instant, input: impl FnOnce(&mut InviteUsage)) {
        if let Some(call) = self.calls.get_mut(id) {
            input(&mut call.usage);
            self.run_call(id, now);
        }
    }

    fn call(&mut self, id: CallId, outgoing: OutgoingInvite, now: Instant) {
        let usage = InviteUsage::outgoing(self.context(id), outgoing, now);
        if let Some(dialog) = usage.invite().and_then(|invite| DialogKey::of_outgoing(&invite.headers)) {
            self.calls.insert(id, dialog, usage);
            self.run_call(id, now);
        } else {
            let why = Ending::Refused { status: StatusCode::BAD_REQUEST, response: None };
            self.output.push_back(Output::Event(Event::Ended { call: id, why }));
        }
    }

    fn send_for_call(
        &mut self,
        id: CallId,
        purpose: Purpose,
        request: Request,
        destinations: Vec<Destination>,
        now: Instant,
    ) {
        let is_invite = matches!(purpose, Purpose::Invite | Purpose::Reoffer);
        let owner = Owner::Call(id, purpose.clone());
        let destinations = destinations.into_iter().map(|destination| self.where_now(id, destination)).collect();
        let transaction = self.send_request(owner, request, destinations, now);
        let Some(call) = self.calls.get_mut(id) else { return };
        match transaction {
            Some(transaction) if is_invite => call.invite = Some(transaction),
            Some(_) => {}
            None => {
                call.usage.handle_failure(&purpose, Failure::Transport, now);
                call.usage.handle_closed();
            }
        }
    }

    /// A phone that registered anew is at the end of another flow.
    fn where_now(&self, call: CallId, destination: Destination) -> Destination {
        match self.calls.get(call).and_then(|call| call.account.as_deref()) {
            Some(account) => self.moved.follow(account, destination),
            None => destination,
        }
    }

    fn cancel_for_call(&mut self, id: CallId, headers: Vec<Header>, now: Instant) {
        let invite = self.calls.get_mut(id).and_then(|call| call.invite);
        let owner = Owner::Call(id, Purpose::Cancel);
        let cancelled = invite.is_some_and(|invite| self.transactions.cancel(invite, headers, owner, now));
        if let (false, Some(call)) = (cancelled, self.calls.get_mut(id)) {
            call.usage.handle_closed();
        }
    }

    pub(super) fn send_request(
        &mut self,
        owner: Owner,
        mut request: Request,
        destinations: Vec<Destination>,
        now: Instant,
    ) -> Option<TransactionId> {
        self.identity.write_request(&mut request);
        request.headers.push_front(open_via(&self.rng.token()));
        self.transactions.open_client(owner, request, destinations, now)
    }

    pub(super) fn request_in_call(
        &mut self,
        call: CallId,
        request: RequestId,
        outgoing: OutgoingRequest,
        now: Instant,
    ) {
        let sent = match self.calls.get_mut(call) {
            Some(call) if is_users(&outgoing.method) => call.usage.request(request, outgoing),
            _ => false,
        };
        if sent {
            self.run_call(call, now);
        } else {
            let status = StatusCode::CALL_DOES_NOT_EXIST;
            self.tell(Event::Response { request, status, response: None, source: None }, now);
        }
    }

    fn request(&mut self, id: RequestId, outgoing: OutgoingRequest, now: Instant) {
        let destinations =
            first_hops(outgoing.flow, outgoing.route.first().map_or(&outgoing.request_uri, |first| &first.uri));
        let request = request_of(&mut self.rng, &outgoing);
        if self.send_request(Owner::User(id), request, destinations, now).is_none() {
            let status = StatusCode::UNSUPPORTED_URI_SCHEME;
            self.output.push_back(Output::Event(Event::Response { request: id, status, response: None, source: None }));
        }
    }

    fn respond_to_request(
        &mut self,
        id: RequestId,
        status: StatusCode,
        headers: Vec<Header>,
        body: Option<crate::endpoint::Body>,
        now: Instant,
    ) {
        let Some(transaction) = id.transaction() else { return };
        let Some((request, _)) =
            self.transactions.request(transaction).filter(|(request, _)| is_users(&request.method))
        else {
            return;
        };
        let mut response = request.response(status, Some(&self.rng.token()));
        headers.into_iter().for_each(|header| response.headers.push(header));
        if let Some(body) = &body {
            put_body(&mut response.headers, &mut response.body, body);
        }
        self.respond(transaction, response, now);
    }

    fn deliver(&mut self, owner: Owner, response: Response, source: Option<Source>, now: Instant) {
        match (owner, source) {
            (Owner::Call(call, purpose), Some(source)) => {
                self.with_call(call, now, |usage| usage.handle_response(&purpose, response, source, now));
            }
            (Owner::User(request), source) if response.status.is_final() => {
                let status = response.status;
                let response = Some(std::sync::Arc::new(response));
                self.tell(Event::Response { request, status, response, source }, now);
            }
            (Owner::Subscription(id), _) if response.status.is_final() => {
                let delivery = delivery_of(&response);
                self.with_subscription(id, now, |notifier| notifier.handle_delivery(delivery, now));
            }
            (Owner::Call(..) | Owner::User(_) | Owner::Subscription(_) | Owner::Invited(_) | Owner::Nobody, _) => {}
        }
    }

    fn tell_failure(&mut self, request: RequestId, failure: Failure, now: Instant) {
        let status = match failure {
            Failure::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Failure::Transport => StatusCode::SERVICE_UNAVAILABLE,
        };
        self.tell(Event::Response { request, status, response: None, source: None }, now);
    }
}

/// Methods that are the user's to send and to answer; the others are parts of a call.
fn is_users(method: &Method) -> bool {
    use Method::*;
    !matches!(method, Invite | Ack | Cancel | Bye | Prack | Update)
}
