//! What this server is, and what to type into a phone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::ProblemDocument;
use super::state::App;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ServerInfo {
    pub version: String,
    /// The SIP domain: accounts are `sip:NAME@domain`, conferences `sip:NUMBER@domain`.
    pub domain: String,
    /// Where phones send their requests, the transport to prefer first.
    pub sip: Vec<SipListener>,
    /// Calling this address makes a new conference (RFC 4579 §5.4).
    pub conference_factory: String,
    /// `required`, `preferred` or `off`.
    pub srtp: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SipListener {
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    pub host: String,
    pub port: u16,
}

/// What this server is
#[utoipa::path(get, path = "/server", tag = "server", responses(
    (status = 200, body = ServerInfo),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json", description = "Refused"),
))]
pub(super) async fn server_info(State(app): State<Arc<App>>) -> Json<ServerInfo> {
    Json(app.state.server.clone())
}
