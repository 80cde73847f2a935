//! The ways to reach a person: phones of an account, a trunk, an address elsewhere.

use std::sync::Arc;

use plenary_dialplan::{self as dialplan, Action};
use plenary_sip::endpoint::Ending;
use plenary_sip::message::{NameAddr, SipUri, StatusCode, Uri};
use plenary_sip::net_types::{ByFlow, Transport};

use crate::address::account_of;
use crate::call::calls::Calls;
use crate::call::identity::Dialled;
use crate::call::placing::outgoing::{Unreached, Wanted};
use crate::call::routing::Asked;
use crate::registrar::Target;
use crate::trunk::{LiveTrunk, TrunkLeg, cause_of_headers, status_of_cause};

#[derive(Clone, Debug)]
pub(in crate::call) enum Whom {
    /// A URI, which is also what To says.
    Address(String),
    /// A number out there; without a name through any trunk that carries it.
    Trunk { name: Option<String>, number: String },
}

/// One way to reach the person: a phone, or a trunk.
#[derive(Debug)]
pub(in crate::call) struct Way {
    pub target: Target,
    pub to: NameAddr,
    pub through: Option<Through>,
}

#[derive(Debug)]
pub(in crate::call) struct Through {
    pub trunk: Arc<LiveTrunk>,
    pub leg: TrunkLeg,
}

impl Way {
    /// To a trunk or an address elsewhere, not to a phone that is registered here.
    pub fn leads_outside(&self) -> bool {
        self.through.is_some() || self.target.flow.is_none() && self.target.path.is_empty()
    }

    /// Whether it fails by itself, and not the person at its far end.
    pub fn carries_nothing(&self, why: &Ending) -> bool {
        self.through.is_some()
            && matches!(why, Ending::Refused { status, response } if match status.as_u16() {
                408 => response.is_none(),
                500 | 502 | 503 | 504 => true,
                _ => false,
            })
    }
}

/// What the telephone network said goes before the status that a gateway made of it (RFC 3398 §7.2.4.1).
pub(in crate::call) fn by_cause(why: Ending) -> Ending {
    match why {
        Ending::Refused { status, response: Some(response) } => {
            let cause = cause_of_headers(&response.headers).and_then(status_of_cause).and_then(StatusCode::new);
            Ending::Refused { status: cause.unwrap_or(status), response: Some(response) }
        }
        other => other,
    }
}

impl Calls {
    /// The account of this server that was called by this address.
    pub(in crate::call) async fn account_called(&self, address: &str) -> Option<String> {
        let account = account_of(address, &self.settings.domain)?;
        self.store.account(&account).await.ok().map(|account| account.name)
    }

    /// Where somebody can be called: the phones of an account, a trunk, or the address itself.
    pub(in crate::call) async fn ways_to(&self, wanted: &Wanted) -> Result<Vec<Way>, Unreached> {
        let address = match &wanted.whom {
            Whom::Address(address) => address,
            Whom::Trunk { name, number } => return self.trunks_to(name.as_deref(), number, wanted),
        };
        let uri: Uri = address.parse().map_err(|_| Unreached::Unknown)?;
        let to = NameAddr::new(uri.clone());
        let way = |target| Way { target, to: to.clone(), through: None };
        if let Some(phone) = &wanted.only {
            return Ok(vec![way(phone.clone())]);
        }
        // With a port it is a machine that is meant, even one with our domain's address.
        let foreign = |sip: &SipUri| !self.routing.is_own_domain(&sip.host().to_string()) || sip.port().is_some();
        let user = match &uri {
            Uri::Sip(sip) if foreign(sip) => return Ok(vec![way(Target::of_uri(uri))]),
            Uri::Sip(sip) => sip.user().map(|user| user.into_owned()).unwrap_or_default(),
            Uri::Tel(_) => return self.dial_number(&uri, wanted).await,
            Uri::Other(_) => return Err(Unreached::Unknown),
        };
        if self.store.account(&user).await.is_err() {
            return self.dial_number(&uri, wanted).await;
        }
        let targets = self.registrar.targets(&user).await;
        if targets.is_empty() { Err(Unreached::NoPhone) } else { Ok(targets.into_iter().map(way).collect()) }
    }

    /// A number that a conference calls: the dialplan sees an account, whose name is the conference's number.
    async fn dial_number(&self, uri: &Uri, wanted: &Wanted) -> Result<Vec<Way>, Unreached> {
        if matches!(uri, Uri::Tel(tel) if !tel.is_complete()) {
            return Err(Unreached::Unknown);
        }
        let dialled = Dialled::of(uri).ok_or(Unreached::Unknown)?;
        let local = dialled.host.is_empty() || self.routing.is_own_domain(&dialled.host);
        let from = format!("{}@{}", wanted.presented.user, self.settings.domain);
        let caller = dialplan::Caller::Account(&wanted.presented.user);
        let asked = Asked { from: &from, caller, transport: "", dialled: &dialled, local };
        match self.routing.route(asked).await.action {
            Action::Trunk { name, number } => self.trunks_to(name.as_deref(), &number, wanted),
            Action::Refuse { status: 403, .. } => Err(Unreached::NotAllowed),
            _ => Err(Unreached::Unknown),
        }
    }

    fn trunks_to(&self, name: Option<&str>, number: &str, wanted: &Wanted) -> Result<Vec<Way>, Unreached> {
        let trunks = self.trunks.snapshot();
        let through = |trunk: Arc<LiveTrunk>| {
            let leg = trunk.leg(number, &wanted.presented);
            let target = Target {
                flow: leg.flow.map(ByFlow::First),
                path: leg.route.clone(),
                transport: trunk.is_secure().then_some(Transport::Tls),
                ..Target::of_uri(leg.request_uri.clone())
            };
            Way { target, to: leg.to.clone(), through: Some(Through { trunk, leg }) }
        };
        let ways: Vec<_> = trunks.carriers(name).into_iter().map(through).collect();
        if ways.is_empty() { Err(Unreached::NoTrunk { why: trunks.why_none(name) }) } else { Ok(ways) }
    }
}
