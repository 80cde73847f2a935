//! What a referrer hears: the implicit subscription of his REFER (RFC 3515 §2.4), or nothing (RFC 4488, RFC 7614).

use plenary_sip::endpoint::{
    Command, ContactTemplate, RequestId, SubscriptionId, SubscriptionState, TerminationReason,
};
use plenary_sip::message::{Header, HeaderName, Request, StatusCode};

use crate::call::calls::Calls;
use crate::call::focus_requests::sipfrag;

pub(in crate::call) struct Report {
    calls: Calls,
    subscription: Option<SubscriptionId>,
}

impl Report {
    /// 202, and the first NOTIFY.
    pub fn begin(calls: &Calls, request: RequestId, refer: &Request, contact: ContactTemplate) -> Self {
        let status = StatusCode::ACCEPTED;
        let calls = calls.clone();
        if let Some(headers) = unwanted(refer) {
            let headers = [vec![contact.header()], headers].concat();
            calls.sip(Command::Respond { request, status, headers, body: None });
            return Self { calls, subscription: None };
        }
        calls.sip(Command::AcceptSubscription { request, status, contact, headers: Vec::new() });
        let report = Self { calls, subscription: Some(RequestId::subscription(request)) };
        report.tell(StatusCode::TRYING);
        report
    }

    /// A final status is the last word.
    pub fn tell(&self, status: StatusCode) {
        let Some(subscription) = self.subscription else { return };
        let state = match status.is_final() {
            true => SubscriptionState::Terminated(TerminationReason::NoResource),
            false => SubscriptionState::Active,
        };
        self.calls.sip(Command::Notify { subscription, state, body: Some(sipfrag(status)) });
    }
}

/// The referrer wants no subscription; what the 202 says to that.
fn unwanted(refer: &Request) -> Option<Vec<Header>> {
    let required = refer.headers.option_tags(&HeaderName::Require);
    if required.iter().any(|tag| tag == "nosub") {
        return Some(Vec::new());
    }
    let refer_sub = refer.headers.get(&HeaderName::ReferSub).unwrap_or_default();
    let says_no = refer_sub.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("false");
    says_no.then(|| vec![Header::new(HeaderName::ReferSub, "false")])
}
