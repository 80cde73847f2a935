//! What the answer to a NOTIFY says of its subscription: RFC 6665 §4.2.2, RFC 5057 §5.

use std::time::Duration;

use crate::message::{Response, StatusCode};

/// A pause that is asked for is granted up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Taken,
    /// Not taken; the subscription stands. The next NOTIFY waits so long.
    Refused {
        status: StatusCode,
        pause: Duration,
    },
    /// The subscription is removed.
    Gone,
}

/// Timeouts are for the caller to treat as [`Delivery::Gone`].
pub fn delivery_of(response: &Response) -> Delivery {
    let status = response.status;
    match status.as_u16() {
        200..=299 => Delivery::Taken,
        404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604 => Delivery::Gone,
        _ => Delivery::Refused { status, pause: response.headers.retry_after().unwrap_or_default().min(LONGEST_PAUSE) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::testing::invite;
    use crate::message::{Header, HeaderName};

    fn said(code: u16, retry_after: Option<&str>) -> Delivery {
        let mut response = invite().response(StatusCode::new(code).expect("a status"), Some("a"));
        response.headers.remove(&HeaderName::RetryAfter);
        if let Some(seconds) = retry_after {
            response.headers.push(Header::new(HeaderName::RetryAfter, seconds));
        }
        delivery_of(&response)
    }

    #[test]
    fn some_answers_end_the_subscription_and_others_only_delay_it() {
        assert_eq!(said(200, None), Delivery::Taken);
        for code in [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604] {
            assert_eq!(said(code, None), Delivery::Gone, "{code}");
        }
        for (code, retry_after, seconds) in [(500, Some("7"), 7), (503, Some("9000 (noon)"), 60), (403, None, 0)] {
            let pause = Duration::from_secs(seconds);
            let status = StatusCode::new(code).expect("a status");
            assert_eq!(said(code, retry_after), Delivery::Refused { status, pause });
        }
    }
}
