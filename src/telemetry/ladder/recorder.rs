//! The recorder: what is kept of which call. Pure; its memory is bounded in calls, messages and octets.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::SystemTime;

use plenary_sip::message::{HeaderName, Limits, Message, Method, StatusCode, parse_datagram};
use plenary_sip::net::{Direction, Seen};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::super::mask::{masked, printable};

const MAX_CALLS: usize = 500;
/// The last ones of one call; those before them are counted only.
const MAX_MESSAGES: usize = 100;
/// Of all calls together.
const MAX_OCTETS: usize = 16 * 1024 * 1024;
/// Of one message; the rest of a longer one is cut off.
const MAX_TEXT: usize = 16 * 1024;

/// A call in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Call)]
pub struct CallSummary {
    /// SIP's Call-ID.
    pub call_id: String,
    #[serde(with = "time::serde::rfc3339")]
    pub begun: OffsetDateTime,
    /// When its last message passed.
    #[serde(with = "time::serde::rfc3339")]
    pub last: OffsetDateTime,
    /// The From of its first INVITE.
    pub from: String,
    /// The To of its first INVITE.
    pub to: String,
    /// The first final response to an INVITE that is no challenge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A BYE passed.
    pub ended: bool,
    /// How many messages passed.
    pub messages: usize,
}

/// A call with its last messages.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordedCall {
    #[serde(flatten)]
    pub summary: CallSummary,
    /// The oldest first.
    #[schema(value_type = Vec<RecordedMessage>)]
    pub ladder: VecDeque<RecordedMessage>,
}

/// One message, its secrets masked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordedMessage {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Whether we sent it.
    pub sent: bool,
    pub transport: String,
    #[schema(value_type = String)]
    pub local: SocketAddr,
    #[schema(value_type = String)]
    pub remote: SocketAddr,
    /// `INVITE (SDP)` or `200 OK (INVITE, SDP)`.
    pub label: String,
    pub text: String,
}

#[derive(Debug, Default)]
pub struct Recorder {
    calls: HashMap<String, RecordedCall>,
    /// By their beginning, the oldest first.
    order: VecDeque<String>,
    octets: usize,
}

impl Recorder {
    /// A call begins with an INVITE; other messages are kept when they belong to one.
    pub fn handle_message(&mut self, seen: &Seen) {
        let Ok(message) = parse_datagram(&seen.octets, &Limits::default()) else { return };
        let Ok(call_id) = message.headers().call_id() else { return };
        if !self.calls.contains_key(&call_id) {
            match &message {
                Message::Request(request) if request.method == Method::Invite => self.begin(&call_id, seen, &message),
                _ => return,
            }
        }
        let Some(call) = self.calls.get_mut(&call_id) else { return };
        call.note(seen.at, &message);
        if call.ladder.len() == MAX_MESSAGES {
            self.octets -= call.ladder.pop_front().map_or(0, |oldest| oldest.octets());
        }
        let recorded = RecordedMessage::of(seen, &message);
        self.octets += recorded.octets();
        call.ladder.push_back(recorded);
        self.make_room();
    }

    /// What all messages take together.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// The newest first.
    pub fn calls(&self) -> Vec<CallSummary> {
        self.order.iter().rev().filter_map(|id| self.calls.get(id)).map(|call| call.summary.clone()).collect()
    }

    pub fn call(&self, call_id: &str) -> Option<&RecordedCall> {
        self.calls.get(call_id)
    }

    fn begin(&mut self, call_id: &str, seen: &Seen, invite: &Message) {
        let value = |name| printable(&invite.headers().get(&name).unwrap_or_default());
        let summary = CallSummary {
            call_id: call_id.to_owned(),
            begun: seen.at.into(),
            last: seen.at.into(),
            from: value(HeaderName::From),
            to: value(HeaderName::To),
            status: None,
            ended: false,
            messages: 0,
        };
        self.order.push_back(call_id.to_owned());
        self.calls.insert(call_id.to_owned(), RecordedCall { summary, ladder: VecDeque::new() });
    }

    fn make_room(&mut self) {
        while self.order.len() > MAX_CALLS || self.octets > MAX_OCTETS {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some(call) = self.calls.remove(&oldest) {
                self.octets -= call.ladder.iter().map(RecordedMessage::octets).sum::<usize>();
            }
        }
    }
}

impl RecordedCall {
    fn note(&mut self, at: SystemTime, message: &Message) {
        let summary = &mut self.summary;
        summary.last = at.into();
        summary.messages += 1;
        match message {
            Message::Request(request) => summary.ended |= request.method == Method::Bye,
            Message::Response(response) => {
                let to_invite = response.headers.cseq().is_ok_and(|cseq| cseq.method == Method::Invite);
                let challenges = [StatusCode::UNAUTHORIZED, StatusCode::PROXY_AUTHENTICATION_REQUIRED];
                if to_invite && response.status.is_final() && !challenges.contains(&response.status) {
                    summary.status.get_or_insert(response.status.as_u16());
                }
            }
        }
    }
}

impl RecordedMessage {
    /// What it takes of the memory.
    fn octets(&self) -> usize {
        size_of::<Self>() + self.transport.len() + self.label.len() + self.text.len()
    }

    fn of(seen: &Seen, message: &Message) -> Self {
        Self {
            at: seen.at.into(),
            sent: seen.direction == Direction::Out,
            transport: seen.transport.to_string(),
            local: seen.local,
            remote: seen.remote,
            label: label(message),
            text: text(&seen.octets),
        }
    }
}

fn text(octets: &[u8]) -> String {
    let masked = masked(octets);
    let kept = masked.get(..MAX_TEXT).unwrap_or(&masked);
    let text = String::from_utf8_lossy(kept);
    let mut shown = text.lines().map(printable).map(|line| line + "\n").collect::<String>();
    if kept.len() < masked.len() {
        shown.push_str("…\n");
    }
    // It is kept for long: not twice what it needs.
    shown.shrink_to_fit();
    shown
}

fn label(message: &Message) -> String {
    let content_type = message.headers().get(&HeaderName::ContentType).unwrap_or_default().to_ascii_lowercase();
    let has_sdp = content_type.contains("application/sdp");
    match message {
        Message::Request(request) if has_sdp => format!("{} (SDP)", request.method),
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => {
            let method = response.headers.cseq().map(|cseq| cseq.method.to_string()).unwrap_or_default();
            let sdp = if has_sdp { ", SDP" } else { "" };
            format!("{} {} ({method}{sdp})", response.status.as_u16(), response.status.default_reason())
        }
    }
}

#[cfg(test)]
pub mod tests {
    use std::time::Duration;

    use plenary_sip::net_types::Transport;

    use super::*;

    pub fn seen(call_id: &str, direction: Direction, start: &str, after_ms: u64) -> Seen {
        let method = if start.contains("BYE") { "BYE" } else { "INVITE" };
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:7000@b>\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:a@b>\r\nContent-Length: 0\r\n\r\n"
        );
        Seen {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + after_ms),
            direction,
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().expect("an address"),
            remote: "192.0.2.9:5060".parse().expect("an address"),
            octets: text.into(),
        }
    }

    #[test]
    fn a_call_is_kept_from_its_invite_to_its_end() {
        let mut recorder = Recorder::default();
        recorder.handle_message(&seen("a", Direction::In, "BYE sip:x SIP/2.0", 0));
        assert!(recorder.calls().is_empty(), "no INVITE, no call");
        recorder.handle_message(&seen("a", Direction::In, "INVITE sip:x SIP/2.0", 0));
        recorder.handle_message(&seen("a", Direction::Out, "SIP/2.0 401 Unauthorized", 5));
        recorder.handle_message(&seen("a", Direction::Out, "SIP/2.0 486 Busy Here", 9));
        recorder.handle_message(&seen("a", Direction::In, "BYE sip:x SIP/2.0", 20));
        let [call] = &recorder.calls()[..] else { panic!("one call") };
        assert_eq!((call.status, call.ended, call.messages), (Some(486), true, 4));
        assert_eq!((call.last - call.begun).whole_milliseconds(), 20);
        let labels: Vec<_> = recorder.call("a").expect("it").ladder.iter().map(|one| one.label.as_str()).collect();
        assert_eq!(labels, ["INVITE", "401 Unauthorized (INVITE)", "486 Busy Here (INVITE)", "BYE"]);
    }

    #[test]
    fn the_oldest_calls_give_way_and_a_chatty_one_is_only_counted() {
        let mut recorder = Recorder::default();
        for number in 0..=MAX_CALLS {
            recorder.handle_message(&seen(&number.to_string(), Direction::In, "INVITE sip:x SIP/2.0", 0));
        }
        assert!(recorder.call("0").is_none() && recorder.call("1").is_some());
        for _ in 0..MAX_MESSAGES * 2 {
            recorder.handle_message(&seen("1", Direction::In, "INVITE sip:x SIP/2.0", 0));
        }
        let call = recorder.call("1").expect("kept");
        assert_eq!((call.ladder.len(), call.summary.messages), (MAX_MESSAGES, MAX_MESSAGES * 2 + 1));
        let kept: usize = recorder.calls.values().flat_map(|call| &call.ladder).map(RecordedMessage::octets).sum();
        assert_eq!(recorder.octets, kept);
    }
}
