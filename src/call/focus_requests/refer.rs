//! REFER to a focus: somebody shall come, or go. RFC 3515, RFC 4488, RFC 4579 §5.5 and §5.11.
//!
//! ```text
//!   REFER ─▶ one Refer-To? ─▶ who asks? ─▶ may he? ─▶ 202, NOTIFY 100 ─▶ wish ─▶ NOTIFY 180 ─▶ NOTIFY 200, last
//!             400, 416, 501    401, 404      403          Refer-Sub: false: no NOTIFY at all
//! ```
//!
//! Left out: `method=REFER` (RFC 4579 §5.7), Target-Dialog (RFC 4538): who asks outside a dialog shows a password.

use plenary_sip::endpoint::{Command, RequestId, SubscriptionId, SubscriptionState, TerminationReason};
use plenary_sip::guard::Reason;
use plenary_sip::message::{Header, HeaderName, Request, StatusCode, Uri};
use tracing::info;

use super::progress::{Progress, sipfrag};
use super::refer_to::{Impossible, Wish, wish_of};
use super::{Asker, FocusRequest, contact_of, refused};
use crate::call::calls::Calls;
use crate::call::identity::Dialled;
use crate::call::targets::may_reach;
use crate::conference::{Deed, FocusError, Participant, ParticipantId, ParticipantState, Referral, may};
use crate::registrar::Refused;

pub(super) async fn handle(calls: &Calls, asked: FocusRequest) -> Result<(), Refused> {
    let wish = wish_of(&asked.message).map_err(explained)?;
    let asker = Asker::of(calls, &asked).await?;
    info!(conference = %asker.plan.number, "REFER");
    match wish {
        Wish::Add { address, headers } => {
            allow(&asker, Deed::AddParticipant)?;
            refuse_own_conference(calls, &asked, &address).await?;
            refuse_inner_target(calls, &asked, &address)?;
            let referral = referral(&asked.message, &asker, headers);
            let report = Report::begin(calls, &asked, &asker);
            add(calls, &asker, address, referral, report).await;
        }
        Wish::Remove { address } => {
            let targets = targets(calls, &asker, &address).await?;
            let own = targets.iter().all(|person| person.account.as_deref() == Some(&asker.actor.name));
            allow(&asker, if own { Deed::RemoveSelf } else { Deed::RemoveOther })?;
            let report = Report::begin(calls, &asked, &asker);
            remove(calls, &asker, targets, report).await;
        }
    }
    Ok(())
}

async fn add(calls: &Calls, asker: &Asker, address: String, referral: Referral, report: Report<'_>) {
    let number = &asker.plan.number;
    let watched = calls.directory.watch(number).await;
    let referred = calls.directory.refer(number, address, referral, asker.actor.clone()).await;
    let (mut roster, mut progress) = match (watched, referred) {
        (Ok(roster), Ok(referred)) => (roster, Progress::new(referred)),
        (Err(error), _) | (_, Err(error)) => return report.tell(status_of(&error)),
    };
    loop {
        let told = progress.handle_roster(roster.borrow_and_update().as_deref());
        if let Some(status) = told {
            report.tell(status);
        }
        if told.is_some_and(StatusCode::is_final) || roster.changed().await.is_err() {
            return;
        }
    }
}

async fn remove(calls: &Calls, asker: &Asker, targets: Vec<Participant>, report: Report<'_>) {
    let mut status = StatusCode::OK;
    for person in targets {
        let id: &ParticipantId = &person.id;
        if let Err(error) = calls.directory.remove(&asker.plan.number, id, false, asker.actor.clone()).await {
            status = status_of(&error);
        }
    }
    report.tell(status);
}

/// All legs of the user: by address, or by the account of this server that the address names.
async fn targets(calls: &Calls, asker: &Asker, address: &str) -> Result<Vec<Participant>, Refused> {
    let nobody = || refused(StatusCode::NOT_FOUND);
    let roster = calls.directory.live(&asker.plan.number).await.map_err(|_| nobody())?;
    let account = asker.plan.account_of(address);
    let wanted: Option<Uri> = address.parse().ok();
    let is_meant = |person: &&Participant| {
        let same_account = account.is_some() && person.account == account;
        let same_address = person.address.parse::<Uri>().ok().zip(wanted.as_ref());
        let same_address = same_address.is_some_and(|(theirs, wanted)| theirs.equivalent(wanted));
        person.state != ParticipantState::Disconnected && (same_account || same_address)
    };
    let targets: Vec<_> = roster.participants.iter().filter(is_meant).cloned().collect();
    if targets.is_empty() { Err(nobody()) } else { Ok(targets) }
}

/// A focus that called a focus of this server would join a conference to itself.
async fn refuse_own_conference(calls: &Calls, asked: &FocusRequest, address: &str) -> Result<(), Refused> {
    let dialled = address.parse().ok().and_then(|uri: Uri| Dialled::of(&uri));
    let ours = dialled.filter(|dialled| calls.is_ours(&dialled.host, &asked.source));
    match ours {
        Some(ours) if calls.directory.plan(&ours.user).await.is_some() => {
            Err(explained(Impossible { status: StatusCode::FORBIDDEN, why: "a conference does not call a conference" }))
        }
        _ => Ok(()),
    }
}

/// A referrer outside does not choose among the addresses inside.
fn refuse_inner_target(calls: &Calls, asked: &FocusRequest, address: &str) -> Result<(), Refused> {
    let Ok(Uri::Sip(uri)) = address.parse::<Uri>() else { return Ok(()) };
    let Some(target) = uri.host().ip() else { return Ok(()) };
    if calls.is_ours(&uri.host().to_string(), &asked.source) || may_reach(asked.source.remote.ip(), target) {
        return Ok(());
    }
    calls.refused(Reason::Target);
    Err(explained(Impossible { status: StatusCode::FORBIDDEN, why: "nobody is called there on behalf of others" }))
}

/// What the triggered INVITE says of the referrer: his own words (RFC 3892 §3), else what he was proven to be.
fn referral(refer: &Request, asker: &Asker, headers: Vec<(HeaderName, String)>) -> Referral {
    let said = refer.headers.name_addr(&HeaderName::ReferredBy).ok().flatten().map(|by| by.to_string());
    let by = asker.address.clone();
    Referral { referred_by: Some(said.unwrap_or_else(|| format!("<{by}>"))), by: Some(by), headers }
}

/// What the referrer hears: of the implicit subscription, or nothing (RFC 4488).
struct Report<'a> {
    calls: &'a Calls,
    subscription: Option<SubscriptionId>,
}

impl<'a> Report<'a> {
    /// 202, and the first NOTIFY.
    fn begin(calls: &'a Calls, asked: &FocusRequest, asker: &Asker) -> Self {
        let (request, status) = (asked.request, StatusCode::ACCEPTED);
        let contact = contact_of(&asker.plan.number);
        if is_unwanted(&asked.message) {
            let headers = vec![contact.header(), Header::new(HeaderName::ReferSub, "false")];
            calls.sip(Command::Respond { request, status, headers, body: None });
            return Self { calls, subscription: None };
        }
        calls.sip(Command::AcceptSubscription { request, status, contact, headers: Vec::new() });
        let report = Self { calls, subscription: Some(RequestId::subscription(request)) };
        report.tell(StatusCode::TRYING);
        report
    }

    fn tell(&self, status: StatusCode) {
        let Some(subscription) = self.subscription else { return };
        let state = match status.is_final() {
            true => SubscriptionState::Terminated(TerminationReason::NoResource),
            false => SubscriptionState::Active,
        };
        self.calls.sip(Command::Notify { subscription, state, body: Some(sipfrag(status)) });
    }
}

fn is_unwanted(refer: &Request) -> bool {
    let refer_sub = refer.headers.get(&HeaderName::ReferSub).unwrap_or_default();
    refer_sub.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("false")
}

fn allow(asker: &Asker, deed: Deed) -> Result<(), Refused> {
    if may(&asker.actor, deed) { Ok(()) } else { Err(refused(StatusCode::FORBIDDEN)) }
}

fn status_of(error: &FocusError) -> StatusCode {
    StatusCode::new(error.sip_status()).unwrap_or(StatusCode::SERVER_INTERNAL_ERROR)
}

fn explained(Impossible { status, why }: Impossible) -> Refused {
    Refused { status, headers: vec![Header::new(HeaderName::Warning, format!("399 plenary \"{why}\""))] }
}
