//! The description of the API, made from the code that serves it.

use axum::Json;
use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Ref, RefOr, Schema};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use std::sync::Arc;

use super::state::App;
use super::{account, calls, conference, dialplan, events, live, server_info, session, trunk};
use crate::conference::{Action, Numbered};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Plenary",
        description = "The HTTP API of a Plenary server. Times are RFC 3339 in UTC, ids are strings, unknown fields are \
                       refused. A list gives `items` and, while there is more, `next`, which goes into `after`. \
                       Refusals are problems (RFC 9457); each `type` is a page of this server. Sign in with \
                       `POST /api/v1/session`, then send `Authorization: Bearer TOKEN`; or the cookie it sets, with \
                       `X-CSRF-Token` for everything but GET."
    ),
    tags(
        (name = "session", description = "Signing in and out"),
        (name = "accounts", description = "Who may sign in and register"),
        (name = "conferences", description = "Stored conferences; they stay until deleted"),
        (name = "live", description = "Running conferences"),
        (name = "calls", description = "What passed on the wire"),
        (name = "trunks", description = "PBXs and carriers that calls come from and go to"),
        (name = "server", description = "This server"),
    ),
    components(schemas(Action, Numbered)),
    security(("token" = []), ("cookie" = [])),
    modifiers(&Schemes),
)]
struct Description;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let cookie = ApiKey::Cookie(ApiKeyValue::new(super::caller::COOKIE));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    }
}

/// The description of `/api/v1`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut described = documented_routes().into_openapi();
    if let Some(components) = &mut described.components {
        pages_refer_to_their_items(components);
    }
    described
}

/// utoipa writes the type parameter of a generic type out in place; a client wants its name.
fn pages_refer_to_their_items(components: &mut Components) {
    for (name, schema) in &mut components.schemas {
        if let (Some(item), RefOr::T(Schema::Object(page))) = (name.strip_prefix("Page_"), schema)
            && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
        {
            items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
        }
    }
}

/// Every documented call with its handler.
pub(super) fn documented_routes() -> OpenApiRouter<Arc<App>> {
    let calls = OpenApiRouter::new()
        .routes(routes!(session::sign_in, session::session, session::sign_out))
        .routes(routes!(account::list_accounts, account::add_account))
        .routes(routes!(account::account, account::change_account, account::remove_account))
        .routes(routes!(account::registrations))
        .routes(routes!(conference::list_conferences, conference::add_conference))
        .routes(routes!(conference::conference, conference::change_conference, conference::remove_conference))
        .routes(routes!(live::live))
        .routes(routes!(live::call_all))
        .routes(routes!(live::add_participant))
        .routes(routes!(live::change_participant, live::remove_participant))
        .routes(routes!(live::transfer_participant))
        .routes(routes!(live::act))
        .routes(routes!(trunk::list_trunks, trunk::add_trunk))
        .routes(routes!(trunk::trunk, trunk::change_trunk, trunk::remove_trunk))
        .routes(routes!(dialplan::test_dialplan))
        .routes(routes!(events::events))
        .routes(routes!(calls::list_calls))
        .routes(routes!(calls::call))
        .routes(routes!(calls::ladder))
        .routes(routes!(server_info::server_info));
    OpenApiRouter::with_openapi(Description::openapi()).nest("/api/v1", calls)
}

pub(super) async fn serve_openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::{env, fs};

    use super::*;

    /// The console's client is generated from this file. `UPDATE_OPENAPI=1 cargo test -p plenary openapi` writes it.
    #[test]
    fn the_checked_in_openapi_is_that_of_the_code() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("web-admin/openapi.json");
        let ours = openapi().to_pretty_json().unwrap() + "\n";
        if env::var_os("UPDATE_OPENAPI").is_some() {
            fs::write(&path, &ours).unwrap();
        }
        let checked_in = fs::read_to_string(&path).unwrap_or_default();
        assert!(checked_in == ours, "web-admin/openapi.json is stale: UPDATE_OPENAPI=1 cargo test -p plenary openapi");
    }
}
