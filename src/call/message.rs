//! MESSAGE: a line of text from account to account, RFC 3428.
//!
//! Only who proves an account may send one; it leaves with that account's address, to all phones of the other, and 200
//! says that one of them took it. Nothing is stored for later (§7): nobody there is 480. A conference takes none: 405.
//! Left out: MESSAGE to other domains, `message/cpim`, `Expires`.

use plenary_sip::endpoint::{Body, Command, Event, OutgoingRequest};
use plenary_sip::message::{Header, HeaderName, Method, NameAddr, Request, StatusCode, Uri};
use plenary_sip::net_types::{Source, Transport};

use super::calls::Calls;
use super::hops::Hops;
use super::identity::Dialled;
use super::switchboard::LegInput;
use crate::call::placing::fork;
use crate::registrar::{Refused, Target};

/// Octets of a body that still make a request below 1300 octets, the most that UDP may carry (§8).
const LONGEST_OVER_UDP: usize = 800;
const LONGEST: usize = 16_384;

/// Carries the message on; gives the answer to it.
pub(super) async fn carry(calls: &Calls, message: &Request, source: &Source) -> Result<StatusCode, Refused> {
    let sender = calls.registrar.authenticate(message, source).await?;
    calls.vouch_for(source);
    let dialled = Dialled::of(&message.uri).ok_or(refused(StatusCode::UNSUPPORTED_URI_SCHEME))?;
    if dialled.scheme == "tel" || !calls.is_ours(&dialled.host, source) {
        return Err(refused(StatusCode::NOT_FOUND));
    }
    if calls.directory.plan(&dialled.user).await.is_some() {
        return Err(refused(StatusCode::METHOD_NOT_ALLOWED));
    }
    let (account, targets) = receivers(calls, message, dialled.user).await?;
    let over_udp = targets.iter().any(|target| target.transport == Some(Transport::Udp));
    if message.body.len() > if over_udp { LONGEST_OVER_UDP } else { LONGEST } {
        return Err(refused(StatusCode::MESSAGE_TOO_LARGE));
    }
    let onward = Hops::of(message).onward(&account, targets.len(), &calls.marks);
    let onward = onward.map_err(|fault| refused(fault.status()))?;
    let from = address(calls, &sender);
    let to = address(calls, &account);
    let content_type = message.headers.get(&HeaderName::ContentType).unwrap_or("text/plain".into()).into_owned();
    let body = Body { content_type, content: message.body.clone() };
    let outgoing = |target: Target| OutgoingRequest {
        method: Method::Message,
        request_uri: target.uri,
        from: from.clone(),
        to: to.clone(),
        route: target.path,
        flow: target.flow,
        headers: onward.headers.clone(),
        body: Some(body.clone()),
    };
    let outgoing = targets.into_iter().take(onward.branches).map(outgoing).collect();
    Ok(ask_all(calls, outgoing).await)
}

/// The account meant, and its phones; of a GRUU the one phone.
async fn receivers(calls: &Calls, message: &Request, user: String) -> Result<(String, Vec<Target>), Refused> {
    if let Some(gruu) = message.uri.as_sip().filter(|uri| uri.has_param("gr")) {
        let phone = calls.registrar.phone_of(gruu).await.map_err(|error| refused(error.status()))?;
        return Ok((phone.0, vec![phone.1]));
    }
    calls.store.account(&user).await.map_err(|_| refused(StatusCode::NOT_FOUND))?;
    match calls.registrar.targets(&user).await {
        targets if targets.is_empty() => Err(refused(StatusCode::TEMPORARILY_UNAVAILABLE)),
        targets => Ok((user, targets)),
    }
}

/// The first 2xx, else the best of the refusals.
async fn ask_all(calls: &Calls, outgoing: Vec<OutgoingRequest>) -> StatusCode {
    let (line, mut answers) = calls.inbox();
    let mut open = outgoing.len();
    for outgoing in outgoing {
        let request = calls.next_request();
        calls.listen_to_response(request, line.clone());
        calls.sip(Command::Request { request, outgoing: Box::new(outgoing) });
    }
    let mut best = StatusCode::REQUEST_TIMEOUT;
    while open > 0 {
        let Some(LegInput::Sip(Event::Response { status, response, .. })) = answers.recv().await else { break };
        open -= 1;
        if status.is_success() {
            return StatusCode::OK;
        }
        best = response.and(fork::told(status)).unwrap_or(StatusCode::TEMPORARILY_UNAVAILABLE);
    }
    best
}

fn address(calls: &Calls, account: &str) -> NameAddr {
    NameAddr::new(Uri::Sip(calls.address_of(account)))
}

fn refused(status: StatusCode) -> Refused {
    let why = match status {
        StatusCode::METHOD_NOT_ALLOWED => Some("a conference takes no MESSAGE"),
        StatusCode::MESSAGE_TOO_LARGE => Some("longer than may be sent over UDP to a phone of this account"),
        _ => None,
    };
    let warning = why.map(|why| Header::new(HeaderName::Warning, format!("399 plenary \"{why}\"")));
    Refused { status, headers: warning.into_iter().collect() }
}
