//! Status codes, RFC 3261 §21 and the IANA registry.

use std::fmt;

/// A three-digit status, 100–699.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusCode(u16);

/// The first digit: RFC 3261 §7.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    Provisional,
    Success,
    Redirect,
    ClientError,
    ServerError,
    GlobalFailure,
}

impl StatusCode {
    pub fn new(code: u16) -> Option<Self> {
        (100..=699).contains(&code).then_some(Self(code))
    }

    pub fn as_u16(self) -> u16 {
        self.0
    }

    pub fn class(self) -> Class {
        match self.0 {
            ..=199 => Class::Provisional,
            200..=299 => Class::Success,
            300..=399 => Class::Redirect,
            400..=499 => Class::ClientError,
            500..=599 => Class::ServerError,
            600.. => Class::GlobalFailure,
        }
    }

    pub fn is_provisional(self) -> bool {
        self.class() == Class::Provisional
    }

    pub fn is_success(self) -> bool {
        self.class() == Class::Success
    }

    pub fn is_final(self) -> bool {
        !self.is_provisional()
    }

    /// Asks for credentials: 401 or 407 (§22).
    pub fn is_challenge(self) -> bool {
        matches!(self, Self::UNAUTHORIZED | Self::PROXY_AUTHENTICATION_REQUIRED)
    }

    /// 300–699.
    pub fn is_failure(self) -> bool {
        self.0 >= 300
    }
}

macro_rules! registered {
    ($($code:literal $name:ident $reason:literal)*) => {
        impl StatusCode {
            $(pub const $name: Self = Self($code);)*

            /// The registered phrase, or that of the class for codes not in the registry.
            pub fn default_reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    _ => match self.class() {
                        Class::Provisional => "Session Progress",
                        Class::Success => "OK",
                        Class::Redirect => "Multiple Choices",
                        Class::ClientError => "Bad Request",
                        Class::ServerError => "Server Internal Error",
                        Class::GlobalFailure => "Busy Everywhere",
                    },
                }
            }
        }
    };
}

registered! {
    100 TRYING "Trying"
    180 RINGING "Ringing"
    181 CALL_IS_BEING_FORWARDED "Call Is Being Forwarded"
    182 QUEUED "Queued"
    183 SESSION_PROGRESS "Session Progress"
    199 EARLY_DIALOG_TERMINATED "Early Dialog Terminated"
    200 OK "OK"
    202 ACCEPTED "Accepted"
    204 NO_NOTIFICATION "No Notification"
    300 MULTIPLE_CHOICES "Multiple Choices"
    301 MOVED_PERMANENTLY "Moved Permanently"
    302 MOVED_TEMPORARILY "Moved Temporarily"
    305 USE_PROXY "Use Proxy"
    380 ALTERNATIVE_SERVICE "Alternative Service"
    400 BAD_REQUEST "Bad Request"
    401 UNAUTHORIZED "Unauthorized"
    402 PAYMENT_REQUIRED "Payment Required"
    403 FORBIDDEN "Forbidden"
    404 NOT_FOUND "Not Found"
    405 METHOD_NOT_ALLOWED "Method Not Allowed"
    406 NOT_ACCEPTABLE "Not Acceptable"
    407 PROXY_AUTHENTICATION_REQUIRED "Proxy Authentication Required"
    408 REQUEST_TIMEOUT "Request Timeout"
    410 GONE "Gone"
    412 CONDITIONAL_REQUEST_FAILED "Conditional Request Failed"
    413 REQUEST_ENTITY_TOO_LARGE "Request Entity Too Large"
    414 REQUEST_URI_TOO_LONG "Request-URI Too Long"
    415 UNSUPPORTED_MEDIA_TYPE "Unsupported Media Type"
    416 UNSUPPORTED_URI_SCHEME "Unsupported URI Scheme"
    417 UNKNOWN_RESOURCE_PRIORITY "Unknown Resource-Priority"
    420 BAD_EXTENSION "Bad Extension"
    421 EXTENSION_REQUIRED "Extension Required"
    422 SESSION_INTERVAL_TOO_SMALL "Session Interval Too Small"
    423 INTERVAL_TOO_BRIEF "Interval Too Brief"
    424 BAD_LOCATION_INFORMATION "Bad Location Information"
    425 BAD_ALERT_MESSAGE "Bad Alert Message"
    428 USE_IDENTITY_HEADER "Use Identity Header"
    429 PROVIDE_REFERRER_IDENTITY "Provide Referrer Identity"
    430 FLOW_FAILED "Flow Failed"
    433 ANONYMITY_DISALLOWED "Anonymity Disallowed"
    436 BAD_IDENTITY_INFO "Bad Identity Info"
    437 UNSUPPORTED_CREDENTIAL "Unsupported Credential"
    438 INVALID_IDENTITY_HEADER "Invalid Identity Header"
    439 FIRST_HOP_LACKS_OUTBOUND_SUPPORT "First Hop Lacks Outbound Support"
    440 MAX_BREADTH_EXCEEDED "Max-Breadth Exceeded"
    469 BAD_INFO_PACKAGE "Bad Info Package"
    470 CONSENT_NEEDED "Consent Needed"
    480 TEMPORARILY_UNAVAILABLE "Temporarily Unavailable"
    481 CALL_DOES_NOT_EXIST "Call/Transaction Does Not Exist"
    482 LOOP_DETECTED "Loop Detected"
    483 TOO_MANY_HOPS "Too Many Hops"
    484 ADDRESS_INCOMPLETE "Address Incomplete"
    485 AMBIGUOUS "Ambiguous"
    486 BUSY_HERE "Busy Here"
    487 REQUEST_TERMINATED "Request Terminated"
    488 NOT_ACCEPTABLE_HERE "Not Acceptable Here"
    489 BAD_EVENT "Bad Event"
    491 REQUEST_PENDING "Request Pending"
    493 UNDECIPHERABLE "Undecipherable"
    494 SECURITY_AGREEMENT_REQUIRED "Security Agreement Required"
    500 SERVER_INTERNAL_ERROR "Server Internal Error"
    501 NOT_IMPLEMENTED "Not Implemented"
    502 BAD_GATEWAY "Bad Gateway"
    503 SERVICE_UNAVAILABLE "Service Unavailable"
    504 SERVER_TIMEOUT "Server Time-out"
    505 VERSION_NOT_SUPPORTED "Version Not Supported"
    513 MESSAGE_TOO_LARGE "Message Too Large"
    555 PUSH_NOTIFICATION_SERVICE_NOT_SUPPORTED "Push Notification Service Not Supported"
    580 PRECONDITION_FAILURE "Precondition Failure"
    600 BUSY_EVERYWHERE "Busy Everywhere"
    603 DECLINE "Decline"
    604 DOES_NOT_EXIST_ANYWHERE "Does Not Exist Anywhere"
    606 NOT_ACCEPTABLE_ANYWHERE "Not Acceptable"
    607 UNWANTED "Unwanted"
    608 REJECTED "Rejected"
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_end_at_699() {
        assert_eq!(StatusCode::new(99), None);
        assert_eq!(StatusCode::new(700), None);
        assert_eq!(StatusCode::new(487), Some(StatusCode::REQUEST_TERMINATED));
    }

    #[test]
    fn an_unregistered_code_speaks_for_its_class() {
        let code = StatusCode::new(499).expect("in range");
        assert_eq!((code.class(), code.default_reason()), (Class::ClientError, "Bad Request"));
    }
}
