//! SIP messages: framing, reading, checking, printing. RFC 3261 §7, §18.3, §19, §20 and §25.
//!
//! A message keeps what it was sent as: every header line stays the slice of the datagram it came in until somebody
//! replaces it, every URI keeps its text. What a header means is found when it is asked for, by [`Headers::from`],
//! [`Headers::vias`] and their kin.
//!
//! ```text
//!   stream ──▶ frame ──┐
//!   datagram ──────────┴──▶ parse ──▶ validate ──▶ Message ──▶ print
//!                             │  scan   │ header/*, uri/*
//!                             └─────────┴──▶ ParseError, with the request to answer
//! ```

pub mod body;
mod error;
mod frame;
mod header;
mod limits;
mod method;
mod parse;
mod print;
mod request;
mod response;
pub(crate) mod scan;
mod sipfrag;
mod status;
mod uri;
mod validate;

pub use body::{MediaType, Multipart, Part, find_part};
pub use error::{Fault, HeaderError, ParseError, SyntaxError};
pub use frame::{FrameError, Framed, StreamFramer, is_keep_alive};
pub use header::{
    CSeq, Contacts, DialogId, Header, HeaderName, Headers, NameAddr, Parameterized, Params, Privacy, Via,
};
pub use limits::Limits;
pub use method::Method;
pub use parse::{parse_datagram, parse_whole};
pub use request::Request;
pub use response::Response;
pub use sipfrag::sipfrag_status;
pub use status::{Class, StatusCode};
pub use uri::{Host, OtherUri, SipScheme, SipUri, TelUri, Uri, lies_in};
pub use validate::{Refusal, validate, validate_response};

/// What a peer sends: a request, or a response to one of ours.
#[derive(Clone, Debug)]
pub enum Message {
    Request(Request),
    Response(Response),
}

impl Message {
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    pub fn to_bytes(&self) -> bytes::Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}
