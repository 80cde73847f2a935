//! Session timers: RFC 4028. Whoever is the refresher says from time to time that it is still there; when
//! nothing was heard for the whole interval, the call is dead.
//!
//! ```text
//!          2xx with Session-Expires                    refresher: UPDATE or re-INVITE at half time
//!   Off ────────────────────────────▶ Running ──▶      the other: BYE min(32 s, a third) before the end
//!    ▲────────2xx without──────────────┘
//! ```

use std::time::{Duration, Instant};

use super::act::answer;
use crate::endpoint::SessionTimerSettings;
use crate::message::{Header, HeaderName, Headers, Method, Request, Response, StatusCode};

/// §4: no interval below this is ever asked for.
const LEAST_MIN_SE: u32 = 90;

/// Several proxies may each want more than the one before; who wants ever more is not satisfied by anything.
const MOST_RAISES: u8 = 3;

/// A refresh that met 491 or 500 is said again after this.
const AGAIN: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
pub struct SessionTimer {
    settings: Option<SessionTimerSettings>,
    /// The largest Min-SE heard, seconds.
    min_se: u32,
    /// How often a 422 has raised it.
    raised: u8,
    peer_allows_update: bool,
    running: Option<Running>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    /// Seconds.
    interval: u32,
    refresher: Refresher,
    refresh_at: Option<Instant>,
    bye_at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresher {
    Us,
    Them,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    Refresh,
    Expired,
}

impl SessionTimer {
    pub fn new(settings: Option<SessionTimerSettings>) -> Self {
        let min_se = settings.map_or(LEAST_MIN_SE, |settings| settings.min_se.max(LEAST_MIN_SE));
        Self { settings, min_se, raised: 0, peer_allows_update: false, running: None }
    }

    pub fn peer_allows_update(&self) -> bool {
        self.peer_allows_update
    }

    /// A request for an interval that is too short: 422 with the least we take (§9).
    pub fn check_request(&mut self, request: &Request, local_tag: &str) -> Result<(), Box<Response>> {
        self.note_allow(&request.headers);
        let Some(settings) = self.settings else { return Ok(()) };
        self.min_se = self.min_se.max(seconds(&request.headers, &HeaderName::MinSe).unwrap_or_default());
        let least = settings.min_se.max(LEAST_MIN_SE);
        let short = seconds(&request.headers, &HeaderName::SessionExpires).is_some_and(|asked| asked < least);
        if !short || !supports_timer(&request.headers) {
            return Ok(());
        }
        let mut response = answer(request, StatusCode::SESSION_INTERVAL_TOO_SMALL, local_tag);
        response.headers.set(Header::new(HeaderName::MinSe, least.to_string()));
        Err(Box::new(response))
    }

    /// Session-Expires into our 2xx: not longer than asked for, with the refresher said (§9, table 2).
    pub fn write_response(&self, request: &Request, headers: &mut Headers) {
        let Some(settings) = self.settings else { return };
        let peer_has_timer = supports_timer(&request.headers);
        let asked = seconds(&request.headers, &HeaderName::SessionExpires);
        let interval = asked.map_or(settings.session_expires, |asked| asked.min(settings.session_expires));
        let interval = interval.max(self.min_se);
        let refresher = match refresher_of(&request.headers) {
            Some(refresher) if peer_has_timer => refresher,
            _ if peer_has_timer => "uac",
            _ => "uas",
        };
        headers.set(Header::new(HeaderName::SessionExpires, format!("{interval};refresher={refresher}")));
        if refresher == "uac" {
            headers.push(Header::new(HeaderName::Require, "timer"));
        }
    }

    /// Session-Expires into our INVITE or UPDATE (§7.1, §7.4). A refresher keeps its part.
    pub fn write_request(&self, headers: &mut Headers) {
        let Some(settings) = self.settings else { return };
        let interval = self.running.map_or(settings.session_expires, |running| running.interval).max(self.min_se);
        let refresher = match self.running.map(|running| running.refresher) {
            Some(Refresher::Us) => ";refresher=uac",
            Some(Refresher::Them) => ";refresher=uas",
            None => "",
        };
        headers.set(Header::new(HeaderName::SessionExpires, format!("{interval}{refresher}")));
        headers.set(Header::new(HeaderName::MinSe, self.min_se.to_string()));
    }

    pub fn handle_sent_2xx(&mut self, response: &Response, now: Instant) {
        self.run(&response.headers, "uas", now);
    }

    pub fn handle_received_2xx(&mut self, response: &Response, now: Instant) {
        self.note_allow(&response.headers);
        self.run(&response.headers, "uac", now);
    }

    /// 422 to our INVITE or refresh: whether a larger interval is worth a further try (§7.3).
    pub fn handle_too_small(&mut self, response: &Response) -> bool {
        let asked = seconds(&response.headers, &HeaderName::MinSe);
        let too_small = response.status == StatusCode::SESSION_INTERVAL_TOO_SMALL && self.raised < MOST_RAISES;
        match asked.filter(|asked| too_small && *asked > self.min_se) {
            Some(asked) => {
                self.raised += 1;
                self.min_se = asked;
                true
            }
            None => false,
        }
    }

    /// A refresh by UPDATE was refused; whether to refresh again at once, in another way.
    pub fn handle_refresh_refused(&mut self, response: &Response, now: Instant) -> bool {
        match response.status {
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                self.peer_allows_update = false;
                true
            }
            StatusCode::REQUEST_PENDING | StatusCode::SERVER_INTERNAL_ERROR => {
                if let Some(running) = &mut self.running {
                    running.refresh_at = Some(now + AGAIN);
                }
                false
            }
            _ => self.handle_too_small(response),
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Option<Wake> {
        let running = self.running.as_mut()?;
        if running.bye_at <= now {
            self.running = None;
            return Some(Wake::Expired);
        }
        running.refresh_at.take_if(|at| *at <= now).map(|_| Wake::Refresh)
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let running = self.running.as_ref()?;
        Some(running.refresh_at.map_or(running.bye_at, |at| at.min(running.bye_at)))
    }

    /// Starts anew from a 2xx. `ours`: what we are in the transaction that it ends.
    fn run(&mut self, headers: &Headers, ours: &str, now: Instant) {
        let interval = seconds(headers, &HeaderName::SessionExpires).filter(|seconds| *seconds > 0);
        self.running = interval.filter(|_| self.settings.is_some()).map(|interval| {
            let span = Duration::from_secs(interval.into());
            let we_refresh = refresher_of(headers).is_none_or(|refresher| refresher == ours);
            let margin = Duration::from_secs(32).min(span / 3);
            Running {
                interval,
                refresher: if we_refresh { Refresher::Us } else { Refresher::Them },
                refresh_at: we_refresh.then(|| now + span / 2),
                bye_at: now + span - margin,
            }
        });
    }

    fn note_allow(&mut self, headers: &Headers) {
        if headers.contains(&HeaderName::Allow) {
            let allowed = headers.values(&HeaderName::Allow);
            self.peer_allows_update = allowed.iter().any(|method| method == Method::Update.as_str());
        }
    }
}

fn supports_timer(headers: &Headers) -> bool {
    [HeaderName::Supported, HeaderName::Require]
        .iter()
        .any(|name| headers.option_tags(name).iter().any(|tag| tag == "timer"))
}

fn seconds(headers: &Headers, name: &HeaderName) -> Option<u32> {
    headers.parameterized(name).ok()??.value.parse().ok()
}

fn refresher_of(headers: &Headers) -> Option<&'static str> {
    let expires = headers.parameterized(&HeaderName::SessionExpires).ok()??;
    let refresher = expires.params.value("refresher")?.to_ascii_lowercase();
    ["uac", "uas"].into_iter().find(|name| *name == refresher)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::testing::invite;

    const SETTINGS: SessionTimerSettings = SessionTimerSettings { session_expires: 1800, min_se: 90 };

    fn asking(session_expires: &str) -> Request {
        let mut invite = invite();
        invite.headers.set(Header::new(HeaderName::Supported, "timer"));
        invite.headers.set(Header::new(HeaderName::SessionExpires, session_expires));
        invite
    }

    fn answered(request: &Request) -> (String, bool) {
        let mut headers = Headers::default();
        SessionTimer::new(Some(SETTINGS)).write_response(request, &mut headers);
        let expires = headers.get(&HeaderName::SessionExpires).map(|value| value.into_owned()).unwrap_or_default();
        (expires, headers.contains(&HeaderName::Require))
    }

    fn accepted(session_expires: &str) -> Response {
        let mut response = invite().response(StatusCode::OK, Some("a"));
        response.headers.set(Header::new(HeaderName::SessionExpires, session_expires));
        response
    }

    #[test]
    fn a_short_interval_gets_422_with_min_se() {
        let mut timer = SessionTimer::new(Some(SETTINGS));
        let refusal = timer.check_request(&asking("60"), "a").expect_err("too short");
        assert_eq!(refusal.status, StatusCode::SESSION_INTERVAL_TOO_SMALL);
        assert_eq!(refusal.headers.get(&HeaderName::MinSe).as_deref(), Some("90"));
        assert!(timer.check_request(&asking("90"), "a").is_ok());
    }

    #[test]
    fn the_answer_is_at_most_what_was_asked_and_names_the_refresher() {
        assert_eq!(answered(&asking("600")), ("600;refresher=uac".into(), true));
        assert_eq!(answered(&asking("7200;refresher=uas")), ("1800;refresher=uas".into(), false));
        assert_eq!(answered(&invite()), ("1800;refresher=uas".into(), false));
    }

    #[test]
    fn the_refresher_refreshes_at_half_time() {
        let start = Instant::now();
        let mut timer = SessionTimer::new(Some(SETTINGS));
        timer.handle_received_2xx(&accepted("90;refresher=uac"), start);
        let at = timer.poll_timeout().expect("running");
        assert_eq!(at - start, Duration::from_secs(45));
        assert_eq!(timer.handle_timeout(at), Some(Wake::Refresh));
        assert_eq!(timer.handle_timeout(at), None);
    }

    #[test]
    fn without_refresh_the_other_side_ends_before_the_interval_does() {
        let start = Instant::now();
        let mut timer = SessionTimer::new(Some(SETTINGS));
        timer.handle_received_2xx(&accepted("1800;refresher=uas"), start);
        let at = timer.poll_timeout().expect("running");
        assert_eq!(at - start, Duration::from_secs(1768));
        assert_eq!(timer.handle_timeout(at), Some(Wake::Expired));
        assert_eq!(timer.poll_timeout(), None);
    }

    #[test]
    fn a_2xx_without_session_expires_stops_the_timer() {
        let start = Instant::now();
        let mut timer = SessionTimer::new(Some(SETTINGS));
        timer.handle_received_2xx(&accepted("90"), start);
        timer.handle_received_2xx(&invite().response(StatusCode::OK, Some("a")), start);
        assert_eq!(timer.poll_timeout(), None);
    }

    #[test]
    fn after_422_the_larger_interval_is_asked_for() {
        let mut timer = SessionTimer::new(Some(SETTINGS));
        let mut refusal = invite().response(StatusCode::SESSION_INTERVAL_TOO_SMALL, Some("a"));
        refusal.headers.set(Header::new(HeaderName::MinSe, "3600"));
        assert!(timer.handle_too_small(&refusal));
        assert!(!timer.handle_too_small(&refusal), "only once");
        let mut headers = Headers::default();
        timer.write_request(&mut headers);
        assert_eq!(headers.get(&HeaderName::SessionExpires).as_deref(), Some("3600"));
        assert_eq!(headers.get(&HeaderName::MinSe).as_deref(), Some("3600"));
    }

    #[test]
    fn who_wants_ever_more_is_not_asked_for_ever() {
        let mut timer = SessionTimer::new(Some(SETTINGS));
        let wants = |seconds: u32| {
            let mut refusal = invite().response(StatusCode::SESSION_INTERVAL_TOO_SMALL, Some("a"));
            refusal.headers.set(Header::new(HeaderName::MinSe, seconds.to_string()));
            refusal
        };
        assert_eq!((2000..3000).filter(|seconds| timer.handle_too_small(&wants(*seconds))).count(), 3);
    }
}
