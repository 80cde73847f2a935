//! An INVITE that points at another call: Replaces takes its place (RFC 3891 §3), Join comes beside it (RFC 3911 §4).
//!
//! Who replaces has proven to be the user whose leg it is, or may remove others where it is. A Referred-By that nobody
//! signed proves nothing: who sends another in his place does so by a REFER to this server, which then knows him.

use plenary_sip::endpoint::{CallId, ContactTemplate};
use plenary_sip::message::StatusCode;
use tokio::sync::mpsc;
use tracing::info;

use crate::call::arriving::incoming::{Incoming, Outcome, refusal, refuse_with};
use crate::call::calls::MediaLeg;
use crate::call::focus_requests::{contact_of, role_of, steers};
use crate::call::identity::{Caller, Dialled};
use crate::call::talking::other::{OtherCall, Owner};
use crate::call::talking::party::{Party, Who};
use crate::conference::{Actor, Deed, LegCommand, LegLink, Participant, may};

impl Incoming {
    pub(in crate::call) async fn replace(self, caller: Caller, account: Option<String>, call: CallId) -> Outcome<()> {
        let Some(account) = account else { return Err(self.challenge()) };
        let gone = || refusal(StatusCode::CALL_DOES_NOT_EXIST);
        let other = self.calls.other_call(call).await.ok_or_else(gone)?;
        match other.owner().await.ok_or_else(gone)? {
            Owner::Participant(link) => self.replace_participant(caller, account, link).await,
            Owner::Party { who, .. } if !self.may_replace(&who, &account).await => Err(not_yours()),
            Owner::Party { room, .. } => {
                let media = self.open_media(room)?;
                self.replace_party(caller, account, media, other).await
            }
        }
    }

    /// Only an answer that stands touches the leg of before.
    async fn replace_participant(mut self, caller: Caller, account: String, link: LegLink) -> Outcome<()> {
        let gone = |_| refusal(StatusCode::CALL_DOES_NOT_EXIST);
        let roster = self.calls.directory.live(link.number()).await.map_err(gone)?;
        let person = roster.participant(link.participant()).ok_or(refusal(StatusCode::CALL_DOES_NOT_EXIST))?;
        if !self.may_replace_participant(&account, &link, person).await {
            return Err(not_yours());
        }
        let room = self.calls.directory.room(link.number()).await.ok_or(refusal(StatusCode::CALL_DOES_NOT_EXIST))?;
        let mut join = self.join_of(Some(account), caller);
        join.name = self.display_name(&join).await;
        let media = self.open_media(room)?;
        let leg = self.answer(media, contact_of(link.number())).await?;
        let (conference, mut commands) = mpsc::channel::<LegCommand>(4);
        match self.calls.directory.take_over(link.number(), link.participant(), join, conference).await {
            Ok(admitted) => {
                info!(participant = %link.participant(), "a leg is replaced");
                leg.join(&self.calls, admitted.room, &admitted.link).await;
                leg.talk(&self.calls, &admitted.link, &mut commands, &mut self.inbox).await;
            }
            Err(error) => info!(%error, "nobody to replace any more"),
        }
        Ok(())
    }

    async fn may_replace_participant(&self, account: &str, link: &LegLink, person: &Participant) -> bool {
        if person.account.as_deref() == Some(account) {
            return true;
        }
        let Some(plan) = self.calls.directory.plan(link.number()).await else { return false };
        let role = role_of(&self.calls, &plan, account).await;
        role.is_some_and(|role| may(&Actor { name: account.to_owned(), role }, Deed::RemoveOther))
    }

    async fn replace_party(
        mut self,
        caller: Caller,
        account: String,
        media: MediaLeg,
        other: OtherCall,
    ) -> Outcome<()> {
        let user = Dialled::of(&self.request.uri).map(|dialled| dialled.user);
        let leg = self.answer(media, ContactTemplate { user, parameters: String::new(), host: None }).await?;
        let who = Who::of(caller, Some(account));
        if !other.make_way(Party { leg, inbox: self.inbox, who }).await {
            info!("nobody to replace any more");
        }
        Ok(())
    }

    async fn may_replace(&self, who: &Who, account: &str) -> bool {
        who.account.as_deref() == Some(account) || steers(&self.calls, account).await
    }

    /// Into the conference of the other call, by its door: what is asked of every caller is asked of this one too.
    pub(in crate::call) async fn join_beside(
        self,
        caller: Caller,
        account: Option<String>,
        call: CallId,
    ) -> Outcome<()> {
        if account.is_none() {
            return Err(self.challenge());
        }
        let gone = || refusal(StatusCode::CALL_DOES_NOT_EXIST);
        let other = self.calls.other_call(call).await.ok_or_else(gone)?;
        match other.owner().await.ok_or_else(gone)? {
            Owner::Participant(link) => {
                let plan = self.calls.directory.plan(link.number()).await.ok_or_else(gone)?;
                self.conference(caller, account, plan).await
            }
            Owner::Party { who, .. } if who.account != account => Err(not_yours()),
            // RFC 3911 §4: what cannot be done is 488.
            Owner::Party { .. } => Err(refuse_with(StatusCode::NOT_ACCEPTABLE_HERE, "a call of two takes no third")),
        }
    }
}

fn not_yours() -> crate::call::arriving::incoming::Refusal {
    refuse_with(StatusCode::FORBIDDEN, "that call is somebody else's")
}
