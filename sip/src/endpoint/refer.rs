//! REFERs of ours and their NOTIFYs on their way through the endpoint: RFC 3515, RFC 4488, RFC 7647.
//!
//! A REFER goes within the call's dialog and asks for no subscription (`Refer-Sub: false`); a peer that makes one all the
//! same is listened to. Where the peer has a GRUU and knows Target-Dialog, the REFER goes beside the dialog, as RFC 7647 §4
//! wants it, and the subscription has a dialog of its own.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::endpoint::calls::DialogKey;
use crate::endpoint::timers::Timers;
use crate::endpoint::transactions::Owner;
use crate::endpoint::{
    CallId, ContactTemplate, Endpoint, Event, OutgoingRefer, OutgoingRequest, Output, ReferNews, RequestId,
};
use crate::message::{Header, HeaderName, Method, Request, StatusCode, Uri};
use crate::net_types::Destination;
use crate::transaction::TransactionId;
use crate::usage::Referral;

/// The REFERs of ours that are not over.
#[derive(Debug, Default)]
pub struct Referrals {
    open: BTreeMap<RequestId, Entry>,
    timers: Timers<RequestId>,
}

#[derive(Debug)]
struct Entry {
    /// Whose peer was asked.
    call: CallId,
    /// Where the NOTIFYs come.
    dialog: DialogKey,
    referral: Referral,
}

impl Referrals {
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn find(&self, notify: &Request) -> Option<RequestId> {
        let key = DialogKey::of_incoming(&notify.headers)?;
        let is_for = |entry: &Entry| entry.dialog == key && entry.referral.is_for(notify);
        self.open.iter().find(|(_, entry)| is_for(entry)).map(|(id, _)| *id)
    }
}

impl Endpoint {
    pub(super) fn refer(&mut self, call: CallId, id: RequestId, refer: &OutgoingRefer, now: Instant) {
        let (call_id, tag) = (self.rng.token(), self.rng.token());
        let dialog = self.calls.get_mut(call).and_then(|call| call.usage.dialog_mut());
        if let Some(dialog) = dialog.filter(|dialog| refer.knows_target_dialog && is_gruu(dialog.remote_target())) {
            let (request, hops) = (dialog.beside(Method::Refer, call_id, &tag), dialog.next_hops());
            let secure = dialog.is_secure();
            return self.refer_beside((call, id), request, hops, secure, refer, now);
        }
        let headers = refer.headers().chain([Header::new(HeaderName::ReferSub, "false")]).collect();
        let outgoing = OutgoingRequest {
            method: Method::Refer,
            request_uri: refer.refer_to.uri.clone(),
            from: refer.refer_to.clone(),
            to: refer.refer_to.clone(),
            route: Vec::new(),
            flow: None,
            headers,
            body: None,
        };
        let dialog = self.calls.get_mut(call).and_then(|call| Some((call.dialog.clone(), call.usage.dialog_mut()?)));
        let Some((key, dialog)) = dialog else {
            let news = ReferNews::Refused(StatusCode::CALL_DOES_NOT_EXIST);
            return self.output.push_back(Output::Event(Event::Referred { call, request: id, news }));
        };
        let (cseq, tag) = (dialog.local_cseq() + 1, Some(dialog.remote_tag().to_owned()));
        let referral = Referral::new(cseq, tag, self.settings.timing.patience());
        self.referrals.open.insert(id, Entry { call, dialog: key, referral });
        self.request_in_call(call, id, outgoing, now);
    }

    /// What is told of our requests, but REFERs: those have news of their own.
    pub(super) fn tell(&mut self, event: Event, now: Instant) {
        match &event {
            Event::Response { request, status, response, .. } if self.referrals.open.contains_key(request) => {
                self.with_referral(*request, |referral| match response {
                    Some(response) => referral.handle_response(response, now),
                    None => referral.handle_refusal(*status),
                });
            }
            _ => self.output.push_back(Output::Event(event)),
        }
    }

    /// A NOTIFY in a dialog that is of a REFER of ours, answered. False: it is of none.
    pub(super) fn notified_of_referral(&mut self, transaction: TransactionId, notify: &Request, now: Instant) -> bool {
        let Some(id) = self.referrals.find(notify) else { return false };
        let shared = DialogKey::of_incoming(&notify.headers);
        let shared = shared.and_then(|key| self.subscriptions.dialog(&key, &mut self.calls));
        let mut status = shared.map_or(Ok(()), |dialog| dialog.check_order(notify)).err();
        if status.is_none() {
            self.with_referral(id, |referral| status = Some(referral.handle_notify(notify, now)));
        }
        self.refuse(transaction, status.unwrap_or(StatusCode::CALL_DOES_NOT_EXIST), now);
        true
    }

    pub(super) fn time_out_referrals(&mut self, now: Instant) {
        while let Some(id) = self.referrals.timers.pop_due(now) {
            self.with_referral(id, |referral| referral.handle_timeout(now));
        }
    }

    fn refer_beside(
        &mut self,
        (call, id): (CallId, RequestId),
        mut request: Request,
        hops: Vec<Destination>,
        secure: bool,
        refer: &OutgoingRefer,
        now: Instant,
    ) {
        let contact = ContactTemplate::default().open(secure);
        request.headers.push(Header::new(HeaderName::Contact, contact));
        refer.headers().for_each(|header| request.headers.push(header));
        let Some(key) = DialogKey::of_outgoing(&request.headers) else {
            let news = ReferNews::Refused(StatusCode::SERVER_INTERNAL_ERROR);
            return self.output.push_back(Output::Event(Event::Referred { call, request: id, news }));
        };
        let referral = Referral::new(1, None, self.settings.timing.patience());
        self.referrals.open.insert(id, Entry { call, dialog: key, referral });
        if self.send_request(Owner::User(id), request, hops, now).is_none() {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            self.tell(Event::Response { request: id, status, response: None, source: None }, now);
        }
    }

    fn with_referral(&mut self, id: RequestId, input: impl FnOnce(&mut Referral)) {
        let Some(Entry { call, referral, .. }) = self.referrals.open.get_mut(&id) else { return };
        input(referral);
        while let Some(news) = referral.poll_news() {
            self.output.push_back(Output::Event(Event::Referred { call: *call, request: id, news }));
        }
        self.referrals.timers.set(id, referral.poll_timeout());
        if referral.is_over() {
            self.referrals.open.remove(&id);
        }
    }
}

impl OutgoingRefer {
    fn headers(&self) -> impl Iterator<Item = Header> {
        let by = self.referred_by.iter().map(|by| Header::new(HeaderName::ReferredBy, by.to_string()));
        [Header::new(HeaderName::ReferTo, self.refer_to.to_string())].into_iter().chain(by)
    }
}

/// RFC 5627 §3.1.
fn is_gruu(target: &Uri) -> bool {
    target.as_sip().is_some_and(|uri| uri.has_param("gr"))
}
