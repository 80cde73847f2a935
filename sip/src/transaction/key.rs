//! Which transaction a message belongs to: RFC 3261 §17.1.3 and §17.2.3, with the fallback to RFC 2543.

use crate::message::{HeaderError, Headers, Method, Request, Response, Via};

/// Matches a response to its client transaction: branch and the method of CSeq.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientKey {
    branch: String,
    method: Method,
}

impl ClientKey {
    pub fn of_request(request: &Request) -> Option<Self> {
        Self::of(&request.headers)
    }

    pub fn of_response(response: &Response) -> Option<Self> {
        Self::of(&response.headers)
    }

    fn of(headers: &Headers) -> Option<Self> {
        let branch = headers.top_via().ok()?.branch()?.to_owned();
        Some(Self { branch, method: headers.cseq().ok()?.method })
    }
}

/// Matches a request to its server transaction. An ACK has the key of its INVITE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerKey {
    Branch {
        branch: String,
        sent_by: String,
        method: Method,
    },
    /// No magic cookie: everything that RFC 2543 compared, but the To tag, which an ACK has and its INVITE has not.
    Rfc2543 {
        uri: String,
        from_tag: String,
        call_id: String,
        cseq: u32,
        via: String,
        method: Method,
    },
}

impl ServerKey {
    pub fn of(request: &Request) -> Result<Self, HeaderError> {
        let headers = &request.headers;
        let via = headers.top_via()?;
        let method = if request.method == Method::Ack { Method::Invite } else { request.method.clone() };
        match via.transaction_branch() {
            Some(branch) => Ok(Self::Branch { branch: branch.to_owned(), sent_by: sent_by(&via), method }),
            None => Ok(Self::Rfc2543 {
                uri: request.uri.to_string(),
                from_tag: headers.from()?.tag().unwrap_or_default().to_owned(),
                call_id: headers.call_id()?,
                cseq: headers.cseq()?.number,
                via: format!("{} {} {:?}", via.transport, sent_by(&via), via.branch()),
                method,
            }),
        }
    }

    /// The INVITE that a CANCEL with this key is about (§9.2).
    pub fn of_cancelled(&self) -> Self {
        let mut key = self.clone();
        let (Self::Branch { method, .. } | Self::Rfc2543 { method, .. }) = &mut key;
        *method = Method::Invite;
        key
    }
}

/// What two copies of one request that came by different ways have in common: §8.2.2.2.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MergeKey {
    from_tag: String,
    call_id: String,
    cseq: u32,
    method: Method,
}

impl MergeKey {
    /// None for a request within a dialog, and for one whose From has no tag to tell it by.
    pub fn of(request: &Request) -> Option<Self> {
        let headers = &request.headers;
        if headers.to().ok()?.tag().is_some() {
            return None;
        }
        Some(Self {
            from_tag: headers.from().ok()?.tag()?.to_owned(),
            call_id: headers.call_id().ok()?,
            cseq: headers.cseq().ok()?.number,
            method: request.method.clone(),
        })
    }
}

/// Host and port, so that an absent port is the default one.
fn sent_by(via: &Via) -> String {
    let tls = via.transport.eq_ignore_ascii_case("TLS") || via.transport.eq_ignore_ascii_case("WSS");
    let port = via.port.unwrap_or(if tls { 5061 } else { 5060 });
    format!("{}:{port}", via.host.to_string().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{request, with_via};
    use super::*;

    fn key(via: &str, method: Method) -> ServerKey {
        ServerKey::of(&with_via(request(method), via)).expect("complete request")
    }

    #[test]
    fn the_ack_matches_its_invite_and_the_cancel_names_it() {
        let via = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKone";
        assert_eq!(key(via, Method::Ack), key(via, Method::Invite));
        assert_ne!(key(via, Method::Cancel), key(via, Method::Invite));
        assert_eq!(key(via, Method::Cancel).of_cancelled(), key(via, Method::Invite));
    }

    #[test]
    fn same_branch_from_another_sent_by_is_another_transaction() {
        let here = key("SIP/2.0/UDP a.example;branch=z9hG4bKone", Method::Invite);
        assert_eq!(here, key("SIP/2.0/UDP A.example:5060;branch=z9hG4bKone", Method::Invite));
        assert_ne!(here, key("SIP/2.0/UDP b.example;branch=z9hG4bKone", Method::Invite));
    }

    #[test]
    fn without_the_cookie_rfc_2543_decides() {
        let invite = key("SIP/2.0/UDP a.example;branch=1", Method::Invite);
        assert!(matches!(invite, ServerKey::Rfc2543 { .. }));
        assert_eq!(invite, key("SIP/2.0/UDP a.example;branch=1", Method::Ack));
        assert!(matches!(key("SIP/2.0/UDP a.example;branch=z9hG4bK", Method::Invite), ServerKey::Rfc2543 { .. }));
    }
}
