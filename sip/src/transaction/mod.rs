//! The transaction layer: four machines, one for each side of an INVITE and of any other request.
//!
//! RFC 3261 §17 with RFC 6026 (a 2xx does not end an INVITE transaction) and RFC 4320 (what a non-INVITE
//! server may say late). Each machine is fed messages and time, and asked for outputs and its next wake-up.
//! Which flow a message takes is the endpoint's business; of the transport a machine only knows whether it
//! repeats lost packets by itself.

mod client;
mod invite_client;
mod invite_server;
mod key;
mod server;
mod timing;

pub use client::Client;
pub use invite_client::InviteClient;
pub use invite_client::cancel_for;
pub use invite_server::InviteServer;
pub use key::{ClientKey, MergeKey, ServerKey};
pub use server::Server;
pub use timing::{Resend, Timing};

use crate::message::{Class, Message, Response};

/// A transaction of the endpoint, of whichever of the four kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub u64);

/// What a transaction wants done.
#[derive(Debug)]
pub enum Output {
    Send(Message),
    /// To the transaction user: the first of its kind, never a repetition that the machine has absorbed.
    Deliver(Response),
    /// To the transaction user; the machine has ended, or goes on alone where RFC 6026 lets it.
    Failed(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Timer B, F or H.
    TimedOut,
    /// The transport could not send.
    Transport,
}

/// The three kinds of response that the figures of §17 tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Provisional,
    Success,
    /// 300–699.
    Failure,
}

impl Kind {
    fn of(response: &Response) -> Self {
        match response.status.class() {
            Class::Provisional => Self::Provisional,
            Class::Success => Self::Success,
            Class::Redirect | Class::ClientError | Class::ServerError | Class::GlobalFailure => Self::Failure,
        }
    }
}

#[cfg(test)]
mod testing;
