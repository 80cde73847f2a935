//! INFO within a call: keys as phones of old send them, and nothing else. RFC 6086 §4.2.
//!
//! No Info Package is agreed on; what names one is told so with 469 and an empty Recv-Info. What carries none is legacy
//! usage: keys, and wishes for a key frame, which mean nothing while there is no video.

use plenary_sip::message::{Header, HeaderName, Request, StatusCode};
use plenary_sip::xml::{self, XmlError};

const ACCEPTED: &str = "application/dtmf-relay, application/dtmf, application/media_control+xml";

#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    pub status: StatusCode,
    pub headers: Vec<Header>,
    pub key: Option<char>,
}

impl Info {
    pub fn of(message: &Request) -> Self {
        let answer = |status, headers| Self { status, headers, key: None };
        if message.headers.contains(&HeaderName::InfoPackage) {
            return answer(StatusCode::BAD_INFO_PACKAGE, vec![Header::new(HeaderName::RecvInfo, "")]);
        }
        let content_type = message.headers.get(&HeaderName::ContentType).unwrap_or_default().to_ascii_lowercase();
        let body = std::str::from_utf8(&message.body).unwrap_or_default();
        let key = match content_type.split(';').next().unwrap_or_default().trim() {
            "application/dtmf-relay" => signal(body).and_then(key),
            "application/dtmf" => key(body.trim()),
            "application/media_control+xml" => match control(&message.body) {
                Ok(()) => None,
                Err(status) => return answer(status, Vec::new()),
            },
            _ if message.body.is_empty() => None, // asks whether the call still stands
            _ => return answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, vec![Header::new(HeaderName::Accept, ACCEPTED)]),
        };
        Self { key, ..answer(StatusCode::OK, Vec::new()) }
    }
}

/// RFC 5168: a picture is wished for, and there is none. What cannot be read is said to be so.
fn control(body: &[u8]) -> Result<(), StatusCode> {
    match xml::read(body) {
        Ok(root) if root.name == "media_control" => Ok(()),
        Err(XmlError::TooLong { .. }) => Err(StatusCode::REQUEST_ENTITY_TOO_LARGE),
        Ok(_) | Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

/// `Signal=5`, with spaces as it pleases.
fn signal(body: &str) -> Option<&str> {
    let line = body.lines().find_map(|line| line.trim().strip_prefix("Signal"))?;
    Some(line.trim_start().strip_prefix('=')?.trim())
}

fn key(signal: &str) -> Option<char> {
    let mut characters = signal.chars();
    let key = characters.next()?.to_ascii_uppercase();
    (characters.next().is_none() && matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')).then_some(key)
}

#[cfg(test)]
mod tests {
    use plenary_sip::message::Method;

    use super::*;

    fn info(content_type: &str, body: &'static str, package: Option<&str>) -> Info {
        let mut message = Request::new(Method::Info, "sip:3001@example.org".parse().expect("a URI"));
        message.headers.push(Header::new(HeaderName::ContentType, content_type));
        message.headers.extend(package.map(|package| Header::new(HeaderName::InfoPackage, package)));
        message.body = body.into();
        Info::of(&message)
    }

    #[test]
    fn keys_of_both_old_manners() {
        for (content_type, body, key) in [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Some('5')),
            ("application/dtmf-relay", "Signal= *\r\nDuration= 100\r\n", Some('*')),
            ("Application/DTMF-Relay;charset=utf-8", "Signal=#\n", Some('#')),
            ("application/dtmf", "9", Some('9')),
            ("application/dtmf-relay", "Signal=hf\r\n", None),
            ("application/dtmf-relay", "", None),
        ] {
            let info = info(content_type, body, None);
            assert_eq!((info.status, info.key), (StatusCode::OK, key), "{content_type} {body:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        let unknown = info("application/x", "x", None);
        assert_eq!(unknown.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(unknown.headers, [Header::new(HeaderName::Accept, ACCEPTED)]);
        assert_eq!(info("application/media_control+xml", "<media_control/>", None).status, StatusCode::OK);
        for (body, status) in [
            (
                "<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>",
                200,
            ),
            ("<!DOCTYPE media_control SYSTEM \"http://127.0.0.1/\"><media_control/>", 400),
            ("<other/>", 400),
            ("", 400),
        ] {
            let answered = info("application/media_control+xml", body, None).status;
            assert_eq!(answered.as_u16(), status, "{body}");
        }
        let package = info("application/dtmf-relay", "Signal=5", Some("foo"));
        assert_eq!((package.status, package.key), (StatusCode::BAD_INFO_PACKAGE, None));
        assert_eq!(package.headers, [Header::new(HeaderName::RecvInfo, "")]);
    }
}
