//! What the handlers stand on: the handles given at start, and the few things the API itself keeps.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::attempts::Attempts;
use super::requests::Requests;
use super::server_info::ServerInfo;
use crate::call::Routing;
use crate::conference::{Directory, Role};
use crate::store::Store;
use crate::telemetry::ladder::Ladders;
use crate::telemetry::metrics::Metrics;
use crate::trunk::Trunks;

/// The handles to the rest of the server.
#[derive(Clone)]
pub struct ApiState {
    pub store: Store,
    pub directory: Directory,
    pub registrations: Arc<dyn Registrations>,
    pub trunks: Trunks,
    /// Asked where a call would go.
    pub routing: Routing,
    /// Shown at `/metrics`; HTTP counts its requests there too.
    pub metrics: Metrics,
    pub server: ServerInfo,
    pub ladders: Ladders,
}

pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The registrar as the API sees it.
pub trait Registrations: Send + Sync {
    /// The current bindings of an account.
    fn of<'a>(&'a self, account: &'a str) -> Later<'a, Vec<Registration>>;

    /// Ends the bindings of an account that was removed, disabled or given another password.
    fn forget<'a>(&'a self, account: &'a str) -> Later<'a, ()>;
}

/// A phone that is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Registration {
    pub contact: String,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub expires: OffsetDateTime,
}

/// The state behind every handler.
pub(super) struct App {
    pub state: ApiState,
    /// Held for a few look-ups per sign-in, never across an `await`.
    pub attempts: Mutex<Attempts>,
    pub requests: Requests,
    pub session_lifetime: Duration,
    /// True once the server says good-bye.
    pub stopping: watch::Receiver<bool>,
}

impl App {
    /// The addresses under which an account stands in a member list.
    pub fn addresses_of(&self, account: &str) -> Vec<String> {
        let domain = &self.state.server.domain;
        vec![account.to_owned(), format!("sip:{account}@{domain}"), format!("sips:{account}@{domain}")]
    }
}

/// Roles within a conference that lead it.
pub(super) fn leads(role: Role) -> bool {
    matches!(role, Role::Owner | Role::Admin | Role::Chair)
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("store", &self.store).field("server", &self.server).finish_non_exhaustive()
    }
}
