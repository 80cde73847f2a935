//! Route sets: which proxies want to see the requests of a dialog. RFC 3261 §12.1 and §12.2.1.1.

use crate::message::{HeaderError, Headers, NameAddr, Uri};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteSet(Vec<NameAddr>);

impl RouteSet {
    /// Record-Route of the request, in order.
    pub fn of_uas(headers: &Headers) -> Result<Self, HeaderError> {
        Ok(Self(headers.record_routes()?))
    }

    /// Record-Route of the response, reversed.
    pub fn of_uac(headers: &Headers) -> Result<Self, HeaderError> {
        let mut routes = headers.record_routes()?;
        routes.reverse();
        Ok(Self(routes))
    }

    /// Preloaded routes, for a request outside a dialog.
    pub fn preloaded(routes: Vec<NameAddr>) -> Self {
        Self(routes)
    }

    pub fn first(&self) -> Option<&Uri> {
        self.0.first().map(|route| &route.uri)
    }

    /// Request-URI and Route headers towards `target`. A strict router (no `lr`) wants to stand in the
    /// Request-URI itself, and the target at the end of the Route.
    pub fn address(&self, target: &Uri) -> (Uri, Vec<NameAddr>) {
        match self.0.split_first() {
            Some((strict, rest)) if !is_loose(&strict.uri) => {
                let routes = rest.iter().cloned().chain([NameAddr::new(target.clone())]).collect();
                (strict.uri.clone(), routes)
            }
            _ => (target.clone(), self.0.clone()),
        }
    }
}

fn is_loose(uri: &Uri) -> bool {
    uri.as_sip().is_some_and(|uri| uri.has_param("lr"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Header, HeaderName};

    fn headers(record_routes: &[&str]) -> Headers {
        let mut headers = Headers::default();
        for route in record_routes {
            headers.push(Header::new(HeaderName::RecordRoute, *route));
        }
        headers
    }

    fn addressed(routes: &RouteSet) -> (String, Vec<String>) {
        let target = "sip:user@remote.example".parse().expect("a URI");
        let (uri, routes) = routes.address(&target);
        (uri.to_string(), routes.iter().map(ToString::to_string).collect())
    }

    const TWO: [&str; 2] = ["<sip:p1.example;lr;r2=on>", "<sip:p2.example;lr>"];

    #[test]
    fn the_caller_reverses_what_the_callee_takes_as_it_stands() {
        let uas = RouteSet::of_uas(&headers(&TWO)).expect("routes");
        let uac = RouteSet::of_uac(&headers(&TWO)).expect("routes");
        assert_eq!(addressed(&uas).1, ["<sip:p1.example;lr;r2=on>", "<sip:p2.example;lr>"]);
        assert_eq!(addressed(&uac).1, ["<sip:p2.example;lr>", "<sip:p1.example;lr;r2=on>"]);
        assert_eq!(addressed(&uas).0, "sip:user@remote.example");
    }

    /// §16.12.1.2 has the example.
    #[test]
    fn a_strict_router_stands_in_the_request_uri() {
        let routes = RouteSet::of_uas(&headers(&["<sip:p3.example>, <sip:p2.example;lr>"])).expect("routes");
        let (uri, routes) = addressed(&routes);
        assert_eq!(uri, "sip:p3.example");
        assert_eq!(routes, ["<sip:p2.example;lr>", "<sip:user@remote.example>"]);
    }
}
