//! Who may make which call: one table, role × call. A call that is not in it is refused.
//!
//! Roles are those of accounts. What somebody may do *within* a conference, the role there decides, and the conference
//! itself checks it, whichever door the wish came through.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::problem::{Problem, ProblemType};
use super::state::App;
use crate::store::{Account, AccountRole};

/// How far a call reaches for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Refused.
    Nothing,
    /// The own account, and the conferences one is a member of.
    Own,
    Everything,
}

use Reach::{Everything, Nothing, Own};

/// Calls below `/api/v1` without a session.
const OPEN_TO_ANYONE: &[&str] = &["POST /session"];

#[rustfmt::skip]
const TABLE: &[(&str, [Reach; 3])] = &[
    // call                                               admin       operator    user
    ("GET /session",                                      [Everything, Everything, Everything]),
    ("DELETE /session",                                   [Everything, Everything, Everything]),
    ("GET /server",                                       [Everything, Everything, Everything]),

    ("GET /accounts",                                     [Everything, Everything, Nothing]),
    ("POST /accounts",                                    [Everything, Nothing,    Nothing]),
    ("GET /accounts/{name}",                              [Everything, Everything, Own]),
    ("PATCH /accounts/{name}",                            [Everything, Own,        Own]),
    ("DELETE /accounts/{name}",                           [Everything, Nothing,    Nothing]),
    ("GET /accounts/{name}/registrations",                [Everything, Everything, Own]),

    ("GET /conferences",                                  [Everything, Everything, Own]),
    ("POST /conferences",                                 [Everything, Everything, Nothing]),
    ("GET /conferences/{number}",                         [Everything, Everything, Own]),
    ("PATCH /conferences/{number}",                       [Everything, Everything, Nothing]),
    ("DELETE /conferences/{number}",                      [Everything, Everything, Nothing]),

    ("GET /conferences/{number}/live",                    [Everything, Everything, Own]),
    ("POST /conferences/{number}/call-all",               [Everything, Everything, Own]),
    ("POST /conferences/{number}/participants",           [Everything, Everything, Own]),
    ("PATCH /conferences/{number}/participants/{id}",     [Everything, Everything, Own]),
    ("DELETE /conferences/{number}/participants/{id}",    [Everything, Everything, Own]),
    ("POST /conferences/{number}/participants/{id}/transfer", [Everything, Everything, Own]),
    ("POST /conferences/{number}/actions/{action}",       [Everything, Everything, Own]),
    ("GET /events",                                       [Everything, Everything, Own]),

    ("GET /calls",                                        [Everything, Nothing,    Nothing]),
    ("GET /calls/{call_id}",                              [Everything, Nothing,    Nothing]),
    ("GET /calls/{call_id}/ladder",                       [Everything, Nothing,    Nothing]),

    ("GET /contacts",                                     [Everything, Everything, Own]),
    ("POST /contacts",                                    [Everything, Everything, Own]),
    ("GET /contacts/{id}",                                [Everything, Everything, Own]),
    ("PATCH /contacts/{id}",                              [Everything, Everything, Own]),
    ("DELETE /contacts/{id}",                             [Everything, Everything, Own]),
    ("GET /trunks",                                       [Everything, Everything, Nothing]),
    ("POST /trunks",                                      [Everything, Nothing,    Nothing]),
    ("GET /trunks/{name}",                                [Everything, Everything, Nothing]),
    ("PATCH /trunks/{name}",                              [Everything, Nothing,    Nothing]),
    ("DELETE /trunks/{name}",                             [Everything, Nothing,    Nothing]),
    ("POST /dialplan/test",                               [Everything, Everything, Nothing]),
];

/// A call that somebody may make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AllowedCall {
    /// Such as `PATCH /accounts/{name}`, the path below `/api/v1`.
    pub call: String,
    pub reach: Reach,
}

/// Everything that an account may do.
pub fn allowed_calls(account: &Account) -> Vec<AllowedCall> {
    let allowed =
        TABLE.iter().map(|(call, row)| AllowedCall { call: (*call).into(), reach: best(row, &account.roles) });
    allowed.filter(|allowed| allowed.reach > Nothing).collect()
}

/// Lets a request through to its handler with the [`Caller`] that makes it.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match admit(&app, &parts).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                parts.extensions.insert(caller);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refused) => refused.into_response(),
    }
}

/// `None`: the call is open to anyone.
async fn admit(app: &App, request: &Parts) -> Result<Option<Caller>, Problem> {
    let call = call_of(request);
    if OPEN_TO_ANYONE.contains(&call.as_str()) {
        return Ok(None);
    }
    let mut caller = Caller::authenticate(app, &request.method, &request.headers).await?;
    caller.reach = reach(&call, &caller.account.roles);
    match caller.reach {
        Nothing => Err(Problem::new(ProblemType::Forbidden, format!("{} may not {call}", caller.account.name))),
        Own | Everything => Ok(Some(caller)),
    }
}

/// Method and path as the table has them; HEAD is a GET (RFC 9110 §9.3.2).
fn call_of(request: &Parts) -> String {
    let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
    let path = request.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    format!("{method} {}", path.strip_prefix("/api/v1").unwrap_or(path))
}

fn reach(call: &str, roles: &[AccountRole]) -> Reach {
    TABLE.iter().find(|(row, _)| *row == call).map_or(Nothing, |(_, row)| best(row, roles))
}

fn best([admin, operator, user]: &[Reach; 3], roles: &[AccountRole]) -> Reach {
    let reaches = roles.iter().map(|role| match role {
        AccountRole::Admin => *admin,
        AccountRole::Operator => *operator,
        AccountRole::User => *user,
    });
    reaches.max().unwrap_or(Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use AccountRole::{Admin, Operator, User};

    /// Every documented call is in the table or open to anyone, so none is refused by being forgotten.
    #[test]
    fn every_documented_call_has_its_row() {
        let described = crate::api::openapi();
        for (path, item) in &described.paths.paths {
            let Some(path) = path.strip_prefix("/api/v1") else { continue };
            for (method, there) in [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ] {
                let call = format!("{method} {path}");
                let known = OPEN_TO_ANYONE.contains(&&*call) || TABLE.iter().any(|(row, _)| *row == call);
                assert!(!there || known, "{call} is in no row");
            }
        }
    }

    #[test]
    fn calls_stand_once() {
        let mut calls: Vec<_> = TABLE.iter().map(|(call, _)| call).collect();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), TABLE.len());
    }

    #[test]
    fn nobody_may_make_an_unknown_call_and_no_role_may_make_any() {
        assert_eq!(reach("PUT /accounts", &[Admin, Operator, User]), Nothing);
        assert!(TABLE.iter().all(|(call, _)| reach(call, &[]) == Nothing));
    }

    #[test]
    fn roles_reach_as_far_as_they_say() {
        for (call, admin, operator, user) in [
            ("POST /accounts", Everything, Nothing, Nothing),
            ("PATCH /accounts/{name}", Everything, Own, Own),
            ("POST /conferences", Everything, Everything, Nothing),
            ("GET /conferences/{number}/live", Everything, Everything, Own),
            ("POST /conferences/{number}/call-all", Everything, Everything, Own),
        ] {
            assert_eq!([Admin, Operator, User].map(|role| reach(call, &[role])), [admin, operator, user], "{call}");
        }
        assert_eq!(reach("POST /accounts", &[User, Admin]), Everything, "the best role counts");
    }

    /// An admin reaches at least as far as an operator, an operator as far as a user.
    #[test]
    fn roles_only_add() {
        for (call, [admin, operator, user]) in TABLE {
            assert!(admin >= operator && operator >= user, "{call}");
        }
    }
}
