//! Running conferences: what they look like, and what one may wish of them. The conference itself decides.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::{Body, BodyIfAny, Params};
use super::caller::Caller;
use super::permission::Reach;
use super::problem::{Problem, ProblemDocument, ProblemType};
use super::state::App;
use crate::conference::{
    Action, AddParticipant, CallAll, CallAllReport, Participant, ParticipantId, ParticipantPatch, PlacedCall, Roster,
    TransferParticipant,
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
        caller.role_in(&app, &number).await?;
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

/// Send a participant elsewhere
///
/// Its phone is asked by REFER (RFC 3515) to call the address. The participant stays until it has; how it goes is seen in
/// `transfer` of the participant, in `live` and in the events.
#[utoipa::path(post, path = "/conferences/{number}/participants/{id}/transfer", tag = "live",
    params(("number" = String, Path), ("id" = String, Path)), request_body = TransferParticipant, responses(
    (status = 202, description = "The phone is asked"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`bad-address`, `forbidden`, `no-such-participant`, `not-running`, `not-transferable`"),
))]
pub(super) async fn transfer_participant(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((number, id)): Path<(String, String)>,
    Body(wish): Body<TransferParticipant>,
) -> Result<StatusCode, Problem> {
    let by = caller.actor(&app, &number).await?;
    app.state.directory.transfer(&number, &ParticipantId(id), wish, by).await?;
    Ok(StatusCode::ACCEPTED)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::Method;
    use serde_json::{Value, json};
    use tokio::time::timeout;

    use super::super::fixture::House;

    #[tokio::test]
    async fn one_click_calls_every_member() {
        let mut house = House::open().await;
        let quiet = house.get_as("olga", "/conferences/7000/live").await;
        assert_eq!(quiet.refusal(), (404, "not-running".into()));

        let placed = house.ask_as("olga", Method::POST, "/conferences/7000/call-all", Value::Null).await;
        assert_eq!(placed.status, 202, "{}", placed.text());
        let calls = placed.json()["calls"].as_array().unwrap().clone();
        let addresses: Vec<_> = calls.iter().map(|call| call["address"].as_str().unwrap()).collect();
        assert_eq!(addresses, ["sip:una@localhost", "sip:bob@localhost"]);
        for _ in &calls {
            timeout(Duration::from_secs(5), house.dials.recv()).await.unwrap().unwrap();
        }
        let live = house.get_as("una", "/conferences/7000/live").await.json();
        assert_eq!((&live["number"], &live["title"]), (&json!("7000"), &json!("Board")));
        assert_eq!(live["participants"][0]["id"], calls[0]["participant_id"]);
    }

    #[tokio::test]
    async fn call_all_takes_a_body_of_its_shape_only() {
        let house = House::open().await;
        let path = "/conferences/7000/call-all";
        let failed = house.ask_as("olga", Method::POST, path, json!({"only": ["failed"]})).await;
        assert!(matches!(failed.status, 202 | 409), "{}", failed.text());
        let wrong = house.ask_as("olga", Method::POST, path, json!({"only": ["lost"]})).await;
        assert_eq!(wrong.problem(), (422, "bad-field".into(), Some("only[0]".into())));
    }

    #[tokio::test]
    async fn one_more_is_called_changed_and_hung_up() {
        let house = House::open().await;
        let new = json!({"address": "tel:+39055123", "name": "Desk"});
        let placed = house.ask_as("olga", Method::POST, "/conferences/7000/participants", new).await;
        assert_eq!(placed.status, 202, "{}", placed.text());
        let id = placed.json()["participant_id"].as_str().unwrap().to_owned();
        let path = format!("/conferences/7000/participants/{id}");

        let patched = house
            .ask_as("olga", Method::PATCH, &path, json!({"muted": true, "gain_db": -6.0, "noise_suppression": true}))
            .await;
        assert_eq!(patched.status, 200, "{}", patched.text());
        assert_eq!((&patched.json()["muted"], &patched.json()["gain_db"]), (&json!(true), &json!(-6.0)));
        assert_eq!(patched.json()["noise_suppression"], json!(true));
        let loud = house.ask_as("olga", Method::PATCH, &path, json!({"gain_db": 99.0})).await;
        assert_eq!(loud.problem(), (422, "bad-gain".into(), Some("gain_db".into())));

        assert_eq!(house.ask_as("olga", Method::DELETE, &format!("{path}?ban=true"), Value::Null).await.status, 204);
        let odd = house.ask_as("olga", Method::DELETE, &format!("{path}?ban=perhaps"), Value::Null).await;
        assert_eq!(odd.refusal(), (400, "bad-query".into()));
        let unknown = house.ask_as("olga", Method::DELETE, "/conferences/7000/participants/nobody", Value::Null).await;
        assert_eq!(unknown.refusal(), (404, "no-such-participant".into()));
    }

    #[tokio::test]
    async fn wishes_that_cannot_be_met_say_why() {
        let house = House::open().await;
        for (path, body, refusal) in [
            ("/conferences/7000/actions/lock", Value::Null, (404, "not-running")),
            ("/conferences/7000/participants", json!({"address": "mailto:una@localhost"}), (422, "bad-address")),
            ("/conferences/7000/participants", json!({}), (422, "bad-field")),
            ("/conferences/9999/participants", json!({"address": "una"}), (404, "no-such-conference")),
            ("/conferences/9999/call-all", Value::Null, (404, "no-such-conference")),
            ("/conferences/7000/actions/dance", Value::Null, (404, "not-found")),
        ] {
            let refused = house.ask_as("olga", Method::POST, path, body).await;
            assert_eq!(refused.refusal(), (refusal.0, refusal.1.into()), "{path}");
        }
    }

    #[tokio::test]
    async fn actions_are_for_all_at_once() {
        let house = House::open().await;
        house.ask_as("olga", Method::POST, "/conferences/7000/call-all", Value::Null).await;
        for action in ["mute-all", "unmute-all", "lock"] {
            let path = format!("/conferences/7000/actions/{action}");
            let done = house.ask_as("olga", Method::POST, &path, Value::Null).await;
            assert_eq!(done.status, 204, "{action}: {}", done.text());
        }
        assert_eq!(house.get_as("olga", "/conferences/7000/live").await.json()["locked"], true);
    }

    /// The account's role opens the door; what one may do inside, the conference decides by the role there.
    #[tokio::test]
    async fn a_member_steers_as_far_as_the_conference_lets_him() {
        let house = House::open().await;
        let call_all = |number: &str| format!("/conferences/{number}/call-all");
        let chairs = house.ask_as("una", Method::POST, &call_all("7000"), Value::Null).await;
        assert_eq!(chairs.status, 202, "{}", chairs.text());

        let plain = json!({"number": "8000", "members": [{"address": "una"}, {"address": "bob"}]});
        house.ask_as("olga", Method::POST, "/conferences", plain).await;
        let refused = house.ask_as("una", Method::POST, &call_all("8000"), Value::Null).await;
        assert_eq!(refused.refusal(), (403, "forbidden".into()));

        house.ask_as("olga", Method::POST, "/conferences", json!({"number": "8001"})).await;
        let stranger = house.ask_as("una", Method::POST, &call_all("8001"), Value::Null).await;
        assert_eq!(stranger.refusal(), (404, "no-such-conference".into()));
        let stranger = house.get_as("una", "/conferences/8001/live").await;
        assert_eq!(stranger.refusal(), (404, "no-such-conference".into()));
    }
}
