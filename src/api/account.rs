//! Accounts, and where their phones are registered.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use tracing::info;

use super::body::{Body, Params};
use super::caller::Caller;
use super::permission::Reach;
use super::problem::{Problem, ProblemDocument, ProblemType};
use super::state::{App, Registration};
use crate::store::{Account, AccountChange, NewAccount, Page, PageOf};

/// List accounts
#[utoipa::path(get, path = "/accounts", tag = "accounts", params(PageOf), responses(
    (status = 200, body = Page<Account>),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json", description = "Refused"),
))]
pub(super) async fn list_accounts(
    State(app): State<Arc<App>>,
    wanted: Params<PageOf>,
) -> Result<Json<Page<Account>>, Problem> {
    Ok(Json(app.state.store.accounts(&wanted.page()?).await?))
}

/// Add an account
#[utoipa::path(post, path = "/accounts", tag = "accounts", request_body = NewAccount, responses(
    (status = 201, body = Account),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`bad-field`, `taken`"),
))]
pub(super) async fn add_account(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<NewAccount>,
) -> Result<impl IntoResponse, Problem> {
    let account = app.state.store.add_account(new).await?;
    info!(account = account.name, by = caller.account.name, "account added");
    let location = format!("/api/v1/accounts/{}", account.name);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(account)))
}

/// One account
#[utoipa::path(get, path = "/accounts/{name}", tag = "accounts", params(("name" = String, Path)), responses(
    (status = 200, body = Account),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`no-such-account`"),
))]
pub(super) async fn account(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Account>, Problem> {
    caller.may_reach_account(&name)?;
    Ok(Json(app.state.store.account(&name).await?))
}

/// Change an account
///
/// Everybody may change the own name, address and password; roles and `disabled` only an administrator. A new password
/// ends the sessions and registrations of the account.
#[utoipa::path(patch, path = "/accounts/{name}", tag = "accounts", params(("name" = String, Path)),
    request_body = AccountChange, responses(
    (status = 200, body = Account),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`bad-field`, `last-admin`, `no-such-account`"),
))]
pub(super) async fn change_account(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Body(change): Body<AccountChange>,
) -> Result<Json<Account>, Problem> {
    caller.may_reach_account(&name)?;
    if caller.reach != Reach::Everything && (change.roles.is_some() || change.disabled.is_some()) {
        let field = if change.roles.is_some() { "roles" } else { "disabled" };
        let detail = format!("{} may not change {field}", caller.account.name);
        return Err(Problem::new(ProblemType::Forbidden, detail).at(field));
    }
    let ends_registrations = change.password.is_some() || change.disabled == Some(true);
    let account = app.state.store.update_account(&name, change).await?;
    if ends_registrations {
        app.state.registrations.forget(&name).await;
    }
    info!(account = name, by = caller.account.name, "account changed");
    Ok(Json(account))
}

/// Remove an account
#[utoipa::path(delete, path = "/accounts/{name}", tag = "accounts", params(("name" = String, Path)), responses(
    (status = 204, description = "Removed, its sessions and registrations too"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`last-admin`, `no-such-account`"),
))]
pub(super) async fn remove_account(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    app.state.store.remove_account(&name).await?;
    app.state.registrations.forget(&name).await;
    info!(account = name, by = caller.account.name, "account removed");
    Ok(StatusCode::NO_CONTENT)
}

/// Where an account is registered
#[utoipa::path(get, path = "/accounts/{name}/registrations", tag = "accounts", params(("name" = String, Path)), responses(
    (status = 200, body = Page<Registration>),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`no-such-account`"),
))]
pub(super) async fn registrations(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Page<Registration>>, Problem> {
    caller.may_reach_account(&name)?;
    app.state.store.account(&name).await?;
    Ok(Json(Page { items: app.state.registrations.of(&name).await, next: None }))
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::{Value, json};

    use super::super::fixture::House;

    #[tokio::test]
    async fn an_account_is_added_read_changed_and_removed() {
        let house = House::open().await;
        let new =
            json!({"name": "bob", "display_name": "Bob", "email": "bob@example.org", "password": "correct horse"});
        let added = house.ask_as("root", Method::POST, "/accounts", new).await;
        assert_eq!((added.status, added.header("location")), (201, "/api/v1/accounts/bob"), "{}", added.text());
        let added = added.json();
        assert_eq!(added["roles"], json!(["user"]));
        assert!(added.get("password").is_none());

        assert_eq!(house.get_as("root", "/accounts/bob").await.json(), added);
        let change = json!({"email": null, "roles": ["operator"], "disabled": true});
        let changed = house.ask_as("root", Method::PATCH, "/accounts/bob", change).await.json();
        assert_eq!((&changed["roles"], &changed["disabled"]), (&json!(["operator"]), &json!(true)));
        assert!(changed.get("email").is_none());
        assert_eq!(changed["display_name"], "Bob", "what is absent stays");

        assert_eq!(house.ask_as("root", Method::DELETE, "/accounts/bob", Value::Null).await.status, 204);
        let gone = house.get_as("root", "/accounts/bob").await;
        assert_eq!(gone.refusal(), (404, "no-such-account".into()));
        let again = house.ask_as("root", Method::DELETE, "/accounts/bob", Value::Null).await;
        assert_eq!(again.refusal(), (404, "no-such-account".into()));
    }

    #[tokio::test]
    async fn what_may_not_be_an_account_names_its_field() {
        let house = House::open().await;
        for (new, refusal) in [
            (json!({}), (422, "bad-field", Some("name"))),
            (json!({"name": "Bob"}), (422, "bad-field", Some("name"))),
            (json!({"name": "bob", "password": "short"}), (422, "bad-field", Some("password"))),
            (json!({"name": "bob", "email": "nowhere"}), (422, "bad-field", Some("email"))),
            (json!({"name": "bob", "roles": ["boss"]}), (422, "bad-field", Some("roles[0]"))),
            (json!({"name": "bob", "rolls": []}), (422, "bad-field", Some("rolls"))),
            (json!({"name": "una"}), (409, "taken", Some("name"))),
            (json!({"name": "7000"}), (409, "taken", Some("name"))),
            (json!({"name": "conference"}), (409, "taken", Some("name"))),
        ] {
            let refused = house.ask_as("root", Method::POST, "/accounts", new.clone()).await.problem();
            let (status, name, field) = refusal;
            assert_eq!(refused, (status, name.into(), field.map(str::to_owned)), "{new}");
        }
    }

    #[tokio::test]
    async fn somebody_must_stay_administrator() {
        let house = House::open().await;
        for change in [json!({"roles": ["user"]}), json!({"disabled": true})] {
            let refused = house.ask_as("root", Method::PATCH, "/accounts/root", change).await;
            assert_eq!(refused.refusal(), (409, "last-admin".into()));
        }
        let refused = house.ask_as("root", Method::DELETE, "/accounts/root", Value::Null).await;
        assert_eq!(refused.refusal(), (409, "last-admin".into()));
        house.ask_as("root", Method::PATCH, "/accounts/olga", json!({"roles": ["admin"]})).await;
        assert_eq!(house.ask_as("root", Method::DELETE, "/accounts/root", Value::Null).await.status, 204);
    }

    #[tokio::test]
    async fn a_user_reaches_the_own_account_but_not_the_own_rights() {
        let house = House::open().await;
        assert_eq!(house.get_as("una", "/accounts/una").await.status, 200);
        let renamed = house.ask_as("una", Method::PATCH, "/accounts/una", json!({"display_name": "Una!"})).await;
        assert_eq!(renamed.json()["display_name"], "Una!");
        for (path, change) in [
            ("/accounts/una", json!({"roles": ["admin"]})),
            ("/accounts/una", json!({"disabled": false})),
            ("/accounts/olga", json!({"display_name": "O"})),
        ] {
            let refused = house.ask_as("una", Method::PATCH, path, change).await;
            assert_eq!(refused.refusal(), (403, "forbidden".into()), "{path}");
        }
        for path in ["/accounts", "/accounts/olga", "/accounts/olga/registrations"] {
            assert_eq!(house.get_as("una", path).await.refusal(), (403, "forbidden".into()), "{path}");
        }
    }

    #[tokio::test]
    async fn lists_come_in_pages() {
        let house = House::open().await;
        let names = |page: &Value| {
            let items = page["items"].as_array().unwrap();
            items.iter().map(|account| account["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let first = house.get_as("olga", "/accounts?limit=2").await.json();
        assert_eq!((names(&first), &first["next"]), (vec!["olga".into(), "root".into()], &json!("root")));
        let last = house.get_as("olga", "/accounts?limit=2&after=root").await.json();
        assert_eq!(names(&last), ["una"]);
        assert!(last.get("next").is_none());
        for query in ["limit=0", "limit=501", "limit=many", "offset=3"] {
            let refused = house.get_as("olga", &format!("/accounts?{query}")).await;
            assert_eq!(refused.refusal(), (400, "bad-query".into()), "{query}");
        }
    }

    #[tokio::test]
    async fn registrations_are_the_registrars() {
        let house = House::open().await;
        let list = house.get_as("una", "/accounts/una/registrations").await.json();
        let phone = json!({"contact": "sip:una@192.0.2.7:5060", "transport": "udp", "user_agent": "Desk phone",
            "expires": "1970-01-01T00:00:00Z"});
        assert_eq!(list, json!({"items": [phone]}));
        let unknown = house.get_as("olga", "/accounts/nobody/registrations").await;
        assert_eq!(unknown.refusal(), (404, "no-such-account".into()));
    }

    #[tokio::test]
    async fn a_new_password_ends_sessions_and_registrations() {
        let house = House::open().await;
        let bearer = format!("Bearer {}", house.token("una").await);
        let change = json!({"password": "battery staple"});
        assert_eq!(house.ask_as("root", Method::PATCH, "/accounts/una", change).await.status, 200);
        let ended = house.ask(Method::GET, "/session", &[("authorization", &bearer)], Value::Null).await;
        assert_eq!(ended.refusal(), (401, "not-signed-in".into()));
        assert_eq!(*house.phones.forgotten.lock().unwrap(), ["una"]);
    }
}
