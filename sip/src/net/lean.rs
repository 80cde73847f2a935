//! What a response over UDP can do without, so that a stranger's short question still gets its answer within what he may
//! cost (`guard::strangers`): the headers that only inform, the least missed first.

use crate::message::{HeaderName, Response};

const SPARE: [HeaderName; 7] = [
    HeaderName::Server,
    HeaderName::AcceptLanguage,
    HeaderName::AcceptEncoding,
    HeaderName::AllowEvents,
    HeaderName::Supported,
    HeaderName::Accept,
    HeaderName::Allow,
];

/// Takes one of them away. False: there is nothing left that could go.
pub(super) fn shorten(response: &mut Response) -> bool {
    let status = response.status.as_u16();
    // What such a refusal must name: RFC 3261 §21.4.6, §21.4.13, RFC 6665 §7.3.2.
    let is_needed = |name: &HeaderName| match status {
        405 => *name == HeaderName::Allow,
        415 => matches!(name, HeaderName::Accept | HeaderName::AcceptEncoding | HeaderName::AcceptLanguage),
        489 => *name == HeaderName::AllowEvents,
        _ => false,
    };
    let spare = SPARE.iter().find(|name| response.headers.contains(name) && !is_needed(name));
    spare.is_some_and(|name| {
        response.headers.remove(name);
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Header, StatusCode};

    fn response(status: u16) -> Response {
        let status = StatusCode::new(status).expect("a status");
        let mut response =
            Response { status, reason: String::new(), headers: Default::default(), body: Default::default() };
        for name in SPARE.into_iter().chain([HeaderName::CallId]) {
            response.headers.push(Header::new(name, "x"));
        }
        response
    }

    fn left(mut response: Response) -> Vec<HeaderName> {
        while shorten(&mut response) {}
        response.headers.iter().map(|header| header.name().clone()).collect()
    }

    #[test]
    fn what_only_informs_goes_and_what_a_refusal_must_say_stays() {
        assert_eq!(left(response(200)), [HeaderName::CallId]);
        assert_eq!(left(response(405)), [HeaderName::Allow, HeaderName::CallId]);
        assert_eq!(left(response(489)), [HeaderName::AllowEvents, HeaderName::CallId]);
    }

    #[test]
    fn the_methods_are_the_last_to_go() {
        let mut options = response(200);
        (1..SPARE.len()).for_each(|_| assert!(shorten(&mut options)));
        assert!(options.headers.contains(&HeaderName::Allow));
    }
}
