//! REGISTER: what is asked, and the answer. RFC 3261 §10.3; RFC 3327 §5.3; RFC 5626 §6.

use plenary_sip::message::{Header, HeaderError, HeaderName, NameAddr, Request, StatusCode, Uri};
use plenary_sip::net_types::Source;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::binding::Binding;
use super::bindings::{Refusal, Wish};

/// Status and headers of a response.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: Vec<Header>,
}

impl Reply {
    pub fn new(status: StatusCode) -> Self {
        Self { status, headers: Vec::new() }
    }

    fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push(Header::new(name, value));
        self
    }

    /// Says why, for whoever reads the trace (§20.43).
    fn because(self, reason: impl std::fmt::Display) -> Self {
        let text: String = reason.to_string().chars().filter(|c| !matches!(c, '"' | '\\') && !c.is_control()).collect();
        self.with(HeaderName::Warning, format!("399 plenary \"{text}\""))
    }
}

const EXTENSIONS: [&str; 2] = ["path", "outbound"];

/// Steps 1 and 2, before anybody is asked for a password: is it ours, and do we know what it requires?
pub fn check(request: &Request, is_ours: impl Fn(&str) -> bool) -> Result<(), Reply> {
    if !host_of(&request.uri).is_some_and(|host| is_ours(&host)) {
        return Err(Reply::new(StatusCode::NOT_FOUND).because("not the registrar of this domain"));
    }
    let required = request.headers.option_tags(&HeaderName::Require);
    let unknown: Vec<_> = required.into_iter().filter(|tag| !EXTENSIONS.contains(&tag.as_str())).collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(Reply::new(StatusCode::BAD_EXTENSION).with(HeaderName::Unsupported, unknown.join(", ")))
    }
}

/// Steps 4 and 5: an account registers itself and nobody else.
pub fn check_address(request: &Request, account: &str, is_ours: impl Fn(&str) -> bool) -> Result<(), Reply> {
    let to = request.headers.to().map_err(unreadable)?;
    let user = to.uri.as_sip().and_then(|uri| uri.user()).map(|user| user.to_lowercase());
    let is_itself = user.as_deref() == Some(account) && host_of(&to.uri).is_some_and(|host| is_ours(&host));
    if is_itself { Ok(()) } else { Err(Reply::new(StatusCode::FORBIDDEN)) }
}

/// Reads what is asked.
pub fn read(request: &Request, source: &Source) -> Result<Wish, Reply> {
    let headers = &request.headers;
    let wish = || -> Result<Wish, HeaderError> {
        Ok(Wish {
            contacts: headers.contacts()?,
            expires: headers.expires(),
            call_id: headers.call_id()?,
            cseq: headers.cseq()?.number,
            path: headers.paths()?,
            outbound: supports(request, "outbound"),
            user_agent: headers.get(&HeaderName::UserAgent).map(|text| printable(&text)).unwrap_or_default(),
            source: *source,
        })
    };
    let wish = wish().map_err(unreadable)?;
    // RFC 5626 §6: behind a proxy, the one nearest to the phone must keep the flow and say so by `ob`.
    let hops = headers.vias().map_err(unreadable)?.len();
    let wants_outbound = wish.outbound && wants_flow(&wish);
    if wants_outbound && hops > 1 && !wish.path.last().is_some_and(keeps_flow) {
        return Err(Reply::new(StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT));
    }
    Ok(wish)
}

/// Step 8: all bindings with the time that is left.
pub fn granted(request: &Request, bindings: &[Binding], outbound: bool, now: i64) -> Reply {
    let mut reply = Reply::new(StatusCode::OK);
    for binding in bindings {
        let left = (binding.expires_at - now).max(0).to_string();
        let contact = binding.contact.clone().with_param("expires", Some(&left));
        reply = reply.with(HeaderName::Contact, contact.to_string());
    }
    if supports(request, "path") {
        for hop in request.headers.all(&HeaderName::Path) {
            reply = reply.with(HeaderName::Path, hop.value().into_owned());
        }
    }
    if outbound {
        reply = reply.with(HeaderName::Require, "outbound");
    }
    reply.with(HeaderName::Supported, EXTENSIONS.join(", ")).with(HeaderName::Date, date(now))
}

pub fn refused(refusal: &Refusal) -> Reply {
    match refusal {
        Refusal::TooBrief { min_expires, .. } => {
            Reply::new(StatusCode::INTERVAL_TOO_BRIEF).with(HeaderName::MinExpires, min_expires.to_string())
        }
        Refusal::StarThatStays | Refusal::Unreachable { .. } => Reply::new(StatusCode::BAD_REQUEST).because(refusal),
        Refusal::OutOfOrder { .. } => Reply::new(StatusCode::SERVER_INTERNAL_ERROR).because(refusal),
        Refusal::TooMany { .. } => Reply::new(StatusCode::FORBIDDEN).because(refusal),
    }
}

fn unreadable(error: HeaderError) -> Reply {
    Reply::new(StatusCode::BAD_REQUEST).because(error)
}

fn supports(request: &Request, tag: &str) -> bool {
    let names = [HeaderName::Supported, HeaderName::Require];
    names.iter().any(|name| request.headers.option_tags(name).iter().any(|known| known == tag))
}

fn wants_flow(wish: &Wish) -> bool {
    use plenary_sip::message::Contacts;
    let Contacts::List(contacts) = &wish.contacts else { return false };
    contacts.iter().any(|contact| contact.params.contains("reg-id") && contact.params.contains("+sip.instance"))
}

fn keeps_flow(hop: &NameAddr) -> bool {
    hop.uri.as_sip().is_some_and(|uri| uri.has_param("ob"))
}

fn host_of(uri: &Uri) -> Option<String> {
    uri.as_sip().map(|uri| uri.host().to_string())
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// `Sat, 13 Nov 2010 23:29:00 GMT` (§20.17).
fn date(now: i64) -> String {
    let now = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    now.format(&Rfc2822).unwrap_or_default().replace("+0000", "GMT")
}
