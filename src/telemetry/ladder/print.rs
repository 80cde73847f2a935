//! The ladder of a call as text: a lane for each peer and one for us, an arrow a message, then every message in full.

use std::fmt::Write;

use time::OffsetDateTime;
use time::macros::format_description;

use super::recorder::{RecordedCall, RecordedMessage};

/// Columns of a lane.
const LANE: usize = 34;
/// Columns of the time before the lanes.
const TIME: usize = 14;

impl RecordedCall {
    pub fn printed(&self) -> String {
        let mut lanes: Vec<String> = Vec::new();
        for peer in self.ladder.iter().map(peer_of) {
            if !lanes.contains(&peer) {
                lanes.push(peer);
            }
        }
        let mut text = String::new();
        let summary = &self.summary;
        let _ = writeln!(text, "Call-ID: {}\nFrom: {}\nTo: {}\n", summary.call_id, summary.from, summary.to);
        let _ = write!(text, "{:TIME$}", "UTC");
        for name in lanes.iter().map(String::as_str).chain(["Plenary"]) {
            let _ = write!(text, "{name:<LANE$}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        let left_out = summary.messages.saturating_sub(self.ladder.len());
        if left_out > 0 {
            let _ = writeln!(text, "{:TIME$}… {left_out} before these", "");
        }
        for message in &self.ladder {
            let lane = lanes.iter().position(|lane| *lane == peer_of(message)).unwrap_or_default();
            let _ = writeln!(text, "{:TIME$}{}", clock(message.at), arrow(message, lane, lanes.len()));
        }
        for (number, message) in (left_out + 1..).zip(&self.ladder) {
            let (from, to) = match message.sent {
                false => (message.remote, message.local),
                true => (message.local, message.remote),
            };
            let _ = write!(text, "\n── {number} ── {} {} {from} → {to}\n", clock(message.at), message.transport);
            text.push_str(&message.text);
        }
        text
    }
}

fn peer_of(message: &RecordedMessage) -> String {
    format!("{} {}", message.transport, message.remote)
}

/// From the lane of the peer to ours, which is the last, across the lanes between them.
fn arrow(message: &RecordedMessage, lane: usize, ours: usize) -> String {
    let width = (ours - lane) * LANE - 1;
    let label = message.label.chars().take(width - 4).collect::<String>();
    let shaft = match message.sent {
        false => format!("{:-<1$}>", format!("---{label}"), width - 1),
        true => format!("<{:-<1$}", format!("--{label}"), width - 1),
    };
    let before = format!("{:<LANE$}", "|").repeat(lane);
    format!("{before}|{shaft}|")
}

fn clock(at: OffsetDateTime) -> String {
    at.format(format_description!("[hour]:[minute]:[second].[subsecond digits:3]")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use plenary_sip::net::Direction;

    use super::super::recorder::Recorder;
    use super::super::recorder::tests::seen;

    #[test]
    fn the_figure_is_that_of_the_rfcs() {
        let mut recorder = Recorder::default();
        recorder.handle_message(&seen("a", Direction::In, "INVITE sip:7000@b SIP/2.0", 0));
        recorder.handle_message(&seen("a", Direction::Out, "SIP/2.0 200 OK", 12));
        let ladder = recorder.call("a").expect("it").printed();
        let figure = "\
Call-ID: a
From: <sip:a@b>;tag=1
To: <sip:7000@b>

UTC           UDP 192.0.2.9:5060                Plenary
22:13:20.000  |---INVITE----------------------->|
22:13:20.012  |<--200 OK (INVITE)---------------|

── 1 ── 22:13:20.000 UDP 192.0.2.9:5060 → 192.0.2.1:5060
INVITE sip:7000@b SIP/2.0
";
        assert!(ladder.starts_with(figure), "{ladder}");
    }
}
