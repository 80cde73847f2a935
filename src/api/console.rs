//! The console's files, embedded at build from `web-admin/dist`; a debug build reads them from there as they are.
//!
//! A path that is no file is a page of the console, which finds its way by itself: it gets `index.html`.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::{Problem, ProblemType};

#[derive(RustEmbed)]
#[folder = "web-admin/dist/"]
struct Dist;

const INDEX: &str = "index.html";
/// Names there carry a hash of their content, so they never change.
const HASHED: &str = "assets/";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Plenary</title>\
    <h1>The console was not built</h1>\
    <p>This server was built without its web console; the API and everything else work.</p>\
    <p>To have it, run <code>make console</code> in the source directory, then build the server again; \
    <code>make run</code> does both.</p>\
    <p><a href=\"/api/docs\">The API</a></p></html>";

/// Everything that no route is declared for.
pub(super) async fn fallback(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    answer(&method, uri.path(), &headers, Dist::get)
}

fn answer(method: &Method, path: &str, headers: &HeaderMap, file: impl Fn(&str) -> Option<EmbeddedFile>) -> Response {
    let no_such_path = || Problem::new(ProblemType::NotFound, format!("there is nothing at {path}"));
    if path == "/api" || path.starts_with("/api/") {
        return no_such_path().into_response();
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        let problem = Problem::new(ProblemType::MethodNotAllowed, format!("{method} is not for pages"));
        return ([(header::ALLOW, "GET, HEAD")], problem).into_response();
    }
    let name = path.trim_start_matches('/');
    match (file(if name.is_empty() { INDEX } else { name }), file(INDEX)) {
        (Some(found), _) => serve(name, found, headers),
        (None, None) => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
        (None, Some(index)) if is_page(name) => serve(INDEX, index, headers),
        (None, Some(_)) => no_such_path().into_response(),
    }
}

/// Pages have no extension: a missing picture is missing, not the console.
fn is_page(name: &str) -> bool {
    !name.starts_with(HASHED) && !name.rsplit('/').next().unwrap_or("").contains('.')
}

fn serve(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..16]));
    let keep = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let described = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, keep.to_owned())];
    if known
        .is_some_and(|tags| tags == "*" || tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag))
    {
        return (StatusCode::NOT_MODIFIED, described).into_response();
    }
    let kind = HeaderValue::from_str(file.metadata.mimetype());
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = (described, Cow::into_owned(file.data)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use rust_embed::Metadata;

    use super::*;

    fn built(name: &str) -> Option<EmbeddedFile> {
        let (text, kind) = match name {
            "index.html" => ("<html>", "text/html"),
            "assets/app-1a2b.js" => ("let x", "text/javascript"),
            _ => return None,
        };
        let metadata = Metadata::__rust_embed_new([text.len() as u8; 32], None, None, kind);
        Some(EmbeddedFile { data: text.as_bytes().into(), metadata })
    }

    fn get(path: &str) -> Response {
        answer(&Method::GET, path, &HeaderMap::new(), built)
    }

    fn header<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers()[name].to_str().unwrap()
    }

    #[test]
    fn pages_are_the_index_and_files_are_themselves() {
        for page in ["/", "/index.html", "/conferences/7000", "/m/7000"] {
            let response = get(page);
            assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, "text/html"), "{page}");
            assert_eq!(header(&response, "cache-control"), "no-cache");
        }
        let script = get("/assets/app-1a2b.js");
        assert_eq!(header(&script, "content-type"), "text/javascript");
        assert!(header(&script, "cache-control").contains("immutable"));
    }

    #[test]
    fn a_missing_file_is_missing() {
        for path in ["/assets/app-0000.js", "/assets/none", "/favicon.ico", "/api", "/api/v2/x"] {
            assert_eq!(get(path).status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(answer(&Method::POST, "/", &HeaderMap::new(), built).status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let tag = get("/").headers()[header::ETAG].clone();
        let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag.clone())]);
        let response = answer(&Method::GET, "/", &headers, built);
        assert_eq!((response.status(), &response.headers()[header::ETAG]), (StatusCode::NOT_MODIFIED, &tag));
    }

    #[test]
    fn a_console_that_was_not_built_says_how() {
        let response = answer(&Method::GET, "/", &HeaderMap::new(), |_| None);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(NOT_BUILT.contains("make console"));
    }
}
