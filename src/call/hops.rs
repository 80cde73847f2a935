//! How far a call may still be passed on: a back-to-back user agent keeps the bounds of a proxy.
//!
//! RFC 3261 §16.3 (Max-Forwards), RFC 5393 §5 (loops, Max-Breadth). A proxy finds its own Via; our two legs share none,
//! so the accounts that a call was passed on to stand in a header of ours, unreadable to others.

use std::hash::{BuildHasher, RandomState};

use plenary_sip::guard::Reason;
use plenary_sip::message::{Header, HeaderName, Request, StatusCode};

/// RFC 3261 §8.1.1.6.
const MAX_FORWARDS: u8 = 70;
/// RFC 5393 §5.3.3.1: where nobody set one.
const MAX_BREADTH: u32 = 60;
/// Our own: a list of marks. Phones do not copy it, other proxies pass it on.
const PASSED: &str = "Plenary-Passed";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hops {
    forwards: u8,
    breadth: u32,
    passed: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HopsError {
    #[error("Max-Forwards is used up")]
    TooMany,
    #[error("the call was passed on to this account before")]
    Loop,
    #[error("Max-Breadth is used up")]
    TooBroad,
}

/// What of an account's phones may be called, and what the INVITEs to them carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Onward {
    /// At once.
    pub branches: usize,
    pub headers: Vec<Header>,
}

impl Hops {
    pub fn of(request: &Request) -> Self {
        let forwards = request.headers.max_forwards().ok().flatten().unwrap_or(MAX_FORWARDS);
        let breadth = request.headers.get(&HeaderName::MaxBreadth).and_then(|value| value.trim().parse().ok());
        let marks = request.headers.get(&PASSED.into()).unwrap_or_default();
        let passed = marks.split(',').map(|mark| mark.trim().to_owned()).filter(|mark| !mark.is_empty()).collect();
        Self { forwards, breadth: breadth.unwrap_or(MAX_BREADTH), passed }
    }

    /// One hop further, to `phones` of this account. `marks`: what only we can recompute.
    pub fn onward(&self, account: &str, phones: usize, marks: &RandomState) -> Result<Onward, HopsError> {
        let forwards = self.forwards.checked_sub(1).ok_or(HopsError::TooMany)?;
        let mark = format!("{:016x}", marks.hash_one(account.to_ascii_lowercase()));
        if self.passed.contains(&mark) {
            return Err(HopsError::Loop);
        }
        let breadth = usize::try_from(self.breadth).unwrap_or(usize::MAX);
        let branches = phones.min(breadth);
        let share = breadth.checked_div(branches).ok_or(HopsError::TooBroad)?;
        let passed = self.passed.iter().chain([&mark]).map(String::as_str).collect::<Vec<_>>().join(", ");
        let headers = vec![
            Header::new(HeaderName::MaxForwards, forwards.to_string()),
            Header::new(HeaderName::MaxBreadth, share.to_string()),
            Header::new(PASSED.into(), passed),
        ];
        Ok(Onward { branches, headers })
    }
}

impl HopsError {
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooMany => StatusCode::TOO_MANY_HOPS,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::TooBroad => StatusCode::MAX_BREADTH_EXCEEDED,
        }
    }

    pub fn reason(self) -> Reason {
        match self {
            Self::TooMany => Reason::Hops,
            Self::Loop => Reason::Loop,
            Self::TooBroad => Reason::Breadth,
        }
    }
}

#[cfg(test)]
mod tests {
    use plenary_sip::message::Method;

    use super::*;

    fn invite(headers: &[Header]) -> Request {
        let mut invite = Request::new(Method::Invite, "sip:bob@example.org".parse().expect("a URI"));
        headers.iter().for_each(|header| invite.headers.push(header.clone()));
        invite
    }

    fn value(onward: &Onward, name: &HeaderName) -> String {
        onward
            .headers
            .iter()
            .find(|header| header.name() == name)
            .map(|header| header.value().into_owned())
            .expect("it")
    }

    #[test]
    fn each_hop_takes_one_from_max_forwards_and_shares_max_breadth() {
        let marks = RandomState::new();
        let asked = invite(&[Header::new(HeaderName::MaxForwards, "12")]);
        let onward = Hops::of(&asked).onward("bob", 4, &marks).expect("room enough");
        assert_eq!(value(&onward, &HeaderName::MaxForwards), "11");
        assert_eq!((onward.branches, value(&onward, &HeaderName::MaxBreadth).as_str()), (4, "15"));
    }

    #[test]
    fn no_hops_left_is_483() {
        let asked = invite(&[Header::new(HeaderName::MaxForwards, "0")]);
        let refused = Hops::of(&asked).onward("bob", 1, &RandomState::new());
        assert_eq!(refused.map_err(HopsError::status), Err(StatusCode::TOO_MANY_HOPS));
    }

    /// RFC 5393 §4.2: an account whose phone is our own address comes back to us.
    #[test]
    fn a_call_that_comes_back_for_the_same_account_is_482_and_for_another_goes_on() {
        let marks = RandomState::new();
        let first = Hops::of(&invite(&[])).onward("bob", 1, &marks).expect("room enough");
        let back = Hops::of(&invite(&first.headers));
        assert_eq!(back.onward("Bob", 1, &marks), Err(HopsError::Loop));
        let second = back.onward("carol", 1, &marks).expect("no loop");
        assert_eq!(Hops::of(&invite(&second.headers)).onward("bob", 1, &marks), Err(HopsError::Loop));
    }

    #[test]
    fn fewer_phones_ring_where_max_breadth_is_small() {
        let marks = RandomState::new();
        let narrow = Hops::of(&invite(&[Header::new(HeaderName::MaxBreadth, "2")]));
        assert_eq!(narrow.onward("bob", 4, &marks).map(|onward| onward.branches), Ok(2));
        let none = Hops::of(&invite(&[Header::new(HeaderName::MaxBreadth, "0")]));
        assert_eq!(none.onward("bob", 4, &marks), Err(HopsError::TooBroad));
    }
}
