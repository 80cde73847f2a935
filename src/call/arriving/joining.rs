//! A caller who comes into a conference: let in first, and answered then. With a PIN it is the other way round
//! (`entrance.rs`).

use plenary_sip::guard::Reason;
use plenary_sip::message::StatusCode;
use tokio::sync::mpsc;

use crate::call::arriving::incoming::{Incoming, Outcome, Refusal, refuse_with};
use crate::call::causes::cause_of;
use crate::call::focus_requests::contact_of;
use crate::call::identity::Caller;
use crate::conference::{Creator, JoinError, LegCommand, LegNews, Plan, Proof};

impl Incoming {
    /// The factory makes a conference, whose own URI the 200 carries (RFC 4579 §5.4), and the caller is its chair.
    pub(in crate::call) async fn new_conference(self, caller: Caller, account: Option<String>) -> Outcome<()> {
        let Some(account) = account else { return Err(self.challenge()) };
        let join = self.join_of(Some(account.clone()), caller.clone());
        let creator = Creator { account: account.clone(), name: self.display_name(&join).await };
        let plan = self.calls.directory.create(creator).await.map_err(refused_join)?;
        self.conference(caller, Some(account), plan).await
    }

    pub(in crate::call) async fn conference(
        mut self,
        caller: Caller,
        account: Option<String>,
        plan: Plan,
    ) -> Outcome<()> {
        if plan.proof() == Proof::Account && account.is_none() {
            // A PBX has no account to show.
            return Err(match &self.trunk {
                Some(_) => refuse_with(StatusCode::FORBIDDEN, "this conference is for accounts; give it a PIN"),
                None => self.challenge(),
            });
        }
        let contact = contact_of(&plan.number);
        let mut join = self.join_of(account, caller);
        if plan.proof() == Proof::Pin {
            return Box::pin(self.conference_by_pin(join, plan, contact)).await;
        }
        self.about = self.calls.settings.told.about(&plan.number, &plan.title);
        let (conference, mut commands) = mpsc::channel::<LegCommand>(4);
        join.name = self.display_name(&join).await;
        let admitted = self.calls.directory.join(&plan.number, join, conference).await;
        let admitted = admitted.map_err(|error| {
            if matches!(error, JoinError::TooManyLegs { .. }) {
                self.calls.refused(Reason::Legs);
            }
            refused_join(error)
        })?;
        let link = admitted.link;
        let media = match self.open_media(admitted.room) {
            Ok(media) => media,
            Err(refusal) => {
                link.tell(failed(StatusCode::SERVICE_UNAVAILABLE)).await;
                return Err(refusal);
            }
        };
        match Box::pin(self.answer(media, contact)).await {
            Ok(leg) => {
                leg.join(&self.calls, admitted.room, &link).await;
                leg.talk(&self.calls, &link, &mut commands, &mut self.inbox).await;
                Ok(())
            }
            Err(refusal) => {
                let status = match &refusal {
                    Refusal::Status(status, _) => *status,
                    Refusal::Over => StatusCode::REQUEST_TERMINATED,
                };
                link.tell(failed(status)).await;
                Err(refusal)
            }
        }
    }
}

pub(in crate::call) fn refused_join(error: JoinError) -> Refusal {
    let status = StatusCode::new(error.status()).unwrap_or(StatusCode::FORBIDDEN);
    refuse_with(status, &error.to_string())
}

pub(in crate::call) fn failed(status: StatusCode) -> LegNews {
    LegNews::Ended { cause: cause_of(status), status: Some(status.as_u16()) }
}
