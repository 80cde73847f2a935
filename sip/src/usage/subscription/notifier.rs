//! One subscription, seen from the notifier: RFC 6665 §4.2.
//!
//! ```text
//!   SUBSCRIBE ─▶ Subscribed ──refresh──▶ Subscribed
//!                    │ Expires: 0           │ expiry: NOTIFY terminated;reason=timeout, without body
//!                    ▼                      │ the user's last word: NOTIFY terminated;reason=…
//!                 Leaving ──the state once more, terminated;reason=timeout──▶ Ending ──answer──▶ Over
//!
//!   any ──NOTIFY answered 481 and the like, or not at all──▶ Over
//! ```
//!
//! One NOTIFY is out at a time; what the user says meanwhile waits its turn.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::delivery::Delivery;
use super::package::Asked;
use crate::endpoint::{Body, Event, SubscriptionId, SubscriptionState, TerminationReason};
use crate::message::{Header, HeaderName, StatusCode};

/// A user that has nothing to say to an unsubscriber: the last NOTIFY goes without body.
const LAST_WORD_WITHIN: Duration = Duration::from_secs(2);

/// After a NOTIFY that was refused: a peer that says 500 at once would be asked again at once.
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);

/// NOTIFYs refused in a row: the peer does not want.
const MOST_REFUSED: u32 = 8;

/// What may wait for a slow peer; then the oldest is dropped.
const MOST_WAITING: usize = 16;

#[derive(Debug)]
pub struct Notifier {
    id: SubscriptionId,
    subscriber: Subscriber,
    phase: Phase,
    delivering: Delivering,
    refused: u32,
    waiting: VecDeque<Notification>,
    output: VecDeque<NotifierAct>,
}

/// What tells one subscription of a dialog from the others, and what all its NOTIFYs say.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub asked: Asked,
    /// Our Contact, its address open.
    pub contact: String,
}

#[derive(Debug)]
enum Phase {
    Subscribed {
        expires_at: Instant,
    },
    /// Unsubscribed, or a fetch: the user has one word left.
    Leaving {
        give_up_at: Instant,
    },
    /// The last NOTIFY waits or is out.
    Ending,
    Over,
}

#[derive(Debug)]
enum Delivering {
    Nothing,
    Out,
    Pausing { status: StatusCode, until: Instant },
}

#[derive(Debug)]
struct Notification {
    state: SubscriptionState,
    body: Option<Body>,
}

/// What the notifier wants done.
#[derive(Debug)]
pub enum NotifierAct {
    /// Send a NOTIFY in the dialog.
    Notify {
        headers: Vec<Header>,
        body: Option<Body>,
    },
    Tell(Event),
}

impl Notifier {
    pub fn new(id: SubscriptionId, subscriber: Subscriber, now: Instant) -> Self {
        let phase = phase_of(&subscriber.asked, now);
        let (delivering, waiting, output) = (Delivering::Nothing, VecDeque::new(), VecDeque::new());
        Self { id, subscriber, phase, delivering, refused: 0, waiting, output }
    }

    /// Our Contact, its address open.
    pub fn contact(&self) -> &str {
        &self.subscriber.contact
    }

    /// Whether a SUBSCRIBE in the dialog is for this subscription: §4.1.2.2.
    pub fn is_for(&self, asked: &Asked) -> bool {
        let own = &self.subscriber.asked;
        own.package.name == asked.package.name && own.id == asked.id && self.is_open()
    }

    /// The SUBSCRIBE was answered with this. The state is due in full: §4.2.1.
    pub fn refresh(&mut self, asked: &Asked, now: Instant) {
        self.phase = phase_of(asked, now);
        self.tell(Event::Resubscribed { subscription: self.id });
    }

    pub fn notify(&mut self, state: SubscriptionState, body: Option<Body>, now: Instant) {
        if !self.is_open() {
            return;
        }
        if self.waiting.len() == MOST_WAITING {
            self.waiting.pop_front();
        }
        let last = matches!(state, SubscriptionState::Terminated(_)) || matches!(self.phase, Phase::Leaving { .. });
        let state = match state {
            SubscriptionState::Terminated(_) => state,
            _ if last => SubscriptionState::Terminated(TerminationReason::Timeout),
            _ => state,
        };
        self.waiting.push_back(Notification { state, body });
        if last {
            self.phase = Phase::Ending;
        }
        self.send_next(now);
    }

    /// The final response to our NOTIFY, or that none came.
    pub fn handle_delivery(&mut self, delivery: Delivery, now: Instant) {
        if !matches!(self.delivering, Delivering::Out) {
            return;
        }
        self.delivering = Delivering::Nothing;
        let last = matches!(self.phase, Phase::Ending) && self.waiting.is_empty();
        match delivery {
            Delivery::Gone => self.end(),
            _ if last => self.end(),
            Delivery::Taken => {
                self.refused = 0;
                self.tell(Event::Notified { subscription: self.id, outcome: Ok(()) });
            }
            Delivery::Refused { .. } if self.refused + 1 >= MOST_REFUSED => self.end(),
            Delivery::Refused { status, pause } => {
                self.refused += 1;
                self.delivering = Delivering::Pausing { status, until: now + pause.max(SHORTEST_PAUSE) };
            }
        }
        self.send_next(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if let Delivering::Pausing { status, until } = self.delivering
            && until <= now
        {
            self.delivering = Delivering::Nothing;
            self.tell(Event::Notified { subscription: self.id, outcome: Err(status) });
        }
        if self.closes_at().is_some_and(|at| at <= now) {
            self.waiting.clear();
            let state = SubscriptionState::Terminated(TerminationReason::Timeout);
            self.waiting.push_back(Notification { state, body: None });
            self.phase = Phase::Ending;
        }
        self.send_next(now);
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let pause = match self.delivering {
            Delivering::Pausing { until, .. } => Some(until),
            Delivering::Nothing | Delivering::Out => None,
        };
        [pause, self.closes_at()].into_iter().flatten().min()
    }

    pub fn poll_output(&mut self) -> Option<NotifierAct> {
        self.output.pop_front()
    }

    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Neither side has ended it.
    fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Subscribed { .. } | Phase::Leaving { .. })
    }

    fn closes_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Subscribed { expires_at: at } | Phase::Leaving { give_up_at: at } => Some(at),
            Phase::Ending | Phase::Over => None,
        }
    }

    fn send_next(&mut self, now: Instant) {
        if !matches!(self.delivering, Delivering::Nothing) || self.is_over() {
            return;
        }
        let Some(Notification { state, body }) = self.waiting.pop_front() else { return };
        let headers = vec![
            Header::new(HeaderName::Contact, self.subscriber.contact.clone()),
            Header::new(HeaderName::Event, self.subscriber.asked.event()),
            Header::new(HeaderName::SubscriptionState, self.state_header(state, now)),
        ];
        self.delivering = Delivering::Out;
        self.output.push_back(NotifierAct::Notify { headers, body });
    }

    /// §4.1.3: how long it still stands, or why it does not.
    fn state_header(&self, state: SubscriptionState, now: Instant) -> String {
        let left = match self.phase {
            Phase::Subscribed { expires_at } => expires_at.saturating_duration_since(now).as_secs(),
            Phase::Leaving { .. } | Phase::Ending | Phase::Over => 0,
        };
        match state {
            SubscriptionState::Active => format!("active;expires={left}"),
            SubscriptionState::Pending => format!("pending;expires={left}"),
            SubscriptionState::Terminated(reason) => format!("terminated;reason={}", reason.as_str()),
        }
    }

    fn end(&mut self) {
        self.phase = Phase::Over;
        self.waiting.clear();
        self.tell(Event::Unsubscribed { subscription: self.id });
    }

    fn tell(&mut self, event: Event) {
        self.output.push_back(NotifierAct::Tell(event));
    }
}

fn phase_of(asked: &Asked, now: Instant) -> Phase {
    match asked.expires {
        0 => Phase::Leaving { give_up_at: now + LAST_WORD_WITHIN },
        seconds => Phase::Subscribed { expires_at: now + Duration::from_secs(seconds.into()) },
    }
}

#[cfg(test)]
mod tests {
    use SubscriptionState::{Active, Terminated};

    use super::super::package::testing::conference;
    use super::*;

    fn subscribed(expires: u32, now: Instant) -> Notifier {
        let asked = Asked { package: conference(), id: None, expires };
        Notifier::new(SubscriptionId(1), Subscriber { asked, contact: "<sip:7@here.invalid>".into() }, now)
    }

    /// What was sent and told since the last look.
    fn said(notifier: &mut Notifier) -> Vec<String> {
        std::iter::from_fn(|| notifier.poll_output())
            .map(|act| match act {
                NotifierAct::Notify { headers, body } => {
                    let state = headers.iter().find(|header| *header.name() == HeaderName::SubscriptionState);
                    let body = body.map(|body| format!(" {}", String::from_utf8_lossy(&body.content)));
                    format!("{}{}", state.expect("a state").value(), body.unwrap_or_default())
                }
                NotifierAct::Tell(Event::Notified { outcome, .. }) => format!("notified {}", outcome.is_ok()),
                NotifierAct::Tell(Event::Resubscribed { .. }) => "resubscribed".into(),
                NotifierAct::Tell(Event::Unsubscribed { .. }) => "over".into(),
                NotifierAct::Tell(event) => panic!("{event:?}"),
            })
            .collect()
    }

    fn body(text: &'static str) -> Option<Body> {
        Some(Body { content_type: "text/plain".into(), content: text.into() })
    }

    #[test]
    fn one_notify_is_out_at_a_time() {
        let now = Instant::now();
        let mut notifier = subscribed(3600, now);
        notifier.notify(Active, body("one"), now);
        notifier.notify(Active, body("two"), now);
        assert_eq!(said(&mut notifier), ["active;expires=3600 one"]);
        notifier.handle_delivery(Delivery::Taken, now + Duration::from_secs(10));
        assert_eq!(said(&mut notifier), ["notified true", "active;expires=3590 two"]);
    }

    #[test]
    fn what_is_never_refreshed_ends_with_a_timeout() {
        let now = Instant::now();
        let mut notifier = subscribed(60, now);
        let end = notifier.poll_timeout().expect("an expiry");
        assert_eq!(end, now + Duration::from_secs(60));
        notifier.handle_timeout(end);
        assert_eq!(said(&mut notifier), ["terminated;reason=timeout"]);
        notifier.notify(Active, body("too late"), end);
        notifier.handle_delivery(Delivery::Taken, end);
        assert_eq!(said(&mut notifier), ["over"]);
        assert!(notifier.is_over());
    }

    /// RFC 6665 §4.4.3.
    #[test]
    fn a_fetch_gets_the_state_once_and_that_is_all() {
        let now = Instant::now();
        let mut notifier = subscribed(0, now);
        notifier.notify(Active, body("the state"), now);
        assert_eq!(said(&mut notifier), ["terminated;reason=timeout the state"]);
        notifier.handle_delivery(Delivery::Taken, now);
        assert_eq!(said(&mut notifier), ["over"]);
    }

    #[test]
    fn an_unsubscriber_is_not_kept_waiting_by_a_silent_user() {
        let now = Instant::now();
        let mut notifier = subscribed(3600, now);
        let mut asked = notifier.subscriber.asked.clone();
        asked.expires = 0;
        notifier.refresh(&asked, now);
        notifier.handle_timeout(notifier.poll_timeout().expect("a deadline"));
        assert_eq!(said(&mut notifier), ["resubscribed", "terminated;reason=timeout"]);
    }

    #[test]
    fn after_a_refusal_the_user_may_speak_again_when_the_pause_is_over() {
        let now = Instant::now();
        let mut notifier = subscribed(3600, now);
        let (status, pause) = (StatusCode::SERVER_INTERNAL_ERROR, Duration::from_secs(30));
        notifier.notify(Active, body("one"), now);
        notifier.handle_delivery(Delivery::Refused { status, pause }, now);
        notifier.notify(Active, body("two"), now);
        assert_eq!(said(&mut notifier), ["active;expires=3600 one"]);
        notifier.handle_timeout(now + pause);
        assert_eq!(said(&mut notifier), ["notified false", "active;expires=3570 two"]);
    }

    #[test]
    fn a_peer_that_knows_nothing_of_it_hears_no_more() {
        let now = Instant::now();
        let mut notifier = subscribed(3600, now);
        notifier.notify(Active, body("one"), now);
        notifier.notify(Active, body("two"), now);
        notifier.handle_delivery(Delivery::Gone, now);
        assert_eq!(said(&mut notifier), ["active;expires=3600 one", "over"]);
    }

    #[test]
    fn the_last_word_waits_for_its_turn_and_nothing_comes_after() {
        let now = Instant::now();
        let mut notifier = subscribed(3600, now);
        notifier.notify(Active, body("one"), now);
        notifier.notify(Terminated(TerminationReason::NoResource), None, now);
        notifier.handle_delivery(Delivery::Taken, now);
        assert_eq!(said(&mut notifier), ["active;expires=3600 one", "notified true", "terminated;reason=noresource"]);
        assert_eq!(notifier.poll_timeout(), None);
    }
}
