//! The owner of the bindings: wishes come in, the store is told, and only then is a REGISTER answered.
//!
//! ```text
//!   REGISTER ─▶ bindings ─▶ gathering ──5 ms──▶ writing (one transaction) ─▶ committed ─▶ 200 to each
//!   lookup ───▶ bindings ─▶ answered at once, whatever is being written
//! ```
//!
//! A 200 means: on the disk. So many phones share one transaction, and while it is written the next gathers.

use std::cmp::Reverse;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plenary_sip::message::{Request, SipUri};
use plenary_sip::net_types::FlowEnd;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{debug, error};

use super::binding::{Binding, Registration, Target};
use super::bindings::{Bindings, Wish};
use super::gruu::GruuError;
use super::moved::MovedFlow;
use super::register::{self, Reply};
use crate::store::{BindingChange, Store, StoreError};
use crate::telemetry::metrics::{Gauge, Metric, Metrics};

const REGISTRATIONS: Metric<0> = Metric::new("sip_registrations", "Contacts that are registered now.", []);

/// Commands taken from the mailbox at once.
const BATCH: usize = 256;
/// How long changes gather before they are written. A commit costs some 0.1 ms of CPU and a wait for the disk however
/// many changes it has; a phone does not notice.
const GATHER: Duration = Duration::from_millis(5);
/// Changes kept for the next try when the store fails.
const MAX_UNSAVED: usize = 100_000;
/// After a failure.
const TRY_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) enum Command {
    Register { account: String, wish: Box<Wish>, request: Arc<Request>, reply: oneshot::Sender<Reply> },
    Registrations { account: String, reply: oneshot::Sender<Vec<Registration>> },
    Targets { account: String, reply: oneshot::Sender<Vec<Target>> },
    Gruu { gruu: SipUri, reply: oneshot::Sender<Option<Result<(String, Target), GruuError>>> },
    FlowEnded { end: FlowEnd },
    Remove { account: String, reply: oneshot::Sender<()> },
}

pub(super) struct Owner {
    bindings: Bindings,
    store: Store,
    mailbox: mpsc::Receiver<Command>,
    gathering: Batch,
    /// When what gathers is written; `None` while there is nothing.
    save_at: Option<Instant>,
    writing: Option<Writing>,
    registrations: Arc<Gauge>,
    /// Who is told of phones that came back by another flow; what he does not take is lost.
    moved: Option<mpsc::Sender<MovedFlow>>,
}

/// Changes, and the answers that wait for them to be on the disk.
#[derive(Debug, Default)]
struct Batch {
    changes: Vec<BindingChange>,
    answers: Vec<(oneshot::Sender<Reply>, Reply)>,
}

struct Writing {
    batch: Arc<Vec<BindingChange>>,
    answers: Vec<(oneshot::Sender<Reply>, Reply)>,
    outcome: Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>,
}

impl Owner {
    pub fn new(
        bindings: Bindings,
        store: Store,
        mailbox: mpsc::Receiver<Command>,
        moved: Option<mpsc::Sender<MovedFlow>>,
        metrics: &Metrics,
    ) -> Self {
        let registrations = metrics.gauge(REGISTRATIONS).with([]);
        let (gathering, save_at, writing) = (Batch::default(), None, None);
        Self { bindings, store, mailbox, gathering, save_at, writing, registrations, moved }
    }

    /// Ends with the last sender of commands, when everything is written.
    pub async fn run(mut self) {
        let mut received = Vec::with_capacity(BATCH);
        loop {
            self.gather();
            tokio::select! {
                count = self.mailbox.recv_many(&mut received, BATCH) => match count {
                    0 => break,
                    _ => received.drain(..).for_each(|command| self.handle_command(command, unix_now())),
                },
                outcome = outcome(&mut self.writing) => self.handle_written(outcome),
                () = at(self.save_at), if self.writing.is_none() => self.write(),
                () = until(self.bindings.poll_timeout()) => self.bindings.handle_timeout(unix_now()),
            }
        }
        if self.writing.is_some() {
            let written = outcome(&mut self.writing).await;
            self.handle_written(written);
        }
        if self.save_at.is_some() {
            self.write();
            let written = outcome(&mut self.writing).await;
            self.handle_written(written);
        }
    }

    /// Takes what the bindings have to tell.
    fn gather(&mut self) {
        self.gathering.changes.extend(std::iter::from_fn(|| self.bindings.poll_output()));
        while let Some(moved) = self.bindings.poll_moved() {
            if let Some(tell) = &self.moved
                && tell.try_send(moved).is_err()
            {
                debug!("a phone came back by another flow, and nobody was told");
            }
        }
        self.registrations.set(i64::try_from(self.bindings.len()).unwrap_or(i64::MAX));
        if self.save_at.is_none() && !self.gathering.is_empty() {
            self.save_at = Some(Instant::now() + GATHER);
        }
    }

    fn write(&mut self) {
        let Batch { changes, answers } = mem::take(&mut self.gathering);
        self.save_at = None;
        let (store, batch) = (self.store.clone(), Arc::new(changes));
        let changes = batch.clone();
        let outcome = Box::pin(async move {
            match changes.is_empty() {
                true => Ok(()), // queries alone
                false => store.save_bindings(changes).await,
            }
        });
        self.writing = Some(Writing { batch, answers, outcome });
    }

    fn handle_written(&mut self, outcome: Result<(), StoreError>) {
        let Some(Writing { batch, answers, .. }) = self.writing.take() else { return };
        if let Err(error) = &outcome {
            error!(%error, "bindings cannot be saved; phones are told to try again");
            // In their order, before what gathered since.
            let mut changes = Arc::unwrap_or_clone(batch);
            changes.append(&mut self.gathering.changes);
            changes.drain(..changes.len().saturating_sub(MAX_UNSAVED));
            self.gathering.changes = changes;
            self.save_at = Some(Instant::now() + TRY_AGAIN);
        }
        for (reply, answer) in answers {
            let answer = if outcome.is_err() && answer.status.is_success() { Reply::busy() } else { answer };
            let _ = reply.send(answer); // who asked may have given up
        }
    }

    fn handle_command(&mut self, command: Command, now: i64) {
        match command {
            Command::Register { account, wish, request, reply } => {
                let outcome = self.bindings.handle_register(&account, &wish, now);
                debug!(account, ?outcome, contacts = self.bindings.of(&account).len(), "REGISTER");
                let answer = match outcome {
                    Ok(outbound) => {
                        let outbound = outbound.then_some(wish.source.transport);
                        register::granted(&request, &self.bindings, &account, outbound, now)
                    }
                    Err(refusal) => register::refused(&refusal),
                };
                self.gathering.answers.push((reply, answer));
            }
            Command::Registrations { account, reply } => {
                self.bindings.handle_timeout(now);
                let _ = reply.send(self.bindings.of(&account).iter().map(Binding::registration).collect());
            }
            Command::Targets { account, reply } => {
                self.bindings.handle_timeout(now);
                let _ = reply.send(targets(&account, self.bindings.of(&account)));
            }
            Command::Gruu { gruu, reply } => {
                self.bindings.handle_timeout(now);
                let phone = self.bindings.of_gruu(&gruu).and_then(|(account, binding)| {
                    let target = target(account, binding, self.bindings.of(account));
                    Ok((account.to_owned(), target.ok_or(GruuError::Unregistered)?))
                });
                let _ = reply.send(Some(phone));
            }
            Command::FlowEnded { end: FlowEnd::Closed(flow) } => self.bindings.handle_flow_closed(flow),
            Command::FlowEnded { end: FlowEnd::Silent { flow, remote } } => {
                self.bindings.handle_flow_silent(flow, remote);
            }
            Command::Remove { account, reply } => {
                self.bindings.handle_removal(&account);
                let _ = reply.send(());
            }
        }
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.answers.is_empty()
    }
}

/// Waits for the store; for ever when nothing is being written.
async fn outcome(writing: &mut Option<Writing>) -> Result<(), StoreError> {
    match writing {
        Some(writing) => writing.outcome.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// By q, highest first; of one q the newest first. Of a phone's flows the newest, and the others for when that fails: it
/// must not ring twice (RFC 5626 §5.3).
fn targets(account: &str, bindings: &[Binding]) -> Vec<Target> {
    let mut ranked: Vec<&Binding> = Vec::with_capacity(bindings.len());
    for binding in bindings.iter().rev() {
        let is_same_phone = |known: &&Binding| binding.is_outbound() && known.instance == binding.instance;
        if !ranked.iter().any(is_same_phone) {
            ranked.push(binding);
        }
    }
    ranked.sort_by_key(|binding| Reverse(binding.q_thousandths()));
    ranked.into_iter().filter_map(|binding| target(account, binding, bindings)).collect()
}

/// `bindings`: all of the account, the oldest first.
fn target(account: &str, binding: &Binding, bindings: &[Binding]) -> Option<Target> {
    let is_other =
        |other: &&Binding| other.key != binding.key && other.is_outbound() && other.instance == binding.instance;
    let others = bindings.iter().rev().filter(|other| binding.is_outbound() && is_other(other));
    let of_account = |target: Target| Target { account: Some(account.to_owned()), ..target };
    let other_flows = others.filter_map(Binding::target).map(of_account).collect();
    Some(Target { other_flows, ..of_account(binding.target()?) })
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
