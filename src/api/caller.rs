//! Who makes a request: a bearer token (RFC 6750), or the console's cookie together with its CSRF header.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use time::OffsetDateTime;

use super::permission::Reach;
use super::problem::{Problem, ProblemType};
use super::state::App;
use super::token::Token;
use crate::conference::{Actor, FocusError, Role};
use crate::store::{Account, Conference};

/// A session is prolonged once this part of it is used up; sooner would write to disk at every call.
const PROLONG_AFTER: u32 = 100;

pub(super) const COOKIE: &str = "plenary_session";
pub(super) const CSRF_HEADER: &str = "x-csrf-token";

/// Whoever makes the request, with how far the call reaches for him.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub account: Account,
    pub token: Token,
    pub expires_at: OffsetDateTime,
    pub reach: Reach,
}

impl Caller {
    pub async fn authenticate(app: &App, method: &Method, headers: &HeaderMap) -> Result<Self, Problem> {
        let token = match (bearer(headers), cookie(headers)) {
            (Some(token), _) => token,
            (None, Some(token)) => {
                if !method.is_safe() && !shows(headers, &token.csrf()) {
                    let detail = format!("{method} with the cookie needs the header X-CSRF-Token");
                    return Err(Problem::new(ProblemType::Csrf, detail));
                }
                token
            }
            (None, None) => return Err(not_signed_in("the request has neither a bearer token nor the cookie")),
        };
        let now = OffsetDateTime::now_utc();
        let session = app.state.store.session(token.hash(), now).await?;
        let session = session.ok_or_else(|| not_signed_in("the session has ended"))?;
        let mut expires_at = session.expires_at;
        let lifetime = app.session_lifetime;
        if expires_at - now < lifetime - lifetime / PROLONG_AFTER {
            expires_at = now + lifetime;
            app.state.store.prolong_session(token.hash(), expires_at).await?;
        }
        Ok(Self { account: session.account, token, expires_at, reach: Reach::Nothing })
    }

    /// Refuses an account other than the own, unless the call reaches everything.
    pub fn may_reach_account(&self, name: &str) -> Result<(), Problem> {
        if self.reach == Reach::Everything || self.account.name == name {
            return Ok(());
        }
        Err(Problem::new(ProblemType::Forbidden, format!("{} may reach no other account", self.account.name)))
    }

    /// The conference if the call reaches it; to whom it does not, it does not exist.
    pub async fn reach_conference(&self, app: &App, number: &str) -> Result<Conference, Problem> {
        let conference = app.state.store.conference(number).await?;
        match self.reach {
            Reach::Everything => Ok(conference),
            _ if conference.member(&app.addresses_of(&self.account.name)).is_some() => Ok(conference),
            _ => Err(FocusError::NoSuchConference { number: number.to_owned() }.into()),
        }
    }

    /// Who he is within a conference: its administrator where the call reaches everything, else what its list says.
    /// On that of an ad-hoc conference stands its creator.
    pub async fn actor(&self, app: &App, number: &str) -> Result<Actor, Problem> {
        let name = self.account.name.clone();
        if self.reach == Reach::Everything {
            return Ok(Actor { name, role: Role::Admin });
        }
        Ok(Actor { role: self.role_in(app, number).await?, name })
    }

    /// His role in a conference, stored or ad-hoc, that the call reaches; to whom it does not, it does not exist.
    pub async fn role_in(&self, app: &App, number: &str) -> Result<Role, Problem> {
        match self.reach_conference(app, number).await {
            Ok(stored) => {
                let member = stored.member(&app.addresses_of(&self.account.name));
                Ok(member.map_or(Role::Participant, |member| member.role))
            }
            Err(unknown) => {
                let made = app.state.directory.plan(number).await;
                made.as_ref().and_then(|plan| Some(plan.member(Some(&self.account.name), "")?.role)).ok_or(unknown)
            }
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    /// The guard put it there.
    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal("a handler stands outside the guard"))
    }
}

fn not_signed_in(detail: &str) -> Problem {
    Problem::new(ProblemType::NotSignedIn, detail)
}

fn bearer(headers: &HeaderMap) -> Option<Token> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Token::received(token.trim()))
}

fn cookie(headers: &HeaderMap) -> Option<Token> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| Token::received(token))
}

fn shows(headers: &HeaderMap, csrf: &str) -> bool {
    // Compared in any time: who could measure it here would have to hold the cookie, which is worth more.
    headers.get(CSRF_HEADER).is_some_and(|shown| shown.as_bytes() == csrf.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&str, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn received(token: &str) -> Option<Token> {
        Some(Token::received(token))
    }

    #[test]
    fn a_bearer_token_is_found_by_any_case_of_its_scheme() {
        assert_eq!(bearer(&headers(&[("authorization", "Bearer abc")])), received("abc"));
        assert_eq!(bearer(&headers(&[("authorization", "bearer  abc")])), received("abc"));
        assert_eq!(bearer(&headers(&[("authorization", "Basic abc")])), None);
        assert_eq!(bearer(&headers(&[("authorization", "Bearer")])), None);
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        assert_eq!(cookie(&headers(&[("cookie", "a=b; plenary_session=abc; c=d")])), received("abc"));
        assert_eq!(cookie(&headers(&[("cookie", "xplenary_session=abc")])), None);
    }

    #[test]
    fn only_the_sessions_own_csrf_token_counts() {
        let token = Token::received("abc");
        assert!(shows(&headers(&[("x-csrf-token", &token.csrf())]), &token.csrf()));
        assert!(!shows(&headers(&[("x-csrf-token", "abc")]), &token.csrf()));
        assert!(!shows(&headers(&[]), &token.csrf()));
    }
}
