//! The owner of the bindings: wishes come in, the store is told, and only then is a REGISTER answered.
//!
//! While the store writes one batch the next one gathers, so many phones share one write to the disk.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plenary_sip::message::Request;
use plenary_sip::net_types::FlowId;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error};

use super::binding::{Binding, Registration, Target};
use super::bindings::{Bindings, Wish};
use super::register::{self, Reply};
use crate::store::{BindingChange, Store};
use crate::telemetry::metrics::{Gauge, Metric, Metrics};

const REGISTRATIONS: Metric<0> = Metric::new("sip_registrations", "Contacts that are registered now.", []);

/// Commands handled before one transaction.
const BATCH: usize = 256;
/// Changes kept for the next try when the store fails.
const MAX_UNSAVED: usize = 100_000;

#[derive(Debug)]
pub(super) enum Command {
    Register { account: String, wish: Box<Wish>, request: Arc<Request>, reply: oneshot::Sender<Reply> },
    Registrations { account: String, reply: oneshot::Sender<Vec<Registration>> },
    Targets { account: String, reply: oneshot::Sender<Vec<Target>> },
    FlowClosed { flow: FlowId },
    Remove { account: String, reply: oneshot::Sender<()> },
}

#[derive(Debug)]
pub(super) struct Owner {
    bindings: Bindings,
    store: Store,
    mailbox: mpsc::Receiver<Command>,
    unsaved: Vec<BindingChange>,
    /// To be sent once all changes so far are on the disk.
    answers: Vec<(oneshot::Sender<Reply>, Reply)>,
    registrations: Arc<Gauge>,
}

impl Owner {
    pub fn new(bindings: Bindings, store: Store, mailbox: mpsc::Receiver<Command>, metrics: &Metrics) -> Self {
        let registrations = metrics.gauge(REGISTRATIONS).with([]);
        Self { bindings, store, mailbox, unsaved: Vec::new(), answers: Vec::new(), registrations }
    }

    /// Ends with the last sender of commands.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            self.save().await;
            tokio::select! {
                received = self.mailbox.recv_many(&mut batch, BATCH) => match received {
                    0 => return,
                    _ => batch.drain(..).for_each(|command| self.handle_command(command, unix_now())),
                },
                () = until(self.bindings.poll_timeout()) => self.bindings.handle_timeout(unix_now()),
            }
        }
    }

    fn handle_command(&mut self, command: Command, now: i64) {
        match command {
            Command::Register { account, wish, request, reply } => {
                let outcome = self.bindings.handle_register(&account, &wish, now);
                debug!(account, ?outcome, contacts = self.bindings.of(&account).len(), "REGISTER");
                let answer = match outcome {
                    Ok(outbound) => register::granted(&request, self.bindings.of(&account), outbound, now),
                    Err(refusal) => register::refused(&refusal),
                };
                self.answers.push((reply, answer));
            }
            Command::Registrations { account, reply } => {
                self.bindings.handle_timeout(now);
                let _ = reply.send(self.bindings.of(&account).iter().map(Binding::registration).collect());
            }
            Command::Targets { account, reply } => {
                self.bindings.handle_timeout(now);
                let _ = reply.send(targets(self.bindings.of(&account)));
            }
            Command::FlowClosed { flow } => self.bindings.handle_flow_closed(flow),
            Command::Remove { account, reply } => {
                self.bindings.handle_removal(&account);
                let _ = reply.send(());
            }
        }
    }

    async fn save(&mut self) {
        self.unsaved.extend(std::iter::from_fn(|| self.bindings.poll_output()));
        self.registrations.set(i64::try_from(self.bindings.len()).unwrap_or(i64::MAX));
        let saved = match self.unsaved.is_empty() {
            true => Ok(()),
            false => self.store.save_bindings(self.unsaved.clone()).await,
        };
        match &saved {
            Ok(()) => self.unsaved.clear(),
            Err(error) => {
                error!(%error, "bindings cannot be saved; phones are told to try again");
                let forgotten = self.unsaved.len().saturating_sub(MAX_UNSAVED);
                self.unsaved.drain(..forgotten);
            }
        }
        for (reply, answer) in mem::take(&mut self.answers) {
            let answer = if saved.is_err() && answer.status.is_success() { Reply::busy() } else { answer };
            let _ = reply.send(answer); // who asked may have given up
        }
    }
}

/// By q, highest first; of one q the newest first.
fn targets(bindings: &[Binding]) -> Vec<Target> {
    let mut ranked: Vec<&Binding> = bindings.iter().rev().collect();
    ranked.sort_by_key(|binding| std::cmp::Reverse(binding.q_thousandths()));
    ranked.into_iter().filter_map(Binding::target).collect()
}

pub(super) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Sleeps to that second of the wall clock, in steps, for the clock may be set meanwhile.
async fn until(due: Option<i64>) {
    match due {
        Some(due) => {
            let wait = u64::try_from(due.saturating_sub(unix_now())).unwrap_or(0);
            tokio::time::sleep(Duration::from_secs(wait.min(60))).await;
        }
        None => std::future::pending().await,
    }
}
