//! Event packages: what can be subscribed to, and for how long. RFC 6665 §4.2.1 and §8.2.1.

use crate::endpoint::Refusal;
use crate::message::{HeaderName, Method, Request, StatusCode};

/// An event package that we notify of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPackage {
    /// As in Event and Allow-Events.
    pub name: &'static str,
    /// The type of the bodies of its NOTIFYs, without parameters.
    pub content_type: &'static str,
    pub opened_by: NewSubscription,
    /// Seconds. Shorter gets 423.
    pub min_expires: u32,
    /// Seconds, where the subscriber names none.
    pub default_expires: u32,
    /// Seconds. Longer is shortened.
    pub max_expires: u32,
}

/// What opens a subscription of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewSubscription {
    BySubscribe,
    /// Implied by a REFER; a SUBSCRIBE only refreshes or ends it (RFC 3515 §2.4.4).
    ByRefer,
}

/// What a SUBSCRIBE or REFER asks for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub package: EventPackage,
    /// Of the Event header: several subscriptions of a dialog are told apart by it.
    pub id: Option<String>,
    /// Granted, seconds; 0 to fetch the state once, or to unsubscribe.
    pub expires: u32,
}

impl Asked {
    /// The Event header.
    pub fn event(&self) -> String {
        let id = self.id.as_ref().map(|id| format!(";id={id}")).unwrap_or_default();
        format!("{}{id}", self.package.name)
    }
}

/// Looks at what a SUBSCRIBE wants: §4.2.1.1. 489 with Allow-Events, 423 with Min-Expires, 406 with Accept.
pub fn asked(request: &Request, packages: &[EventPackage]) -> Result<Asked, Refusal> {
    if request.method == Method::Refer {
        let package = packages.iter().find(|package| package.opened_by == NewSubscription::ByRefer);
        let package = package.ok_or_else(|| Refusal::from(StatusCode::METHOD_NOT_ALLOWED))?.clone();
        return Ok(Asked { id: None, expires: package.default_expires, package });
    }
    let event = request.headers.parameterized(&HeaderName::Event).ok().flatten();
    let known = event.and_then(|event| {
        let package = packages.iter().find(|package| package.name.eq_ignore_ascii_case(&event.value))?;
        Some((package, event.params.value("id").map(str::to_owned)))
    });
    let Some((package, id)) = known else {
        return Err(Refusal::new(StatusCode::BAD_EVENT, HeaderName::AllowEvents, allow_events(packages)));
    };
    if !request.headers.accepts(package.content_type) {
        return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, HeaderName::Accept, package.content_type));
    }
    let expires = request.headers.expires().unwrap_or(package.default_expires).min(package.max_expires);
    if (1..package.min_expires).contains(&expires) {
        let shortest = package.min_expires.to_string();
        return Err(Refusal::new(StatusCode::INTERVAL_TOO_BRIEF, HeaderName::MinExpires, shortest));
    }
    Ok(Asked { package: package.clone(), id, expires })
}

/// The Allow-Events header: §8.2.2.
pub fn allow_events(packages: &[EventPackage]) -> String {
    packages.iter().map(|package| package.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub mod testing {
    use super::*;

    pub fn conference() -> EventPackage {
        EventPackage {
            name: "conference",
            content_type: "application/conference-info+xml",
            opened_by: NewSubscription::BySubscribe,
            min_expires: 60,
            default_expires: 3600,
            max_expires: 7200,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::conference;
    use super::*;
    use crate::dialog::testing::invite;
    use crate::message::Header;

    fn ask(extra: &[(HeaderName, &str)]) -> Result<Asked, Refusal> {
        let mut request = invite();
        request.method = Method::Subscribe;
        for (name, value) in extra {
            request.headers.push(Header::new(name.clone(), *value));
        }
        asked(&request, &[conference()])
    }

    fn refused(extra: &[(HeaderName, &str)]) -> (u16, Option<String>) {
        let refusal = ask(extra).expect_err("refused");
        (refusal.status.as_u16(), refusal.header().map(|header| header.value().into_owned()))
    }

    /// RFC 6665 §4.2.1.1.
    #[test]
    fn an_unknown_or_missing_event_is_told_which_there_are() {
        assert_eq!(refused(&[]), (489, Some("conference".into())));
        assert_eq!(refused(&[(HeaderName::Event, "presence")]), (489, Some("conference".into())));
    }

    #[test]
    fn the_duration_is_shortened_but_never_below_the_least() {
        let expires = |value| ask(&[(HeaderName::Event, "conference"), (HeaderName::Expires, value)]);
        assert_eq!(expires("99999").expect("granted").expires, 7200);
        assert_eq!(expires("0").expect("a fetch").expires, 0);
        assert_eq!(expires("1").expect_err("too short").status, StatusCode::INTERVAL_TOO_BRIEF);
        assert_eq!(ask(&[(HeaderName::Event, "conference")]).expect("granted").expires, 3600);
    }

    /// RFC 4575 §3.4.
    #[test]
    fn a_subscriber_that_cannot_read_the_body_is_refused() {
        let accept = |value| ask(&[(HeaderName::Event, "conference"), (HeaderName::Accept, value)]).is_ok();
        assert!(accept("application/conference-info+xml"));
        assert!(accept("text/plain, application/*;q=0.1"));
        assert!(!accept("application/pidf+xml"));
    }

    #[test]
    fn the_id_of_the_event_belongs_to_the_subscription() {
        let asked = ask(&[(HeaderName::Event, "Conference;id=7")]).expect("granted");
        assert_eq!(asked.event(), "conference;id=7");
    }
}
