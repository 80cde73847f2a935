//! Causes of the telephone network and statuses of SIP: RFC 3398 §7.2.4.1 and §8.2.6.1, RFC 6432 (Q.850 in Reason).

use plenary_sip::message::{Header, HeaderName, Headers};

/// The cause in a Reason header: `Q.850;cause=17;text="User busy"`.
pub fn q850_of(reason: &str) -> Option<u8> {
    let mut parts = reason.split(';').map(str::trim);
    let is_q850 = parts.next().is_some_and(|protocol| protocol.eq_ignore_ascii_case("Q.850"));
    let cause =
        parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("cause"));
    cause.filter(|_| is_q850).and_then(|(_, cause)| cause.trim().parse().ok()).filter(|cause| *cause < 128)
}

/// The Q.850 cause among a message's Reasons.
pub fn cause_of_headers(headers: &Headers) -> Option<u8> {
    headers.values(&HeaderName::Reason).iter().find_map(|reason| q850_of(reason))
}

/// What a cause of the telephone network is in SIP; `None` for an ordinary end (16, 31) and for causes without a status.
pub fn status_of_cause(cause: u8) -> Option<u16> {
    Some(match cause {
        1..=3 => 404,
        17 => 486,
        18 => 408,
        19 | 20 => 480,
        21 => 403,
        22 | 23 => 410,
        26 => 404,
        27 => 502,
        28 => 484,
        29 => 501,
        34 | 38 | 41 | 42 | 47 => 503,
        55 | 57 | 87 => 403,
        58 => 503,
        63 => 503,
        65 | 70 => 488,
        66 | 69 | 79 => 501,
        88 => 503,
        102 => 504,
        111 | 127 => 500,
        _ => return None,
    })
}

/// What a status of SIP is in the telephone network.
pub fn cause_of_status(status: u16) -> u8 {
    match status {
        400 | 481 | 500 | 501 => 41,
        401 | 402 | 403 | 407 | 603 | 607 | 608 => 21,
        404 | 604 => 1,
        405 => 63,
        406 | 415 | 416 | 420 | 421 | 423 => 79,
        408 | 504 => 102,
        410 => 22,
        413 | 414 | 482 | 513 => 127,
        480 => 18,
        483 => 25,
        484 => 28,
        485 => 1,
        486 | 600 => 17,
        487 => 16,
        488 | 606 => 65,
        502 => 38,
        503 => 41,
        505 => 127,
        200..=299 => 16,
        _ => 31,
    }
}

/// The Reason of a refusal or a BYE towards a telephone network.
pub fn reason_of_status(status: u16) -> Header {
    Header::new(HeaderName::Reason, format!("Q.850;cause={}", cause_of_status(status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_become_statuses() {
        for (cause, status) in
            [(17, Some(486)), (1, Some(404)), (34, Some(503)), (21, Some(403)), (22, Some(410)), (28, Some(484))]
        {
            assert_eq!(status_of_cause(cause), status, "{cause}");
        }
        for normal in [16, 31, 0, 126] {
            assert_eq!(status_of_cause(normal), None, "{normal}");
        }
    }

    #[test]
    fn statuses_become_causes() {
        for (status, cause) in [
            (486, 17),
            (480, 18),
            (404, 1),
            (403, 21),
            (410, 22),
            (484, 28),
            (503, 41),
            (504, 102),
            (487, 16),
            (488, 65),
        ] {
            assert_eq!(cause_of_status(status), cause, "{status}");
        }
        assert_eq!(reason_of_status(486).value(), "Q.850;cause=17");
    }

    #[test]
    fn only_the_q850_of_several_reasons_is_read() {
        let mut headers = Headers::new();
        headers.push(Header::new(HeaderName::Reason, "SIP;cause=200;text=\"elsewhere\", q.850 ; cause = 17"));
        assert_eq!(cause_of_headers(&headers), Some(17));
        for none in ["SIP;cause=486", "Q.850", "Q.850;cause=x", "Q.850;cause=500", ""] {
            assert_eq!(q850_of(none), None, "{none}");
        }
    }
}
