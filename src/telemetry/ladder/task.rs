//! The owner of the recorder: messages come from the tap, questions from the API.

use std::sync::Arc;

use plenary_sip::net::{Seen, Tap, Watch};
use tokio::sync::{mpsc, oneshot};

use super::super::metrics::{Gauge, Metric, Metrics};
use super::recorder::{CallSummary, RecordedCall, Recorder};

const MAILBOX: usize = 64;
/// Messages that may wait to be recorded.
const QUEUE: usize = 1024;

const MISSED: Metric<0> =
    Metric::new("ladder_missed_total", "Messages of calls not recorded since too many waited already.", []);

const KEPT: Metric<0> = Metric::new("ladder_kept_bytes", "Memory of the recorded messages of recent calls.", []);

/// Asks for recorded calls.
#[derive(Clone, Debug)]
pub struct Ladders(mpsc::Sender<Question>);

#[derive(Debug)]
enum Question {
    Calls(oneshot::Sender<Vec<CallSummary>>),
    Call { call_id: String, reply: oneshot::Sender<Option<RecordedCall>> },
}

impl Ladders {
    /// Records what passes the tap that it gives, for as long as somebody may ask.
    pub fn start(metrics: &Metrics) -> (Self, Tap) {
        let (questions, asked) = mpsc::channel(MAILBOX);
        let (tap, seen) = Tap::new(Watch::Calls, QUEUE);
        let of = tap.clone();
        metrics.counter_read(MISSED, move || vec![([], of.missed())]);
        tokio::spawn(run(seen, asked, metrics.gauge(KEPT).with([])));
        (Self(questions), tap)
    }

    /// The newest first.
    pub async fn calls(&self) -> Vec<CallSummary> {
        let (reply, answer) = oneshot::channel();
        let _ = self.0.send(Question::Calls(reply)).await;
        answer.await.unwrap_or_default()
    }

    /// `None`: no such call, or none any more.
    pub async fn call(&self, call_id: &str) -> Option<RecordedCall> {
        let (reply, answer) = oneshot::channel();
        let _ = self.0.send(Question::Call { call_id: call_id.to_owned(), reply }).await;
        answer.await.ok().flatten()
    }
}

async fn run(mut seen: mpsc::Receiver<Seen>, mut questions: mpsc::Receiver<Question>, kept: Arc<Gauge>) {
    let mut recorder = Recorder::default();
    loop {
        tokio::select! {
            // What has passed is recorded before it is asked for.
            biased;
            Some(seen) = seen.recv() => {
                recorder.handle_message(&seen);
                kept.set(i64::try_from(recorder.octets()).unwrap_or(i64::MAX));
                // A whole queue at once would hold up the calls themselves where there is one thread for both.
                tokio::task::yield_now().await;
            }
            question = questions.recv() => match question {
                // Who asked may have given up.
                Some(Question::Calls(reply)) => drop(reply.send(recorder.calls())),
                Some(Question::Call { call_id, reply }) => {
                    drop(reply.send(recorder.call(&call_id).cloned()));
                }
                None => return,
            },
        }
    }
}
