//! REFER within a call of two: one of them sends the other elsewhere (RFC 5589 §6 and §7), and this server, being in the
//! middle, does it without asking the other's phone.
//!
//! ```text
//!   Refer-To           whither                                     then
//!   ?Replaces=…        into the place that the referrer has        in a conference: its row is the other's
//!                      in another call of ours                     in a call of two: the two others talk
//!   a conference       into it, by the referrer's leave if he      its focus has one more leg
//!                      may add people, else by the door
//!   anybody            called for the other; while it rings        a call of two, anew
//!                      the old call goes on
//! ```

use std::sync::Arc;

use plenary_sip::endpoint::{CallId, Command, ContactTemplate, Ending, RequestId};
use plenary_sip::message::{DialogId, Header, HeaderName, Request, StatusCode, Uri};
use plenary_sip::net_types::Source;
use plenary_sip::sdp::About;
use tokio::sync::mpsc;
use tracing::info;

use crate::call::calls::{Calls, MediaRoom};
use crate::call::focus_requests::{Wish, explained, refused, role_of, wish_of};
use crate::call::identity::Dialled;
use crate::call::placing::outgoing::{Outgoing, Step, Wanted};
use crate::call::placing::way::Whom;
use crate::call::talking::between::RING_FOR;
use crate::call::talking::other::{NotThere, OtherCall, Owner};
use crate::call::talking::party::{Pair, Party, Who};
use crate::call::talking::report::Report;
use crate::conference::{Actor, Admitted, Cause, Deed, JoinError, LegCommand, LegNews, Plan, may};
use crate::registrar::Refused;

/// A REFER that came within a call of two.
#[derive(Debug)]
pub(in crate::call) struct Transfer {
    pub request: RequestId,
    pub message: Arc<Request>,
    pub source: Source,
    /// In whose dialog it came.
    pub call: CallId,
    pub referrer: Who,
    /// Who is sent elsewhere.
    pub referred: Who,
}

/// Where the other is to go.
enum Whither {
    InPlaceOf(OtherCall),
    Conference(Plan),
    Address { address: String, headers: Vec<Header> },
}

pub(in crate::call) async fn handle(calls: Calls, transfer: Transfer) {
    let request = transfer.request;
    if let Err(Refused { status, headers }) = transfer.carry_out(&calls).await {
        info!(status = status.as_u16(), "transfer refused");
        calls.sip(Command::Respond { request, status, headers, body: None });
    }
}

impl Transfer {
    async fn carry_out(self, calls: &Calls) -> Result<(), Refused> {
        let Wish::Add { address, headers } = wish_of(&self.message).map_err(explained)? else {
            return Err(refused(StatusCode::FORBIDDEN));
        };
        // Who was never asked for a password places no calls in another's name.
        let account = self.referrer.account.clone().ok_or(refused(StatusCode::FORBIDDEN))?;
        let whither = self.whither(calls, address, headers).await?;
        let own = calls.other_call(self.call).await.ok_or(refused(StatusCode::CALL_DOES_NOT_EXIST))?;
        let contact = ContactTemplate { user: own_user(&self.message), parameters: String::new(), host: None };
        let report = Report::begin(calls, self.request, &self.message, contact);
        let outcome = match whither {
            Whither::InPlaceOf(other) => self.put_in_place(calls, &account, &own, other, &report).await,
            Whither::Conference(plan) => self.bring(calls, &account, &own, &plan, &report).await,
            Whither::Address { address, headers } => self.call(calls, &own, address, headers, &report).await,
        };
        if let Err(status) = outcome {
            info!(status = status.as_u16(), "transfer failed");
            report.tell(status);
        }
        Ok(())
    }

    async fn whither(
        &self,
        calls: &Calls,
        address: String,
        headers: Vec<(HeaderName, String)>,
    ) -> Result<Whither, Refused> {
        let dialled = address.parse().ok().and_then(|uri: Uri| Dialled::of(&uri));
        let ours = dialled.filter(|dialled| calls.is_ours(&dialled.host, &self.source));
        if let Some((_, value)) = headers.iter().find(|(name, _)| *name == HeaderName::Replaces) {
            let id: DialogId = value.parse().map_err(|_| refused(StatusCode::BAD_REQUEST))?;
            match calls.answered_call(id).await {
                Ok(other) if other.call != self.call => return Ok(Whither::InPlaceOf(other)),
                Ok(_) => return Err(refused(StatusCode::FORBIDDEN)),
                Err(NotThere::Ended) => return Err(refused(StatusCode::DECLINE)),
                Err(NotThere::Unknown) if ours.is_some() => return Err(refused(StatusCode::CALL_DOES_NOT_EXIST)),
                Err(NotThere::Unknown) => {} // a dialog of somebody else's
            }
        }
        let plan = match &ours {
            Some(ours) => calls.directory.plan(&ours.user).await,
            None => None,
        };
        let headers = headers.into_iter().map(|(name, value)| Header::new(name, value)).collect();
        Ok(plan.map_or(Whither::Address { address, headers }, Whither::Conference))
    }

    /// Attended transfer: RFC 5589 §7.
    async fn put_in_place(
        &self,
        calls: &Calls,
        account: &str,
        own: &OtherCall,
        other: OtherCall,
        report: &Report,
    ) -> Result<(), StatusCode> {
        match other.owner().await.ok_or(StatusCode::CALL_DOES_NOT_EXIST)? {
            Owner::Party { who, .. } if who.account.as_deref() != Some(account) => Err(StatusCode::FORBIDDEN),
            Owner::Party { .. } => {
                let party = own.hand_over().await.ok_or(StatusCode::REQUEST_TERMINATED)?;
                if !other.make_way(party).await {
                    return Err(StatusCode::CALL_DOES_NOT_EXIST);
                }
                report.tell(StatusCode::OK);
                Ok(())
            }
            Owner::Participant(link) => {
                let roster = calls.directory.live(link.number()).await.map_err(|_| StatusCode::CALL_DOES_NOT_EXIST)?;
                let person = roster.participant(link.participant()).ok_or(StatusCode::CALL_DOES_NOT_EXIST)?;
                if person.account.as_deref() != Some(account) {
                    return Err(StatusCode::FORBIDDEN);
                }
                let party = own.hand_over().await.ok_or(StatusCode::REQUEST_TERMINATED)?;
                let (conference, commands) = mpsc::channel(4);
                let join = self.referred.join(self.referrer.told_address(), true);
                let admitted = calls.directory.take_over(link.number(), link.participant(), join, conference).await;
                let admitted = admitted.map_err(|error| status_of(&error))?;
                report.tell(StatusCode::OK);
                take_part(calls, party, admitted, commands);
                Ok(())
            }
        }
    }

    async fn bring(
        &self,
        calls: &Calls,
        account: &str,
        own: &OtherCall,
        plan: &Plan,
        report: &Report,
    ) -> Result<(), StatusCode> {
        let role = role_of(calls, plan, account).await;
        let brought = role.is_some_and(|role| may(&Actor { name: account.into(), role }, Deed::AddParticipant));
        let (conference, commands) = mpsc::channel(4);
        let admitted = calls
            .directory
            .join(&plan.number, self.referred.join(self.referrer.told_address(), brought), conference)
            .await;
        let admitted = admitted.map_err(|error| status_of(&error))?;
        let Some(party) = own.hand_over().await else {
            let (cause, status) = (Cause::Left, None);
            admitted.link.tell(LegNews::Ended { cause, status }).await;
            return Err(StatusCode::REQUEST_TERMINATED);
        };
        report.tell(StatusCode::OK);
        take_part(calls, party, admitted, commands);
        Ok(())
    }

    /// Blind transfer: RFC 5589 §6. Until somebody answers the old call goes on, and if nobody does, further.
    async fn call(
        &self,
        calls: &Calls,
        own: &OtherCall,
        address: String,
        mut headers: Vec<Header>,
        report: &Report,
    ) -> Result<(), StatusCode> {
        let room = MediaRoom::open(calls);
        let said = self.message.headers.get(&HeaderName::ReferredBy).map(|by| by.into_owned());
        let by = said.unwrap_or_else(|| format!("<{}>", self.referrer.told_address()));
        headers.push(Header::new(HeaderName::ReferredBy, by));
        let (from, privacy) = calls.presented_from(&self.referred);
        headers.extend(privacy);
        let wanted = Wanted {
            whom: Whom::Address(address.clone()),
            presented: self.referred.presented(),
            from,
            contact: ContactTemplate::default(),
            headers,
            room: room.id,
            ring_for: RING_FOR,
            branches: usize::MAX,
            only: None,
            early_media: false,
            by: self.referrer.account.clone(),
            named_by: Some(self.source.remote.ip()),
            conference: None,
            about: About::default(),
        };
        let mut outgoing = Outgoing::start(calls, wanted).await.map_err(|unreached| unreached.status())?;
        let leg = loop {
            tokio::select! {
                step = outgoing.next() => match step {
                    Step::Ringing(status) => report.tell(status),
                    Step::EarlyMedia(_) => {}
                    Step::Answered(leg) => break leg,
                    Step::Nobody(Ending::Refused { status, .. }) => return Err(status),
                    Step::Nobody(_) => return Err(StatusCode::TEMPORARILY_UNAVAILABLE),
                },
                () = own.is_over() => {
                    outgoing.call_off(Vec::new()).await;
                    return Err(StatusCode::REQUEST_TERMINATED);
                }
            }
        };
        let referred = own.hand_over().await.ok_or(StatusCode::REQUEST_TERMINATED)?;
        report.tell(StatusCode::OK);
        let account = calls.account_called(&address).await;
        let who = Who { account, name: address.clone(), address, anonymous: false };
        Pair::new(calls, room, [referred, Party { leg, inbox: outgoing.inbox, who }]).start();
        Ok(())
    }
}

/// From here on the party is a leg of the conference, in a task of its own.
pub(in crate::call) fn take_part(
    calls: &Calls,
    party: Party,
    admitted: Admitted,
    mut commands: mpsc::Receiver<LegCommand>,
) {
    let (calls, Party { leg, mut inbox, .. }) = (calls.clone(), party);
    tokio::spawn(async move {
        leg.join(&calls, admitted.room, &admitted.link).await;
        leg.talk(&calls, &admitted.link, &mut commands, &mut inbox).await;
    });
}

fn status_of(error: &JoinError) -> StatusCode {
    StatusCode::new(error.status()).unwrap_or(StatusCode::FORBIDDEN)
}

/// The user part that the referrer knows us by.
fn own_user(refer: &Request) -> Option<String> {
    refer.uri.as_sip().and_then(|uri| uri.user()).map(|user| user.into_owned())
}
