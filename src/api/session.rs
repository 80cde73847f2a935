//! Signing in and out. Every refusal of a sign-in reads the same and takes the same time.

use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError},
    time::Instant,
};

use axum::{
    Json,
    extract::{ConnectInfo, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tracing::{debug, info};
use utoipa::ToSchema;

use super::{
    body::Body,
    caller::{COOKIE, Caller},
    permission::{AllowedCall, allowed_calls},
    problem::{Problem, ProblemDocument, ProblemType},
    state::App,
    token::Token,
};
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
