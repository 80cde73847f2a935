//! Stored conferences.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use tracing::info;

use super::body::{Body, Params};
use super::caller::Caller;
use super::permission::Reach;
use super::problem::{Problem, ProblemDocument};
use super::state::{App, leads};
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

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::{Value, json};

    use super::super::fixture::House;

    #[tokio::test]
    async fn a_conference_is_stored_read_changed_and_deleted() {
        let house = House::open().await;
        let members = json!([{"address": "una"}, {"address": "tel:+39055123", "name": "Desk", "role": "participant"}]);
        let new = json!({"number": "8000", "alias": "board", "access": "pin", "pin": "1234", "members": members,
            "options": {"muted_on_entry": true}});
        let added = house.ask_as("olga", Method::POST, "/conferences", new).await;
        assert_eq!((added.status, added.header("location")), (201, "/api/v1/conferences/8000"), "{}", added.text());
        let added = added.json();
        assert_eq!((&added["title"], &added["members"][0]["role"]), (&json!("8000"), &json!("member")));

        assert_eq!(house.get_as("olga", "/conferences/8000").await.json(), added);
        let change = json!({"alias": null, "title": "Sales", "members": []});
        let changed = house.ask_as("olga", Method::PATCH, "/conferences/8000", change).await.json();
        assert_eq!((&changed["title"], &changed["members"]), (&json!("Sales"), &json!([])));
        assert!(changed.get("alias").is_none());
        assert_eq!(changed["pin"], "1234", "what is absent stays");

        assert_eq!(house.ask_as("olga", Method::DELETE, "/conferences/8000", Value::Null).await.status, 204);
        for method in [Method::GET, Method::DELETE] {
            let gone = house.ask_as("olga", method, "/conferences/8000", Value::Null).await;
            assert_eq!(gone.refusal(), (404, "no-such-conference".into()));
        }
        let gone = house.ask_as("olga", Method::PATCH, "/conferences/8000", json!({})).await;
        assert_eq!(gone.refusal(), (404, "no-such-conference".into()));
    }

    #[tokio::test]
    async fn what_may_not_be_a_conference_names_its_field() {
        let house = House::open().await;
        let twice = json!([{"address": "una"}, {"address": "una"}]);
        let many: Vec<_> = (0..1001).map(|n| json!({"address": format!("a{n}")})).collect();
        for (new, refusal) in [
            (json!({"number": "+39"}), (422, "bad-field", "number")),
            (json!({"number": "1".repeat(33)}), (422, "bad-field", "number")),
            (json!({"number": 8000}), (422, "bad-field", "number")),
            (json!({"alias": "A B"}), (422, "bad-field", "alias")),
            (json!({"access": "pin"}), (422, "bad-field", "pin")),
            (json!({"access": "nobody"}), (422, "bad-field", "access")),
            (json!({"pin": "12"}), (422, "bad-field", "pin")),
            (json!({"pin": "1234", "chair_pin": "1234"}), (422, "bad-field", "chair_pin")),
            (json!({"members": [{"address": "una"}, {"address": "+39"}]}), (422, "bad-field", "members[1].address")),
            (json!({"members": [{"address": "una", "role": "boss"}]}), (422, "bad-field", "members[0].role")),
            (json!({"members": twice}), (422, "bad-field", "members[1].address")),
            (json!({"members": many}), (422, "bad-field", "members")),
            (json!({"options": {"ring_seconds": 4}}), (422, "bad-field", "options.ring_seconds")),
            (json!({"options": {"colour": 4}}), (422, "bad-field", "options.colour")),
            (json!({"number": "7000"}), (409, "taken", "number")),
            (json!({"number": "una"}), (409, "taken", "number")),
            (json!({"alias": "conference"}), (409, "taken", "alias")),
            (json!({"alias": "7000"}), (409, "taken", "alias")),
        ] {
            let refused = house.ask_as("olga", Method::POST, "/conferences", new.clone()).await.problem();
            let (status, name, field) = refusal;
            assert_eq!(
                refused,
                (status, name.into(), Some(field.into())),
                "{}",
                &new.to_string()[..new.to_string().len().min(80)]
            );
        }
    }

    #[tokio::test]
    async fn without_a_number_the_lowest_free_one_is_taken() {
        let house = House::open().await;
        for number in ["1000", "1001"] {
            let added = house.ask_as("olga", Method::POST, "/conferences", json!({"title": "Ad hoc"})).await;
            assert_eq!(added.json()["number"], number);
        }
    }

    #[tokio::test]
    async fn a_user_sees_the_conferences_he_is_a_member_of() {
        let house = House::open().await;
        house.ask_as("olga", Method::POST, "/conferences", json!({"number": "8000"})).await;
        let theirs = json!({"number": "8001", "chair_pin": "9999", "members": [{"address": "sip:una@localhost"}]});
        house.ask_as("olga", Method::POST, "/conferences", theirs).await;

        let list = house.get_as("una", "/conferences").await.json();
        let numbers: Vec<_> = list["items"].as_array().unwrap().iter().map(|one| &one["number"]).collect();
        assert_eq!(numbers, ["7000", "8001"]);
        assert_eq!(list["items"][0]["chair_pin"], "9999", "who chairs it sees how others may");
        assert!(list["items"][1].get("chair_pin").is_none());
        let hidden = house.get_as("una", "/conferences/8000").await;
        assert_eq!(hidden.refusal(), (404, "no-such-conference".into()));
        for (method, path) in [
            (Method::POST, "/conferences"),
            (Method::PATCH, "/conferences/7000"),
            (Method::DELETE, "/conferences/7000"),
        ] {
            assert_eq!(house.ask_as("una", method, path, json!({})).await.refusal(), (403, "forbidden".into()));
        }
    }
}
