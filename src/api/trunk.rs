//! Trunks, and how they stand.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use tracing::info;
use utoipa::ToSchema;

use super::body::{Body, Params};
use super::caller::Caller;
use super::problem::{Problem, ProblemDocument};
use super::state::App;
use crate::store::{Page, PageOf, Trunk, TrunkFields};
use crate::trunk::TrunkState;

/// A trunk as it is stored, and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TrunkShown {
    #[serde(flatten)]
    trunk: Trunk,
    state: TrunkState,
}

impl TrunkShown {
    fn of(app: &App, trunk: Trunk) -> Self {
        let state = app.state.trunks.state_of(&trunk.name);
        Self { trunk, state }
    }
}

/// List trunks
#[utoipa::path(get, path = "/trunks", tag = "trunks", params(PageOf), responses(
    (status = 200, body = Page<TrunkShown>),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json", description = "Refused"),
))]
pub(super) async fn list_trunks(
    State(app): State<Arc<App>>,
    wanted: Params<PageOf>,
) -> Result<Json<Page<TrunkShown>>, Problem> {
    let Page { items, next } = app.state.store.trunks(&wanted.page()?).await?;
    let items = items.into_iter().map(|trunk| TrunkShown::of(&app, trunk)).collect();
    Ok(Json(Page { items, next }))
}

/// Add a trunk
///
/// `name` and `host` are needed.
#[utoipa::path(post, path = "/trunks", tag = "trunks", request_body = TrunkFields, responses(
    (status = 201, body = TrunkShown),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`bad-field`, `taken`"),
))]
pub(super) async fn add_trunk(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<TrunkFields>,
) -> Result<impl IntoResponse, Problem> {
    let trunk = app.state.store.add_trunk(new).await?;
    info!(trunk = trunk.name, by = caller.account.name, "trunk added");
    app.state.trunks.changed().await;
    let location = format!("/api/v1/trunks/{}", trunk.name);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(TrunkShown::of(&app, trunk))))
}

/// One trunk
#[utoipa::path(get, path = "/trunks/{name}", tag = "trunks", params(("name" = String, Path)), responses(
    (status = 200, body = TrunkShown),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`no-such-trunk`"),
))]
pub(super) async fn trunk(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Json<TrunkShown>, Problem> {
    let trunk = app.state.store.trunk(&name).await?;
    Ok(Json(TrunkShown::of(&app, trunk)))
}

/// Change a trunk
///
/// The name stays. The password has to be given again when `host` or `outbound_proxy` change.
#[utoipa::path(patch, path = "/trunks/{name}", tag = "trunks", params(("name" = String, Path)),
    request_body = TrunkFields, responses(
    (status = 200, body = TrunkShown),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`bad-field`, `no-such-trunk`"),
))]
pub(super) async fn change_trunk(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Body(change): Body<TrunkFields>,
) -> Result<Json<TrunkShown>, Problem> {
    let trunk = app.state.store.update_trunk(&name, change).await?;
    info!(trunk = name, by = caller.account.name, "trunk changed");
    app.state.trunks.changed().await;
    Ok(Json(TrunkShown::of(&app, trunk)))
}

/// Delete a trunk
#[utoipa::path(delete, path = "/trunks/{name}", tag = "trunks", params(("name" = String, Path)), responses(
    (status = 204, description = "Deleted; its registration is taken back, calls that stand go on"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`no-such-trunk`"),
))]
pub(super) async fn remove_trunk(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    app.state.store.remove_trunk(&name).await?;
    info!(trunk = name, by = caller.account.name, "trunk removed");
    app.state.trunks.changed().await;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::{Value, json};

    use super::super::fixture::House;

    fn pstn() -> Value {
        json!({"name": "pstn", "host": "pbx.example.org", "transport": "tls", "register": true, "username": "us",
            "password": "geheim", "caller_id": "+39055100", "sources": ["192.0.2.0/28"],
            "numbers": [{"number": "+39055123", "to": "7000"}]})
    }

    #[tokio::test]
    async fn a_trunk_is_added_read_changed_and_deleted_and_its_password_is_never_shown() {
        let house = House::open().await;
        let added = house.ask_as("root", Method::POST, "/trunks", pstn()).await;
        assert_eq!((added.status, added.header("location")), (201, "/api/v1/trunks/pstn"), "{}", added.text());
        assert!(!added.text().contains("geheim"));
        let added = added.json();
        assert_eq!((&added["has_password"], &added["state"]["status"]), (&json!(true), &json!("starting")));
        assert_eq!((&added["numbers"][0]["to"], &added["options_seconds"]), (&json!("7000"), &json!(60)));
        assert_eq!(house.get_as("olga", "/trunks/pstn").await.json(), added);
        let listed = house.get_as("olga", "/trunks").await;
        assert!(!listed.text().contains("geheim"));
        assert_eq!(listed.json()["items"], json!([added]));

        let change = json!({"caller_id": null, "identity": "asserted"});
        let changed = house.ask_as("root", Method::PATCH, "/trunks/pstn", change).await.json();
        assert_eq!((changed.get("caller_id"), &changed["identity"]), (None, &json!("asserted")));
        assert_eq!(house.ask_as("root", Method::DELETE, "/trunks/pstn", Value::Null).await.status, 204);
        for method in [Method::GET, Method::DELETE] {
            let gone = house.ask_as("root", method, "/trunks/pstn", Value::Null).await;
            assert_eq!(gone.refusal(), (404, "no-such-trunk".into()));
        }
    }

    #[tokio::test]
    async fn only_administrators_change_trunks_and_users_do_not_see_them() {
        let house = House::open().await;
        house.ask_as("root", Method::POST, "/trunks", pstn()).await;
        for (account, method, path) in [
            ("olga", Method::POST, "/trunks"),
            ("olga", Method::PATCH, "/trunks/pstn"),
            ("olga", Method::DELETE, "/trunks/pstn"),
            ("una", Method::GET, "/trunks"),
            ("una", Method::GET, "/trunks/pstn"),
        ] {
            let refused = house.ask_as(account, method.clone(), path, json!({})).await;
            assert_eq!(refused.refusal(), (403, "forbidden".into()), "{account} {method} {path}");
        }
    }

    #[tokio::test]
    async fn a_wrong_field_is_named() {
        let house = House::open().await;
        for (wrong, field) in [
            (json!({"name": "x"}), "host"),
            (json!({"name": "x", "host": "a", "sources": ["0.0.0.0/0"]}), "sources[0]"),
            (json!({"name": "x", "host": "a", "colour": "blue"}), "colour"),
            (json!({"name": "x", "host": "a", "register": "yes"}), "register"),
        ] {
            let refused = house.ask_as("root", Method::POST, "/trunks", wrong.clone()).await.problem();
            assert_eq!(refused, (422, "bad-field".into(), Some(field.into())), "{wrong}");
        }
        house.ask_as("root", Method::POST, "/trunks", pstn()).await;
        let taken = house.ask_as("root", Method::POST, "/trunks", pstn()).await;
        assert_eq!(taken.refusal(), (409, "taken".into()));
    }
}
