//! What comes in with a request: a JSON body or a query, of the right shape or refused with the field named.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::problem::{Problem, ProblemType};
use crate::store::PageOf;

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// A JSON body, or none at all.
#[derive(Debug)]
pub struct BodyIfAny<T>(pub T);

/// The query of the URL.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let declared = declares_json(request.headers());
        let bytes = whole_body(request, state).await?;
        if !declared {
            return Err(Problem::new(ProblemType::NotJsonType, "the body needs Content-Type: application/json"));
        }
        parse(&bytes).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for BodyIfAny<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let declared = declares_json(request.headers());
        let bytes = whole_body(request, state).await?;
        match (bytes.is_empty(), declared) {
            (true, _) => Ok(Self(T::default())),
            (false, true) => parse(&bytes).map(Self),
            (false, false) => {
                Err(Problem::new(ProblemType::NotJsonType, "the body needs Content-Type: application/json"))
            }
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = Query::try_from_uri(&parts.uri);
        query
            .map(|Query(value)| Self(value))
            .map_err(|refused| Problem::new(ProblemType::BadQuery, refused.body_text()))
    }
}

impl Params<PageOf> {
    /// The page, once its limit is in range.
    pub fn page(self) -> Result<PageOf, Problem> {
        match self.0.limit {
            Some(limit) if !(1..=PageOf::MAX_LIMIT).contains(&limit) => {
                let detail = format!("limit is {limit}, outside 1 to {}", PageOf::MAX_LIMIT);
                Err(Problem::new(ProblemType::BadQuery, detail).at("limit"))
            }
            _ => Ok(self.0),
        }
    }
}

/// `application/json` or a kin of it such as `application/merge-patch+json`.
fn declares_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = declared.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn whole_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|refused| match refused.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(ProblemType::TooLarge, "the body is larger than http.max-body"),
        _ => Problem::new(ProblemType::BadRequest, "the body ended early"),
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let cause = error.into_inner();
        if cause.is_data() {
            wrong_shape(field, &cause.to_string())
        } else {
            Problem::new(ProblemType::BadJson, cause.to_string())
        }
    })?;
    json.end().map_err(|error| Problem::new(ProblemType::BadJson, error.to_string()))?;
    Ok(value)
}

/// serde names an unknown or missing field in its message alone, between backquotes.
fn wrong_shape(path: String, cause: &str) -> Problem {
    let of_object = cause.starts_with("missing field") || cause.starts_with("unknown field");
    let named = of_object.then(|| cause.split('`').nth(1)).flatten();
    let field = match (path.as_str(), named) {
        (".", Some(name)) => name.to_owned(),
        (path, Some(name)) if path.rsplit('.').next() != Some(name) => format!("{path}.{name}"),
        (path, _) => path.to_owned(),
    };
    Problem::new(ProblemType::BadField, cause).at(field)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        title: String,
        #[serde(default)]
        members: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        address: String,
    }

    #[test]
    fn a_wrong_shape_names_its_field() {
        for (json, kind, field) in [
            (r#"{"title":1}"#, ProblemType::BadField, Some("title")),
            (r#"{}"#, ProblemType::BadField, Some("title")),
            (r#"{"title":"x","titel":"y"}"#, ProblemType::BadField, Some("titel")),
            (
                r#"{"title":"x","members":[{"address":"a"},{"address":2}]}"#,
                ProblemType::BadField,
                Some("members[1].address"),
            ),
            (r#"{"title":"x","members":[{}]}"#, ProblemType::BadField, Some("members[0].address")),
            (r#"{"title":"x","members":[{"address":"a","x":1}]}"#, ProblemType::BadField, Some("members[0].x")),
            (r#"{"title":"x""#, ProblemType::BadJson, None),
            (r#"{"title":"x"} {}"#, ProblemType::BadJson, None),
        ] {
            let problem = parse::<Outer>(json.as_bytes()).unwrap_err();
            assert_eq!((problem.kind, problem.field.as_deref()), (kind, field), "{json}");
        }
    }
}
