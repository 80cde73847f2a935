//! Who calls: what From says, and what digest proved.

use std::sync::Arc;

use plenary_sip::message::{HeaderName, NameAddr, Request, Uri};

/// A caller as the request presents him.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// `sip:user@host`, without parameters.
    pub address: String,
    pub name: String,
}

impl Caller {
    pub fn of(request: &Arc<Request>) -> Option<Self> {
        let from = request.headers.from().ok()?;
        let address = bare(&from.uri);
        let name = shown_name(&from).unwrap_or_else(|| address.clone());
        Some(Self { address, name })
    }
}

/// Who sent the caller, as he says himself (RFC 3892): a URI.
pub fn referred_by(request: &Request) -> Option<String> {
    let by = request.headers.name_addr(&HeaderName::ReferredBy).ok()??;
    Some(bare(&by.uri))
}

/// What the Request-URI calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialled {
    /// `sip`, `sips` or `tel`.
    pub scheme: &'static str,
    /// Unescaped; of a tel URI the number.
    pub user: String,
    /// Empty for tel.
    pub host: String,
}

impl Dialled {
    /// `None`: a scheme that calls nobody here.
    pub fn of(uri: &Uri) -> Option<Self> {
        match uri {
            Uri::Sip(sip) => Some(Self {
                scheme: if sip.is_sips() { "sips" } else { "sip" },
                user: sip.user().map(|user| user.into_owned()).unwrap_or_default(),
                host: sip.host().to_string(),
            }),
            Uri::Tel(tel) => Some(Self { scheme: "tel", user: tel.number().to_owned(), host: String::new() }),
            Uri::Other(_) => None,
        }
    }
}

/// The URI without parameters and headers.
pub fn bare(uri: &Uri) -> String {
    match uri {
        Uri::Sip(sip) => {
            let scheme = if sip.is_sips() { "sips" } else { "sip" };
            let user = sip.raw_user().map(|user| format!("{user}@")).unwrap_or_default();
            let port = sip.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{scheme}:{user}{}{port}", sip.host())
        }
        other => other.to_string(),
    }
}

/// The display name without what would break a line or a table, else the user part.
fn shown_name(from: &NameAddr) -> Option<String> {
    let display = from.display_name.as_deref().map(|name| name.chars().filter(|c| !c.is_control()).collect::<String>());
    let display = display.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    display.or_else(|| match &from.uri {
        Uri::Sip(sip) => sip.user().map(|user| user.into_owned()),
        _ => None,
    })
}
