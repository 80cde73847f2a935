//! Who asks a focus for something, and as what: RFC 4575 §3.5, RFC 4579 §6.
//!
//! Within the dialog of a leg it is that participant, and so it is when Target-Dialog names that dialog. Outside, the account that digest proves: as the participant that
//! it has come in as, else as the member that it is, or as one who may steer every conference.

use plenary_sip::message::StatusCode;

use super::{FocusRequest, refused};
use crate::call::calls::Calls;
use crate::call::identity::Dialled;
use crate::call::talking::other::Owner;
use crate::conference::{Actor, LegLink, Participant, ParticipantState, Plan, Role};
use crate::registrar::Refused;
use crate::store::AccountRole;

#[derive(Debug)]
pub(super) struct Asker {
    pub plan: Plan,
    pub actor: Actor,
    /// Who it is, as proven: a URI.
    pub address: String,
}

impl Asker {
    /// 401, then 404 where there is no such conference, then 403.
    pub async fn of(calls: &Calls, asked: &FocusRequest) -> Result<Self, Refused> {
        match &asked.within {
            Some(link) => Self::of_leg(calls, link).await,
            None => match named_leg(calls, asked).await {
                Some(link) => Self::of_leg(calls, &link).await,
                None => Self::of_account(calls, asked).await,
            },
        }
    }

    async fn of_leg(calls: &Calls, link: &LegLink) -> Result<Self, Refused> {
        let plan = calls.directory.plan(link.number()).await.ok_or(refused(StatusCode::NOT_FOUND))?;
        let roster = calls.directory.live(link.number()).await.map_err(|_| refused(StatusCode::NOT_FOUND))?;
        let person = roster.participant(link.participant()).ok_or(refused(StatusCode::FORBIDDEN))?;
        let name = person.account.clone().unwrap_or_else(|| person.address.clone());
        Ok(Self { plan, actor: Actor { name, role: person.role }, address: person.address.clone() })
    }

    async fn of_account(calls: &Calls, asked: &FocusRequest) -> Result<Self, Refused> {
        let account = calls.registrar.authenticate(&asked.message, &asked.source).await?;
        let dialled = Dialled::of(&asked.message.uri).ok_or(refused(StatusCode::UNSUPPORTED_URI_SCHEME))?;
        if !calls.is_ours(&dialled.host, &asked.source) {
            return Err(refused(StatusCode::NOT_FOUND));
        }
        if dialled.user == calls.routing.names().factory {
            // Only INVITE makes a conference (RFC 4579 §5.4).
            return Err(refused(StatusCode::FORBIDDEN));
        }
        let plan = calls.directory.plan(&dialled.user).await.ok_or(refused(StatusCode::NOT_FOUND))?;
        let role = role_of(calls, &plan, &account).await.ok_or(refused(StatusCode::FORBIDDEN))?;
        let address = format!("sip:{account}@{}", calls.settings.domain);
        Ok(Self { plan, actor: Actor { name: account, role }, address })
    }
}

/// The leg whose dialog Target-Dialog names (RFC 4538 §4), seen from either side: who knows its name could have asked within it. It speaks for
/// its own conference alone.
async fn named_leg(calls: &Calls, asked: &FocusRequest) -> Option<LegLink> {
    let id = asked.message.headers.target_dialog().ok()??;
    let call = match calls.answered_call(id.clone()).await {
        Ok(call) => call,
        Err(_) => calls.answered_call(id.turned()).await.ok()?,
    };
    let Some(Owner::Participant(link)) = call.owner().await else { return None };
    let dialled = Dialled::of(&asked.message.uri).filter(|dialled| calls.is_ours(&dialled.host, &asked.source))?;
    let plan = calls.directory.plan(&dialled.user).await?;
    (plan.number == link.number()).then_some(link)
}

/// `None`: an account that has nothing to do with this conference.
pub(in crate::call) async fn role_of(calls: &Calls, plan: &Plan, account: &str) -> Option<Role> {
    if steers(calls, account).await {
        return Some(Role::Admin);
    }
    let roster = calls.directory.live(&plan.number).await.ok();
    let own = |person: &&Participant| {
        person.account.as_deref() == Some(account) && person.state != ParticipantState::Disconnected
    };
    let present = roster.iter().flat_map(|roster| &roster.participants).filter(own).map(|person| person.role).min();
    present.or_else(|| plan.member(Some(account), "").map(|member| member.role))
}

/// Whether the account may steer everything on this server.
pub(in crate::call) async fn steers(calls: &Calls, account: &str) -> bool {
    let steers = |role: &AccountRole| matches!(role, AccountRole::Admin | AccountRole::Operator);
    calls.store.account(account).await.is_ok_and(|account| account.roles.iter().any(steers))
}
