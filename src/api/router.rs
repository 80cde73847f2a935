//! All routes, and what every request passes on its way.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::sync::watch;

use super::openapi::{documented_routes, serve_openapi};
use super::problem::{Problem, ProblemType};
use super::requests::{self, REQUESTS};
use super::serve::ApiLimits;
use super::state::{ApiState, App};
use super::{console, docs, headers, health, later, permission};

/// `gateway`: where browsers come in as phones, which has its own refusals. `stopping` turns true when the server says
/// good-bye.
pub(super) fn router(state: ApiState, limits: ApiLimits, gateway: Router, stopping: watch::Receiver<bool>) -> Router {
    let app = Arc::new(App {
        requests: state.metrics.counter(REQUESTS),
        attempts: Default::default(),
        session_lifetime: limits.session_lifetime,
        stopping,
        state,
    });
    guarded_routes()
        .route_layer(from_fn_with_state(app.clone(), permission::guard))
        .merge(undocumented_routes())
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(console::fallback)
        .layer(DefaultBodyLimit::max(limits.max_body))
        .layer(map_response(plain_refusals_become_problems))
        .merge(gateway.with_state(()))
        .layer(map_response(headers::protect))
        .layer(from_fn_with_state(app.clone(), requests::count))
        .with_state(app)
}

fn guarded_routes() -> Router<Arc<App>> {
    let (documented, _) = documented_routes().split_for_parts();
    later::PATHS.iter().fold(documented, |routes, path| routes.route(&format!("/api/v1{path}"), any(later::not_built)))
}

fn undocumented_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/openapi.json", get(serve_openapi))
        .route("/api/docs", get(docs::page))
        .route("/api/docs/docs.css", get(docs::style))
        .route("/problems/{name}", get(docs::problem))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
}

async fn method_not_allowed(request: Request) -> Problem {
    let detail = format!("{} is not for {}", request.method(), request.uri().path());
    Problem::new(ProblemType::MethodNotAllowed, detail)
}

/// What axum refuses by itself (a path that is no UTF-8, …) is plain text.
async fn plain_refusals_become_problems(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    if status != StatusCode::BAD_REQUEST || !kind.starts_with("text/plain") {
        return response;
    }
    Problem::new(ProblemType::BadRequest, "the path or a header is malformed").into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::{Value, json};

    use super::super::fixture::House;

    #[tokio::test]
    async fn every_call_but_signing_in_needs_a_session() {
        let house = House::open().await;
        for path in ["/session", "/accounts", "/conferences/7000/live", "/events", "/server", "/contacts"] {
            let refused = house.ask(Method::GET, path, &[], Value::Null).await;
            assert_eq!(refused.refusal(), (401, "not-signed-in".into()), "{path}");
            let made_up = house.ask(Method::GET, path, &[("authorization", "Bearer made-up")], Value::Null).await;
            assert_eq!(made_up.refusal(), (401, "not-signed-in".into()), "{path}");
        }
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_are_problems() {
        let house = House::open().await;
        for path in ["/nothing", "/conferences/7000/nothing", "//api/nothing", "//api"] {
            assert_eq!(house.get_as("root", path).await.refusal(), (404, "not-found".into()), "{path}");
        }
        let refused = house.ask_as("root", Method::PUT, "/accounts", json!({})).await;
        assert_eq!(refused.refusal(), (405, "method-not-allowed".into()));
        assert_eq!(refused.header("allow"), "GET,HEAD,POST");
        let malformed = house.get_as("root", "/accounts/%ff").await;
        assert_eq!(malformed.refusal(), (400, "bad-request".into()));
    }

    #[tokio::test]
    async fn bodies_are_json_said_to_be_and_not_endless() {
        let house = House::open().await;
        let bearer = format!("Bearer {}", house.token("root").await);
        let ask = |kind: &'static str, body: String| {
            let (house, bearer) = (&house, bearer.as_str());
            let headers = [("authorization", bearer), ("content-type", kind)];
            async move { house.ask_raw(Method::POST, "/accounts", &headers, body).await.refusal() }
        };
        assert_eq!(ask("text/plain", "{}".into()).await, (415, "not-json-type".into()));
        assert_eq!(ask("application/json", "{".into()).await, (400, "bad-json".into()));
        let long = format!("{{\"name\": \"{}\"}}", "a".repeat(1024 * 1024));
        assert_eq!(ask("application/json; charset=utf-8", long).await, (413, "too-large".into()));
    }

    #[tokio::test]
    async fn what_is_promised_and_not_built_says_so() {
        let house = House::open().await;
        for (method, path) in [(Method::GET, "/contacts"), (Method::PATCH, "/contacts/7")] {
            let refused = house.ask_as("root", method, path, json!({})).await;
            assert_eq!(refused.refusal(), (501, "not-built".into()), "{path}");
        }
    }

    #[tokio::test]
    async fn health_and_metrics_stand_at_the_root() {
        let house = House::open().await;
        for path in ["//healthz", "//readyz"] {
            assert_eq!(house.ask(Method::GET, path, &[], Value::Null).await.status, 200, "{path}");
        }
        house.get_as("una", "/accounts").await;
        let metrics = house.ask(Method::GET, "//metrics", &[], Value::Null).await;
        assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
        for line in [
            r#"http_requests_total{route="/healthz",class="2xx"} 1"#,
            r#"http_requests_total{route="/api/v1/accounts",class="4xx"} 1"#,
        ] {
            assert!(metrics.text().lines().any(|found| found == line), "{line} in\n{}", metrics.text());
        }
        house.stop();
        assert_eq!(house.ask(Method::GET, "//readyz", &[], Value::Null).await.refusal(), (503, "busy".into()));
    }

    #[tokio::test]
    async fn every_answer_tells_the_browser_what_it_may_do() {
        let house = House::open().await;
        for path in ["//healthz", "//api/docs", "/session", "//"] {
            let answer = house.ask(Method::GET, path, &[], Value::Null).await;
            assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        }
        assert_eq!(house.get_as("una", "/session").await.header("cache-control"), "no-store");
    }

    #[tokio::test]
    async fn the_description_and_the_problems_can_be_read() {
        let house = House::open().await;
        let described = house.ask(Method::GET, "/openapi.json", &[], Value::Null).await.json();
        assert_eq!(described["openapi"], "3.1.0");
        let page = house.ask(Method::GET, "//api/docs", &[], Value::Null).await;
        for part in ["/api/v1/conferences/{number}/call-all", "id=\"Participant\"", "/problems/not-running"] {
            assert!(page.text().contains(part), "{part}");
        }
        assert!(!page.text().contains("http://") && !page.text().contains("https://"), "nothing from elsewhere");
        let problem = house.ask(Method::GET, "//problems/not-running", &[], Value::Null).await;
        assert!(problem.text().contains("nobody is being called"));
        let unknown = house.ask(Method::GET, "//problems/unheard-of", &[], Value::Null).await;
        assert_eq!(unknown.refusal(), (404, "not-found".into()));
    }

    #[tokio::test]
    async fn the_server_says_what_to_type_into_a_phone() {
        let server = House::open().await.get_as("una", "/server").await.json();
        assert_eq!((&server["domain"], &server["sip"][0]["port"]), (&json!("localhost"), &json!(5060)));
    }
}
