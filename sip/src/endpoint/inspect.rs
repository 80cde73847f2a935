//! What a request must be before anybody looks at what it wants: RFC 3261 §8.2.1 to §8.2.3.

use crate::endpoint::EndpointSettings;
use crate::endpoint::named::check_names;
use crate::message::{Header, HeaderName, Method, Request, StatusCode, Uri};
use crate::net_types::Source;
use crate::usage::{asked, unacceptable_body};

/// A response that needs no user: the status, and the headers that explain it.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub status: StatusCode,
    pub explanation: Option<(HeaderName, String)>,
}

impl Refusal {
    pub fn new(status: StatusCode, name: HeaderName, value: impl Into<String>) -> Self {
        Self { status, explanation: Some((name, value.into())) }
    }

    pub fn header(&self) -> Option<Header> {
        self.explanation.as_ref().map(|(name, value)| Header::new(name.clone(), value.clone()))
    }
}

impl From<StatusCode> for Refusal {
    fn from(status: StatusCode) -> Self {
        Self { status, explanation: None }
    }
}

/// Looks at everything but ACK and CANCEL, which ask for nothing that could be refused.
pub fn inspect(request: &Request, source: Source, settings: &EndpointSettings) -> Result<(), Refusal> {
    // RFC 3903 §6: the state of no event package is kept here.
    if request.method == Method::Publish && !settings.allow.contains(&Method::Publish) {
        let packages = settings.packages.iter().map(|package| package.name).collect::<Vec<_>>().join(", ");
        return Err(Refusal::new(StatusCode::BAD_EVENT, HeaderName::AllowEvents, packages));
    }
    if !settings.allow.contains(&request.method) {
        let unknown = matches!(request.method, Method::Other(_));
        let status = if unknown { StatusCode::NOT_IMPLEMENTED } else { StatusCode::METHOD_NOT_ALLOWED };
        return Err(Refusal::new(status, HeaderName::Allow, settings.allow_value()));
    }
    match &request.uri {
        Uri::Other(_) => return Err(StatusCode::UNSUPPORTED_URI_SCHEME.into()),
        // RFC 5630 §4: sips is TLS on every hop, so also on this one.
        Uri::Sip(uri) if uri.is_sips() && !source.transport.is_secure() => {
            let warning = "399 plenary \"sips needs TLS\"";
            return Err(Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE, HeaderName::Warning, warning));
        }
        Uri::Sip(_) | Uri::Tel(_) => {}
    }
    let required = request.headers.option_tags(&HeaderName::Require);
    let unknown: Vec<&str> = required.iter().map(String::as_str).filter(|tag| !settings.understands(tag)).collect();
    if !unknown.is_empty() {
        return Err(Refusal::new(StatusCode::BAD_EXTENSION, HeaderName::Unsupported, unknown.join(", ")));
    }
    check_names(request)?;
    if request.method == Method::Invite && unacceptable_body(&request.headers, &request.body) {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, HeaderName::Accept, "application/sdp"));
    }
    // RFC 4475 §3.3.15: whoever takes no session description back cannot be answered.
    if request.method == Method::Invite && !request.headers.accepts("application/sdp") {
        let warning = "399 plenary \"an INVITE is answered by application/sdp alone\"";
        return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, HeaderName::Warning, warning));
    }
    if request.method == Method::Subscribe {
        asked(request, &settings.packages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::testing::{invite, source};

    fn inspected(change: impl FnOnce(&mut Request)) -> Result<(), Refusal> {
        let mut request = invite();
        change(&mut request);
        inspect(&request, source("192.0.2.1:5060"), &EndpointSettings::default())
    }

    fn status(change: impl FnOnce(&mut Request)) -> u16 {
        inspected(change).expect_err("refused").status.as_u16()
    }

    #[test]
    fn methods_that_nobody_knows_and_methods_that_we_do_not_serve() {
        assert_eq!(status(|request| request.method = Method::from("FOO")), 501);
        let refusal = inspected(|request| request.method = Method::Subscribe).expect_err("refused");
        assert_eq!(refusal.status, StatusCode::METHOD_NOT_ALLOWED);
        let allow = refusal.header().expect("Allow").value().into_owned();
        assert!(allow.starts_with("INVITE, ACK, CANCEL, BYE, OPTIONS"), "{allow}");
    }

    #[test]
    fn nothing_is_published_here() {
        assert_eq!(status(|request| request.method = Method::Publish), 489);
    }

    #[test]
    fn schemes_and_extensions() {
        assert_eq!(status(|request| request.uri = "nobody:x".parse().expect("a URI")), 416);
        assert_eq!(status(|request| request.uri = "sips:bob@b.example".parse().expect("a URI")), 480);
        let refusal = inspected(|request| request.headers.push(Header::new(HeaderName::Require, "foo, timer, bar")));
        let expected = Refusal::new(StatusCode::BAD_EXTENSION, HeaderName::Unsupported, "foo, bar");
        assert_eq!(refusal, Err(expected));
    }

    #[test]
    fn a_body_we_cannot_read_is_refused_unless_it_is_optional() {
        let text = |request: &mut Request| {
            request.headers.push(Header::new(HeaderName::ContentType, "text/x"));
            request.body = "hello".into();
        };
        assert_eq!(status(text), 415);
        let optional = inspected(|request| {
            text(request);
            request.headers.push(Header::new(HeaderName::ContentDisposition, "render; handling=optional"));
        });
        assert_eq!(optional, Ok(()));
    }

    #[test]
    fn who_accepts_no_session_description_is_not_called_back_with_one() {
        let accept =
            |value: &'static str| inspected(|request| request.headers.push(Header::new(HeaderName::Accept, value)));
        for good in ["application/sdp", "text/html, Application/SDP;level=1", "application/*;q=0.5", "*/*"] {
            assert_eq!(accept(good), Ok(()), "{good}");
        }
        for bad in ["", "text/nobodyKnowsThis", "application/sdp;q=0", "application/sdpx"] {
            assert_eq!(accept(bad).expect_err("refused").status, StatusCode::NOT_ACCEPTABLE, "{bad:?}");
        }
    }

    /// RFC 3398 §5.2.
    #[test]
    fn isup_beside_sdp_counts_only_when_it_says_so() {
        for (disposition, refused) in [
            ("", false),
            ("Content-Disposition: signal\r\n", false),
            ("Content-Disposition: signal; handling=optional\r\n", false),
            ("Content-Disposition: signal; Handling = Required\r\n", true),
        ] {
            let outcome = inspected(|request| {
                request.headers.push(Header::new(HeaderName::ContentType, "multipart/mixed;boundary=x"));
                request.body = format!(
                    "--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x\r\nContent-Type: application/ISUP\r\n\
                     {disposition}\r\n1\r\n--x--\r\n"
                )
                .into();
            });
            assert_eq!(outcome.is_err(), refused, "{disposition}");
        }
    }
}
