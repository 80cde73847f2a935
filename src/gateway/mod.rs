//! Where browsers come in: SIP over WebSocket on the HTTP server's port (RFC 7118).

mod origin;
mod websocket;

pub use origin::Origins;
pub use websocket::{SipSocket, SocketTiming};
