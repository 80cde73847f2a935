//! Signing in and out. Every refusal of a sign-in reads the same and takes the same time.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tracing::{debug, info};
use utoipa::ToSchema;

use super::body::Body;
use super::caller::{COOKIE, Caller};
use super::permission::{AllowedCall, allowed_calls};
use super::problem::{Problem, ProblemDocument, ProblemType};
use super::state::App;
use super::token::Token;
use crate::store::{Account, Password};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    username: String,
    password: Password,
}

/// A session just begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewSession {
    /// For `Authorization: Bearer`; shown this once.
    token: String,
    #[serde(flatten)]
    session: Session,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// For the header `X-CSRF-Token`, needed to change anything with the cookie instead of the token.
    csrf_token: String,
    /// Moves on with use.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    account: Account,
    /// What this account may do.
    allowed: Vec<AllowedCall>,
}

/// Sign in
///
/// Sets the cookie of the console too. After five wrong passwords every further attempt has to wait longer.
#[utoipa::path(post, path = "/session", tag = "session", security(()), request_body = SignIn, responses(
    (status = 200, body = NewSession),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`wrong-password`, `too-many-attempts`"),
))]
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    Body(wish): Body<SignIn>,
) -> Result<Response, Problem> {
    let attempt = attempts(&app).begin(&wish.username, source.ip(), Instant::now());
    attempt.map_err(|wait| {
        let seconds = wait.as_secs() + 1;
        Problem::new(ProblemType::TooManyAttempts, format!("wait {seconds} s")).after_seconds(seconds)
    })?;
    let account = app.state.store.account_by_password(&wish.username, &wish.password).await?;
    let Some(account) = account else {
        debug!(account = wish.username, %source, "wrong password");
        return Err(Problem::new(ProblemType::WrongPassword, "no enabled account has this name and password"));
    };
    attempts(&app).succeeded(&wish.username, source.ip());

    let token = Token::new()?;
    let now = OffsetDateTime::now_utc();
    let expires_at = now + app.session_lifetime;
    app.state.store.add_session(token.hash(), &account.name, now, expires_at).await?;
    info!(account = account.name, "signed in");

    // Without Max-Age it ends with the browser; how long it serves is the server's to say.
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; Secure; SameSite=Strict", token.reveal());
    let session = NewSession { token: token.reveal().into(), session: Session::of(account, &token, expires_at) };
    Ok(([(header::SET_COOKIE, cookie)], Json(session)).into_response())
}

/// Who am I
#[utoipa::path(get, path = "/session", tag = "session", responses(
    (status = 200, body = Session),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json", description = "`not-signed-in`"),
))]
pub(super) async fn session(caller: Caller) -> Json<Session> {
    Json(Session::of(caller.account, &caller.token, caller.expires_at))
}

/// Sign out
#[utoipa::path(delete, path = "/session", tag = "session", responses(
    (status = 204, description = "The session has ended"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json", description = "`not-signed-in`"),
))]
pub(super) async fn sign_out(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    app.state.store.end_session(caller.token.hash()).await?;
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

impl Session {
    fn of(account: Account, token: &Token, expires_at: OffsetDateTime) -> Self {
        // To the second, as it is stored.
        let expires_at = expires_at.replace_nanosecond(0).unwrap_or(expires_at);
        Self { csrf_token: token.csrf(), expires_at, allowed: allowed_calls(&account), account }
    }
}

fn attempts(app: &App) -> std::sync::MutexGuard<'_, super::attempts::Attempts> {
    // A tally half written is still a tally.
    app.attempts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::{Value, json};

    use super::super::fixture::{Answer, House};
    use super::*;

    async fn with_password(account: &str) -> House {
        let house = House::open().await;
        house.state.store.set_password(account, Password::new("correct horse")).await.unwrap();
        house
    }

    async fn sign_in(house: &House, username: &str, password: &str) -> Answer {
        house.ask(Method::POST, "/session", &[], json!({"username": username, "password": password})).await
    }

    #[tokio::test]
    async fn a_session_begins_serves_and_ends() {
        let house = with_password("olga").await;
        let begun = sign_in(&house, "olga", "correct horse").await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        let begun = begun.json();
        assert_eq!(begun["account"]["name"], "olga");
        assert!(begun["expires_at"].as_str().unwrap().ends_with('Z'), "{begun}");
        let bearer = format!("Bearer {}", begun["token"].as_str().unwrap());
        let bearer = [("authorization", bearer.as_str())];

        let who = house.ask(Method::GET, "/session", &bearer, Value::Null).await.json();
        assert_eq!(who["account"], begun["account"]);
        assert!(who.get("token").is_none(), "the token is shown once");
        assert_eq!(house.ask(Method::DELETE, "/session", &bearer, Value::Null).await.status, 204);
        let ended = house.ask(Method::GET, "/session", &bearer, Value::Null).await;
        assert_eq!(ended.refusal(), (401, "not-signed-in".into()));
    }

    /// The cookie comes by itself, so a change needs the header that only a page of this server can send.
    #[tokio::test]
    async fn the_cookie_needs_the_csrf_header_to_change_anything() {
        let house = with_password("olga").await;
        let begun = sign_in(&house, "olga", "correct horse").await;
        let set = begun.header("set-cookie");
        for part in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
            assert!(set.split("; ").any(|found| found == part), "{set}");
        }
        let cookie = set.split(';').next().unwrap();
        let csrf = begun.json()["csrf_token"].as_str().unwrap().to_owned();

        let read = house.ask(Method::GET, "/session", &[("cookie", cookie)], Value::Null).await;
        assert_eq!((read.status, read.json()["csrf_token"].as_str()), (200, Some(csrf.as_str())));
        let body = json!({"number": "8000"});
        for headers in [vec![("cookie", cookie)], vec![("cookie", cookie), ("x-csrf-token", "guessed")]] {
            let refused = house.ask(Method::POST, "/conferences", &headers, body.clone()).await;
            assert_eq!(refused.refusal(), (403, "csrf".into()));
        }
        let headers = [("cookie", cookie), ("x-csrf-token", csrf.as_str())];
        assert_eq!(house.ask(Method::POST, "/conferences", &headers, body).await.status, 201);
    }

    #[tokio::test]
    async fn unknown_wrong_and_disabled_read_the_same() {
        let house = with_password("olga").await;
        let wrong = sign_in(&house, "olga", "wrong horse").await;
        assert_eq!(wrong.refusal(), (401, "wrong-password".into()));
        let unknown = sign_in(&house, "nobody", "correct horse").await;
        let without = sign_in(&house, "una", "correct horse").await;
        let change = serde_json::from_value(json!({"disabled": true})).unwrap();
        house.state.store.update_account("olga", change).await.unwrap();
        let disabled = sign_in(&house, "olga", "correct horse").await;
        for same in [unknown, without, disabled] {
            assert_eq!(same.json(), wrong.json());
        }
    }

    #[tokio::test]
    async fn the_sixth_wrong_password_waits() {
        let house = House::open().await;
        for _ in 0..5 {
            assert_eq!(sign_in(&house, "una", "wrong horse").await.status, 401);
        }
        let refused = sign_in(&house, "una", "wrong horse").await;
        assert_eq!(refused.refusal(), (429, "too-many-attempts".into()));
        assert_eq!(refused.header("retry-after"), "1");
    }

    #[tokio::test]
    async fn the_session_says_what_the_account_may_do() {
        let house = House::open().await;
        let allowed = |session: Value| session["allowed"].as_array().unwrap().clone();
        let user = allowed(house.get_as("una", "/session").await.json());
        assert!(user.contains(&json!({"call": "GET /conferences", "reach": "own"})), "{user:?}");
        assert!(!user.iter().any(|call| call["call"] == "POST /accounts"));
        let admin = allowed(house.get_as("root", "/session").await.json());
        assert!(admin.contains(&json!({"call": "POST /accounts", "reach": "everything"})));
    }

    #[tokio::test]
    async fn a_sign_in_of_the_wrong_shape_is_refused() {
        let house = House::open().await;
        let missing = house.ask(Method::POST, "/session", &[], json!({"username": "una"})).await;
        assert_eq!(missing.problem(), (422, "bad-field".into(), Some("password".into())));
    }
}
