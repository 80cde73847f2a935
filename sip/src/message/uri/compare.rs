//! When two URIs name the same thing: RFC 3261 §19.1.4 and RFC 3966 §4.

use super::escape::octets;
use super::{SipUri, TelUri, Uri};

impl Uri {
    /// Whether both name the same resource. Not transitive: parameters that only one has are mostly ignored.
    pub fn equivalent(&self, other: &Uri) -> bool {
        // A parameter that stands twice, against §19.1.1, would set a URI apart from itself.
        self.as_str() == other.as_str() || self.agrees_with(other)
    }

    fn agrees_with(&self, other: &Uri) -> bool {
        match (self, other) {
            (Self::Sip(one), Self::Sip(other)) => one.equivalent(other),
            (Self::Tel(one), Self::Tel(other)) => one.equivalent(other),
            (Self::Other(one), Self::Other(theirs)) => {
                self.scheme().eq_ignore_ascii_case(other.scheme()) && one.rest() == theirs.rest()
            }
            _ => false,
        }
    }
}

impl SipUri {
    /// RFC 3261 §19.1.4. User and password with case, all else without; nothing is filled in by default.
    pub fn equivalent(&self, other: &SipUri) -> bool {
        self.scheme() == other.scheme()
            && same_option(self.raw_user(), other.raw_user(), same_with_case)
            && same_option(self.raw_password(), other.raw_password(), same_with_case)
            && self.host() == other.host()
            && self.port() == other.port()
            && self.params_agree_with(other)
            && other.params_agree_with(self)
            && self.headers().count() == other.headers().count()
            && self.headers().all(|(name, value)| {
                other.headers().any(|(known, theirs)| same(name, known) && same_with_case(value, theirs))
            })
    }

    /// A parameter both have must agree; of those one alone has, these part: user, ttl, method, maddr, transport.
    fn params_agree_with(&self, other: &SipUri) -> bool {
        self.params().all(|(name, value)| match other.params().find(|(known, _)| same(name, known)) {
            Some((_, theirs)) => same_option(value, theirs, same),
            None => !["user", "ttl", "method", "maddr", "transport"].iter().any(|parting| same(name, parting)),
        })
    }
}

impl TelUri {
    /// RFC 3966 §4: digits without separators, and all parameters, in any order.
    pub fn equivalent(&self, other: &TelUri) -> bool {
        self.digits().eq_ignore_ascii_case(&other.digits())
            && self.params().count() == other.params().count()
            && self.params().all(|(name, value)| {
                other.params().any(|(known, theirs)| same(name, known) && same_option(value, theirs, same))
            })
    }
}

fn same_option(one: Option<&str>, other: Option<&str>, same: fn(&str, &str) -> bool) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same(one, other),
        (one, other) => one == other,
    }
}

fn same(one: &str, other: &str) -> bool {
    octets(one).map(|octet| octet.lower()).eq(octets(other).map(|octet| octet.lower()))
}

fn same_with_case(one: &str, other: &str) -> bool {
    octets(one).eq(octets(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equivalent(one: &str, other: &str) -> bool {
        let [one, other] = [one, other].map(|text| text.parse::<Uri>().expect("well-formed"));
        assert_eq!(one.equivalent(&other), other.equivalent(&one), "symmetric: {one} {other}");
        one.equivalent(&other)
    }

    #[test]
    fn a_uri_is_equivalent_to_itself_even_with_a_parameter_twice() {
        assert!(equivalent("sip:a.example;x=1;x=2", "sip:a.example;x=1;x=2"));
        assert!(!equivalent("sip:a.example;x=1;x=2", "sip:a.example;x=2;x=1"));
    }

    /// The first list of §19.1.4.
    #[test]
    fn equivalent_by_the_rfc() {
        for (one, other) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ] {
            assert!(equivalent(one, other), "{one} {other}");
        }
    }

    /// The second list of §19.1.4.
    #[test]
    fn different_by_the_rfc() {
        for (one, other) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
            ("sip:bob@biloxi.com", "sip:biloxi.com"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;user=phone"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;maddr=192.0.2.1"),
            ("sip:b%3Bob@biloxi.com", "sip:b;ob@biloxi.com"),
            ("sip:b%2541@biloxi.com", "sip:b%41@biloxi.com"),
            ("sip:bob:a@biloxi.com", "sip:bob@biloxi.com"),
        ] {
            assert!(!equivalent(one, other), "{one} {other}");
        }
    }

    #[test]
    fn addresses_compare_as_addresses() {
        assert!(equivalent("sip:[2001:DB8::1]", "sip:[2001:db8:0::1]"));
        assert!(equivalent("tel:+1-201-555-0123", "tel:+12015550123"));
        assert!(!equivalent("tel:7042;phone-context=a.example", "tel:7042;phone-context=b.example"));
        for (one, other) in [
            ("tel:+1-201-555-0123;ext=5;isub=1", "tel:+1.201.555.0123;ISUB=1;Ext=5"),
            ("tel:7042;phone-context=+3906;ext=1", "tel:7-042;ext=1;Phone-Context=+3906"),
        ] {
            assert!(equivalent(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("tel:+12015550123;ext=5", "tel:+12015550123;ext=6"),
            ("tel:+12015550123;isub=1", "tel:+12015550123"),
            ("tel:+12015550123", "tel:12015550123"),
        ] {
            assert!(!equivalent(one, other), "{one} {other}");
        }
        assert!(equivalent("URN:service:sos", "urn:service:sos"));
        assert!(!equivalent("tel:7042", "sip:7042@a"));
    }
}
