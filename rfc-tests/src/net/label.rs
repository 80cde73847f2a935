//! What stands on an arrow: which message it is, and in parentheses what is special about it.

use std::fmt;

use plenary_sip::message::{HeaderName, Message, Method, StatusCode};
use plenary_sip::sdp::SessionDescription;
use plenary_sip::sdp::attribute::Direction;
use plenary_sip::usage::description_of;

/// `INVITE (offer)`, `180 Ringing`, `200 OK (BYE)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub what: What,
    pub notes: Vec<Note>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Request(Method),
    Response(StatusCode),
}

/// What a figure says in parentheses. All can be seen in the message but the last ones: those tell a stranger how to
/// misbehave, and nobody else can be told so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// `offer`, `answer`, `SDP`: there is a session description.
    Description,
    /// `no SDP`.
    NoDescription,
    /// `hold`, `resume`, `held`: the direction that the description says.
    Hold,
    Resume,
    Held,
    /// `again`: the very message that passed before.
    Again,
    /// `BYE`: a response to this. Without it a response is to the INVITE, or else to any request.
    Of(Method),
    /// `*`: all contacts.
    Star,
    Odd(Oddity),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// `other branch`: as the last one of this method, by another way.
    OtherBranch,
    /// `fork 2`: with a To tag of its own.
    Fork(u8),
    /// `lower CSeq`.
    LowerCseq,
    /// `unknown dialog`: with a To tag that nobody gave.
    UnknownDialog,
    /// `unusable offer`: G.723 alone.
    UnusableOffer,
}

impl Label {
    pub fn parse(text: &str) -> Result<Self, String> {
        let (what, notes) = match text.split_once('(') {
            Some((what, notes)) => (what.trim(), notes.trim_end().strip_suffix(')').ok_or("a note is not closed")?),
            None => (text.trim(), ""),
        };
        let first = what.split(' ').next().unwrap_or_default();
        let what = match first.parse::<u16>() {
            Ok(code) => What::Response(StatusCode::new(code).ok_or_else(|| format!("{code} is no status"))?),
            Err(_) if !first.is_empty() && first == what => What::Request(Method::from(first)),
            Err(_) => return Err(format!("{what:?} is neither a method nor a status")),
        };
        let notes = notes.split(',').map(str::trim).filter(|note| !note.is_empty()).map(Note::parse);
        Ok(Self { what, notes: notes.collect::<Result<_, _>>()? })
    }

    /// The label of a message that passed.
    pub fn of(message: &Message) -> Self {
        let headers = message.headers();
        let mut notes = Vec::new();
        let what = match message {
            Message::Request(request) => What::Request(request.method.clone()),
            Message::Response(response) => {
                let method = headers.cseq().map(|cseq| cseq.method).unwrap_or(Method::Invite);
                notes.extend((method != Method::Invite).then_some(Note::Of(method)));
                What::Response(response.status)
            }
        };
        notes.extend(has_description(message).then_some(Note::Description));
        Self { what, notes }
    }

    pub fn has(&self, note: &Note) -> bool {
        self.notes.contains(note)
    }

    /// The request that a response is for, where the figure says it.
    pub fn response_to(&self) -> Option<&Method> {
        self.notes.iter().find_map(|note| match note {
            Note::Of(method) => Some(method),
            _ => None,
        })
    }

    pub fn oddity(&self) -> Option<&Oddity> {
        self.notes.iter().find_map(|note| match note {
            Note::Odd(oddity) => Some(oddity),
            _ => None,
        })
    }

    /// Whether this is that message; `before`: what passed the same way earlier.
    pub fn check(&self, message: &Message, before: &[&Message]) -> Result<(), String> {
        self.check_kind(message)?;
        self.notes.iter().try_for_each(|note| note.check(message, before))
    }

    /// Whether it is that method or status, whatever the notes say.
    pub fn check_kind(&self, message: &Message) -> Result<(), String> {
        let is = Self::of(message);
        if is.what == self.what { Ok(()) } else { Err(format!("it is {is}")) }
    }
}

impl Note {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "offer" | "answer" | "SDP" => Self::Description,
            "no SDP" => Self::NoDescription,
            "hold" => Self::Hold,
            "resume" => Self::Resume,
            "held" => Self::Held,
            "again" => Self::Again,
            "*" => Self::Star,
            "other branch" => Self::Odd(Oddity::OtherBranch),
            "lower CSeq" => Self::Odd(Oddity::LowerCseq),
            "unknown dialog" => Self::Odd(Oddity::UnknownDialog),
            "unusable offer" => Self::Odd(Oddity::UnusableOffer),
            text if text.starts_with("fork ") => {
                let number = text.trim_start_matches("fork ").parse();
                Self::Odd(Oddity::Fork(number.map_err(|_| format!("{text:?}: which fork?"))?))
            }
            text if text.chars().all(|c| c.is_ascii_uppercase()) => Self::Of(Method::from(text)),
            text => return Err(format!("nobody knows the note {text:?}")),
        })
    }

    fn check(&self, message: &Message, before: &[&Message]) -> Result<(), String> {
        let fault = match self {
            Self::Description if !has_description(message) => "it has no session description",
            Self::NoDescription if has_description(message) => "it has a session description",
            Self::Hold if !matches!(direction(message), Some(Direction::SendOnly | Direction::Inactive)) => {
                "it holds nobody"
            }
            Self::Held if !matches!(direction(message), Some(Direction::RecvOnly | Direction::Inactive)) => {
                "it does not say that it is held"
            }
            Self::Resume if direction(message) != Some(Direction::SendRecv) => "it does not resume",
            Self::Again if !before.iter().any(|earlier| earlier.to_bytes() == message.to_bytes()) => {
                "it is not the same as before"
            }
            Self::Of(method) if message.headers().cseq().is_ok_and(|cseq| cseq.method != *method) => {
                return Err(format!("it is not for {method}"));
            }
            Self::Star if message.headers().get(&HeaderName::Contact).as_deref() != Some("*") => "its Contact is not *",
            _ => return Ok(()),
        };
        Err(fault.to_owned())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Request(method) => write!(f, "{method}")?,
            What::Response(status) => write!(f, "{} {}", status.as_u16(), status.default_reason())?,
        }
        let notes: Vec<String> = self.notes.iter().map(ToString::to_string).collect();
        if notes.is_empty() { Ok(()) } else { write!(f, " ({})", notes.join(", ")) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Description => "SDP",
            Self::NoDescription => "no SDP",
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Held => "held",
            Self::Again => "again",
            Self::Star => "*",
            Self::Of(method) => method.as_str(),
            Self::Odd(Oddity::OtherBranch) => "other branch",
            Self::Odd(Oddity::Fork(number)) => return write!(f, "fork {number}"),
            Self::Odd(Oddity::LowerCseq) => "lower CSeq",
            Self::Odd(Oddity::UnknownDialog) => "unknown dialog",
            Self::Odd(Oddity::UnusableOffer) => "unusable offer",
        })
    }
}

fn has_description(message: &Message) -> bool {
    description(message).is_some()
}

/// The direction of the first stream.
fn direction(message: &Message) -> Option<Direction> {
    let description = SessionDescription::parse(&description(message)?).ok()?;
    let media = description.media.first()?;
    Some(description.direction_of(media))
}

fn description(message: &Message) -> Option<bytes::Bytes> {
    let body = match message {
        Message::Request(request) => &request.body,
        Message::Response(response) => &response.body,
    };
    description_of(message.headers(), body).map(|description| description.content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_print_as_they_are_written() {
        for text in ["INVITE", "200 OK (SDP)", "200 OK (BYE)", "180 Ringing (fork 2, SDP)", "REGISTER (*)"] {
            assert_eq!(Label::parse(text).expect("a label").to_string(), text);
        }
        assert_eq!(Label::parse("INVITE (offer)"), Label::parse("INVITE (SDP)"));
    }

    #[test]
    fn what_nobody_understands_is_not_passed_over() {
        for text in ["", "99 Luftballons", "INVITE please", "INVITE (kindly)", "INVITE (offer", "BYE (fork x)"] {
            assert!(Label::parse(text).is_err(), "{text:?}");
        }
    }
}
