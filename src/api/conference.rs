//! Stored conferences.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use tracing::info;

use super::{
    body::{Body, Params},
    caller::Caller,
    permission::Reach,
    problem::{Problem, ProblemDocument},
    state::{App, leads},
};
use crate::store::{Conference, ConferenceChange, NewConference, Page, PageOf};

/// List conferences
///
/// To whom all are not open: those that the account is a member of.
#[utoipa::path(get, path = "/conferences", tag = "conferences", params(PageOf), responses(
    (status = 200, body = Page<Conference>),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json", description = "Refused"),
))]
pub(super) async fn list_conferences(
    State(app): State<Arc<App>>,
    caller: Caller,
    wanted: Params<PageOf>,
) -> Result<Json<Page<Conference>>, Problem> {
    let (store, page) = (&app.state.store, wanted.page()?);
    let mut list = match caller.reach {
        Reach::Everything => store.conferences(&page).await?,
        _ => store.conferences_of(&app.addresses_of(&caller.account.name), &page).await?,
    };
    list.items = list.items.into_iter().map(|conference| as_seen_by(&app, &caller, conference)).collect();
    Ok(Json(list))
}

/// Store a conference
#[utoipa::path(post, path = "/conferences", tag = "conferences", request_body = NewConference, responses(
    (status = 201, body = Conference),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`bad-field`, `taken`"),
))]
pub(super) async fn add_conference(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<NewConference>,
) -> Result<impl IntoResponse, Problem> {
    let conference = app.state.store.add_conference(new).await?;
    info!(conference = conference.number, by = caller.account.name, "conference stored");
    app.state.directory.changed(&conference.number).await;
    let location = format!("/api/v1/conferences/{}", conference.number);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(conference)))
}

/// One stored conference
#[utoipa::path(get, path = "/conferences/{number}", tag = "conferences", params(("number" = String, Path)), responses(
    (status = 200, body = Conference),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`no-such-conference`"),
))]
pub(super) async fn conference(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
) -> Result<Json<Conference>, Problem> {
    let conference = caller.reach_conference(&app, &number).await?;
    Ok(Json(as_seen_by(&app, &caller, conference)))
}

/// Change a stored conference
#[utoipa::path(patch, path = "/conferences/{number}", tag = "conferences", params(("number" = String, Path)),
    request_body = ConferenceChange, responses(
    (status = 200, body = Conference),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`bad-field`, `no-such-conference`, `taken`"),
))]
pub(super) async fn change_conference(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    Body(change): Body<ConferenceChange>,
) -> Result<Json<Conference>, Problem> {
    let conference = app.state.store.update_conference(&number, change).await?;
    info!(conference = number, by = caller.account.name, "conference changed");
    app.state.directory.changed(&number).await;
    Ok(Json(conference))
}

/// Delete a stored conference
#[utoipa::path(delete, path = "/conferences/{number}", tag = "conferences", params(("number" = String, Path)), responses(
    (status = 204, description = "Deleted"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`no-such-conference`"),
))]
pub(super) async fn remove_conference(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
) -> Result<StatusCode, Problem> {
    app.state.store.remove_conference(&number).await?;
    info!(conference = number, by = caller.account.name, "conference deleted");
    app.state.directory.changed(&number).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The chair's PIN makes a chair of whoever knows it, so only those who lead see it.
fn as_seen_by(app: &App, caller: &Caller, mut conference: Conference) -> Conference {
    let member = conference.member(&app.addresses_of(&caller.account.name));
    if caller.reach != Reach::Everything && !member.is_some_and(|member| leads(member.role)) {
        conference.chair_pin = None;
    }
    conference
}
