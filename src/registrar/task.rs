//! The owner of the bindings: wishes come in, the store is told, and only then is a REGISTER answered.
//!
//! While the store writes one batch the next one gathers, so many phones share one write to the disk.

use std::mem;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plenary_config::Settings;
use plenary_sip::message::{Header, HeaderName, Request, StatusCode};
use plenary_sip::net_types::{FlowId, Source};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error, warn};

use super::binding::{Binding, Registration, Target};
use super::bindings::{Bindings, Limits, Wish};
use super::credentials::{Authenticator, Refused};
use super::register::{self, Reply};
use crate::store::{BindingChange, Store, StoreError};
use crate::telemetry::metrics::{Counter, Family, Gauge, Metric, Metrics};

const REGISTRATIONS: Metric<0> = Metric::new("sip_registrations", "Contacts that are registered now.", []);
const REGISTERS: Metric<1> = Metric::new("sip_registers_total", "REGISTER requests by status class.", ["class"]);

/// Wishes waiting; above this a REGISTER is refused with 503.
const MAILBOX: usize = 4096;
/// Registrations written in one transaction.
const BATCH: usize = 256;
/// Changes kept for the next try when the store fails.
const MAX_UNSAVED: usize = 100_000;
const RETRY_AFTER_SECONDS: u32 = 5;

#[derive(Clone, Debug)]
pub struct RegistrarSettings {
    /// Also the realm of digest.
    pub domain: String,
    pub aliases: Vec<String>,
    pub limits: Limits,
    /// Wrong passwords from one address before it has to wait.
    pub free_failures: u32,
    pub longest_block: Duration,
}

/// The way to the registrar, for everybody.
#[derive(Clone, Debug)]
pub struct RegistrarHandle {
    wishes: mpsc::Sender<Command>,
    authenticator: Authenticator,
    domains: Arc<[String]>,
    registers: Family<Counter, 1>,
}

#[derive(Debug)]
enum Command {
    Register { account: String, wish: Box<Wish>, request: Arc<Request>, reply: oneshot::Sender<Reply> },
    Registrations { account: String, reply: oneshot::Sender<Vec<Registration>> },
    Targets { account: String, reply: oneshot::Sender<Vec<Target>> },
    FlowClosed { flow: FlowId },
    Remove { account: String, reply: oneshot::Sender<()> },
}

impl RegistrarSettings {
    pub fn of(settings: &Settings) -> Self {
        let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        Self {
            domain: settings.server.domain.clone(),
            aliases: settings.server.aliases.clone(),
            limits: Limits {
                min_expires: seconds(settings.sip.register_min_expires),
                max_expires: seconds(settings.sip.register_max_expires),
                max_bindings: settings.sip.max_bindings,
            },
            free_failures: settings.security.free_failures,
            longest_block: settings.security.longest_block,
        }
    }
}

impl RegistrarHandle {
    /// Loads the bindings and starts their owner, which ends with the last handle.
    pub async fn start(settings: RegistrarSettings, store: Store, metrics: &Metrics) -> Result<Self, StoreError> {
        let mut bindings = Bindings::new(settings.limits);
        let now = unix_now();
        for stored in store.load_bindings().await? {
            let aor = stored.aor.clone();
            match Binding::restored(stored) {
                Some(binding) => bindings.restore(&aor, binding, now),
                None => warn!("a stored binding cannot be read; the phone will register again"),
            }
        }
        let patience = super::Patience::new(settings.free_failures, settings.longest_block);
        let authenticator = Authenticator::new(store.clone(), &settings.domain, patience);
        let (wishes, mailbox) = mpsc::channel(MAILBOX);
        let owner = Owner {
            bindings,
            store,
            mailbox,
            unsaved: Vec::new(),
            answers: Vec::new(),
            registrations: metrics.gauge(REGISTRATIONS).with([]),
        };
        tokio::spawn(owner.run());
        let domains = [settings.domain].into_iter().chain(settings.aliases).collect();
        Ok(Self { wishes, authenticator, domains, registers: metrics.counter(REGISTERS) })
    }

    /// The answer to a REGISTER. A 200 is on the disk.
    pub async fn register(&self, request: Arc<Request>, source: Source) -> Reply {
        let reply = match self.admit(&request, &source).await {
            Ok((account, wish)) => self.bind(account, wish, request).await,
            Err(reply) => reply,
        };
        self.registers.with([&format!("{}xx", reply.status.as_u16() / 100)]).add(1);
        reply
    }

    /// The account whose credentials the request carries, whatever its method.
    pub async fn authenticate(&self, request: &Request, source: &Source) -> Result<String, Refused> {
        self.authenticator.authenticate(request, source).await
    }

    /// 401 with a fresh challenge.
    pub fn challenge(&self) -> Refused {
        self.authenticator.challenge()
    }

    pub async fn registrations(&self, account: &str) -> Vec<Registration> {
        self.ask(|reply| Command::Registrations { account: account.into(), reply }).await
    }

    /// Where the phones of the account are reached, the preferred ones first.
    pub async fn targets(&self, account: &str) -> Vec<Target> {
        self.ask(|reply| Command::Targets { account: account.into(), reply }).await
    }

    /// A connection has ended.
    pub async fn flow_closed(&self, flow: FlowId) {
        let _ = self.wishes.send(Command::FlowClosed { flow }).await; // a registrar that is gone has nothing to lose
    }

    /// The account was removed or disabled: its phones are forgotten.
    pub async fn remove(&self, account: &str) {
        self.ask(|reply| Command::Remove { account: account.into(), reply }).await
    }

    async fn admit(&self, request: &Request, source: &Source) -> Result<(String, Wish), Reply> {
        let is_ours = |host: &str| self.is_ours(host);
        register::check(request, is_ours)?;
        let account = self.authenticate(request, source).await;
        let account = account.map_err(|Refused { status, headers }| Reply { status, headers })?;
        register::check_address(request, &account, is_ours)?;
        Ok((account, register::read(request, source)?))
    }

    async fn bind(&self, account: String, wish: Wish, request: Arc<Request>) -> Reply {
        let (reply, answer) = oneshot::channel();
        match self.wishes.try_send(Command::Register { account, wish: Box::new(wish), request, reply }) {
            Ok(()) => answer.await.unwrap_or_else(|_| busy()),
            Err(_) => busy(),
        }
    }

    /// The domain, its aliases, and any IP address: whoever typed one into a phone sent the request here by it.
    fn is_ours(&self, host: &str) -> bool {
        let bare = host.trim_matches(['[', ']']);
        bare.parse::<IpAddr>().is_ok()
            || self.domains.iter().any(|domain| domain.trim_matches(['[', ']']).eq_ignore_ascii_case(bare))
    }

    async fn ask<T: Default>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> T {
        let (reply, answer) = oneshot::channel();
        match self.wishes.send(command(reply)).await {
            Ok(()) => answer.await.unwrap_or_default(),
            Err(_) => T::default(),
        }
    }
}

struct Owner {
    bindings: Bindings,
    store: Store,
    mailbox: mpsc::Receiver<Command>,
    unsaved: Vec<BindingChange>,
    /// To be sent once all changes so far are on the disk.
    answers: Vec<(oneshot::Sender<Reply>, Reply)>,
    registrations: Arc<Gauge>,
}

impl Owner {
    async fn run(mut self) {
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
            let answer = if saved.is_err() && answer.status.is_success() { busy() } else { answer };
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

fn busy() -> Reply {
    let retry_after = Header::new(HeaderName::RetryAfter, RETRY_AFTER_SECONDS.to_string());
    Reply { status: StatusCode::SERVICE_UNAVAILABLE, headers: vec![retry_after] }
}

fn unix_now() -> i64 {
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
