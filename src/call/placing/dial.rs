//! A call that a conference places: it rings, is in, and leaves; the conference hears every step.

use plenary_sip::endpoint::{ContactTemplate, Ending};
use plenary_sip::message::{Header, HeaderName, NameAddr, SipUri, Uri};
use tokio::sync::mpsc;
use tracing::{debug, info};

use crate::call::calls::Calls;
use crate::call::causes::news_of;
use crate::call::placing::outgoing::{Outgoing, Step, Wanted};
use crate::call::placing::way::Whom;
use crate::call::talking::connected::ConnectedLeg;
use crate::conference::{DialRequest, LegNews, Referral};
use crate::trunk::Presented;

/// Places the calls that conferences wish for, each in a task of its own.
pub(in crate::call) async fn dial_all(calls: Calls, mut requests: mpsc::Receiver<DialRequest>) {
    while let Some(request) = requests.recv().await {
        tokio::spawn(dial(calls.clone(), request));
    }
}

async fn dial(calls: Calls, mut request: DialRequest) {
    let participant = request.link.participant().clone();
    let mut outgoing = match Outgoing::start(&calls, wanted(&calls, &request)).await {
        Ok(outgoing) => outgoing,
        Err(unreached) => {
            info!(%participant, why = %unreached, "not called");
            return request.link.tell(unreached.news()).await;
        }
    };
    match reach(&mut outgoing, &mut request).await {
        Ok(leg) => {
            leg.join(&calls, request.room, &request.link).await;
            leg.talk(&calls, &request.link, &mut request.commands, &mut outgoing.inbox).await;
        }
        Err(ending) => {
            info!(%participant, ?ending, "not reached");
            request.link.tell(news_of(&ending)).await;
        }
    }
}

/// Rings until somebody answers, nobody is left, or the conference calls it off.
async fn reach(outgoing: &mut Outgoing, request: &mut DialRequest) -> Result<Box<ConnectedLeg>, Ending> {
    loop {
        tokio::select! {
            step = outgoing.next() => match step {
                Step::Ringing(_) | Step::EarlyMedia(_) => request.link.tell(LegNews::Ringing).await,
                Step::Answered(leg) => return Ok(leg),
                Step::Nobody(ending) => return Err(ending),
            },
            command = request.commands.recv() => {
                debug!(?command, "called off");
                outgoing.call_off(Vec::new()).await;
                return Err(Ending::ByUs);
            },
        }
    }
}

fn wanted(calls: &Calls, request: &DialRequest) -> Wanted {
    let number = request.link.number();
    let conference = SipUri::new(Some(number), calls.settings.domain_host.clone(), None);
    Wanted {
        whom: Whom::Address(request.address.clone()),
        presented: Presented { name: request.title.clone(), user: number.to_owned(), private: false },
        from: NameAddr::new(Uri::Sip(conference)).with_display_name(&request.title),
        contact: ContactTemplate { user: Some(number.to_owned()), parameters: ";isfocus".into(), host: None },
        headers: request.referral.as_ref().map(headers_of).unwrap_or_default(),
        room: request.room,
        ring_for: request.ring_for,
        branches: usize::MAX,
        conference: Some(request.link.clone()),
        only: None,
        early_media: false,
        about: calls.settings.told.about(number, &request.title),
        by: request.by.clone(),
        named_by: request.referral.as_ref().and_then(|referral| referral.asked_from),
    }
}

/// What a REFER adds to the INVITE that it triggers: RFC 3892 §3, RFC 3515 §2.1.
fn headers_of(referral: &Referral) -> Vec<Header> {
    let by = referral.referred_by.as_ref().map(|by| Header::new(HeaderName::ReferredBy, by.clone()));
    let wished = referral.headers.iter().map(|(name, value)| Header::new(name.clone(), value.clone()));
    by.into_iter().chain(wished).collect()
}
