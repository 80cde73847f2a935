//! Header names: RFC 3261 §20 and the IANA registry.

use std::fmt;
use std::hash::{Hash, Hasher};

/// How the values of one name may share a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A comma parts two values: RFC 3261 §7.3.1.
    List,
    /// A comma belongs to the value.
    Single,
}

macro_rules! header_names {
    ($($variant:ident $name:literal $($compact:literal)? $form:ident)*) => {
        /// A header name. A compact form is the same name, an unknown name keeps its spelling, case never matters.
        #[derive(Clone, Debug)]
        pub enum HeaderName {
            $($variant,)*
            Other(Box<str>),
        }

        impl HeaderName {
            /// The long form.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }

            fn form(&self) -> Form {
                match self {
                    $(Self::$variant => Form::$form,)*
                    Self::Other(_) => Form::List,
                }
            }

            fn known(name: &str) -> Option<Self> {
                $($(if name.len() == 1 && name.eq_ignore_ascii_case($compact) { return Some(Self::$variant); })?)*
                $(if name.len() == $name.len() && name.eq_ignore_ascii_case($name) { return Some(Self::$variant); })*
                None
            }
        }

        #[cfg(test)]
        const COMPACT_FORMS: &[(HeaderName, &str)] = &[$($((HeaderName::$variant, $compact),)?)*];
    };
}

header_names! {
    Accept "Accept" List
    AcceptContact "Accept-Contact" "a" List
    AcceptEncoding "Accept-Encoding" List
    AcceptLanguage "Accept-Language" List
    AlertInfo "Alert-Info" List
    Allow "Allow" List
    AllowEvents "Allow-Events" "u" List
    AuthenticationInfo "Authentication-Info" Single
    Authorization "Authorization" Single
    CallId "Call-ID" "i" Single
    CallInfo "Call-Info" List
    Contact "Contact" "m" List
    ContentDisposition "Content-Disposition" Single
    ContentEncoding "Content-Encoding" "e" List
    ContentId "Content-ID" Single
    ContentLanguage "Content-Language" List
    ContentLength "Content-Length" "l" Single
    ContentTransferEncoding "Content-Transfer-Encoding" Single
    ContentType "Content-Type" "c" Single
    CSeq "CSeq" Single
    Date "Date" Single
    Diversion "Diversion" List
    ErrorInfo "Error-Info" List
    Event "Event" "o" Single
    Expires "Expires" Single
    FlowTimer "Flow-Timer" Single
    From "From" "f" Single
    Geolocation "Geolocation" List
    HistoryInfo "History-Info" List
    Identity "Identity" "y" List
    InReplyTo "In-Reply-To" List
    InfoPackage "Info-Package" Single
    Join "Join" Single
    MaxBreadth "Max-Breadth" Single
    MaxForwards "Max-Forwards" Single
    MimeVersion "MIME-Version" Single
    MinExpires "Min-Expires" Single
    MinSe "Min-SE" Single
    Organization "Organization" Single
    PAccessNetworkInfo "P-Access-Network-Info" List
    PAssertedIdentity "P-Asserted-Identity" List
    PAssociatedUri "P-Associated-URI" List
    PCalledPartyId "P-Called-Party-ID" Single
    PChargingVector "P-Charging-Vector" Single
    PEarlyMedia "P-Early-Media" List
    PPreferredIdentity "P-Preferred-Identity" List
    PVisitedNetworkId "P-Visited-Network-ID" List
    Path "Path" List
    Priority "Priority" Single
    Privacy "Privacy" Single
    ProxyAuthenticate "Proxy-Authenticate" Single
    ProxyAuthorization "Proxy-Authorization" Single
    ProxyRequire "Proxy-Require" List
    RAck "RAck" Single
    RSeq "RSeq" Single
    Reason "Reason" List
    RecordRoute "Record-Route" List
    RecvInfo "Recv-Info" List
    ReferSub "Refer-Sub" Single
    ReferTo "Refer-To" "r" Single
    ReferredBy "Referred-By" "b" Single
    RejectContact "Reject-Contact" "j" List
    RemotePartyId "Remote-Party-ID" List
    Replaces "Replaces" Single
    ReplyTo "Reply-To" Single
    RequestDisposition "Request-Disposition" "d" List
    Require "Require" List
    ResourcePriority "Resource-Priority" List
    RetryAfter "Retry-After" Single
    Route "Route" List
    Server "Server" Single
    ServiceRoute "Service-Route" List
    SessionExpires "Session-Expires" "x" Single
    SessionId "Session-ID" Single
    SipEtag "SIP-ETag" Single
    SipIfMatch "SIP-If-Match" Single
    Subject "Subject" "s" Single
    SubscriptionState "Subscription-State" Single
    Supported "Supported" "k" List
    TargetDialog "Target-Dialog" Single
    Timestamp "Timestamp" Single
    To "To" "t" Single
    Unsupported "Unsupported" List
    UserAgent "User-Agent" Single
    UserToUser "User-to-User" List
    Via "Via" "v" List
    Warning "Warning" List
    WwwAuthenticate "WWW-Authenticate" Single
}

impl HeaderName {
    /// Whether a comma parts values of this name. Unknown names: yes, since extensions mostly are lists.
    pub fn is_list(&self) -> bool {
        self.form() == Form::List
    }
}

impl From<&str> for HeaderName {
    fn from(name: &str) -> Self {
        Self::known(name).unwrap_or_else(|| Self::Other(name.into()))
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(one), Self::Other(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }
}

impl Eq for HeaderName {}

impl Hash for HeaderName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().bytes().for_each(|b| state.write_u8(b.to_ascii_lowercase()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_forms_are_the_same_name() {
        assert_eq!(COMPACT_FORMS.len(), 19);
        for (name, compact) in COMPACT_FORMS {
            assert_eq!(&HeaderName::from(*compact), name);
            assert_eq!(&HeaderName::from(compact.to_uppercase().as_str()), name);
        }
    }

    #[test]
    fn unknown_names_keep_their_spelling_and_ignore_case() {
        let name = HeaderName::from("C%6Fntact");
        assert_eq!(name.as_str(), "C%6Fntact");
        assert_ne!(name, HeaderName::Contact);
        assert_eq!(name, HeaderName::from("c%6FNTACT"));
        assert_eq!(HeaderName::from("wWw-aUTHENTICATE"), HeaderName::WwwAuthenticate);
    }
}
