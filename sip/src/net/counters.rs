//! What the net counts: `sip_requests_total{method}`, `sip_responses_total{method,class}`, `sip_refused_total{reason}`.
//!
//! Labels are bounded: unknown methods count together.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::guard::Reason;
use crate::message::{Class, Message, Method};

const METHODS: [Method; 14] = [
    Method::Invite,
    Method::Ack,
    Method::Bye,
    Method::Cancel,
    Method::Register,
    Method::Options,
    Method::Info,
    Method::Prack,
    Method::Update,
    Method::Subscribe,
    Method::Notify,
    Method::Refer,
    Method::Message,
    Method::Publish,
];
const OTHER: usize = METHODS.len();
const CLASSES: usize = 6;

/// Counts since the start; written by the net's tasks, read by whoever exports them.
#[derive(Debug, Default)]
pub struct Counters {
    requests: [AtomicU64; OTHER + 1],
    responses: [[AtomicU64; CLASSES]; OTHER + 1],
    refused: [AtomicU64; Reason::ALL.len()],
    connections: AtomicU64,
    transactions: AtomicU64,
    dialogs: AtomicU64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CounterSnapshot {
    /// Requests received, by method; only those that came at all.
    pub requests: Vec<(String, u64)>,
    /// Responses sent, by method of their request and class (1 to 6).
    pub responses: Vec<(String, u8, u64)>,
    /// Messages, connections and calls that were not served, by reason.
    pub refused: Vec<(Reason, u64)>,
    /// Messages that could not be read.
    pub parse_errors: u64,
    /// Connections open now.
    pub connections: u64,
    /// Transactions open now.
    pub transactions: u64,
    /// Calls and subscriptions that are not over.
    pub dialogs: u64,
}

impl Counters {
    pub fn snapshot(&self) -> CounterSnapshot {
        let name = |place: usize| METHODS.get(place).map_or("OTHER", Method::as_str).to_owned();
        let requests = self.requests.iter().map(|count| count.load(Relaxed)).enumerate();
        let responses = self.responses.iter().enumerate().flat_map(|(place, classes)| {
            (1..).zip(classes).map(move |(class, count)| (place, class, count.load(Relaxed)))
        });
        CounterSnapshot {
            requests: requests.filter(|(_, count)| *count > 0).map(|(place, count)| (name(place), count)).collect(),
            responses: responses
                .filter(|(.., count)| *count > 0)
                .map(|(place, class, count)| (name(place), class, count))
                .collect(),
            refused: Reason::ALL.into_iter().map(|reason| (reason, self.count_of(reason).load(Relaxed))).collect(),
            parse_errors: self.count_of(Reason::Unreadable).load(Relaxed),
            connections: self.connections.load(Relaxed),
            transactions: self.transactions.load(Relaxed),
            dialogs: self.dialogs.load(Relaxed),
        }
    }

    pub(super) fn received(&self, message: &Message) {
        if let Message::Request(request) = message
            && let Some(count) = self.requests.get(place_of(&request.method))
        {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Also for those who refuse further up.
    pub fn refused(&self, reason: Reason) {
        self.count_of(reason).fetch_add(1, Relaxed);
    }

    fn count_of(&self, reason: Reason) -> &AtomicU64 {
        let place = Reason::ALL.iter().position(|known| *known == reason);
        place.and_then(|place| self.refused.get(place)).expect("every reason is among all")
    }

    pub(super) fn sent(&self, message: &Message) {
        let Message::Response(response) = message else { return };
        let place = response.headers.cseq().map_or(OTHER, |cseq| place_of(&cseq.method));
        let class = match response.status.class() {
            Class::Provisional => 0,
            Class::Success => 1,
            Class::Redirect => 2,
            Class::ClientError => 3,
            Class::ServerError => 4,
            Class::GlobalFailure => 5,
        };
        if let Some(count) = self.responses.get(place).and_then(|classes: &[AtomicU64; CLASSES]| classes.get(class)) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// What the endpoint keeps now.
    pub(super) fn keeps(&self, transactions: usize, dialogs: usize) {
        self.transactions.store(transactions as u64, Relaxed);
        self.dialogs.store(dialogs as u64, Relaxed);
    }

    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(super) fn disconnected(&self) {
        self.connections.fetch_sub(1, Relaxed);
    }
}

fn place_of(method: &Method) -> usize {
    METHODS.iter().position(|known| known == method).unwrap_or(OTHER)
}
