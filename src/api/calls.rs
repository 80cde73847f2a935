//! Recent calls and their ladders, to find out why one went wrong.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;

use super::problem::{Problem, ProblemDocument, ProblemType};
use super::state::App;
use crate::store::Page;
use crate::telemetry::ladder::{CallSummary, RecordedCall};

/// Recent calls, the newest first
///
/// Of the last few hundred calls since the server started.
#[utoipa::path(get, path = "/calls", tag = "calls", responses(
    (status = 200, body = Page<CallSummary>),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json", description = "Refused"),
))]
pub(super) async fn list_calls(State(app): State<Arc<App>>) -> Json<Page<CallSummary>> {
    Json(Page { items: app.state.ladders.calls().await, next: None })
}

/// A call with its messages
///
/// Proofs of passwords, media keys and pressed keys are masked.
#[utoipa::path(get, path = "/calls/{call_id}", tag = "calls",
    params(("call_id" = String, Path, description = "SIP's Call-ID, percent-encoded")), responses(
    (status = 200, body = RecordedCall),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`no-such-call`"),
))]
pub(super) async fn call(
    State(app): State<Arc<App>>,
    Path(call_id): Path<String>,
) -> Result<Json<RecordedCall>, Problem> {
    recorded(&app, &call_id).await.map(Json)
}

/// The ladder of a call: its messages with their times, as text
///
/// Proofs of passwords, media keys and pressed keys are masked.
#[utoipa::path(get, path = "/calls/{call_id}/ladder", tag = "calls",
    params(("call_id" = String, Path, description = "SIP's Call-ID, percent-encoded")), responses(
    (status = 200, body = String, content_type = "text/plain"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`no-such-call`"),
))]
pub(super) async fn ladder(
    State(app): State<Arc<App>>,
    Path(call_id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let call = recorded(&app, &call_id).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], call.printed()))
}

async fn recorded(app: &App, call_id: &str) -> Result<RecordedCall, Problem> {
    let call = app.state.ladders.call(call_id).await;
    call.ok_or_else(|| Problem::new(ProblemType::NoSuchCall, format!("no call {call_id} is recorded, or no longer")))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::House;

    #[tokio::test]
    async fn calls_are_for_administrators() {
        let house = House::open().await;
        let calls = house.get_as("root", "/calls").await.json();
        assert_eq!(calls["items"].as_array().map(Vec::len), Some(0));
        for path in ["/calls/a%40b", "/calls/a%40b/ladder"] {
            assert_eq!(house.get_as("root", path).await.refusal(), (404, "no-such-call".into()));
        }
        for path in ["/calls", "/calls/a", "/calls/a/ladder"] {
            for name in ["olga", "una"] {
                assert_eq!(house.get_as(name, path).await.refusal(), (403, "forbidden".into()), "{name}: {path}");
            }
        }
    }
}
