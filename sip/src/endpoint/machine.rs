//! One of the four transaction machines, where the table does not care which.

use std::time::Instant;

use crate::message::{Request, Response};
use crate::net_types::Transport;
use crate::transaction::{Client, InviteClient, InviteServer, Output, Server};

#[derive(Debug)]
pub enum Machine {
    InviteClient(Box<InviteClient>),
    InviteServer(Box<InviteServer>),
    Client(Box<Client>),
    Server(Box<Server>),
}

impl Machine {
    /// The request comes again.
    pub fn handle_repeated(&mut self) {
        match self {
            Self::InviteServer(server) => server.handle_invite(),
            Self::Server(server) => server.handle_request(),
            Self::InviteClient(_) | Self::Client(_) => {}
        }
    }

    pub fn handle_ack(&mut self, now: Instant) {
        if let Self::InviteServer(server) = self {
            server.handle_ack(now);
        }
    }

    pub fn respond(&mut self, response: Response, now: Instant) {
        match self {
            Self::InviteServer(server) => server.respond(response, now),
            Self::Server(server) => server.respond(response, now),
            Self::InviteClient(_) | Self::Client(_) => {}
        }
    }

    pub fn handle_response(&mut self, response: Response, now: Instant) {
        match self {
            Self::InviteClient(client) => client.handle_response(response, now),
            Self::Client(client) => client.handle_response(response, now),
            Self::InviteServer(_) | Self::Server(_) => {}
        }
    }

    pub fn handle_sent(&mut self, transport: Transport, now: Instant) {
        match self {
            Self::InviteClient(client) => client.handle_sent(transport, now),
            Self::Client(client) => client.handle_sent(transport, now),
            Self::Server(server) => server.handle_sent(),
            Self::InviteServer(_) => {}
        }
    }

    pub fn handle_transport_error(&mut self) {
        match self {
            Self::InviteClient(client) => client.handle_transport_error(),
            Self::InviteServer(server) => server.handle_transport_error(),
            Self::Client(client) => client.handle_transport_error(),
            Self::Server(server) => server.handle_transport_error(),
        }
    }

    /// The connection that a client's request took is gone, and no answer will come by another.
    pub fn handle_flow_lost(&mut self) {
        match self {
            Self::InviteClient(client) => client.handle_flow_lost(),
            Self::Client(client) => client.handle_transport_error(),
            Self::InviteServer(_) | Self::Server(_) => {}
        }
    }

    /// A client whose time is over, and who has heard nothing.
    pub fn gives_up(&self, now: Instant) -> bool {
        match self {
            Self::InviteClient(client) => client.gives_up(now),
            Self::Client(client) => client.gives_up(now),
            Self::InviteServer(_) | Self::Server(_) => false,
        }
    }

    /// What a client has sent.
    pub fn client_request(&self) -> Option<&Request> {
        match self {
            Self::InviteClient(client) => Some(client.invite()),
            Self::Client(client) => Some(client.request()),
            Self::InviteServer(_) | Self::Server(_) => None,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::InviteClient(client) => client.handle_timeout(now),
            Self::InviteServer(server) => server.handle_timeout(now),
            Self::Client(client) => client.handle_timeout(now),
            Self::Server(server) => server.handle_timeout(now),
        }
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        match self {
            Self::InviteClient(client) => client.poll_output(),
            Self::InviteServer(server) => server.poll_output(),
            Self::Client(client) => client.poll_output(),
            Self::Server(server) => server.poll_output(),
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::InviteClient(client) => client.poll_timeout(),
            Self::InviteServer(server) => server.poll_timeout(),
            Self::Client(client) => client.poll_timeout(),
            Self::Server(server) => server.poll_timeout(),
        }
    }

    pub fn is_terminated(&self) -> bool {
        match self {
            Self::InviteClient(client) => client.is_terminated(),
            Self::InviteServer(server) => server.is_terminated(),
            Self::Client(client) => client.is_terminated(),
            Self::Server(server) => server.is_terminated(),
        }
    }

    /// The request of a client that has heard nothing yet, and may so be sent another way.
    pub fn unanswered_request(&self) -> Option<&Request> {
        match self {
            Self::InviteClient(client) => client.is_calling().then(|| client.invite()),
            Self::Client(client) => client.is_trying().then(|| client.request()),
            Self::InviteServer(_) | Self::Server(_) => None,
        }
    }
}
