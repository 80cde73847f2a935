//! `http_requests_total{route,class}`: requests by route (as declared, so the labels are bounded) and status class.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::state::App;
use crate::telemetry::metrics::{Counter, Family, Metric};

pub(super) const REQUESTS: Metric<2> =
    Metric::new("http_requests_total", "HTTP requests answered.", ["route", "class"]);

/// The console's files, and whatever else no route is declared for.
const OTHER: &str = "other";

pub(super) type Requests = Family<Counter, 2>;

pub(super) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(OTHER, MatchedPath::as_str);
    app.requests.with([route, class(response.status())]).add(1);
    response
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
