//! Refusals as `application/problem+json`: RFC 9457. A `type` is `/problems/NAME`, stable, and a page one can read.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

use crate::conference::FocusError;
use crate::store::{Invalid, StoreError};

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemType,
    pub detail: String,
    /// Where in the JSON, such as `members[3].address`.
    pub field: Option<String>,
    pub retry_after_seconds: Option<u64>,
}

/// The document of a refusal (RFC 9457 §3.1).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `/problems/NAME`, relative to this server.
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    /// What was refused here, and why.
    detail: String,
    /// The field of the request that is meant, such as `members[3].address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

macro_rules! problem_types {
    ($($variant:ident $name:literal $status:ident $title:literal $meaning:literal;)*) => {
        /// Every kind of refusal, with its name, status, title and meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ProblemType { $(#[doc = $meaning] $variant,)* }

        impl ProblemType {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// The last part of its `type`.
            pub fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
            pub fn status(self) -> StatusCode { match self { $(Self::$variant => StatusCode::$status,)* } }
            pub fn title(self) -> &'static str { match self { $(Self::$variant => $title,)* } }
            pub fn meaning(self) -> &'static str { match self { $(Self::$variant => $meaning,)* } }
        }
    };
}

problem_types! {
    BadRequest "bad-request" BAD_REQUEST "Not understood"
        "The request is no HTTP that this server understands.";
    BadJson "bad-json" BAD_REQUEST "Not JSON"
        "The body is not well-formed JSON.";
    BadQuery "bad-query" BAD_REQUEST "Query not understood"
        "A parameter in the query has a wrong name or value.";
    NotSignedIn "not-signed-in" UNAUTHORIZED "Not signed in"
        "The call needs a session: a bearer token or the console's cookie, not expired. POST /api/v1/session gives one.";
    WrongPassword "wrong-password" UNAUTHORIZED "Wrong name or password"
        "No enabled account has this name and password.";
    Forbidden "forbidden" FORBIDDEN "Not allowed"
        "The account's role, or its role in the conference, does not allow this.";
    Csrf "csrf" FORBIDDEN "Request from elsewhere"
        "A change asked for with the cookie needs the header X-CSRF-Token with the session's csrf_token, and a WebSocket the server's own Origin.";
    NotFound "not-found" NOT_FOUND "Not found"
        "There is nothing at this path.";
    NoSuchAccount "no-such-account" NOT_FOUND "No such account"
        "There is no account of this name.";
    NoSuchConference "no-such-conference" NOT_FOUND "No such conference"
        "There is no conference of this number, or none that the account may see.";
    NoSuchTrunk "no-such-trunk" NOT_FOUND "No such trunk"
        "There is no trunk of this name.";
    NotRunning "not-running" NOT_FOUND "Not running"
        "The conference is stored, but nobody is in it and nobody is being called.";
    NoSuchParticipant "no-such-participant" NOT_FOUND "No such participant"
        "Nobody in the conference has this id, or no longer.";
    NoSuchCall "no-such-call" NOT_FOUND "No such call"
        "No call with this Call-ID is recorded, or it has given way to newer ones.";
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED "Method not allowed"
        "The path exists, but not with this method.";
    NotTransferable "not-transferable" CONFLICT "Cannot be sent elsewhere"
        "The participant is not in the conference, is being sent elsewhere already, or has a phone without REFER.";
    Taken "taken" CONFLICT "Taken"
        "An account, a conference or a service of the server already answers to this name, number or alias.";
    LastAdmin "last-admin" CONFLICT "The last administrator"
        "After this nobody could administer the server.";
    NobodyToCall "nobody-to-call" CONFLICT "Nobody to call"
        "The conference has no members that could be called.";
    TooLarge "too-large" PAYLOAD_TOO_LARGE "Too large"
        "The body is larger than the server takes (http.max-body, 1 MiB by default).";
    NotJsonType "not-json-type" UNSUPPORTED_MEDIA_TYPE "Not declared as JSON"
        "The body needs Content-Type: application/json.";
    BadField "bad-field" UNPROCESSABLE_ENTITY "Wrong value"
        "A field of the body is unknown, missing, of the wrong kind or outside its range; `field` names it.";
    BadAddress "bad-address" UNPROCESSABLE_ENTITY "Address cannot be called"
        "The address is neither a sip:, sips: or tel: URI nor an account of this server.";
    BadGain "bad-gain" UNPROCESSABLE_ENTITY "Gain outside its range"
        "A gain is −40 to +20 dB.";
    TooManyAttempts "too-many-attempts" TOO_MANY_REQUESTS "Too many wrong passwords"
        "After five wrong passwords every further attempt has to wait longer, up to five minutes.";
    Internal "internal" INTERNAL_SERVER_ERROR "A fault of the server"
        "The server failed; its log says why.";
    NotBuilt "not-built" NOT_IMPLEMENTED "Not built yet"
        "This part of the server does not exist yet.";
    Busy "busy" SERVICE_UNAVAILABLE "Too busy"
        "The server is overloaded, starting or stopping; try again.";
}

impl Problem {
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), field: None, retry_after_seconds: None }
    }

    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub fn after_seconds(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    pub fn busy(detail: impl Into<String>) -> Self {
        Self::new(ProblemType::Busy, detail).after_seconds(2)
    }

    /// A fault of ours: the log gets the cause, the caller only that there was one.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        error!(%cause, "request failed");
        Self::new(ProblemType::Internal, "the request could not be carried out; the server's log says why")
    }

    fn document(self) -> ProblemDocument {
        ProblemDocument {
            kind: format!("/problems/{}", self.kind.name()),
            title: self.kind.title().into(),
            status: self.kind.status().as_u16(),
            detail: self.detail,
            field: self.field,
            retry_after_seconds: self.retry_after_seconds,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.kind.status(), self.retry_after_seconds);
        let mut response = (status, Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        use ProblemType::*;
        let detail = error.to_string();
        match error {
            StoreError::Invalid(Invalid { field, .. }) => Self::new(BadField, detail).at(field),
            StoreError::Taken { field, .. } => Self::new(Taken, detail).at(field),
            StoreError::NoSuchAccount { .. } => Self::new(NoSuchAccount, detail),
            StoreError::NoSuchConference { .. } => Self::new(NoSuchConference, detail),
            StoreError::NoSuchTrunk { .. } => Self::new(NoSuchTrunk, detail),
            StoreError::LastAdmin { .. } => Self::new(LastAdmin, detail),
            StoreError::Busy | StoreError::Stopped => Self::busy(detail),
            other => Self::internal(other),
        }
    }
}

impl From<FocusError> for Problem {
    fn from(error: FocusError) -> Self {
        use ProblemType::*;
        let detail = error.to_string();
        match error {
            FocusError::NoSuchConference { .. } => Self::new(NoSuchConference, detail),
            FocusError::NotRunning { .. } => Self::new(NotRunning, detail),
            FocusError::NoSuchParticipant { .. } => Self::new(NoSuchParticipant, detail),
            FocusError::Forbidden { .. } => Self::new(Forbidden, detail),
            FocusError::BadAddress { .. } => Self::new(BadAddress, detail).at("address"),
            FocusError::NobodyToCall { .. } => Self::new(NobodyToCall, detail),
            FocusError::NotTransferable { .. } => Self::new(NotTransferable, detail),
            FocusError::BadGain { .. } => Self::new(BadGain, detail).at("gain_db"),
            FocusError::Busy { .. } => Self::busy(detail),
            FocusError::NotBuilt { .. } => Self::new(NotBuilt, detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_fit_a_uri() {
        let mut names: Vec<_> = ProblemType::ALL.iter().map(|kind| kind.name()).collect();
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ProblemType::ALL.len());
    }

    /// RFC 9110 §11.6.1: a 401 says how to authenticate; §10.2.3: a 503 says when to come back.
    #[test]
    fn statuses_bring_their_headers() {
        let refused = Problem::new(ProblemType::NotSignedIn, "no session").into_response();
        assert_eq!(refused.headers()[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(refused.headers()[header::CONTENT_TYPE], "application/problem+json");
        let busy = Problem::from(StoreError::Busy).into_response();
        assert_eq!((busy.status().as_u16(), &busy.headers()[header::RETRY_AFTER]), (503, &HeaderValue::from(2)));
    }
}
