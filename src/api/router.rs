//! All routes, and what every request passes on its way.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{StatusCode, header},
    middleware::{from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use tokio::sync::watch;

use super::{
    console, docs, headers, health, later,
    openapi::{documented_routes, serve_openapi},
    permission,
    problem::{Problem, ProblemType},
    requests::{self, REQUESTS},
    serve::ApiLimits,
    state::{ApiState, App},
};

/// `stopping` turns true when the server says good-bye.
pub(super) fn router(state: ApiState, limits: ApiLimits, stopping: watch::Receiver<bool>) -> Router {
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
