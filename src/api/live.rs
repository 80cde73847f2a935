//! Running conferences: what they look like, and what one may wish of them. The conference itself decides.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    body::{Body, BodyIfAny, Params},
    caller::Caller,
    permission::Reach,
    problem::{Problem, ProblemDocument, ProblemType},
    state::App,
};
use crate::conference::{
    Action, AddParticipant, CallAll, CallAllReport, Participant, ParticipantId, ParticipantPatch, PlacedCall, Roster,
};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Removal {
    /// Keep the address out as long as this conference runs.
    #[serde(default)]
    ban: bool,
}

/// The running conference
#[utoipa::path(get, path = "/conferences/{number}/live", tag = "live", params(("number" = String, Path)), responses(
    (status = 200, body = Roster),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`no-such-conference`, `not-running`"),
))]
pub(super) async fn live(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    if caller.reach != Reach::Everything {
        caller.reach_conference(&app, &number).await?;
    }
    let roster: Arc<Roster> = app.state.directory.live(&number).await?;
    Ok(Json(Roster::clone(&roster)))
}

/// Call every member that is not in
///
/// All at once; answers as soon as the calls are placed. How they end is seen in `live` and in the events.
#[utoipa::path(post, path = "/conferences/{number}/call-all", tag = "live", params(("number" = String, Path)),
    request_body(content = Option<CallAll>, description = "Without a body: everybody who is not in"), responses(
    (status = 202, body = CallAllReport),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`forbidden`, `no-such-conference`, `nobody-to-call`"),
))]
pub(super) async fn call_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    BodyIfAny(wish): BodyIfAny<CallAll>,
) -> Result<impl IntoResponse, Problem> {
    let by = caller.actor(&app, &number).await?;
    let report = app.state.directory.call_all(&number, wish, by).await?;
    Ok((StatusCode::ACCEPTED, Json(report)))
}

/// Call one more
#[utoipa::path(post, path = "/conferences/{number}/participants", tag = "live", params(("number" = String, Path)),
    request_body = AddParticipant, responses(
    (status = 202, body = PlacedCall),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`bad-address`, `forbidden`, `no-such-conference`"),
))]
pub(super) async fn add_participant(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    Body(wish): Body<AddParticipant>,
) -> Result<impl IntoResponse, Problem> {
    let by = caller.actor(&app, &number).await?;
    let placed = app.state.directory.add(&number, wish, by).await?;
    Ok((StatusCode::ACCEPTED, Json(placed)))
}

/// Change a participant
#[utoipa::path(patch, path = "/conferences/{number}/participants/{id}", tag = "live",
    params(("number" = String, Path), ("id" = String, Path)), request_body = ParticipantPatch, responses(
    (status = 200, body = Participant),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`bad-gain`, `forbidden`, `no-such-participant`, `not-running`"),
))]
pub(super) async fn change_participant(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((number, id)): Path<(String, String)>,
    Body(patch): Body<ParticipantPatch>,
) -> Result<Json<Participant>, Problem> {
    let by = caller.actor(&app, &number).await?;
    Ok(Json(app.state.directory.patch(&number, &ParticipantId(id), patch, by).await?))
}

/// Hang up a participant
#[utoipa::path(delete, path = "/conferences/{number}/participants/{id}", tag = "live",
    params(("number" = String, Path), ("id" = String, Path), Removal), responses(
    (status = 204, description = "Hung up"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`forbidden`, `no-such-participant`, `not-running`"),
))]
pub(super) async fn remove_participant(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((number, id)): Path<(String, String)>,
    Params(removal): Params<Removal>,
) -> Result<StatusCode, Problem> {
    let by = caller.actor(&app, &number).await?;
    app.state.directory.remove(&number, &ParticipantId(id), removal.ban, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mute or unmute all, lock, unlock, end
#[utoipa::path(post, path = "/conferences/{number}/actions/{action}", tag = "live",
    params(("number" = String, Path), ("action" = Action, Path)), responses(
    (status = 204, description = "Done"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`forbidden`, `not-found` (no such action), `not-running`"),
))]
pub(super) async fn act(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((number, action)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let action: Action = serde_json::from_value(action.as_str().into())
        .map_err(|_| Problem::new(ProblemType::NotFound, format!("there is no action {action}")))?;
    let by = caller.actor(&app, &number).await?;
    app.state.directory.act(&number, action, by).await?;
    Ok(StatusCode::NO_CONTENT)
}
