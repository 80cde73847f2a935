//! A subscriber of the conference package, from SUBSCRIBE to the last NOTIFY: RFC 4575 §3, one task each.

use std::sync::Arc;
use std::time::Instant;

use plenary_sip::endpoint::{Body, Command, Event, SubscriptionId, SubscriptionState, TerminationReason};
use plenary_sip::message::StatusCode;
use tokio::sync::watch;
use tracing::{debug, info};

use super::{Asker, FocusRequest, contact_of, refused};
use crate::call::calls::Calls;
use crate::call::switchboard::{Inbox, LegInput};
use crate::conference::notify::{CONTENT_TYPE, Described, Watcher};
use crate::conference::{Plan, Roster};
use crate::registrar::Refused;

type WatchedRoster = watch::Receiver<Option<Arc<Roster>>>;

pub(super) async fn handle(calls: &Calls, asked: FocusRequest) -> Result<(), Refused> {
    let Asker { plan, actor, .. } = Asker::of(calls, &asked).await?;
    let roster = calls.directory.watch(&plan.number).await;
    let roster = roster.map_err(|_| refused(StatusCode::SERVICE_UNAVAILABLE))?;
    let subscription = asked.request.subscription();
    let inbox = calls.listen_to_subscription(subscription);
    calls.sip(Command::AcceptSubscription {
        request: asked.request,
        status: StatusCode::OK,
        contact: contact_of(&plan.number),
        headers: Vec::new(),
    });
    info!(conference = %plan.number, "subscribed");
    debug!(subscriber = %actor.name, role = ?actor.role, "subscriber");
    let watcher = Watcher::new(described(calls, &plan), calls.settings.collect_changes);
    follow(calls, subscription, watcher, roster, inbox).await;
    Ok(())
}

async fn follow(
    calls: &Calls,
    subscription: SubscriptionId,
    mut watcher: Watcher,
    mut roster: WatchedRoster,
    mut inbox: Inbox,
) {
    let notify = |state, body| calls.sip(Command::Notify { subscription, state, body });
    let mut has_run = false;
    loop {
        let now = Instant::now();
        let snapshot = roster.borrow().clone();
        if has_run && snapshot.is_none() {
            // The conference is over: §3.3.
            return notify(SubscriptionState::Terminated(TerminationReason::NoResource), None);
        }
        has_run |= snapshot.is_some();
        if let Some(said) = watcher.poll_document(snapshot.as_deref(), now) {
            let body = Body { content_type: CONTENT_TYPE.into(), content: said.document.into() };
            notify(SubscriptionState::Active, Some(body));
        }
        let wake = watcher.poll_timeout(now);
        tokio::select! {
            changed = roster.changed() => match changed {
                Ok(()) => watcher.handle_change(Instant::now()),
                Err(_) => return notify(SubscriptionState::Terminated(TerminationReason::Deactivated), None),
            },
            input = inbox.recv() => match input {
                Some(LegInput::Sip(Event::Resubscribed { .. })) => watcher.handle_resubscribed(),
                Some(LegInput::Sip(Event::Notified { outcome, .. })) => {
                    watcher.handle_notified(outcome.is_ok(), Instant::now());
                }
                Some(LegInput::Sip(Event::Unsubscribed { .. })) | None => return,
                Some(_) => {}
            },
            () = sleep_until(wake) => {}
        }
    }
}

fn described(calls: &Calls, plan: &Plan) -> Described {
    Described {
        entity: format!("sip:{}@{}", plan.number, calls.settings.domain),
        dial_in: calls.trunks.snapshot().numbers_to(&plan.number),
        title: plan.title.clone(),
        maximum_user_count: plan.max_participants,
        domain: calls.settings.domain.clone(),
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}
