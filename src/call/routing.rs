//! Where a call goes: the facts of it, gathered, and the dialplan asked. One place for calls that come in, calls that
//! conferences place, and questions by HTTP.

use std::sync::Arc;

use plenary_dialplan::{self as dialplan, Action, Facts, Known, Plan as Dialplan};
use tracing::debug;

use super::identity::Dialled;
use crate::conference::{Directory, Plan};
use crate::store::Store;

/// What this server is called, and the user parts that are its own services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub domain: String,
    pub aliases: Vec<String>,
    pub factory: String,
    pub echo: String,
    pub entrance: String,
}

#[derive(Clone, Debug)]
pub struct Routing {
    dialplan: Arc<Dialplan>,
    names: Arc<Names>,
    store: Store,
    directory: Directory,
}

/// A call that wants to go somewhere.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// `user@host` of From.
    pub from: &'a str,
    pub caller: dialplan::Caller<'a>,
    pub transport: &'a str,
    pub dialled: &'a Dialled,
    /// The host is this server, or there is none.
    pub local: bool,
}

/// Where it goes.
#[derive(Debug)]
pub struct Routed {
    /// The name of the rule that decided.
    pub rule: Option<String>,
    pub action: Action,
    /// The conference that was dialled, where it was one.
    pub conference: Option<Plan>,
}

impl Routing {
    pub fn new(dialplan: Dialplan, names: Names, store: Store, directory: Directory) -> Self {
        Self { dialplan: Arc::new(dialplan), names: Arc::new(names), store, directory }
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    pub fn is_own_domain(&self, host: &str) -> bool {
        let own = |name: &String| name.eq_ignore_ascii_case(host);
        own(&self.names.domain) || self.names.aliases.iter().any(own)
    }

    pub async fn route(&self, asked: Asked<'_>) -> Routed {
        let Asked { from, caller, transport, dialled, local } = asked;
        let conference = self.directory.plan(&dialled.user).await;
        let known = match &conference {
            Some(plan) => Some(Known::Conference { number: &plan.number }),
            None => self.known(&dialled.user).await,
        };
        let (scheme, user, host) = (dialled.scheme, dialled.user.as_str(), dialled.host.as_str());
        let decision = self.dialplan.decide(&Facts { from, caller, transport, scheme, user, host, local, known });
        debug!(rule = decision.rule, action = ?decision.action, "routed");
        let (rule, action) = (decision.rule.map(str::to_owned), decision.action);
        Routed { rule, action, conference }
    }

    /// What the user part is on this server, beside conferences.
    async fn known(&self, user: &str) -> Option<Known<'static>> {
        match user {
            user if user == self.names.factory => Some(Known::Factory),
            user if user == self.names.echo => Some(Known::Echo),
            user if user == self.names.entrance => Some(Known::Entrance),
            user => self.store.account(user).await.ok().map(|_| Known::Account),
        }
    }
}
