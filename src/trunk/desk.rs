//! The desk: one task that keeps every trunk registered and asks whether it is there, and tells how they stand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use plenary_sip::endpoint::{ContactTemplate, OutgoingRequest, RequestId, Rng};
use plenary_sip::message::{Method, NameAddr, Response, StatusCode};
use plenary_sip::net_types::{ByFlow, Source};
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep_until;
use tracing::{info, warn};

use super::live::{LiveTrunk, Snapshot, contact_host, registration, server};
use super::reach::Reach;
use super::registration::{Outcome, Registration};
use super::state::{TrunkState, TrunkStatus};
use crate::store::{SecretTrunk, Store};

const MAILBOX: usize = 256;

/// How the rest of the server sees the trunks.
#[derive(Clone, Debug)]
pub struct Trunks {
    desk: mpsc::Sender<ToDesk>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
}

#[derive(Debug)]
pub enum ToDesk {
    /// A trunk was stored, changed or removed. Answered once calls see it.
    Changed { applied: oneshot::Sender<()> },
    /// The final response to a request outside calls.
    Response { request: RequestId, status: StatusCode, response: Option<Arc<Response>>, source: Option<Source> },
    /// Take every registration back.
    Stop { reply: oneshot::Sender<()> },
}

impl Trunks {
    pub fn new(store: Store, rng: Rng) -> (Self, Desk) {
        let (desk, mailbox) = mpsc::channel(MAILBOX);
        let (tell, snapshot) = watch::channel(Arc::default());
        let (runs, leaving, asked) = (BTreeMap::new(), BTreeMap::new(), HashMap::new());
        let desk_task = Desk { store, rng, mailbox, tell, runs, leaving, asked, serial: 0, stop: None };
        (Self { desk, snapshot }, desk_task)
    }

    /// How the trunks stand now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    pub fn state_of(&self, name: &str) -> TrunkState {
        self.snapshot().get(name).map(|live| live.state.clone()).unwrap_or_default()
    }

    /// A trunk was stored, changed or removed; returns when calls see it. A desk that is gone keeps nothing.
    pub async fn changed(&self) {
        let (applied, done) = oneshot::channel();
        if self.desk.send(ToDesk::Changed { applied }).await.is_ok() {
            drop(done.await);
        }
    }

    /// Never waits; what is lost is asked again.
    pub fn heard(&self, response: ToDesk) {
        drop(self.desk.try_send(response));
    }

    /// Takes all registrations back; returns when that is done, or after this time.
    pub async fn stop(&self, within: Duration) {
        let (reply, done) = oneshot::channel();
        if self.desk.send(ToDesk::Stop { reply }).await.is_ok() {
            drop(tokio::time::timeout(within, done).await);
        }
    }
}

/// The task's own.
#[derive(Debug)]
pub struct Desk {
    store: Store,
    rng: Rng,
    mailbox: mpsc::Receiver<ToDesk>,
    tell: watch::Sender<Arc<Snapshot>>,
    runs: BTreeMap<String, Run>,
    /// Of trunks that are gone or were changed.
    leaving: BTreeMap<u64, Registration>,
    asked: HashMap<RequestId, Asked>,
    serial: u64,
    stop: Option<oneshot::Sender<()>>,
}

/// A trunk that is switched on.
#[derive(Debug)]
struct Run {
    serial: u64,
    stored: SecretTrunk,
    registration: Option<Registration>,
    reach: Reach,
    why: Option<String>,
}

/// What a request that is out was for, by the serial number of its run.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Register(u64),
    Options(u64),
}

impl Desk {
    /// `send`: gives a request to the endpoint, and its id.
    pub async fn run(mut self, mut send: impl FnMut(OutgoingRequest) -> RequestId + Send) {
        self.reload(now()).await;
        loop {
            self.ask(&mut send, now());
            self.publish(now());
            if self.leaving.is_empty()
                && let Some(reply) = self.stop.take()
            {
                let _ = reply.send(());
                return;
            }
            let wake_up = self.poll_timeout().map(tokio::time::Instant::from_std);
            tokio::select! {
                told = self.mailbox.recv() => match told {
                    Some(ToDesk::Changed { applied }) => {
                        self.reload(now()).await;
                        self.publish(now());
                        let _ = applied.send(()); // who changed it may be gone
                    }
                    Some(ToDesk::Response { request, status, response, source }) => {
                        self.handle_response(request, status, response, source, now());
                    }
                    Some(ToDesk::Stop { reply }) => {
                        std::mem::take(&mut self.runs).into_values().for_each(|run| self.retire(run, now()));
                        self.stop = Some(reply);
                    }
                    None => return,
                },
                () = sleep_until(wake_up.unwrap_or_else(tokio::time::Instant::now)), if wake_up.is_some() => {}
            }
        }
    }

    /// Takes over what is stored; a trunk that did not change goes on as it is.
    async fn reload(&mut self, now: Instant) {
        let stored = match self.store.secret_trunks().await {
            Ok(stored) => stored,
            Err(error) => return warn!(%error, "trunks cannot be read"),
        };
        let mut before = std::mem::take(&mut self.runs);
        for stored in stored {
            let name = stored.trunk.name.clone();
            let run = match before.remove(&name) {
                Some(run) if run.stored == stored => run,
                changed => {
                    changed.into_iter().for_each(|run| self.retire(run, now));
                    self.begin(stored, now)
                }
            };
            self.runs.insert(name, run);
        }
        before.into_values().for_each(|run| self.retire(run, now));
    }

    fn begin(&mut self, stored: SecretTrunk, now: Instant) -> Run {
        self.serial += 1;
        let settings = &stored.trunk.settings;
        let on = settings.enabled;
        let interval = Duration::from_secs(if on { settings.options_seconds.into() } else { 0 });
        let registration = registration(&stored).filter(|_| on);
        let registration = registration.map(|settings| Registration::new(settings, self.rng.split(), now));
        Run { serial: self.serial, registration, reach: Reach::new(interval, now), why: None, stored }
    }

    fn retire(&mut self, run: Run, now: Instant) {
        if let Some(mut registration) = run.registration {
            registration.leave(now);
            if !registration.has_left() {
                self.leaving.insert(run.serial, registration);
            }
        }
    }

    /// Sends everything that is due.
    fn ask(&mut self, send: &mut impl FnMut(OutgoingRequest) -> RequestId, now: Instant) {
        for run in self.runs.values_mut() {
            if let Some(registration) = &mut run.registration {
                registration.handle_timeout(now);
                if let Some(request) = registration.poll_output() {
                    self.asked.insert(send(request), Asked::Register(run.serial));
                }
            }
            if run.reach.handle_timeout(now) {
                self.asked.insert(send(options(run)), Asked::Options(run.serial));
            }
        }
        for (serial, registration) in &mut self.leaving {
            if let Some(request) = registration.poll_output() {
                self.asked.insert(send(request), Asked::Register(*serial));
            }
        }
    }

    fn handle_response(
        &mut self,
        request: RequestId,
        status: StatusCode,
        response: Option<Arc<Response>>,
        source: Option<Source>,
        now: Instant,
    ) {
        // Requests of calls come by here, too.
        match self.asked.remove(&request) {
            Some(Asked::Options(serial)) => {
                if let Some(run) = self.runs.values_mut().find(|run| run.serial == serial) {
                    run.reach.handle_response(status, response.is_some(), now);
                }
            }
            Some(Asked::Register(serial)) => {
                if let Some(run) = self.runs.values_mut().find(|run| run.serial == serial) {
                    run.handle_registered(status, response, source, now);
                } else if let Some(registration) = self.leaving.get_mut(&serial) {
                    registration.handle_response(status, response, source, now);
                    if registration.has_left() {
                        self.leaving.remove(&serial);
                    }
                }
            }
            None => {}
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let registering = self.runs.values().filter_map(|run| run.registration.as_ref());
        let due = registering.clone().filter_map(Registration::poll_timeout);
        let ending = registering.filter_map(|registration| registration.granted(now()).map(|granted| granted.until));
        let asking = self.runs.values().filter_map(|run| run.reach.poll_timeout());
        due.chain(ending).chain(asking).min()
    }

    fn publish(&mut self, now: Instant) {
        let before = self.tell.borrow().clone();
        let mut snapshot = Snapshot::default();
        for (name, run) in &self.runs {
            let (state, granted) = run.state(now);
            if before.get(name).is_none_or(|live| live.state.status != state.status) {
                let why = state.why.as_deref();
                match state.status {
                    TrunkStatus::Up => info!(trunk = name, "trunk is up"),
                    TrunkStatus::Down => warn!(trunk = name, why, "trunk is down"),
                    TrunkStatus::Off | TrunkStatus::Starting => {}
                }
            }
            snapshot.trunks.insert(name.clone(), Arc::new(LiveTrunk::new(run.stored.clone(), state, granted)));
        }
        self.tell.send_replace(Arc::new(snapshot));
    }
}

impl Run {
    fn handle_registered(
        &mut self,
        status: StatusCode,
        response: Option<Arc<Response>>,
        source: Option<Source>,
        now: Instant,
    ) {
        let Some(registration) = &mut self.registration else { return };
        match registration.handle_response(status, response, source, now) {
            Outcome::Registered => self.why = None,
            Outcome::Failing { why } => {
                warn!(trunk = self.stored.trunk.name, why, "not registered");
                self.why = Some(why);
            }
            Outcome::Pending | Outcome::Left => {}
        }
    }

    fn state(&self, now: Instant) -> (TrunkState, Option<super::registration::Granted>) {
        if !self.stored.trunk.settings.enabled {
            return (TrunkState::off(), None);
        }
        let granted = self.registration.as_ref().and_then(|registration| registration.granted(now)).cloned();
        let registered = self.registration.as_ref().map(|_| granted.is_some());
        let mut state = TrunkState::of(registered, self.reach.reachable(), self.why.clone());
        let left = granted.as_ref().map(|granted| granted.until.saturating_duration_since(now));
        state.registered_until = left.map(|left| OffsetDateTime::now_utc() + left);
        // Without OPTIONS and registration nothing is known of it: it is taken at its word.
        if self.stored.trunk.settings.options_seconds == 0 && registered.is_none() {
            state.status = TrunkStatus::Up;
        }
        (state, granted)
    }
}

fn options(run: &Run) -> OutgoingRequest {
    let trunk = &run.stored.trunk;
    let (uri, route) = server(trunk);
    let us = trunk.settings.username.as_deref().unwrap_or("plenary");
    let granted = run.registration.as_ref().and_then(|registration| registration.granted(now()));
    let contact = contact_host(trunk).map(|host| ContactTemplate { host: Some(host), ..ContactTemplate::default() });
    OutgoingRequest {
        method: Method::Options,
        to: NameAddr::new(uri.clone().into()),
        from: NameAddr::new(uri.without_param("transport").with_user(us).into()),
        request_uri: uri.into(),
        route,
        flow: granted.and_then(|granted| granted.peer).map(ByFlow::First),
        headers: contact.map(|contact| contact.header()).into_iter().collect(),
        body: None,
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
