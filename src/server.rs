//! The server, assembled: every part is started here once, in the order in which they need each other.

mod registrations;
mod sip_addresses;
mod translate;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use plenary_config::Settings;
use plenary_dialplan::Plan as Dialplan;
use plenary_media::engine::{Engine, EngineHandle};
use plenary_sip::endpoint::{Command, Rng};
use plenary_sip::net::{EndpointHandle, Net, NetSettings, RunningEndpoint, Tap, spawn_endpoint};
use plenary_sip::net_types::FlowEnd;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::api::{ApiServer, ApiState};
use crate::call::{CallParts, Calls, Routing};
use crate::certificate::{Renewal, RenewalHandle};
use crate::conference::Directory;
use crate::registrar::{MovedFlow, RegistrarHandle, RegistrarSettings, load_or_make_secret};
use crate::store::Store;
use crate::telemetry::capture::Export;
use crate::telemetry::ladder::Ladders;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::readings;
use crate::trunk::Trunks;
use crate::voice::Voice;
use crate::welcome::Welcome;
use sip_addresses::SipAddresses;

pub use translate::{endpoint as endpoint_settings, store as store_settings};

/// The last packets of a stopping server (BYE and its answer) may take so long.
const GOODBYE: Duration = Duration::from_secs(2);
/// Phones that came back by another flow, until the endpoint is told.
const MOVED_FLOWS: usize = 1024;

/// A running server.
#[derive(Debug)]
pub struct Server {
    welcome: Welcome,
    directory: Directory,
    calls: Calls,
    trunks: Trunks,
    engine: EngineHandle,
    renewals: RenewalHandle,
    stop_http: oneshot::Sender<()>,
    http: JoinHandle<()>,
}

impl Server {
    /// Starts everything, or says in one line what hinders it; nothing stays behind then.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let certificates = translate::certificates(&settings);
        let material = certificates.load()?;
        let identity = &material.identity;
        if !identity.covers(&settings.server.domain) {
            warn!(domain = %settings.server.domain, "the certificate does not name the domain: strict phones will refuse it");
        }
        let http = ApiServer::bind(&translate::api(&settings, &material))?;
        let metrics = Metrics::default();
        let (ladders, tap) = Ladders::start(&metrics);
        let mut taps = vec![tap];
        taps.extend(export(&settings, &metrics)?);
        let (renew_sip, tls_configs) = watch::channel(material.sip.clone());
        let net = Net::start(NetSettings { taps, ..translate::net(&settings, tls_configs) })?;
        let (renewal, renewals) = Renewal::new(certificates, settings.sip.tls_watch, renew_sip, http.https());
        tokio::spawn(renewal.run());
        let dialplan = dialplan(&settings)?;

        let store = Store::open(&translate::store(&settings)).await?;
        let wanted = settings.admin.password.as_ref().map(|password| password.reveal().to_owned());
        let made = store.ensure_admin(wanted).await?;

        let secret = settings.server.data_dir.join("keys/gruu");
        let secret = load_or_make_secret(&secret).with_context(|| secret.display().to_string())?;
        let (tell_moved, moved_flows) = mpsc::channel(MOVED_FLOWS);
        let registrar = RegistrarSettings {
            silence: Some(net.silence()),
            moved: Some(tell_moved),
            ..RegistrarSettings::of(&settings, secret)
        };
        let registrar = RegistrarHandle::start(registrar, store.clone(), &metrics).await?;
        let (engine, media_events) = Engine::start(translate::engine(&settings))?;
        let sip_addresses = SipAddresses::of(&net);
        let gateway = translate::gateway(&settings, net.gate(), http.addresses().first().copied());
        let sip = spawn_endpoint(translate::endpoint(&settings), Rng::new(seed()?), net);
        let voice = Voice::new(&settings.server.data_dir.join("prompts"), settings.voice.language);
        let (directory, dials) =
            Directory::start(translate::directory(&settings), store.clone(), engine.clone(), voice.clone(), &metrics);
        let routing = Routing::new(dialplan, translate::names(&settings), store.clone(), directory.clone());
        let (trunks, desk) = Trunks::new(store.clone(), Rng::new(seed()?));
        let RunningEndpoint { handle: endpoint, events, closed_flows, .. } = sip;
        readings::announce(&metrics, &engine, &endpoint);
        tokio::spawn(follow_phones(endpoint.clone(), moved_flows));
        let calls = CallParts {
            settings: translate::calls(&settings)?,
            routing: routing.clone(),
            store: store.clone(),
            registrar: registrar.clone(),
            directory: directory.clone(),
            trunks: trunks.clone(),
            engine: engine.clone(),
            voice,
            endpoint,
            metrics: metrics.clone(),
        };
        let calls = calls.start(events, media_events, dials, desk);
        tokio::spawn(forget_closed_flows(registrar.clone(), closed_flows));

        let state = ApiState {
            store,
            directory: directory.clone(),
            registrations: Arc::new(registrar),
            trunks: trunks.clone(),
            routing,
            metrics,
            server: sip_addresses.info(&settings),
            ladders,
        };
        let addresses = http.addresses();
        let (stop_http, stopped) = oneshot::channel();
        let http = tokio::spawn(async move {
            if let Err(error) = http.run(state, gateway.routes(), async { drop(stopped.await) }).await {
                warn!(%error, "the HTTP server ended");
            }
        });
        let welcome = sip_addresses.welcome(&settings, identity, addresses.first(), Welcome::password(made));
        info!(version = env!("CARGO_PKG_VERSION"), domain = %settings.server.domain, "started");
        Ok(Self { welcome, directory, calls, trunks, engine, renewals, stop_http, http })
    }

    /// What the first start tells.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Reads the certificates anew. If they cannot be used, the old ones stay, and the log says why.
    pub fn renew_certificates(&self) {
        self.renewals.renew();
    }

    /// Lets nobody in any more, says BYE to everybody, ends.
    pub async fn stop(self) {
        let _ = self.stop_http.send(()); // it may have ended by itself
        self.directory.stop().await;
        self.calls.wait_until_over(GOODBYE).await;
        self.trunks.stop(GOODBYE).await;
        drop(self.http.await);
        drop(self.engine);
    }
}

/// What the capture tool is told by, where there is one.
fn export(settings: &Settings, metrics: &Metrics) -> anyhow::Result<Option<Tap>> {
    let Some(capture) = translate::capture(settings) else { return Ok(None) };
    let export = Export::open(capture).context("no socket for the export to the capture tool")?;
    let tap = export.tap();
    export.start(metrics)?;
    Ok(Some(tap))
}

fn dialplan(settings: &Settings) -> anyhow::Result<Dialplan> {
    let Some(file) = &settings.dialplan.file else { return Ok(Dialplan::built_in()) };
    match Dialplan::load(file) {
        Ok(plan) => Ok(plan),
        Err(faults) => bail!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    }
}

fn seed() -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the system gives no randomness")?;
    Ok(seed)
}

/// Calls go on with a phone where it registered anew.
async fn follow_phones(endpoint: EndpointHandle, mut moved: mpsc::Receiver<MovedFlow>) {
    while let Some(MovedFlow { account, from, to }) = moved.recv().await {
        // An endpoint that takes no command loses this one; the phone can still say where it is by a re-INVITE.
        let _ = endpoint.command(Command::FlowMoved { account, from, to });
    }
}

/// A binding that was made over a connection ends with it.
async fn forget_closed_flows(registrar: RegistrarHandle, mut closed: mpsc::Receiver<FlowEnd>) {
    while let Some(end) = closed.recv().await {
        registrar.flow_ended(end).await;
    }
}
