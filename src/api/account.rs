//! Accounts, and where their phones are registered.

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
    problem::{Problem, ProblemDocument, ProblemType},
    state::{App, Registration},
};
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
