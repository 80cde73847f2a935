//! Confirming the peer's reliable provisional responses: RFC 3262 §4. In order, each once, for every fork.

use std::collections::BTreeMap;

use crate::message::{HeaderName, Response};

#[derive(Debug, Default)]
pub struct Pracks {
    /// The last RSeq confirmed, by remote tag.
    confirmed: BTreeMap<String, u32>,
}

/// What a 1xx asks for.
#[derive(Debug, PartialEq)]
pub enum Due {
    /// It is not reliable.
    Nothing,
    /// PRACK with this RAck.
    Prack(String),
    /// A repetition, or one that came too early: its turn comes when it is repeated.
    Ignore,
}

impl Pracks {
    pub fn handle_provisional(&mut self, remote_tag: &str, response: &Response) -> Due {
        let reliable = response.headers.option_tags(&HeaderName::Require).iter().any(|tag| tag == "100rel");
        let rseq = response.headers.get(&HeaderName::RSeq).and_then(|value| value.parse::<u32>().ok());
        let (true, Some(rseq), Ok(cseq)) = (reliable, rseq, response.headers.cseq()) else { return Due::Nothing };
        let expected = self.confirmed.get(remote_tag).map(|last| last.wrapping_add(1));
        if expected.is_some_and(|expected| expected != rseq) {
            return Due::Ignore;
        }
        self.confirmed.insert(remote_tag.to_owned(), rseq);
        Due::Prack(format!("{rseq} {} {}", cseq.number, cseq.method))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::testing::invite;
    use crate::message::{Header, StatusCode};

    fn ringing(rseq: &str) -> Response {
        let mut response = invite().response(StatusCode::RINGING, Some("a"));
        response.headers.set(Header::new(HeaderName::Require, "100rel"));
        response.headers.set(Header::new(HeaderName::RSeq, rseq));
        response
    }

    #[test]
    fn each_is_confirmed_once_and_in_order() {
        let mut pracks = Pracks::default();
        assert_eq!(pracks.handle_provisional("a", &ringing("7")), Due::Prack("7 1 INVITE".into()));
        assert_eq!(pracks.handle_provisional("a", &ringing("7")), Due::Ignore);
        assert_eq!(pracks.handle_provisional("a", &ringing("9")), Due::Ignore);
        assert_eq!(pracks.handle_provisional("b", &ringing("9")), Due::Prack("9 1 INVITE".into()));
        assert_eq!(pracks.handle_provisional("a", &ringing("8")), Due::Prack("8 1 INVITE".into()));
        let plain = invite().response(StatusCode::RINGING, Some("a"));
        assert_eq!(pracks.handle_provisional("a", &plain), Due::Nothing);
    }
}
