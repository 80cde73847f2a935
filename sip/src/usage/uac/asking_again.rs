//! An INVITE of ours that is sent once more: with a longer session interval (RFC 4028 §7.3), or with credentials (RFC 3261
//! §22.2).

use super::{State, Uac};
use crate::dialog::EarlyDialogs;
use crate::message::{CSeq, Header, HeaderName, Method, Response};
use crate::net_types::{Destination, Source};

impl Uac {
    /// 422: the same call with a larger interval (RFC 4028 §7.3).
    pub(super) fn ask_for_longer_session(&mut self) {
        self.timer.write_request(&mut self.invite.headers);
        self.ask_again();
    }

    /// 401 or 407: the credentials stand in the INVITE, in place of those that it had (§22.2).
    pub(super) fn take_up_challenge(&mut self, response: &Response) -> bool {
        let Some(login) = &mut self.login else { return false };
        let cnonce = self.context.rng.token();
        let Ok(credentials) = login.answer(response, &Method::Invite, &self.invite.uri, &cnonce) else { return false };
        if let Some(first) = credentials.first() {
            self.invite.headers.remove(first.name());
        }
        credentials.into_iter().for_each(|header| self.invite.headers.push(header));
        true
    }

    /// To the very server that asked: its neighbours may not know the nonce.
    pub(super) fn ask_with_credentials(&mut self, source: Source) {
        let asked = Destination::from(source);
        self.destinations.retain(|other| *other != asked);
        self.destinations.insert(0, asked);
        self.ask_again();
    }

    fn ask_again(&mut self) {
        let number = self.invite.headers.cseq().map_or(1, |cseq| cseq.number) + 1;
        let cseq = CSeq { number, method: Method::Invite };
        self.invite.headers.set(Header::new(HeaderName::CSeq, cseq.to_string()));
        self.state = State::Calling;
        self.early = EarlyDialogs::default();
        self.send_invite();
    }
}
