//! The switchboard: events of the SIP endpoint and of the media engine, each to the task of its leg.
//!
//! A line is plugged in before the command that makes its first event is given, and lines are read before events:
//! so no event finds its line missing.

use std::collections::HashMap;

use plenary_media::LegId;
use plenary_media::engine::{MediaEvent, MediaEvents};
use plenary_sip::endpoint::{CallId, Event, RequestId, SubscriptionId};
use plenary_sip::sdp::About;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error};

use super::calls::Calls;
use super::{bell, requests};
use crate::call::arriving::incoming::Incoming;
use crate::call::talking::other::Asked;
use crate::trunk::ToDesk;

/// What a leg's task hears.
#[derive(Debug)]
pub enum LegInput {
    Sip(Event),
    Media(MediaEvent),
    Asked(Asked),
}

pub type Inbox = mpsc::Receiver<LegInput>;

#[derive(Debug)]
pub enum Line {
    Call {
        call: CallId,
        inbox: mpsc::Sender<LegInput>,
    },
    Media {
        leg: LegId,
        inbox: mpsc::Sender<LegInput>,
    },
    MediaClosed {
        leg: LegId,
    },
    Subscription {
        subscription: SubscriptionId,
        inbox: mpsc::Sender<LegInput>,
    },
    /// Whose call is it?
    Find {
        call: CallId,
        reply: oneshot::Sender<Option<mpsc::Sender<LegInput>>>,
    },
    /// A request of ours outside calls, for its one response.
    Request {
        request: RequestId,
        inbox: mpsc::Sender<LegInput>,
    },
}

#[derive(Debug)]
pub struct Switchboard {
    calls: Calls,
    lines: mpsc::UnboundedReceiver<Line>,
    by_call: HashMap<CallId, mpsc::Sender<LegInput>>,
    by_media: HashMap<LegId, mpsc::Sender<LegInput>>,
    by_subscription: HashMap<SubscriptionId, mpsc::Sender<LegInput>>,
    by_request: HashMap<RequestId, mpsc::Sender<LegInput>>,
}

impl Switchboard {
    pub(super) fn new(calls: Calls, lines: mpsc::UnboundedReceiver<Line>) -> Self {
        let (by_call, by_media) = (HashMap::new(), HashMap::new());
        let (by_subscription, by_request) = (HashMap::new(), HashMap::new());
        Self { calls, lines, by_call, by_media, by_subscription, by_request }
    }

    /// Runs until the SIP endpoint is gone.
    pub async fn run(mut self, mut sip: mpsc::Receiver<Event>, media: MediaEvents) {
        let Ok(mut media) = bell::listen(media) else {
            return error!("the media engine's event descriptor cannot be waited for");
        };
        loop {
            tokio::select! {
                biased;
                Some(line) = self.lines.recv() => self.plug(line),
                event = sip.recv() => match event {
                    Some(event) => self.handle_sip(event),
                    None => return,
                },
                ready = media.readable_mut() => if let Ok(mut ready) = ready {
                    ready.clear_ready();
                    ready.get_inner_mut().drain(|event| self.handle_media(event));
                },
            }
        }
    }

    fn plug(&mut self, line: Line) {
        match line {
            Line::Call { call, inbox } => drop(self.by_call.insert(call, inbox)),
            Line::Media { leg, inbox } => drop(self.by_media.insert(leg, inbox)),
            Line::Subscription { subscription, inbox } => drop(self.by_subscription.insert(subscription, inbox)),
            Line::Find { call, reply } => drop(reply.send(self.by_call.get(&call).cloned())),
            Line::Request { request, inbox } => drop(self.by_request.insert(request, inbox)),
            Line::MediaClosed { leg } => drop(self.by_media.remove(&leg)),
        }
    }

    fn handle_sip(&mut self, event: Event) {
        match event {
            Event::Incoming { call, request, source, named } => {
                let (line, inbox) = self.calls.inbox();
                self.by_call.insert(call, line.clone());
                let incoming = Incoming {
                    calls: self.calls.clone(),
                    call,
                    request,
                    source,
                    named,
                    line,
                    inbox,
                    trunk: None,
                    language: None,
                    phone: None,
                    about: About::default(),
                    place: None,
                };
                tokio::spawn(incoming.take());
            }
            Event::Request { request, call: None, message, source } => {
                tokio::spawn(requests::answer(self.calls.clone(), request, message, source));
            }
            Event::Ended { call, why } => {
                if let Some(line) = self.by_call.remove(&call) {
                    deliver(&line, LegInput::Sip(Event::Ended { call, why }));
                }
            }
            Event::Unsubscribed { subscription } => {
                if let Some(line) = self.by_subscription.remove(&subscription) {
                    deliver(&line, LegInput::Sip(Event::Unsubscribed { subscription }));
                }
            }
            Event::Response { request, status, response, source } => match self.by_request.remove(&request) {
                Some(line) => deliver(&line, LegInput::Sip(Event::Response { request, status, response, source })),
                None => self.calls.trunks.heard(ToDesk::Response { request, status, response, source }),
            },
            Event::Resubscribed { subscription } | Event::Notified { subscription, .. } => {
                if let Some(line) = self.by_subscription.get(&subscription) {
                    deliver(line, LegInput::Sip(event));
                }
            }
            event => {
                let line = call_of(&event).and_then(|call| self.by_call.get(&call));
                match line {
                    Some(line) => deliver(line, LegInput::Sip(event)),
                    None => debug!(?event, "event of a call that nobody listens to"),
                }
            }
        }
    }

    fn handle_media(&mut self, event: MediaEvent) {
        let leg = match &event {
            MediaEvent::Speakers { room, speakers } => {
                return self.calls.directory.speakers(*room, speakers.clone());
            }
            MediaEvent::Digit { leg, .. }
            | MediaEvent::Latched { leg, .. }
            | MediaEvent::Silent { leg, .. }
            | MediaEvent::Played { leg }
            | MediaEvent::HandshakeFailed { leg, .. }
            | MediaEvent::KeyUnusable { leg }
            | MediaEvent::Circuit { leg, .. }
            | MediaEvent::Source { leg, .. }
            | MediaEvent::Stats { leg, .. } => *leg,
        };
        if let Some(line) = self.by_media.get(&leg) {
            deliver(line, LegInput::Media(event));
        }
    }
}

fn deliver(line: &mpsc::Sender<LegInput>, input: LegInput) {
    match line.try_send(input) {
        Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
        Err(mpsc::error::TrySendError::Full(LegInput::Media(_))) => {} // a level or a key too many
        Err(mpsc::error::TrySendError::Full(input)) => {
            // Losing the end of a call would leave a ghost: this one waits.
            let line = line.clone();
            tokio::spawn(async move { drop(line.send(input).await) });
        }
    }
}

fn call_of(event: &Event) -> Option<CallId> {
    match event {
        Event::Incoming { call, .. }
        | Event::Progress { call, .. }
        | Event::Established { call, .. }
        | Event::Offered { call, .. }
        | Event::ReofferDone { call, .. }
        | Event::Referred { call, .. }
        | Event::Ended { call, .. } => Some(*call),
        Event::Request { call, .. } => *call,
        Event::Response { .. } | Event::Resubscribed { .. } | Event::Notified { .. } | Event::Unsubscribed { .. } => {
            None
        }
    }
}
