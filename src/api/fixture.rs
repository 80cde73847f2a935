//! A whole API for tests: a store in memory, a real directory over a media engine, and phones made up.
//!
//! Accounts: `root` (admin), `olga` (operator), `una` (user). Conference 7000: `una` chairs it, `bob` is a member.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{HeaderMap, Method, Request, header};
use plenary_config::Language;
use plenary_dialplan::Plan;
use plenary_media::engine::{Engine, EngineHandle, EngineSettings, MediaEvents};
use plenary_sip::endpoint::Rng;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot, watch};
use tower::ServiceExt;

use super::router::router;
use super::serve::{ApiLimits, ApiServer, ApiSettings};
use super::server_info::{ServerInfo, SipListener};
use super::state::{ApiState, Later, Registration, Registrations};
use super::token::Token;
use crate::call::{Names, Routing};
use crate::conference::{DialRequest, Directory, DirectorySettings, FocusSettings, Pace, PlanDefaults};
use crate::store::{AccountRole, NewAccount, Store, StoreSettings};
use crate::telemetry::ladder::Ladders;
use crate::telemetry::metrics::Metrics;
use crate::trunk::Trunks;
use crate::voice::Voice;

pub(super) struct House {
    pub state: ApiState,
    pub phones: Arc<Phones>,
    /// Calls that conferences wish to be placed.
    pub dials: mpsc::Receiver<DialRequest>,
    router: Router,
    stop: watch::Sender<bool>,
    _engine: (EngineHandle, MediaEvents),
}

/// One phone per account, and a note of whose were forgotten.
#[derive(Default)]
pub(super) struct Phones {
    pub forgotten: Mutex<Vec<String>>,
}

pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl House {
    pub async fn open() -> Self {
        let settings = StoreSettings {
            url: "sqlite::memory:".into(),
            data_dir: ".".into(),
            realm: "localhost".into(),
            reserved: vec!["conference".into()],
            min_pin: 4,
        };
        let store = Store::open(&settings).await.unwrap();
        for (name, role) in [("root", AccountRole::Admin), ("olga", AccountRole::Operator), ("una", AccountRole::User)]
        {
            store.add_account(account(name, vec![role])).await.unwrap();
        }
        let members = json!([{"address": "una", "name": "Una", "role": "chair"}, {"address": "bob"}]);
        let conference = json!({"number": "7000", "title": "Board", "chair_pin": "9999", "members": members});
        store.add_conference(serde_json::from_value(conference).unwrap()).await.unwrap();

        let engine = Engine::start(EngineSettings::default()).unwrap();
        let focus =
            FocusSettings { empty_timeout: Duration::from_secs(60), pace: Pace::default(), legs_per_account: 100 };
        let defaults =
            PlanDefaults { domain: "localhost".into(), max_participants: 100, ring_for: Duration::from_secs(45) };
        let metrics = Metrics::default();
        let voice = Voice::new(Path::new("/nonexistent"), Language::default());
        let (directory, dials) =
            Directory::start(DirectorySettings { focus, defaults }, store.clone(), engine.0.clone(), voice, &metrics);
        let phones = Arc::new(Phones::default());
        let listener = SipListener { transport: "udp".into(), host: "localhost".into(), port: 5060 };
        let server = ServerInfo {
            version: "0.0.0".into(),
            domain: "localhost".into(),
            sip: vec![listener],
            conference_factory: "sip:conference@localhost".into(),
            srtp: "preferred".into(),
        };
        let (ladders, _) = Ladders::start(&metrics);
        let (trunks, _) = Trunks::new(store.clone(), Rng::new([0; 32]));
        let names = Names {
            domain: "localhost".into(),
            aliases: Vec::new(),
            factory: "conference".into(),
            echo: "echo".into(),
            entrance: "access".into(),
        };
        let routing = Routing::new(Plan::built_in(), names, store.clone(), directory.clone());
        let registrations = phones.clone();
        let state = ApiState { trunks, routing, store, directory, registrations, metrics, server, ladders };
        let (stop, stopping) = watch::channel(false);
        let source = SocketAddr::from(([192, 0, 2, 1], 40_000));
        let router =
            router(state.clone(), ApiLimits::default(), Router::new(), stopping).layer(MockConnectInfo(source));
        Self { state, phones, dials, router, stop, _engine: engine }
    }

    /// A session of the account, without its password.
    pub async fn token(&self, account: &str) -> String {
        let (token, now) = (Token::new().unwrap(), OffsetDateTime::now_utc());
        let expires_at = now + Duration::from_secs(12 * 3600);
        self.state.store.add_session(token.hash(), account, now, expires_at).await.unwrap();
        token.reveal().into()
    }

    /// What the account gets for this call, on a session of its own.
    pub async fn ask_as(&self, account: &str, method: Method, path: &str, body: Value) -> Answer {
        let token = self.token(account).await;
        self.ask(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
    }

    pub async fn get_as(&self, account: &str, path: &str) -> Answer {
        self.ask_as(account, Method::GET, path, Value::Null).await
    }

    /// `path`: below `/api/v1` unless it says `//` at first. A body of `null` is none.
    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.ask_raw(method, path, headers, text).await
    }

    pub async fn ask_raw(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let path = path.strip_prefix("//").map_or_else(|| format!("/api/v1{path}"), |path| format!("/{path}"));
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub fn stop(&self) {
        self.stop.send(true).unwrap();
    }

    /// Serves on a port of loopback until the returned sender is used or dropped.
    pub async fn listen(
        &self,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> (SocketAddr, oneshot::Sender<()>, impl Future<Output = ()>) {
        let settings = ApiSettings { listen: vec!["127.0.0.1:0".parse().unwrap()], tls, limits: ApiLimits::default() };
        let server = ApiServer::bind(&settings).unwrap();
        let address = server.addresses()[0];
        let (stop, stopped) = oneshot::channel();
        // Each server counts for itself.
        let state = ApiState { metrics: Metrics::default(), ..self.state.clone() };
        let running = tokio::spawn(server.run(state, Router::new(), async { drop(stopped.await) }));
        (address, stop, async { running.await.unwrap().unwrap() })
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} is no JSON: {}", self.status, self.text()))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status, name of the problem, and the field it is about.
    pub fn problem(&self) -> (u16, String, Option<String>) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let json = self.json();
        assert_eq!(json["status"], self.status);
        let name = json["type"].as_str().unwrap().strip_prefix("/problems/").unwrap().to_owned();
        (self.status, name, json["field"].as_str().map(str::to_owned))
    }

    /// Status and name of the problem.
    pub fn refusal(&self) -> (u16, String) {
        let (status, name, _) = self.problem();
        (status, name)
    }
}

impl Registrations for Phones {
    fn of<'a>(&'a self, account: &'a str) -> Later<'a, Vec<Registration>> {
        Box::pin(async move {
            vec![Registration {
                contact: format!("sip:{account}@192.0.2.7:5060"),
                transport: "udp".into(),
                user_agent: Some("Desk phone".into()),
                expires: OffsetDateTime::UNIX_EPOCH,
            }]
        })
    }

    fn forget<'a>(&'a self, account: &'a str) -> Later<'a, ()> {
        Box::pin(async move { self.forgotten.lock().unwrap().push(account.to_owned()) })
    }
}

pub(super) fn account(name: &str, roles: Vec<AccountRole>) -> NewAccount {
    let display_name = name.to_uppercase();
    NewAccount { name: name.into(), display_name, email: None, roles, disabled: false, password: None }
}
