//! The WebSocket of events: a snapshot, then numbered deltas; `?after=SEQ` resumes where a connection broke.
//!
//! RFC 6455. Messages are JSON texts ([`Numbered`]) from the server alone. A client that reads slower than the stream's
//! ring turns gets a snapshot again; one that takes nothing for 10 s is dropped. Close codes: 1001 the server stops,
//! 1008 the session has ended, 1013 come back later.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::extract::{State, WebSocketUpgrade};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::select;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use utoipa::IntoParams;

use super::body::Params;
use super::caller::Caller;
use super::permission::Reach;
use super::problem::{Problem, ProblemDocument, ProblemType};
use super::state::App;
use crate::conference::{Follow, LiveEvent, Numbered};
use crate::gateway::Origins;

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
        caller.role_in(&app, number).await?;
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
    match Origins::default().allow(headers, uri) {
        true => Ok(()),
        false => Err(Problem::new(ProblemType::Csrf, "a page of another origin may not follow this server")),
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
        let member = self.caller.role_in(&self.app, number).await.is_ok();
        self.looked_up.retain(|_, (_, at)| at.elapsed() < MEMBERSHIP_LASTS);
        self.looked_up.insert(number.to_owned(), (member, Instant::now()));
        member
    }

    async fn still_signed_in(&self) -> bool {
        let session = self.app.state.store.session(self.caller.token.hash(), OffsetDateTime::now_utc()).await;
        session.is_ok_and(|session| session.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::http::Method;
    use futures_util::{SinkExt, StreamExt};
    use serde_json::{Value, json};
    use tokio::net::TcpStream;
    use tokio_tungstenite::tungstenite;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

    use super::super::fixture::House;
    use super::*;

    struct Follower(WebSocketStream<MaybeTlsStream<TcpStream>>);

    impl Follower {
        async fn new(at: SocketAddr, query: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
            let mut request = format!("ws://{at}/api/v1/events{query}").into_client_request().unwrap();
            for (name, value) in headers {
                request.headers_mut().insert(*name, value.parse().unwrap());
            }
            match connect_async(request).await {
                Ok((socket, _)) => Ok(Self(socket)),
                Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
                Err(other) => panic!("{other}"),
            }
        }

        async fn of(house: &House, account: &str, at: SocketAddr, query: &str) -> Self {
            let bearer = format!("Bearer {}", house.token(account).await);
            Self::new(at, query, &[("authorization", &bearer)]).await.unwrap()
        }

        async fn hear(&mut self) -> tungstenite::Message {
            timeout(Duration::from_secs(5), self.0.next()).await.expect("an event within 5 s").unwrap().unwrap()
        }

        async fn event(&mut self) -> Value {
            loop {
                match self.hear().await {
                    tungstenite::Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                    tungstenite::Message::Ping(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        }

        /// The next event about this conference.
        async fn event_of(&mut self, number: &str) -> Value {
            loop {
                let event = self.event().await;
                if event["conference"] == number {
                    return event;
                }
            }
        }

        async fn close_code(&mut self) -> u16 {
            loop {
                if let tungstenite::Message::Close(frame) = self.hear().await {
                    return frame.unwrap().code.into();
                }
            }
        }
    }

    async fn call(house: &House, number: &str) {
        let path = format!("/conferences/{number}/participants");
        let placed = house.ask_as("olga", Method::POST, &path, json!({"address": "sip:x@example.org"})).await;
        assert_eq!(placed.status, 202, "{}", placed.text());
    }

    #[tokio::test]
    async fn first_a_snapshot_then_numbered_deltas() {
        let house = House::open().await;
        let (at, _stop, _) = house.listen(None).await;
        let mut follower = Follower::of(&house, "olga", at, "").await;
        let snapshot = follower.event().await;
        assert_eq!((&snapshot["type"], &snapshot["conferences"]), (&json!("snapshot"), &json!([])));
        let mut seq = snapshot["seq"].as_u64().unwrap();
        call(&house, "7000").await;
        loop {
            let event = follower.event().await;
            assert_eq!(event["seq"], seq + 1);
            seq += 1;
            if event["type"] == "participant" {
                assert_eq!(event["participant"]["address"], "sip:x@example.org");
                break;
            }
        }
    }

    #[tokio::test]
    async fn a_broken_connection_resumes_after_the_last_number() {
        let house = House::open().await;
        let (at, _stop, _) = house.listen(None).await;
        let mut follower = Follower::of(&house, "olga", at, "").await;
        follower.event().await;
        call(&house, "7000").await;
        let last = follower.event().await["seq"].as_u64().unwrap();
        drop(follower);
        call(&house, "7000").await;

        let mut resumed = Follower::of(&house, "olga", at, &format!("?after={last}")).await;
        let first = resumed.event().await;
        assert_eq!((&first["seq"], first["type"] == "snapshot"), (&json!(last + 1), false));
        let mut unknown = Follower::of(&house, "olga", at, "?after=7").await;
        let snapshot = unknown.event().await;
        assert_eq!((&snapshot["type"], &snapshot["conferences"][0]["number"]), (&json!("snapshot"), &json!("7000")));
    }

    #[tokio::test]
    async fn one_conference_alone_can_be_followed() {
        let house = House::open().await;
        house.ask_as("olga", Method::POST, "/conferences", json!({"number": "8000"})).await;
        let (at, _stop, _) = house.listen(None).await;
        call(&house, "7000").await;
        let mut follower = Follower::of(&house, "olga", at, "?conference=8000").await;
        assert_eq!(follower.event().await["conferences"], json!([]));
        call(&house, "7000").await;
        call(&house, "8000").await;
        assert_eq!(follower.event().await["conference"], "8000");
    }

    #[tokio::test]
    async fn a_user_follows_only_what_he_is_a_member_of() {
        let house = House::open().await;
        house.ask_as("olga", Method::POST, "/conferences", json!({"number": "8000"})).await;
        let (at, _stop, _) = house.listen(None).await;
        let mut follower = Follower::of(&house, "una", at, "").await;
        follower.event().await;
        call(&house, "8000").await;
        call(&house, "7000").await;
        assert_eq!(follower.event().await["conference"], "7000");

        let bearer = format!("Bearer {}", house.token("una").await);
        let refused = Follower::new(at, "?conference=8000", &[("authorization", &bearer)]).await;
        assert_eq!(refused.err(), Some(404));
    }

    /// The cookie goes along with a WebSocket of any page, so the page has to be ours.
    #[tokio::test]
    async fn a_page_from_elsewhere_may_not_follow() {
        let house = House::open().await;
        let (at, _stop, _) = house.listen(None).await;
        let cookie = format!("plenary_session={}", house.token("olga").await);
        let foreign = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
        assert_eq!(Follower::new(at, "", &foreign).await.err(), Some(403));
        let ours = format!("http://{at}");
        assert!(Follower::new(at, "", &[("cookie", &cookie), ("origin", &ours)]).await.is_ok());
        assert_eq!(Follower::new(at, "", &[]).await.err(), Some(401));
        let plain = house.get_as("olga", "/events").await;
        assert_eq!(plain.refusal(), (400, "bad-request".into()));
    }

    #[tokio::test]
    async fn a_stopping_server_says_so() {
        let house = House::open().await;
        let (at, stop, stopped) = house.listen(None).await;
        let mut follower = Follower::of(&house, "olga", at, "").await;
        follower.event().await;
        stop.send(()).unwrap();
        assert_eq!(follower.close_code().await, 1001);
        timeout(Duration::from_secs(6), stopped).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_client_says_is_not_heeded_and_not_long() {
        let house = House::open().await;
        let (at, _stop, _) = house.listen(None).await;
        let mut follower = Follower::of(&house, "olga", at, "").await;
        follower.event().await;
        follower.0.send(tungstenite::Message::text("hello")).await.unwrap();
        call(&house, "7000").await;
        follower.event_of("7000").await;
        follower.0.send(tungstenite::Message::text("x".repeat(5000))).await.unwrap();
        // Events of the call may still be on their way.
        while let Ok(Some(Ok(_))) = timeout(Duration::from_secs(5), follower.0.next()).await {}
        assert!(follower.0.send(tungstenite::Message::text("hello")).await.is_err());
    }
}
