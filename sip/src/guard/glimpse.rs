//! What of a message can be seen without reading it: its first header lines, as far as they are looked at here.

/// Further in nobody says who he is.
const LOOKED_AT: usize = 4096;
const USER_AGENT: &[u8] = b"user-agent";

/// The value of User-Agent, as it stands there.
pub fn user_agent(octets: &[u8]) -> Option<&[u8]> {
    let head = octets.get(..LOOKED_AT).unwrap_or(octets);
    let lines = head.split(|octet| *octet == b'\n').skip(1).take_while(|line| !matches!(line, [] | [b'\r']));
    let mut values = lines.filter_map(|line| {
        let (name, value) = line.split_at_checked(USER_AGENT.len())?;
        let value = name.eq_ignore_ascii_case(USER_AGENT).then(|| value.trim_ascii_start())?;
        Some(value.strip_prefix(b":")?.trim_ascii())
    });
    values.next()
}

/// Whether `text` has `wanted` in it, which is in lower case.
pub fn contains_ignoring_case(text: &[u8], wanted: &str) -> bool {
    let wanted = wanted.as_bytes();
    !wanted.is_empty() && text.windows(wanted.len()).any(|window| window.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_agent_is_found_wherever_it_stands_among_the_headers() {
        let message = b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\nUSER-AGENT : friendly-scanner \r\n\r\nUser-Agent: body";
        assert_eq!(user_agent(message), Some(&b"friendly-scanner"[..]));
        assert_eq!(user_agent(b"OPTIONS sip:a SIP/2.0\nUser-Agent:sipcli/v1.8\n\n"), Some(&b"sipcli/v1.8"[..]));
        assert_eq!(user_agent(b"OPTIONS sip:a SIP/2.0\r\n\r\nUser-Agent: body"), None);
        assert_eq!(user_agent(b"User-Agent: start line"), None);
        assert_eq!(user_agent(b""), None);
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert!(contains_ignoring_case(b"SIPVicious/0.3", "sipvicious"));
        assert!(!contains_ignoring_case(b"sip", "sipvicious"));
        assert!(!contains_ignoring_case(b"anything", ""));
    }
}
