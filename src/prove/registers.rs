//! Phones register one after another: REGISTER, 401, REGISTER with digest, 200, so many open at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenary_sip::auth::{Challenge, Login, answer};
use plenary_sip::endpoint::{Event, RequestId};
use plenary_sip::message::{HeaderName, Method, Response, StatusCode};
use tokio::time::timeout_at;

use super::phone::Phone;
use super::setups::Done;

const PATIENCE: Duration = Duration::from_secs(10);

struct Registration {
    slot: usize,
    began: Instant,
    answered: bool,
}

/// One open registration for each account, all the time.
pub async fn register(phone: &mut Phone, accounts: &[Login], time: Duration) -> anyhow::Result<Done> {
    let mut done = Done::default();
    let mut open: BTreeMap<RequestId, Registration> = BTreeMap::new();
    let end = Instant::now() + time;
    let mut free: Vec<usize> = (0..accounts.len()).collect();
    loop {
        while let Some(slot) = free.pop_if(|_| Instant::now() < end) {
            let began = Instant::now();
            let request = phone.register(&accounts[slot].user, None)?;
            open.insert(request, Registration { slot, began, answered: false });
        }
        if open.is_empty() {
            return Ok(done);
        }
        let Ok(event) = timeout_at((end + PATIENCE).into(), phone.event()).await else {
            done.faults.push(format!("{} REGISTERs without answer", open.len()));
            return Ok(done);
        };
        let Event::Response { request, status, response, .. } = event? else { continue };
        let Some(known) = open.remove(&request) else { continue };
        let login = &accounts[known.slot];
        if status == StatusCode::UNAUTHORIZED
            && !known.answered
            && let Some(value) = response.and_then(|response| authorization(phone, login, &response))
        {
            let request = phone.register(&login.user, Some(value))?;
            open.insert(request, Registration { answered: true, ..known });
            continue;
        }
        free.push(known.slot);
        if status != StatusCode::OK {
            done.faults.push(format!("REGISTER of {}: {status}", login.user));
        } else if Instant::now() < end {
            done.count += 1;
            done.took.push(known.began.elapsed());
        }
    }
}

fn authorization(phone: &Phone, login: &Login, response: &Response) -> Option<String> {
    let challenge = Challenge::all(&response.headers, &HeaderName::WwwAuthenticate).into_iter().next()?;
    Some(answer(&challenge, login, &Method::Register, phone.registrar(), "prove", 1))
}
