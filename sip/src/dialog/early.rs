//! The early dialogs of one INVITE of ours: one for each fork that has rung. RFC 3261 §12.3 and §13.2.2.

use std::collections::BTreeMap;

use crate::dialog::{Dialog, DialogError};
use crate::message::{DialogId, Request, Response};
use crate::net_types::{ByFlow, Source};

/// More forks than this ring in vain: their 1xx are passed on, but their requests get 481.
const MOST: usize = 32;

#[derive(Debug, Default)]
pub struct EarlyDialogs(BTreeMap<String, Dialog>);

impl EarlyDialogs {
    /// A 101–199 with a To tag makes a dialog, or refreshes the one it is in.
    pub fn handle_provisional(
        &mut self,
        invite: &Request,
        response: &Response,
        sent_by: Option<ByFlow>,
        source: Source,
    ) -> Result<(), DialogError> {
        let to = response.headers.to()?;
        let Some(tag) = to.tag() else { return Ok(()) };
        if let Some(dialog) = self.0.get_mut(tag) {
            dialog.refresh_target(&response.headers, source);
        } else if self.0.len() < MOST {
            self.0.insert(tag.to_owned(), Dialog::of_uac(invite, response, sent_by, source)?);
        }
        Ok(())
    }

    pub fn has(&self, id: &DialogId) -> bool {
        self.0.get(&id.from_tag).is_some_and(|dialog| dialog.is_named(id))
    }

    pub fn get_mut(&mut self, remote_tag: &str) -> Option<&mut Dialog> {
        self.0.get_mut(remote_tag)
    }

    /// The dialog that a 2xx confirms. Its route set is that of the 2xx (§13.2.2.4).
    pub fn confirm(
        &mut self,
        invite: &Request,
        response: &Response,
        sent_by: Option<ByFlow>,
        source: Source,
    ) -> Result<Dialog, DialogError> {
        let mut dialog = Dialog::of_uac(invite, response, sent_by, source)?;
        if let Some(early) = self.0.remove(dialog.remote_tag()) {
            dialog.continue_from(&early);
        }
        Ok(dialog)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{invite, source};
    use super::*;
    use crate::message::{Header, HeaderName, Method, StatusCode};

    fn response(status: StatusCode, tag: &str) -> Response {
        let mut response = invite().response(status, Some(tag));
        response.headers.set(Header::new(HeaderName::Contact, format!("<sip:{tag}@192.0.2.4>")));
        response
    }

    #[test]
    fn each_fork_has_a_dialog_and_the_2xx_goes_on_in_its_own() {
        let (invite, here) = (invite(), source("192.0.2.4:5060"));
        let mut early = EarlyDialogs::default();
        for tag in ["a", "b"] {
            early.handle_provisional(&invite, &response(StatusCode::RINGING, tag), None, here).expect("early");
        }
        early.get_mut("b").expect("fork b").request(Method::Prack);
        let mut dialog = early.confirm(&invite, &response(StatusCode::OK, "b"), None, here).expect("confirmed");
        assert_eq!(dialog.request(Method::Bye).headers.cseq().expect("CSeq").number, 3);
        assert!(early.get_mut("b").is_none() && early.get_mut("a").is_some());
    }
}
