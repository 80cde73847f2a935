//! Addresses that people type: a bare account name, a `sip:` or `sips:` URI, a `tel:` URI.

use super::command::FocusError;

/// The URI to be called. A bare name is an account of `domain`.
pub fn callable(typed: &str, domain: &str) -> Result<String, FocusError> {
    let typed = typed.trim();
    let bad = |reason: &str| FocusError::BadAddress { address: typed.to_owned(), reason: reason.to_owned() };
    if typed.is_empty() {
        return Err(bad("it is empty"));
    }
    if typed.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ',')) {
        return Err(bad("it holds white space, a quote or a bracket"));
    }
    match typed.split_once(':').map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest)) {
        Some((scheme, rest)) if scheme == "sip" || scheme == "sips" => {
            let uri = format!("{scheme}:{rest}");
            match uri.parse::<plenary_sip::message::Uri>() {
                Ok(plenary_sip::message::Uri::Sip(_)) => Ok(uri),
                _ => Err(bad("it is no SIP URI")),
            }
        }
        Some((scheme, rest)) if scheme == "tel" => {
            let digits = rest.trim_start_matches('+');
            let dialable = |c: char| c.is_ascii_digit() || "-.()*#".contains(c);
            let number = digits.split(';').next().unwrap_or_default();
            if number.is_empty() || !number.chars().all(dialable) {
                return Err(bad("it is no telephone number"));
            }
            Ok(format!("tel:{rest}"))
        }
        None if !typed.contains(['@', '/', '?', ';']) => Ok(format!("sip:{typed}@{domain}")),
        _ => Err(bad("it should begin with sip:, sips: or tel:, or be the name of an account")),
    }
}

/// The account of this server that an address names.
pub fn account_of(address: &str, domain: &str) -> Option<String> {
    let rest = address.strip_prefix("sip:").or_else(|| address.strip_prefix("sips:"))?;
    let (user, host) = rest.split_once('@')?;
    let host = host.split([';', '?']).next()?;
    let same_domain = host.eq_ignore_ascii_case(domain);
    (same_domain && !user.is_empty()).then(|| user.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_a_uri_or_a_reason() {
        let typed = |typed| callable(typed, "example.org").ok();
        assert_eq!(typed("alice").as_deref(), Some("sip:alice@example.org"));
        assert_eq!(
            typed(" SIP:bob@10.0.0.1:5070;transport=tcp ").as_deref(),
            Some("sip:bob@10.0.0.1:5070;transport=tcp")
        );
        assert_eq!(typed("tel:+39-06-1234").as_deref(), Some("tel:+39-06-1234"));
        for bad in ["", "sip:", "tel:+abc", "http://x", "a b", "bob@example.org", "<sip:x@y>"] {
            assert_eq!(typed(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_account_is_the_user_of_our_domain() {
        assert_eq!(account_of("sip:alice@example.org;transport=tls", "Example.org").as_deref(), Some("alice"));
        assert_eq!(account_of("sip:alice@elsewhere.org", "example.org"), None);
        assert_eq!(account_of("tel:+391", "example.org"), None);
    }
}
