//! Early media: what the called network plays before the answer, to the caller. RFC 3960, RFC 3261 §13.3.1.1.
//!
//! A 183 with SDP opens it; one without says nothing and opens nothing, and a 180 after it does not close it. Of several
//! early dialogs the first is heard. The 200 has the last word: whose it is, his media is heard from then on.

use plenary_media::LegId;
use plenary_media::RoomId;
use plenary_media::engine::MediaCommand;
use plenary_sip::endpoint::{Body, Command};
use plenary_sip::message::{HeaderName, Response, StatusCode, find_part};
use tracing::debug;

use crate::call::arriving::incoming::{Incoming, Prepared};

/// The SDP of a response.
pub(in crate::call) fn sdp_of(response: &Response) -> Option<bytes::Bytes> {
    let content_type = response.headers.get(&HeaderName::ContentType)?;
    find_part(&content_type, &response.body, "application/sdp")
}

impl Incoming {
    /// Tells the caller that it rings. One who made no offer and takes reliable responses only gets ours in the first of
    /// them (RFC 3262 §5), which is what comes back.
    pub(in crate::call) fn ring_back(&mut self, room: RoomId, status: StatusCode) -> Option<Prepared> {
        let required = self.request.headers.option_tags(&HeaderName::Require);
        if !self.request.body.is_empty() || !required.iter().any(|tag| tag == "100rel") {
            self.calls.sip(Command::Ring { call: self.call, status, body: None });
            return None;
        }
        let media = self.open_media(room);
        let Ok(prepared) = media.and_then(|media| self.prepare(media)) else {
            debug!("nothing to offer: this caller does not hear it ring");
            return None;
        };
        let body = Some(Body::sdp(prepared.body.clone()));
        self.calls.sip(Command::Ring { call: self.call, status, body });
        Some(prepared)
    }

    /// The caller's side of it: 183 with our answer, and both legs in the room. `None` where the caller can be told
    /// nothing yet, since he made no offer.
    pub(in crate::call) fn open_early_media(&mut self, room: RoomId, callee: LegId) -> Option<Prepared> {
        if self.request.body.is_empty() {
            return None;
        }
        let media = self.open_media(room);
        let prepared = media.and_then(|media| self.prepare(media));
        let Ok(prepared) = prepared else {
            debug!("no early media for this caller");
            return None;
        };
        for leg in [prepared.media.id, callee] {
            self.calls.media(MediaCommand::Join { leg, room });
        }
        let body = Some(Body::sdp(prepared.body.clone()));
        self.calls.sip(Command::Ring { call: self.call, status: StatusCode::SESSION_PROGRESS, body });
        Some(prepared)
    }
}
