//! What a body of `message/sipfrag` says first: RFC 3420, as RFC 3515 §2.4.5 uses it.

use super::StatusCode;

/// The status of a fragment that begins with a status line; none where it begins with anything else.
pub fn sipfrag_status(body: &[u8]) -> Option<StatusCode> {
    let rest = body.strip_prefix(b"SIP/2.0 ")?;
    let (digits, after) = rest.split_at_checked(3)?;
    let number = digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0')) // at most 999
    })?;
    matches!(after.first(), None | Some(b' ' | b'\r' | b'\n')).then(|| StatusCode::new(number)).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_status_line_is_read_and_nothing_else() {
        let status = |body: &str| sipfrag_status(body.as_bytes()).map(StatusCode::as_u16);
        assert_eq!(status("SIP/2.0 180 Ringing\r\nContact: <sip:x>\r\n"), Some(180));
        assert_eq!((status("SIP/2.0 200"), status("SIP/2.0 603 \r\n")), (Some(200), Some(603)));
        for none in
            ["", "SIP/2.0 ", "SIP/2.0 20", "SIP/2.0 2000 OK", "SIP/2.0 099 x", "SIP/2.0 2x0", "INVITE sip:a SIP/2.0"]
        {
            assert_eq!(status(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn octets_of_any_kind_are_read_without_harm(body in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut line = b"SIP/2.0 ".to_vec();
            line.extend(&body);
            let (_, _) = (sipfrag_status(&body), sipfrag_status(&line));
        }
    }
}
