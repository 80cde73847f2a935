//! What devices get wrong in SDP and can be understood all the same, put right before the grammar is asked.
//!
//! Repaired: bare LF or CR as line end, space around a line, runs of spaces in `m=`, bytes that are not UTF-8, lines
//! that are no `x=` line, types that nobody here reads (`i u e p r z k` and unknown ones), unreadable `b=`, a user
//! name with spaces in `o=`, an `m=` without formats. RFC 8866 §5 stays strict where guessing would be wrong: `v=0`
//! comes first; `o=`, `t=`, `c=` and `m=` that are there must be readable.

use super::description::{MAX_ATTRIBUTES, MAX_MEDIA, SdpError};

/// Returns the description with CRLF line ends and only lines that the grammar can take.
pub(super) fn repaired(raw: &[u8]) -> Result<String, SdpError> {
    let text = String::from_utf8_lossy(raw);
    let (mut media, mut attributes) = (0, 0);
    let mut kept = String::with_capacity(text.len() + 64);
    for line in text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
        if kept.is_empty() && line != "v=0" {
            return Err(SdpError::NoVersion);
        }
        let Some((kind, value)) = line.split_once('=').filter(|(kind, value)| kind.len() == 1 && !value.contains('\0'))
        else {
            continue;
        };
        let value = match kind {
            "v" | "s" | "t" | "c" => value.to_owned(),
            "a" if !value.is_empty() => {
                attributes += 1;
                value.trim_start().to_owned()
            }
            "b" if is_bandwidth(value) => value.to_owned(),
            "o" => origin_with_one_user_name(value),
            "m" => {
                media += 1;
                media_with_single_spaces(value)
            }
            _ => continue,
        };
        if media > MAX_MEDIA {
            return Err(SdpError::TooManyMedia { limit: MAX_MEDIA });
        }
        if attributes > MAX_ATTRIBUTES {
            return Err(SdpError::TooManyAttributes { limit: MAX_ATTRIBUTES });
        }
        kept.push_str(kind);
        kept.push('=');
        kept.push_str(&value);
        kept.push_str("\r\n");
    }
    if kept.is_empty() { Err(SdpError::NoVersion) } else { Ok(kept) }
}

fn is_bandwidth(value: &str) -> bool {
    value.split_once(':').is_some_and(|(kind, figure)| !kind.is_empty() && figure.parse::<u64>().is_ok())
}

fn origin_with_one_user_name(value: &str) -> String {
    let fields: Vec<&str> = value.split_ascii_whitespace().collect();
    match fields.len().checked_sub(5).and_then(|at| fields.split_at_checked(at)) {
        Some((name, rest)) if name.len() > 1 => format!("{} {}", name.join("_"), rest.join(" ")),
        _ => value.to_owned(),
    }
}

fn media_with_single_spaces(value: &str) -> String {
    let fields: Vec<&str> = value.split_ascii_whitespace().collect();
    match fields.len() {
        // A refused stream of some devices: `m=video 0 RTP/AVP`.
        3 => format!("{} 0", fields.join(" ")),
        _ => fields.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_stray_lines_are_put_right() {
        let repaired = repaired(b"v=0\no=- 1 1 IN IP4 10.0.0.1  \rs=-\nhello\ni=\xff\nb=AS:sixty\nb=AS:64\nX=1\nm=audio  4000   RTP/AVP 0\n")
            .expect("readable");
        assert_eq!(repaired, "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nb=AS:64\r\nm=audio 4000 RTP/AVP 0\r\n");
    }

    #[test]
    fn user_name_with_spaces_becomes_one_word() {
        assert_eq!(origin_with_one_user_name("Jane Doe 1 1 IN IP4 10.0.0.1"), "Jane_Doe 1 1 IN IP4 10.0.0.1");
        assert_eq!(origin_with_one_user_name("- 1 1 IN IP4 10.0.0.1"), "- 1 1 IN IP4 10.0.0.1");
    }

    #[test]
    fn what_is_no_sdp_is_refused() {
        for text in [&b""[..], b"\r\n\r\n", b"hello", b"v=1\r\n", b"o=- 1 1 IN IP4 10.0.0.1\r\nv=0\r\n"] {
            assert!(matches!(repaired(text), Err(SdpError::NoVersion)), "{text:?}");
        }
    }

    #[test]
    fn limits_hold() {
        let lines = |line: &str, count: usize| format!("v=0\r\n{}", line.repeat(count)).into_bytes();
        assert!(repaired(&lines("m=audio 0 RTP/AVP 0\r\n", 64)).is_ok());
        assert!(matches!(repaired(&lines("m=audio 0 RTP/AVP 0\r\n", 65)), Err(SdpError::TooManyMedia { .. })));
        assert!(repaired(&lines("a=x\r\n", 1024)).is_ok());
        assert!(matches!(repaired(&lines("a=x\r\n", 1025)), Err(SdpError::TooManyAttributes { .. })));
    }
}
