//! `http_requests_total{route,class}`: requests by route (as declared, so the labels are bounded) and status class.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};

use super::state::App;

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// The console's files, and whatever else no route is declared for.
const OTHER: &str = "other";

#[derive(Debug)]
pub struct Requests {
    routes: BTreeMap<String, [AtomicU64; CLASSES.len()]>,
}

impl Requests {
    pub fn of_routes(routes: impl IntoIterator<Item = String>) -> Self {
        let routes = routes.into_iter().chain([OTHER.into()]);
        Self { routes: routes.map(|route| (route, Default::default())).collect() }
    }

    fn count(&self, route: Option<&str>, status: StatusCode) {
        let counters = route.and_then(|route| self.routes.get(route)).or_else(|| self.routes.get(OTHER));
        let class = usize::from(status.as_u16() / 100).checked_sub(1);
        if let (Some(counters), Some(class)) = (counters, class)
            && let Some(counter) = counters.get(class)
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Prometheus text; pairs never seen are left out.
    pub fn render(&self) -> String {
        let mut text =
            String::from("# HELP http_requests_total HTTP requests answered.\n# TYPE http_requests_total counter\n");
        for (route, counters) in &self.routes {
            for (class, counter) in CLASSES.iter().zip(counters) {
                let count = counter.load(Ordering::Relaxed);
                if count > 0 {
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "http_requests_total{{route=\"{route}\",class=\"{class}\"}} {count}");
                }
            }
        }
        text
    }
}

pub(super) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    app.requests.count(route.as_ref().map(MatchedPath::as_str), response.status());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_the_routes() {
        let requests = Requests::of_routes(["/healthz".to_owned()]);
        requests.count(Some("/healthz"), StatusCode::OK);
        requests.count(Some("/healthz"), StatusCode::OK);
        requests.count(Some("/made/up"), StatusCode::NOT_FOUND);
        requests.count(None, StatusCode::SWITCHING_PROTOCOLS);
        let text = requests.render();
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                r#"http_requests_total{route="/healthz",class="2xx"} 2"#,
                r#"http_requests_total{route="other",class="1xx"} 1"#,
                r#"http_requests_total{route="other",class="4xx"} 1"#,
            ]
        );
    }
}
