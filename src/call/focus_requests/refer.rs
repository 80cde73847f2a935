//! REFER to a focus: somebody shall come, or go. RFC 3515, RFC 4488, RFC 4579 §5.5 and §5.11.
//!
//! ```text
//!   REFER ─▶ one Refer-To? ─▶ who asks? ─▶ may he? ─▶ 202, NOTIFY 100 ─▶ wish ─▶ NOTIFY 180 ─▶ NOTIFY 200, last
//!             400, 416, 501    401, 404      403          Refer-Sub: false: no NOTIFY at all
//! ```
//!
//! Left out: `method=REFER` (RFC 4579 §5.7).

use plenary_sip::guard::{Reason, may_reach};
use plenary_sip::message::{DialogId, Header, HeaderName, StatusCode, Uri};
use tokio::sync::mpsc;
use tracing::info;

use super::progress::Progress;
use super::refer_to::{Impossible, Wish, wish_of};
use super::{Asker, FocusRequest, contact_of, refused};
use crate::call::calls::Calls;
use crate::call::identity::Dialled;
use crate::call::talking::other::{OtherCall, Owner};
use crate::call::talking::report::Report;
use crate::call::talking::transfer::take_part;
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
            if let Some(call) = own_call(calls, &asker, &headers).await? {
                let report = Report::begin(calls, asked.request, &asked.message, contact_of(&asker.plan.number));
                report_failure(&report, move_in(calls, &asker, call, &report).await);
                return Ok(());
            }
            refuse_inner_target(calls, &asked, &address)?;
            let referral = referral(&asked, &asker, headers);
            let report = Report::begin(calls, asked.request, &asked.message, contact_of(&asker.plan.number));
            add(calls, &asker, address, referral, report).await;
        }
        Wish::Remove { address } => {
            let targets = targets(calls, &asker, &address).await?;
            let own = targets.iter().all(|person| person.account.as_deref() == Some(&asker.actor.name));
            allow(&asker, if own { Deed::RemoveSelf } else { Deed::RemoveOther })?;
            let report = Report::begin(calls, asked.request, &asked.message, contact_of(&asker.plan.number));
            remove(calls, &asker, targets, report).await;
        }
    }
    Ok(())
}

async fn add(calls: &Calls, asker: &Asker, address: String, referral: Referral, report: Report) {
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

/// The call of two that the referrer is in, where Replaces names it: his peer needs not be called, he is here already
/// (RFC 4579 §5.10). A dialog of somebody else's is for whoever is called to know.
async fn own_call(
    calls: &Calls,
    asker: &Asker,
    headers: &[(HeaderName, String)],
) -> Result<Option<OtherCall>, Refused> {
    let Some((_, value)) = headers.iter().find(|(name, _)| *name == HeaderName::Replaces) else { return Ok(None) };
    let id: DialogId = value.parse().map_err(|_| refused(StatusCode::BAD_REQUEST))?;
    let Ok(call) = calls.answered_call(id).await else { return Ok(None) };
    match call.owner().await {
        Some(Owner::Party { who, .. }) if who.account.as_ref() == Some(&asker.actor.name) => Ok(Some(call)),
        Some(_) => Err(refused(StatusCode::FORBIDDEN)),
        None => Ok(None),
    }
}

/// The peer of this call becomes a participant; the referrer's own leg of it is hung up.
async fn move_in(calls: &Calls, asker: &Asker, call: OtherCall, report: &Report) -> Result<(), StatusCode> {
    let number = &asker.plan.number;
    let party = call.hand_over().await.ok_or(StatusCode::CALL_DOES_NOT_EXIST)?;
    let join = party.who.join(&asker.address, true);
    let (conference, commands) = mpsc::channel(4);
    let admitted = calls.directory.join(number, join, conference).await;
    let admitted = admitted.map_err(|error| StatusCode::new(error.status()).unwrap_or(StatusCode::FORBIDDEN))?;
    report.tell(StatusCode::OK);
    take_part(calls, party, admitted, commands);
    Ok(())
}

fn report_failure(report: &Report, outcome: Result<(), StatusCode>) {
    outcome.err().into_iter().for_each(|status| report.tell(status));
}

async fn remove(calls: &Calls, asker: &Asker, targets: Vec<Participant>, report: Report) {
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

/// A referrer outside does not choose among the addresses inside. A name is looked at when it has been resolved
/// (`sip::net::resolve`).
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
fn referral(asked: &FocusRequest, asker: &Asker, headers: Vec<(HeaderName, String)>) -> Referral {
    let said = asked.message.headers.name_addr(&HeaderName::ReferredBy).ok().flatten().map(|by| by.to_string());
    let by = asker.address.clone();
    let referred_by = Some(said.unwrap_or_else(|| format!("<{by}>")));
    Referral { referred_by, by: Some(by), asked_from: Some(asked.source.remote.ip()), headers }
}

fn allow(asker: &Asker, deed: Deed) -> Result<(), Refused> {
    if may(&asker.actor, deed) { Ok(()) } else { Err(refused(StatusCode::FORBIDDEN)) }
}

fn status_of(error: &FocusError) -> StatusCode {
    StatusCode::new(error.sip_status()).unwrap_or(StatusCode::SERVER_INTERNAL_ERROR)
}

pub(in crate::call) fn explained(Impossible { status, why }: Impossible) -> Refused {
    Refused { status, headers: vec![Header::new(HeaderName::Warning, format!("399 plenary \"{why}\""))] }
}
