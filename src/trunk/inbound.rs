//! A call in from a trunk: which number it is for, and who calls. RFC 3325 §5, RFC 3966 §5.1.5, RFC 7315 §4.2.

use plenary_sip::message::{HeaderName, NameAddr, Request, Uri};

use super::live::LiveTrunk;
use crate::call::{Caller, Dialled};
use crate::store::TrunkSettings;

/// What of this server the call is for, as a user part: where the trunk's numbers say so, else the number itself.
///
/// A trunk that we register at calls our Contact; which of the numbers behind it is meant, P-Called-Party-ID says, or
/// To.
pub fn called(live: &LiveTrunk, request: &Request, dialled: &Dialled) -> String {
    let settings = &live.trunk().settings;
    leads_to(settings, &number_of(settings, request, dialled))
}

/// What of this server a number of the trunk leads to: as its numbers say, else the number itself.
pub fn leads_to(settings: &TrunkSettings, number: &str) -> String {
    target(settings, number).unwrap_or(number).to_owned()
}

fn number_of(settings: &TrunkSettings, request: &Request, dialled: &Dialled) -> String {
    if settings.username.as_deref() != Some(dialled.user.as_str()) {
        return dialled.user.clone();
    }
    let said = request.headers.name_addr(&HeaderName::PCalledPartyId).ok().flatten();
    let said = said.or_else(|| request.headers.to().ok());
    let number = said.and_then(|said| Dialled::of(&said.uri)).map(|said| said.user).filter(|user| !user.is_empty());
    number.unwrap_or_else(|| dialled.user.clone())
}

/// The exact number, else the longest block.
fn target<'a>(settings: &'a TrunkSettings, number: &str) -> Option<&'a str> {
    let number = canonical(number);
    let fits = |entry: &&crate::store::TrunkNumber| match entry.number.strip_suffix('*') {
        Some(block) => number.starts_with(canonical(block)),
        None => number == canonical(&entry.number),
    };
    let rank = |entry: &&crate::store::TrunkNumber| (!entry.number.ends_with('*'), entry.number.len());
    settings.numbers.iter().filter(fits).max_by_key(rank)?.to.as_deref()
}

/// The same number comes as `+39055…`, `0039055…` and `39055…`.
fn canonical(number: &str) -> &str {
    number.strip_prefix('+').or_else(|| number.strip_prefix("00")).unwrap_or(number)
}

/// Who calls: what From says; from a trunk that is believed, what it asserts. Who wants to stay unknown does.
pub fn caller(live: &LiveTrunk, request: &Request, claimed: Caller) -> Caller {
    if !live.trunk().settings.trust_identity {
        return claimed;
    }
    let Some(asserted) = asserted(request) else { return claimed };
    let privacy = request.headers.get(&HeaderName::Privacy).unwrap_or_default().to_ascii_lowercase();
    if privacy.split([';', ',']).any(|part| matches!(part.trim(), "id" | "user" | "header")) {
        return Caller { address: "sip:anonymous@anonymous.invalid".into(), name: "Anonymous".into(), anonymous: true };
    }
    let proven = Caller::at(&asserted);
    // A name that From alone gives is still better than a number.
    if asserted.display_name.is_none() && claimed.name != claimed.address {
        return Caller { name: claimed.name, ..proven };
    }
    proven
}

/// The first SIP URI, or else the first telephone number (§9.1: one of each at most; more are not heard).
fn asserted(request: &Request) -> Option<NameAddr> {
    let identities = request.headers.name_addrs(&HeaderName::PAssertedIdentity).ok()?;
    let first = |wanted: fn(&Uri) -> bool| identities.iter().find(|identity| wanted(&identity.uri)).cloned();
    first(|uri| matches!(uri, Uri::Sip(_))).or_else(|| first(|uri| matches!(uri, Uri::Tel(_))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plenary_sip::message::{Header, Method};
    use serde_json::json;

    use super::super::outbound::tests::live;
    use super::*;

    fn invite(uri: &str, headers: &[(HeaderName, &str)]) -> Request {
        let mut invite = Request::new(Method::Invite, uri.parse().expect("a URI"));
        invite.headers.push(Header::new(HeaderName::From, "Carrier <sip:+39333@carrier.example>;tag=1"));
        headers.iter().for_each(|(name, value)| invite.headers.push(Header::new(name.clone(), *value)));
        invite
    }

    fn number(settings: serde_json::Value, uri: &str, headers: &[(HeaderName, &str)]) -> String {
        let request = invite(uri, headers);
        called(&live(settings, None), &request, &Dialled::of(&request.uri).expect("dialled"))
    }

    #[test]
    fn a_number_leads_where_it_is_said_to_lead() {
        let numbers = json!({"numbers": [
            {"number": "+390551*", "to": "front"}, {"number": "+39055123", "to": "3001"}, {"number": "+39066"}]});
        for (uri, to) in [
            ("sip:+39055123@us", "3001"),
            ("sip:0039055123@us", "3001"),
            ("sip:39055123@us;user=phone", "3001"),
            ("tel:+39-055-123", "3001"),
            ("sip:+390551999@us", "front"),
            ("sip:+39066@us", "+39066"),
            ("sip:+3901@us", "+3901"),
            ("sip:3001@us", "3001"),
        ] {
            assert_eq!(number(numbers.clone(), uri, &[]), to, "{uri}");
        }
    }

    #[test]
    fn a_call_to_our_contact_says_elsewhere_which_number_is_meant() {
        let settings = json!({"username": "us", "numbers": [{"number": "+39055123", "to": "3001"}]});
        let to = (HeaderName::To, "<sip:+39055123@carrier.example>");
        let called = (HeaderName::PCalledPartyId, "<tel:+39055999>");
        assert_eq!(number(settings.clone(), "sip:us@192.0.2.1", std::slice::from_ref(&to)), "3001");
        assert_eq!(number(settings.clone(), "sip:us@192.0.2.1", &[to, called]), "+39055999");
        assert_eq!(number(settings, "sip:us@192.0.2.1", &[]), "us");
    }

    fn heard(trust: bool, headers: &[(HeaderName, &str)]) -> (String, String) {
        let request = Arc::new(invite("sip:3001@us", headers));
        let claimed = Caller::of(&request).expect("a caller");
        let caller = caller(&live(json!({"trust_identity": trust}), None), &request, claimed);
        (caller.address, caller.name)
    }

    fn pair(address: &str, name: &str) -> (String, String) {
        (address.into(), name.into())
    }

    /// RFC 3325 §5: an identity counts only from where it can be trusted.
    #[test]
    fn an_asserted_identity_counts_from_a_trusted_trunk_alone() {
        let asserted = (HeaderName::PAssertedIdentity, "\"Boss\" <sip:boss@carrier.example>, <tel:+3906>");
        let claimed = pair("sip:+39333@carrier.example", "Carrier");
        assert_eq!(heard(false, std::slice::from_ref(&asserted)), claimed);
        assert_eq!(heard(true, std::slice::from_ref(&asserted)), pair("sip:boss@carrier.example", "Boss"));
        assert_eq!(heard(true, &[]), claimed);
        let private = [asserted, (HeaderName::Privacy, "id; critical")];
        assert_eq!(heard(true, &private), pair("sip:anonymous@anonymous.invalid", "Anonymous"));
    }

    #[test]
    fn of_two_sip_identities_the_second_is_not_heard() {
        let two = (HeaderName::PAssertedIdentity, "<sip:one@carrier.example>, <sip:two@carrier.example>");
        assert_eq!(heard(true, &[two]), pair("sip:one@carrier.example", "Carrier"));
        let number = (HeaderName::PAssertedIdentity, "<tel:+3906>");
        assert_eq!(heard(true, &[number]), pair("tel:+3906", "Carrier"));
    }
}
