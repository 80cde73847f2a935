//! One REFER of ours, and the subscription that it implies, seen from the referrer: RFC 3515 §2.4, RFC 6665 §4.1.
//!
//! ```text
//!            ┌── 2xx with Refer-Sub: false (RFC 4488): nothing more will be heard ───▶ Over
//!   Asked ───┼── 2xx, or a NOTIFY before it ─▶ Watching ──NOTIFY terminated, expiry──▶ Over
//!            └── refused, or no answer ──────────────────────────────────────────────▶ Over
//! ```
//!
//! A NOTIFY may come before the 2xx, and outside the call's dialog it makes the dialog (RFC 6665 §4.4.1). Nothing is
//! refreshed: a phone that needs longer for a call than it grants tells no end of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::endpoint::ReferNews;
use crate::message::{HeaderName, Request, Response, StatusCode, sipfrag_status};

/// What a peer grants longer is not believed.
const LONGEST: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub struct Referral {
    /// The number in the CSeq of our REFER: the id in the Event of its NOTIFYs (§2.4.6).
    cseq: u32,
    /// Of the peer; outside the call's dialog, once a NOTIFY or the 2xx has made one.
    remote_tag: Option<String>,
    last_cseq: Option<u32>,
    phase: Phase,
    /// A final status was told.
    is_settled: bool,
    /// Timer N, 64·T1: for the first NOTIFY, or the next in time.
    patience: Duration,
    news: VecDeque<ReferNews>,
}

#[derive(Debug, PartialEq)]
enum Phase {
    Asked,
    Watching { until: Instant },
    Over,
}

impl Referral {
    /// `remote_tag`: where the REFER goes within a dialog.
    pub fn new(cseq: u32, remote_tag: Option<String>, patience: Duration) -> Self {
        let (last_cseq, news) = (None, VecDeque::new());
        Self { cseq, remote_tag, last_cseq, phase: Phase::Asked, is_settled: false, patience, news }
    }

    /// The final response to our REFER.
    pub fn handle_response(&mut self, response: &Response, now: Instant) {
        if !response.status.is_success() {
            return self.handle_refusal(response.status);
        }
        let is_unwatched = response.headers.get(&HeaderName::ReferSub).is_some_and(|value| {
            value.split(';').next().is_some_and(|value| value.trim().eq_ignore_ascii_case("false"))
        });
        if is_unwatched && self.phase == Phase::Asked {
            self.end(ReferNews::Unwatched);
        } else if self.phase == Phase::Asked {
            self.enters(response.headers.to().ok().and_then(|to| to.tag().map(str::to_owned)));
            self.phase = Phase::Watching { until: now + self.patience };
        }
    }

    /// The REFER was refused, or had no answer.
    pub fn handle_refusal(&mut self, status: StatusCode) {
        // A NOTIFY of it says that it was accepted, whatever became of the response.
        if self.phase == Phase::Asked {
            self.end(ReferNews::Refused(status));
        }
    }

    /// Whether a NOTIFY with this Event and From tag is for us.
    pub fn is_for(&self, notify: &Request) -> bool {
        let Ok(Some(event)) = notify.headers.parameterized(&HeaderName::Event) else { return false };
        let from = notify.headers.from().ok().and_then(|from| from.tag().map(str::to_owned));
        event.value.eq_ignore_ascii_case("refer")
            && event.params.value("id").is_none_or(|id| id.parse() == Ok(self.cseq))
            && (self.remote_tag.is_none() || self.remote_tag == from)
    }

    /// A NOTIFY that is for us, and how it is answered: §4.1.3.
    pub fn handle_notify(&mut self, notify: &Request, now: Instant) -> StatusCode {
        let headers = &notify.headers;
        let (Ok(from), Ok(cseq), Ok(Some(state))) =
            (headers.from(), headers.cseq(), headers.parameterized(&HeaderName::SubscriptionState))
        else {
            return StatusCode::BAD_REQUEST;
        };
        if self.phase == Phase::Over {
            return StatusCode::CALL_DOES_NOT_EXIST;
        }
        if self.last_cseq.is_some_and(|last| cseq.number <= last) {
            return StatusCode::SERVER_INTERNAL_ERROR;
        }
        let said = match sipfrag_status(&notify.body) {
            None if !notify.body.is_empty() => return StatusCode::BAD_REQUEST,
            said => said,
        };
        self.enters(from.tag().map(str::to_owned));
        self.last_cseq = Some(cseq.number);
        match said {
            Some(_) if self.is_settled => {}
            Some(status) if status.is_provisional() => self.news.push_back(ReferNews::Progress(status)),
            Some(status) => {
                self.is_settled = true;
                self.news.push_back(ReferNews::Settled(status));
            }
            None => {}
        }
        if state.value.eq_ignore_ascii_case("terminated") {
            self.end(ReferNews::Lost);
        } else {
            let granted = state.params.value("expires").and_then(|seconds| seconds.parse().ok());
            let granted =
                granted.map_or(self.patience, Duration::from_secs).clamp(self.patience, LONGEST.max(self.patience));
            self.phase = Phase::Watching { until: now + granted };
        }
        StatusCode::OK
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|until| until <= now) {
            self.end(ReferNews::Lost);
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Watching { until } => Some(until),
            Phase::Asked | Phase::Over => None,
        }
    }

    pub fn poll_news(&mut self) -> Option<ReferNews> {
        self.news.pop_front()
    }

    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// The dialog that this one of several forks has made; the others' are none of ours.
    fn enters(&mut self, remote_tag: Option<String>) {
        self.remote_tag = self.remote_tag.take().or(remote_tag);
    }

    /// `news`, unless the end is known already.
    fn end(&mut self, news: ReferNews) {
        self.phase = Phase::Over;
        if !std::mem::replace(&mut self.is_settled, true) {
            self.news.push_back(news);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::testing::invite;
    use crate::message::{Header, Method};

    const N: Duration = Duration::from_secs(32);

    fn referral() -> Referral {
        Referral::new(7, None, N)
    }

    fn response(code: u16, refer_sub: Option<&str>) -> Response {
        let mut response = invite().response(StatusCode::new(code).expect("a status"), Some("theirs"));
        if let Some(value) = refer_sub {
            response.headers.push(Header::new(HeaderName::ReferSub, value));
        }
        response
    }

    fn notify(tag: &str, cseq: u32, event: &str, state: &str, body: &str) -> Request {
        let mut notify = invite();
        notify.method = Method::Notify;
        notify.headers.set(Header::new(HeaderName::From, format!("<sip:bob@b.example>;tag={tag}")));
        notify.headers.set(Header::new(HeaderName::CSeq, format!("{cseq} NOTIFY")));
        notify.headers.push(Header::new(HeaderName::Event, event));
        notify.headers.push(Header::new(HeaderName::SubscriptionState, state));
        notify.body = body.to_owned().into();
        notify
    }

    fn news(referral: &mut Referral) -> Vec<ReferNews> {
        std::iter::from_fn(|| referral.poll_news()).collect()
    }

    fn code(code: u16) -> StatusCode {
        StatusCode::new(code).expect("a status")
    }

    /// RFC 6665 §4.1.2.4, §4.4.1.
    #[test]
    fn a_notify_before_the_2xx_makes_the_dialog_and_other_forks_are_none_of_ours() {
        let (mut referral, now) = (referral(), Instant::now());
        let first = notify("b", 1, "refer", "active;expires=60", "SIP/2.0 100 Trying\r\n");
        assert!(referral.is_for(&first));
        assert_eq!(referral.handle_notify(&first, now), StatusCode::OK);
        assert!(!referral.is_for(&notify("c", 1, "refer", "active", "")));
        referral.handle_response(&response(202, None), now);
        let last = notify("b", 2, "refer;id=7", "terminated;reason=noresource", "SIP/2.0 200 OK\r\n");
        assert!(referral.is_for(&last));
        assert_eq!(referral.handle_notify(&last, now), StatusCode::OK);
        assert_eq!(news(&mut referral), [ReferNews::Progress(code(100)), ReferNews::Settled(code(200))]);
        assert!(referral.is_over());
    }

    #[test]
    fn a_refusal_is_told_once_and_not_after_a_notify() {
        let now = Instant::now();
        let mut refused = referral();
        refused.handle_response(&response(603, None), now);
        refused.handle_refusal(code(408));
        assert_eq!(news(&mut refused), [ReferNews::Refused(code(603))]);
        let mut notified = referral();
        notified.handle_notify(&notify("b", 1, "refer", "active", ""), now);
        notified.handle_refusal(code(408));
        assert!(!notified.is_over() && news(&mut notified).is_empty());
    }

    /// RFC 4488 §4.
    #[test]
    fn without_subscription_it_is_over_with_the_2xx() {
        let mut referral = referral();
        referral.handle_response(&response(202, Some("False ;x=1")), Instant::now());
        assert_eq!(news(&mut referral), [ReferNews::Unwatched]);
        assert!(referral.is_over());
    }

    #[test]
    fn who_says_no_more_is_not_waited_for_without_end() {
        let (mut referral, now) = (referral(), Instant::now());
        referral.handle_response(&response(202, None), now);
        assert_eq!(referral.poll_timeout(), Some(now + N), "Timer N");
        referral.handle_notify(&notify("theirs", 1, "refer", "active;expires=99999", "SIP/2.0 180 Ringing"), now);
        assert_eq!(referral.poll_timeout(), Some(now + LONGEST));
        referral.handle_timeout(now + LONGEST);
        assert_eq!(news(&mut referral), [ReferNews::Progress(code(180)), ReferNews::Lost]);
    }

    #[test]
    fn a_final_status_stands_whatever_ends_the_subscription() {
        let (mut referral, now) = (referral(), Instant::now());
        referral.handle_notify(&notify("b", 1, "refer", "active", "SIP/2.0 486 Busy Here\r\n"), now);
        referral.handle_notify(&notify("b", 2, "refer", "active", "SIP/2.0 200 OK\r\n"), now);
        referral.handle_timeout(now + LONGEST);
        assert_eq!(news(&mut referral), [ReferNews::Settled(code(486))]);
    }

    #[test]
    fn what_is_wrong_with_a_notify_is_said_and_changes_nothing() {
        let (mut referral, now) = (referral(), Instant::now());
        for event in ["refer;id=8", "conference", "presence;id=7"] {
            assert!(!referral.is_for(&notify("b", 1, event, "active", "")), "{event}");
        }
        let mut stateless = notify("b", 1, "refer", "active", "");
        stateless.headers.remove(&HeaderName::SubscriptionState);
        assert_eq!(referral.handle_notify(&stateless, now), StatusCode::BAD_REQUEST);
        let unreadable = notify("b", 1, "refer", "active", "BYE sip:x SIP/2.0");
        assert_eq!(referral.handle_notify(&unreadable, now), StatusCode::BAD_REQUEST);
        assert!(referral.is_for(&notify("c", 1, "refer", "active", "")), "no dialog yet");
        assert_eq!(referral.handle_notify(&notify("b", 5, "refer", "active", ""), now), StatusCode::OK);
        let old = referral.handle_notify(&notify("b", 5, "refer", "active", ""), now);
        assert_eq!(old, StatusCode::SERVER_INTERNAL_ERROR);
        referral.handle_notify(&notify("b", 6, "refer", "terminated", ""), now);
        assert_eq!(
            referral.handle_notify(&notify("b", 7, "refer", "active", ""), now),
            StatusCode::CALL_DOES_NOT_EXIST
        );
        assert_eq!(news(&mut referral), [ReferNews::Lost]);
    }
}
