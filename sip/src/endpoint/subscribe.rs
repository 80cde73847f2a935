//! SUBSCRIBE, and the subscription that a REFER implies, on their way through the endpoint: RFC 6665 §4.2, RFC 3515.

use std::sync::Arc;
use std::time::Instant;

use crate::dialog::Dialog;
use crate::endpoint::calls::DialogKey;
use crate::endpoint::transactions::Owner;
use crate::endpoint::{ContactTemplate, Endpoint, Event, Output, RequestId, SubscriptionId};
use crate::message::{Header, HeaderName, Method, Request, StatusCode};
use crate::net_types::Source;
use crate::transaction::TransactionId;
use crate::usage::{Delivery, NewSubscription, Notifier, NotifierAct, Subscriber, asked, put_body};

impl Endpoint {
    /// The 2xx, and the subscription with it. A request that makes no dialog (no Contact) gets 400, one whose dialog
    /// has ended meanwhile 481.
    pub(super) fn accept_subscription(
        &mut self,
        id: RequestId,
        status: StatusCode,
        contact: &ContactTemplate,
        headers: Vec<Header>,
        now: Instant,
    ) {
        let Some(transaction) = id.transaction() else { return };
        let Some((request, source)) = self.transactions.request(transaction) else { return };
        if let Err(status) = self.try_accept(id.subscription(), &request, source, contact, now) {
            self.refuse(transaction, status, now);
            return self.output.push_back(Output::Event(Event::Unsubscribed { subscription: id.subscription() }));
        }
        let Some(dialog) = self.subscriptions.dialog_of(id.subscription(), &mut self.calls) else { return };
        let local_tag = dialog.local_tag().to_owned();
        let contact = contact.open(dialog.is_secure());
        let mut response = request.response(status, Some(&local_tag));
        response.headers.push(Header::new(HeaderName::Contact, contact));
        if let (Method::Subscribe, Ok(asked)) = (&request.method, asked(&request, &self.settings.packages)) {
            response.headers.push(Header::new(HeaderName::Expires, asked.expires.to_string()));
        }
        headers.into_iter().for_each(|header| response.headers.push(header));
        self.respond(transaction, response, now);
        self.run_subscription(id.subscription(), now);
    }

    fn try_accept(
        &mut self,
        id: SubscriptionId,
        request: &Request,
        source: Source,
        contact: &ContactTemplate,
        now: Instant,
    ) -> Result<(), StatusCode> {
        if self.subscriptions.len() >= self.settings.max_subscriptions {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let mut asked = asked(request, &self.settings.packages).map_err(|refusal| refusal.status)?;
        let within = request.headers.to().is_ok_and(|to| to.tag().is_some());
        let (key, own) = if within {
            let key = DialogKey::of_incoming(&request.headers).ok_or(StatusCode::BAD_REQUEST)?;
            let known = self.subscriptions.dialog(&key, &mut self.calls).is_some();
            (key, if known { Ok(None) } else { Err(StatusCode::CALL_DOES_NOT_EXIST) })
        } else {
            let local_tag = self.rng.token();
            let own = Dialog::of_uas(request, &local_tag, source).map(Some).map_err(|_| StatusCode::BAD_REQUEST);
            let call_id = request.headers.call_id().map_err(|_| StatusCode::BAD_REQUEST)?;
            (DialogKey { call_id, local_tag }, own)
        };
        let own = own?;
        let secure = own.as_ref().is_some_and(Dialog::is_secure);
        if request.method == Method::Refer && !self.subscriptions.is_first_refer(&key) {
            asked.id = request.headers.cseq().ok().map(|cseq| cseq.number.to_string());
        }
        let subscriber = Subscriber { asked, contact: contact.open(secure) };
        self.subscriptions.insert(id, key, own, Notifier::new(id, subscriber, now));
        Ok(())
    }

    /// A SUBSCRIBE within a dialog that refreshes or ends a subscription of it. False: it is for none.
    pub(super) fn resubscribe(
        &mut self,
        transaction: TransactionId,
        request: &Request,
        key: Option<&DialogKey>,
        source: Source,
        now: Instant,
    ) -> bool {
        let Ok(asked) = asked(request, &self.settings.packages) else { return false };
        let Some((key, id)) = key.and_then(|key| Some((key, self.subscriptions.find(key, &asked)?))) else {
            return false;
        };
        if let Err(status) = self.enter_dialog(key, request) {
            self.refuse(transaction, status, now);
            return true;
        }
        let Some(dialog) = self.subscriptions.dialog(key, &mut self.calls) else { return false };
        dialog.refresh_target(&request.headers, source);
        let mut ok = request.response(StatusCode::OK, None);
        ok.headers.push(Header::new(HeaderName::Expires, asked.expires.to_string()));
        let contact = self.subscriptions.get_mut(id).map(|notifier| notifier.contact().to_owned());
        contact.into_iter().for_each(|contact| ok.headers.push(Header::new(HeaderName::Contact, contact)));
        self.respond(transaction, ok, now);
        self.with_subscription(id, now, |notifier| notifier.refresh(&asked, now));
        true
    }

    /// A request in a dialog that no call has: one of subscriptions alone, or none at all.
    pub(super) fn receive_beside_calls(
        &mut self,
        transaction: TransactionId,
        request: Arc<Request>,
        source: Source,
        now: Instant,
    ) {
        let entered = DialogKey::of_incoming(&request.headers)
            .ok_or(StatusCode::CALL_DOES_NOT_EXIST)
            .and_then(|key| self.enter_dialog(&key, &request));
        match (entered, &request.method) {
            (Err(status), _) => self.refuse(transaction, status, now),
            (Ok(()), Method::Subscribe) if self.is_refer_only(&request) => {
                self.refuse(transaction, StatusCode::FORBIDDEN, now);
            }
            (Ok(()), Method::Subscribe | Method::Refer) => self.tell_request(transaction, request, source),
            (Ok(()), Method::Options) => self.refuse(transaction, StatusCode::OK, now),
            (Ok(()), _) => self.refuse(transaction, StatusCode::CALL_DOES_NOT_EXIST, now),
        }
    }

    /// Asks for a subscription that only a REFER makes.
    pub(super) fn is_refer_only(&self, subscribe: &Request) -> bool {
        asked(subscribe, &self.settings.packages).is_ok_and(|asked| asked.package.opened_by == NewSubscription::ByRefer)
    }

    pub(super) fn with_subscription(&mut self, id: SubscriptionId, now: Instant, input: impl FnOnce(&mut Notifier)) {
        if let Some(notifier) = self.subscriptions.get_mut(id) {
            input(notifier);
            self.run_subscription(id, now);
        }
    }

    /// Does everything that a subscription wants done.
    fn run_subscription(&mut self, id: SubscriptionId, now: Instant) {
        while let Some(act) = self.subscriptions.poll_act(id) {
            match act {
                NotifierAct::Tell(event) => self.output.push_back(Output::Event(event)),
                NotifierAct::Notify { headers, body } => {
                    let sent = self.subscriptions.dialog_of(id, &mut self.calls).map(|dialog| {
                        let mut notify = dialog.request(Method::Notify);
                        headers.into_iter().for_each(|header| notify.headers.push(header));
                        if let Some(body) = &body {
                            put_body(&mut notify.headers, &mut notify.body, body);
                        }
                        (notify, dialog.next_hops())
                    });
                    let sent =
                        sent.and_then(|(notify, hops)| self.send_request(Owner::Subscription(id), notify, hops, now));
                    if let (None, Some(notifier)) = (sent, self.subscriptions.get_mut(id)) {
                        notifier.handle_delivery(Delivery::Gone, now);
                    }
                }
            }
        }
        self.subscriptions.settle(id, &self.calls);
    }

    /// §12.2.2: the request is of this dialog's peer, and in order.
    fn enter_dialog(&mut self, key: &DialogKey, request: &Request) -> Result<(), StatusCode> {
        let dialog = self.subscriptions.dialog(key, &mut self.calls).ok_or(StatusCode::CALL_DOES_NOT_EXIST)?;
        let from = request.headers.from().map_err(|_| StatusCode::BAD_REQUEST)?;
        if !dialog.is_with(from.tag()) {
            return Err(StatusCode::CALL_DOES_NOT_EXIST);
        }
        dialog.check_order(request)
    }
}
