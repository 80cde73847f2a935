//! The WebSocket of events: a snapshot, then numbered deltas; `?after=SEQ` resumes where a connection broke.
//!
//! RFC 6455. Messages are JSON texts ([`Numbered`]) from the server alone. A client that reads slower than the stream's
//! ring turns gets a snapshot again; one that takes nothing for 10 s is dropped. Close codes: 1001 the server stops,
//! 1008 the session has ended, 1013 come back later.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, Uri, header},
    response::Response,
};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::{
    select,
    sync::{broadcast::error::RecvError, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use utoipa::IntoParams;

use super::{
    body::Params,
    caller::Caller,
    permission::Reach,
    problem::{Problem, ProblemDocument, ProblemType},
    state::App,
};
use crate::conference::{Follow, LiveEvent, Numbered};

const PING_EVERY: Duration = Duration::from_secs(20);
const SILENT_AT_MOST: Duration = Duration::from_secs(60);
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// How long a look at a member list is good for.
const MEMBERSHIP_LASTS: Duration = Duration::from_secs(5);
/// Clients have nothing to say but control frames.
const LARGEST_FROM_CLIENT: usize = 4096;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The `seq` last seen; what came after it follows, or a snapshot when that is too long ago.
    after: Option<u64>,
    /// Only of this conference.
    conference: Option<String>,
}

/// Follow what happens (WebSocket)
///
/// The first message is a snapshot unless `after` could be resumed. To whom not all conferences are open: those that
/// the account is a member of. Numbers of what is not shown are left out; nothing shown is ever lost on the way.
#[utoipa::path(get, path = "/events", tag = "live", params(Wanted), responses(
    (status = 101, description = "WebSocket; every message is a `Numbered`"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`csrf`, `no-such-conference`"),
))]
pub(super) async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    uri: Uri,
    Params(wanted): Params<Wanted>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|refused| Problem::new(ProblemType::BadRequest, refused.body_text()))?;
    must_come_from_here(&headers, &uri)?;
    if let (Some(number), Reach::Own) = (&wanted.conference, caller.reach) {
        caller.reach_conference(&app, number).await?;
    }
    let upgrade = upgrade.max_message_size(LARGEST_FROM_CLIENT);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let sight = Sight { app: app.clone(), caller, only: wanted.conference, looked_up: HashMap::new() };
        let code = follow(socket, &app, sight, wanted.after).await;
        tracing::trace!(?code, "events ended");
    }))
}

/// A browser sends the cookie from any page's WebSocket; only pages of this server may use it.
fn must_come_from_here(headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
    let here = text(header::HOST).or(uri.authority().map(|authority| authority.as_str()));
    match origin.split_once("://") {
        Some((_, there)) if here.is_some_and(|here| here.eq_ignore_ascii_case(there)) => Ok(()),
        _ => Err(Problem::new(ProblemType::Csrf, format!("a page of {origin} may not follow this server"))),
    }
}

/// Sends until somebody ends it. Returns the close code sent, if one was.
async fn follow(mut socket: WebSocket, app: &App, mut sight: Sight, after: Option<u64>) -> Option<u16> {
    let mut stopping = app.stopping.clone();
    let mut ticks = interval(PING_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut heard_at) = (after, Instant::now());
    'resume: loop {
        let Ok(Follow { first, mut rest }) = app.state.directory.follow(last).await else {
            return close(socket, close_code::AGAIN).await;
        };
        for numbered in first {
            last = Some(numbered.seq);
            sight.show(&mut socket, &numbered).await?;
        }
        loop {
            select! {
                next = rest.recv() => match next {
                    Ok(numbered) if last.is_some_and(|last| numbered.seq <= last) => {}
                    Ok(numbered) => {
                        last = Some(numbered.seq);
                        sight.show(&mut socket, &numbered).await?;
                    }
                    Err(RecvError::Lagged(_)) => continue 'resume,
                    Err(RecvError::Closed) => return close(socket, close_code::AWAY).await,
                },
                heard = socket.recv() => match heard? {
                    Ok(Message::Close(_)) | Err(_) => return None,
                    Ok(_) => heard_at = Instant::now(),
                },
                _ = ticks.tick() => {
                    if heard_at.elapsed() > SILENT_AT_MOST {
                        return None;
                    }
                    if !sight.still_signed_in().await {
                        return close(socket, close_code::POLICY).await;
                    }
                    send(&mut socket, Message::Ping(Default::default())).await?;
                }
                () = told_to_stop(&mut stopping) => return close(socket, close_code::AWAY).await,
            }
        }
    }
}

/// Returns too when nobody is left to tell.
async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// `None`: the client is gone or too slow.
async fn send(socket: &mut WebSocket, message: Message) -> Option<()> {
    timeout(SEND_WITHIN, socket.send(message)).await.ok()?.ok()
}

async fn close(mut socket: WebSocket, code: u16) -> Option<u16> {
    let reason = match code {
        close_code::POLICY => "the session has ended",
        close_code::AWAY => "the server is stopping",
        _ => "come back later",
    };
    send(&mut socket, Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await.map(|()| code)
}

/// What one follower gets to see.
struct Sight {
    app: Arc<App>,
    caller: Caller,
    only: Option<String>,
    /// Whether the caller is a member, by conference, and when that was looked up.
    looked_up: HashMap<String, (bool, Instant)>,
}

impl Sight {
    /// Sends what of `numbered` is to be seen, if anything. `None`: the client is gone.
    async fn show(&mut self, socket: &mut WebSocket, numbered: &Numbered) -> Option<()> {
        let text = match &numbered.event {
            LiveEvent::Snapshot { conferences } => {
                let mut seen = Vec::new();
                for roster in conferences {
                    if self.sees(&roster.number).await {
                        seen.push(roster.clone());
                    }
                }
                serde_json::to_string(&Numbered { seq: numbered.seq, event: LiveEvent::Snapshot { conferences: seen } })
            }
            event => match event.conference() {
                Some(number) if self.sees(number).await => serde_json::to_string(numbered),
                _ => return Some(()),
            },
        };
        send(socket, Message::Text(text.ok()?.into())).await
    }

    async fn sees(&mut self, number: &str) -> bool {
        if self.only.as_deref().is_some_and(|only| only != number) {
            return false;
        }
        if self.caller.reach == Reach::Everything {
            return true;
        }
        if let Some((member, at)) = self.looked_up.get(number)
            && at.elapsed() < MEMBERSHIP_LASTS
        {
            return *member;
        }
        let member = self.caller.reach_conference(&self.app, number).await.is_ok();
        self.looked_up.retain(|_, (_, at)| at.elapsed() < MEMBERSHIP_LASTS);
        self.looked_up.insert(number.to_owned(), (member, Instant::now()));
        member
    }

    async fn still_signed_in(&self) -> bool {
        let session = self.app.state.store.session(self.caller.token.hash(), OffsetDateTime::now_utc()).await;
        session.is_ok_and(|session| session.is_some())
    }
}
