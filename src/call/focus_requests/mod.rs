//! What phones ask of a focus beside calls: SUBSCRIBE (RFC 4575) and REFER (RFC 3515, RFC 4579 §5.5 and §5.11).
//!
//! ```text
//!   SUBSCRIBE, REFER ──▶ asker: who is it, and as what? ──▶ subscribe: roster ──▶ NOTIFY, while it changes
//!   in a leg's dialog        401, 404, 403              └─▶ refer: wish ──▶ Directory ──▶ NOTIFY, how it went
//!   or outside of any
//! ```

mod asker;
mod progress;
mod refer;
mod refer_to;
mod subscribe;

use std::sync::Arc;

use plenary_sip::endpoint::{Command, ContactTemplate, RequestId};
use plenary_sip::message::{Header, Method, Request, StatusCode};
use plenary_sip::net_types::Source;
use tracing::info;

use super::calls::Calls;
use crate::conference::LegLink;
use crate::registrar::Refused;
use asker::Asker;
pub(super) use asker::{role_of, steers};
pub(super) use progress::sipfrag;
pub(super) use refer::explained;
pub(super) use refer_to::{Wish, wish_of};

/// A SUBSCRIBE or REFER that came in.
#[derive(Debug)]
pub(super) struct FocusRequest {
    pub request: RequestId,
    pub message: Arc<Request>,
    pub source: Source,
    /// The leg in whose dialog it came.
    pub within: Option<LegLink>,
}

pub(super) async fn answer(calls: Calls, asked: FocusRequest) {
    let request = asked.request;
    let outcome = match asked.message.method {
        Method::Refer => refer::handle(&calls, asked).await,
        _ => subscribe::handle(&calls, asked).await,
    };
    if let Err(Refused { status, headers }) = outcome {
        if status != StatusCode::UNAUTHORIZED {
            info!(status = status.as_u16(), "request to a focus refused");
        }
        calls.sip(Command::Respond { request, status, headers, body: None });
    }
}

/// The Contact of a focus: RFC 4579 §4.2.
pub(super) fn contact_of(number: &str) -> ContactTemplate {
    ContactTemplate { user: Some(number.to_owned()), parameters: ";isfocus".into(), host: None }
}

pub(super) fn refused(status: StatusCode) -> Refused {
    Refused { status, headers: Vec::<Header>::new() }
}
