//! Which pages may open a WebSocket here: RFC 6454 (the origin), RFC 6455 §10.2 (why a server looks at it).

use axum::http::{HeaderMap, Uri, header};

/// Pages of this server, and those of other origins that the operator named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    others: Vec<String>,
}

impl Origins {
    /// `others`: `https://host` or `https://host:port`, as a browser writes them.
    pub fn new(others: Vec<String>) -> Self {
        Self { others }
    }

    /// Whether the page that asks may come in. What sends no Origin is no browser, and brings nobody's cookies.
    pub fn allow(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let here = text(header::HOST).or(uri.authority().map(|authority| authority.as_str()));
        let from_here = origin.split_once("://").is_some_and(|(_, there)| is_same(here, there));
        from_here || self.others.iter().any(|other| other.eq_ignore_ascii_case(origin))
    }
}

fn is_same(here: Option<&str>, there: &str) -> bool {
    here.is_some_and(|here| here.eq_ignore_ascii_case(there))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_pages_named_pages_and_no_browsers_come_in() {
        let origins = Origins::new(vec!["https://meet.example".into()]);
        for (origin, allowed) in [
            (None, true),
            (Some("https://sip.example:8443"), true),
            (Some("https://SIP.example:8443"), true),
            (Some("https://meet.example"), true),
            (Some("https://sip.example"), false),
            (Some("http://meet.example"), false),
            (Some("https://evil.example"), false),
            (Some("null"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "sip.example:8443".parse().expect("a value"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().expect("a value"));
            }
            assert_eq!(origins.allow(&headers, &Uri::from_static("/sip")), allowed, "{origin:?}");
        }
    }
}
