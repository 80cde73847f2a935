//! For whoever watches the server: alive, ready, and in figures. At the root and without a session.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::problem::Problem;
use super::state::App;

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "alive\n"
}

/// The store answers and the server is not stopping.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    if *app.stopping.borrow() {
        return Err(Problem::busy("the server is stopping"));
    }
    match timeout(Duration::from_secs(1), app.state.store.ping()).await {
        Ok(Ok(())) => Ok("ready\n"),
        Ok(Err(error)) => Err(Problem::busy(error.to_string())),
        Err(_) => Err(Problem::busy("the store did not answer within 1 s")),
    }
}

/// Prometheus text exposition, version 0.0.4.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let text = app.state.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
