//! What a trunk's settings may be.

use std::ops::RangeInclusive;

use plenary_sip::message::{Host, Uri};
use plenary_sip::net_types::{Network, NetworkError};

use super::{TrunkNumber, TrunkSettings, TrunkSrtp, TrunkTransport};
use crate::store::error::Invalid;
use crate::store::rules;

type Checked = Result<(), Invalid>;

const MOST_NUMBERS: usize = 1000;
const MOST_SOURCES: usize = 100;
const LONGEST: usize = 255;

impl TrunkSettings {
    pub(super) fn check(&self) -> Checked {
        host("host", &self.host, true)?;
        if let Some(domain) = &self.domain {
            host("domain", domain, false)?;
        }
        if let Some(proxy) = &self.outbound_proxy
            && !matches!(proxy.parse(), Ok(Uri::Sip(_)))
        {
            return Err(Invalid::new("outbound_proxy", "is not a SIP URI (RFC 3261 §19.1)"));
        }
        for (field, value) in [("username", &self.username), ("realm", &self.realm)] {
            value.as_ref().map_or(Ok(()), |value| filled(field, value))?;
        }
        if let Some(caller_id) = &self.caller_id
            && !is_user(caller_id)
        {
            return Err(Invalid::new("caller_id", "is neither a number nor the user part of a SIP address"));
        }
        if self.register && self.username.is_none() {
            return Err(Invalid::new("username", "is needed to register"));
        }
        if self.srtp == Some(TrunkSrtp::Required) && self.transport != Some(TrunkTransport::Tls) {
            return Err(Invalid::new("srtp", "\"required\" needs transport \"tls\": the keys stand in the signalling"));
        }
        if let Some(certificate) = &self.certificate {
            host("certificate", certificate, false)?;
            if matches!(self.transport, Some(TrunkTransport::Udp | TrunkTransport::Tcp)) {
                return Err(Invalid::new("certificate", "needs transport \"tls\", or none"));
            }
        }
        if let Some(contact_host) = &self.contact_host {
            host("contact_host", contact_host, false)?;
            if !matches!(contact_host.parse(), Ok(Host::Name(_))) {
                return Err(Invalid::new("contact_host", "is no host name"));
            }
        }
        within("register_seconds", self.register_seconds, 60..=86_400)?;
        if self.options_seconds != 0 {
            within("options_seconds", self.options_seconds, 10..=3600)?;
        }
        numbers(&self.numbers)?;
        sources(&self.sources)
    }
}

fn host(field: &str, text: &str, with_port: bool) -> Checked {
    let uri = format!("sip:{text}").parse();
    let good = match &uri {
        Ok(Uri::Sip(uri)) => {
            let bare = uri.raw_user().is_none() && uri.params().next().is_none() && uri.headers().next().is_none();
            bare && (with_port || uri.port().is_none()) && text.len() <= LONGEST
        }
        _ => false,
    };
    let shape = if with_port { "HOST or HOST:PORT" } else { "a host" };
    if good { Ok(()) } else { Err(Invalid::new(field, format!("is not {shape}"))) }
}

fn filled(field: &str, text: &str) -> Checked {
    if text.is_empty() {
        return Err(Invalid::new(field, "is empty"));
    }
    rules::text(field, text)
}

fn is_user(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '_' | '-' | '*' | '#');
    !text.is_empty() && text.len() <= 64 && text.chars().all(good)
}

fn within(field: &str, value: u32, range: RangeInclusive<u32>) -> Checked {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Invalid::new(field, format!("is {value}, outside {} to {}", range.start(), range.end())))
}

fn numbers(numbers: &[TrunkNumber]) -> Checked {
    if numbers.len() > MOST_NUMBERS {
        return Err(Invalid::new("numbers", format!("are {}, at most {MOST_NUMBERS}", numbers.len())));
    }
    for (position, TrunkNumber { number, to }) in numbers.iter().enumerate() {
        let digits = number.strip_suffix('*').unwrap_or(number);
        let digits = digits.strip_prefix('+').unwrap_or(digits);
        if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            let field = format!("numbers[{position}].number");
            return Err(Invalid::new(
                field,
                "is neither digits, with a + or without, nor such a block with a * at its end",
            ));
        }
        if let Some(to) = to {
            rules::user_part(&format!("numbers[{position}].to"), to, 64)?;
        }
        if let Some(first) = numbers.iter().take(position).position(|other| other.number == *number) {
            return Err(Invalid::new(format!("numbers[{position}].number"), format!("repeats numbers[{first}]")));
        }
    }
    Ok(())
}

fn sources(sources: &[String]) -> Checked {
    if sources.len() > MOST_SOURCES {
        return Err(Invalid::new("sources", format!("are {}, at most {MOST_SOURCES}", sources.len())));
    }
    for (position, source) in sources.iter().enumerate() {
        let invalid = |fault: String| Invalid::new(format!("sources[{position}]"), fault);
        let network: Network = source.parse().map_err(|fault: NetworkError| invalid(fault.to_string()))?;
        if network.is_half_the_world() {
            return Err(invalid("is wider than a /8 (IPv6: a /16): it would be half the world".into()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::TrunkFields;
    use super::*;

    fn checked(fields: serde_json::Value) -> Checked {
        let fields: TrunkFields = serde_json::from_value(fields).expect("fields");
        let mut settings = TrunkSettings { host: "pbx.example".into(), ..TrunkSettings::default() };
        fields.apply(&mut settings);
        settings.check()
    }

    #[test]
    fn good_settings_pass() {
        for fields in [
            json!({}),
            json!({"host": "192.0.2.1:5070", "domain": "example.org", "transport": "tls", "srtp": "required"}),
            json!({"host": "[2001:db8::1]", "register": true, "username": "us", "password": "p"}),
            json!({"numbers": [{"number": "+39055*"}, {"number": "100", "to": "3001"}], "sources": ["192.0.2.0/28", "2001:db8::1"]}),
            json!({"certificate": "sbc.example", "sources": ["192.0.2.1"]}),
            json!({"certificate": "192.0.2.1", "transport": "tls"}),
            json!({"certificate": "sip.sbc.example", "certificate_wildcard": true, "contact_host": "us.example.org"}),
            json!({"outbound_proxy": "sip:proxy.example:5060;transport=tcp;lr", "caller_id": "+390551234", "options_seconds": 0}),
        ] {
            assert_eq!(checked(fields.clone()), Ok(()), "{fields}");
        }
    }

    #[test]
    fn a_fault_names_its_field() {
        for (fields, field) in [
            (json!({"host": "us@pbx.example"}), "host"),
            (json!({"host": "pbx.example;transport=tcp"}), "host"),
            (json!({"domain": "pbx.example:5060"}), "domain"),
            (json!({"outbound_proxy": "tel:1"}), "outbound_proxy"),
            (json!({"register": true}), "username"),
            (json!({"caller_id": "a b"}), "caller_id"),
            (json!({"srtp": "required", "transport": "tcp"}), "srtp"),
            (json!({"register_seconds": 5}), "register_seconds"),
            (json!({"options_seconds": 5}), "options_seconds"),
            (json!({"numbers": [{"number": "+39"}, {"number": "+39"}]}), "numbers[1].number"),
            (json!({"numbers": [{"number": "alice"}]}), "numbers[0].number"),
            (json!({"numbers": [{"number": "1", "to": "A"}]}), "numbers[0].to"),
            (json!({"sources": ["192.0.2.1", "0.0.0.0/0"]}), "sources[1]"),
            (json!({"certificate": ""}), "certificate"),
            (json!({"contact_host": "us.example:5061"}), "contact_host"),
            (json!({"contact_host": "192.0.2.1"}), "contact_host"),
            (json!({"contact_host": "us@example"}), "contact_host"),
            (json!({"certificate": "*.example"}), "certificate"),
            (json!({"certificate": "sip:sbc.example"}), "certificate"),
            (json!({"certificate": "sbc.example", "transport": "tcp"}), "certificate"),
        ] {
            assert_eq!(checked(fields.clone()).expect_err("refused").field, field, "{fields}");
        }
    }
}
