//! SIP over WebSocket, the server's side: `/sip` on the HTTP server's port, one flow each.
//!
//! RFC 7118 §4 (handshake), §5 (one SIP message a WebSocket message, text or binary), §6 (keep-alive); RFC 6455.
//! Left out: authentication at the handshake; SIP asks for the password.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::extract::{ConnectInfo, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use plenary_sip::net::{Gate, GateFlow, Heard};
use plenary_sip::net_types::Transport;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::origin::Origins;

/// Of `Sec-WebSocket-Protocol` (§4.1).
const SUBPROTOCOL: &str = "sip";
/// As long as any SIP message may be.
const LONGEST_MESSAGE: usize = 64 * 1024;
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// What `/sip` needs.
#[derive(Clone, Debug)]
pub struct SipSocket {
    pub gate: Gate,
    pub origins: Origins,
    /// Our address as browsers reach it: in Via and Contact where no name is configured.
    pub local: SocketAddr,
    /// `Wss`, or behind a reverse proxy `Ws`.
    pub transport: Transport,
    pub timing: SocketTiming,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketTiming {
    /// A peer that said nothing for so long is pinged …
    pub ping_after: Duration,
    /// … and let go when it does not answer within this.
    pub answer_within: Duration,
    /// A peer that has not sent any SIP by then is let go.
    pub silent: Duration,
}

impl Default for SocketTiming {
    fn default() -> Self {
        Self {
            ping_after: Duration::from_secs(25),
            answer_within: Duration::from_secs(20),
            silent: Duration::from_secs(30),
        }
    }
}

impl SipSocket {
    pub fn routes(self) -> Router {
        Router::new().route("/sip", any(upgrade)).with_state(Arc::new(self))
    }
}

async fn upgrade(
    State(here): State<Arc<SipSocket>>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([SUBPROTOCOL]).max_message_size(LONGEST_MESSAGE),
        Err(refused) => return (StatusCode::BAD_REQUEST, refused.body_text()).into_response(),
    };
    if upgrade.selected_protocol().is_none() {
        return (StatusCode::BAD_REQUEST, "Sec-WebSocket-Protocol must offer sip (RFC 7118 §4.1)").into_response();
    }
    if !here.origins.allow(&headers, &uri) {
        return (StatusCode::FORBIDDEN, "http.origins does not name the origin of this page").into_response();
    }
    let Some(flow) = here.gate.open(here.transport, here.local, remote).await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many connections").into_response();
    };
    let timing = here.timing;
    upgrade.on_upgrade(move |socket| async move {
        let end = Conversation::new(socket, flow, timing).run().await;
        debug!(%remote, ?end, "WebSocket over");
    })
}

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    ByPeer,
    ByUs,
    /// No sign of life, or no SIP.
    Idle,
    /// It takes nothing.
    SlowReader,
}

struct Conversation {
    socket: WebSocket,
    flow: GateFlow,
    timing: SocketTiming,
    /// When anything was last heard, and whether it was pinged since.
    heard_at: Instant,
    pinged: bool,
    /// Until when it may stay without a word of SIP.
    silent_until: Option<Instant>,
}

impl Conversation {
    fn new(socket: WebSocket, flow: GateFlow, timing: SocketTiming) -> Self {
        let now = Instant::now();
        Self { socket, flow, timing, heard_at: now, pinged: false, silent_until: Some(now + timing.silent) }
    }

    async fn run(mut self) -> End {
        loop {
            let (next_ping, silent_until) = (self.next_ping(), self.silent_until);
            let step = tokio::select! {
                heard = self.socket.recv() => match heard {
                    Some(Ok(message)) => self.handle_message(message).await,
                    Some(Err(_)) | None => Err(End::ByPeer),
                },
                next = self.flow.next() => match next {
                    Some(octets) => self.send(frame(octets)).await,
                    None => Err(End::ByUs),
                },
                () = sleep_until(next_ping) => self.handle_quiet().await,
                () = until(silent_until) => Err(End::Idle),
            };
            if let Err(end) = step {
                if matches!(end, End::ByUs | End::Idle) {
                    let code = if end == End::ByUs { close_code::AWAY } else { close_code::POLICY };
                    let close = CloseFrame { code, reason: Default::default() };
                    let _ = self.send(Message::Close(Some(close))).await;
                }
                return end;
            }
        }
    }

    async fn handle_message(&mut self, message: Message) -> Result<(), End> {
        (self.heard_at, self.pinged) = (Instant::now(), false);
        let octets = match message {
            Message::Text(text) => Bytes::from(text),
            Message::Binary(octets) => octets,
            // The WebSocket layer has answered the ping already.
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::ByPeer),
        };
        match self.flow.receive(octets).await {
            Heard::Sip => self.silent_until = None,
            Heard::Ping { pong } => self.send(frame(pong)).await?,
            Heard::Pong => {}
        }
        Ok(())
    }

    fn next_ping(&self) -> Instant {
        let SocketTiming { ping_after, answer_within, .. } = self.timing;
        self.heard_at + ping_after + if self.pinged { answer_within } else { Duration::ZERO }
    }

    async fn handle_quiet(&mut self) -> Result<(), End> {
        if std::mem::replace(&mut self.pinged, true) {
            return Err(End::Idle);
        }
        self.send(Message::Ping(Bytes::new())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::ByPeer),
            Err(_) => Err(End::SlowReader),
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Text where it can be (§5): only a body in some other encoding makes a message binary.
fn frame(octets: Bytes) -> Message {
    match axum::extract::ws::Utf8Bytes::try_from(octets.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(octets),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use plenary_sip::endpoint::SendId;
    use plenary_sip::message::{Message as Sip, StatusCode as SipStatus};
    use plenary_sip::net::{Net, NetEvent, NetSettings};
    use plenary_sip::net_types::Destination;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    use tokio_tungstenite::tungstenite::{self, Message as Frame};
    use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

    use super::*;

    type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

    async fn listen(timing: SocketTiming) -> (Net, SocketAddr) {
        let net = Net::start(NetSettings::default()).expect("nothing to bind");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("bound");
        let socket =
            SipSocket { gate: net.gate(), origins: Origins::default(), local: at, transport: Transport::Wss, timing };
        let service = socket.routes().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        (net, at)
    }

    async fn connect(at: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Client, u16> {
        let mut request = format!("ws://{at}/sip").into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a value"));
        }
        match connect_async(request).await {
            Ok((socket, response)) => {
                assert_eq!(response.headers()["sec-websocket-protocol"], "sip");
                Ok(socket)
            }
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    async fn connect_as_phone(at: SocketAddr) -> Client {
        connect(at, &[("sec-websocket-protocol", "sip")]).await.expect("let in")
    }

    const OPTIONS: &str = "OPTIONS sip:here SIP/2.0\r\nVia: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK1\r\n\
        From: <sip:a@here>;tag=1\r\nTo: <sip:here>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n";

    async fn heard(client: &mut Client) -> Frame {
        timeout(Duration::from_secs(5), client.next()).await.expect("within 5 s").expect("open").expect("a frame")
    }

    /// RFC 7118 §4.1.
    #[tokio::test]
    async fn without_the_subprotocol_or_from_a_foreign_page_nobody_comes_in() {
        let (_net, at) = listen(SocketTiming::default()).await;
        assert_eq!(connect(at, &[]).await.err(), Some(400));
        assert_eq!(connect(at, &[("sec-websocket-protocol", "xmpp")]).await.err(), Some(400));
        let foreign = [("sec-websocket-protocol", "sip"), ("origin", "https://evil.example")];
        assert_eq!(connect(at, &foreign).await.err(), Some(403));
        let own = format!("http://{at}");
        assert!(connect(at, &[("sec-websocket-protocol", "xmpp, sip"), ("origin", &own)]).await.is_ok());
    }

    #[tokio::test]
    async fn text_and_binary_are_messages_and_answers_go_back_by_the_flow() {
        let (mut net, at) = listen(SocketTiming::default()).await;
        let mut client = connect_as_phone(at).await;
        for frame in [Frame::text(OPTIONS), Frame::binary(OPTIONS.as_bytes())] {
            client.send(frame).await.expect("sent");
            let NetEvent::Received(received) = net.receive().await else { panic!("a message") };
            assert_eq!(received.source.transport, Transport::Wss);
            let Ok(Sip::Request(request)) = received.message else { panic!("readable") };
            let response = request.response(SipStatus::OK, Some("tag"));
            let source = received.source;
            let back = Destination::Flow { flow: source.flow, transport: source.transport, remote: source.remote };
            net.send(SendId(1), back, Sip::Response(response));
            assert!(matches!(net.receive().await, NetEvent::Sent { outcome: Ok(_), .. }));
            let Frame::Text(text) = heard(&mut client).await else { panic!("text") };
            assert!(text.starts_with("SIP/2.0 200 OK\r\n"), "{text}");
        }
        drop(client);
        assert!(matches!(net.receive().await, NetEvent::FlowClosed(_)));
    }

    /// RFC 7118 §6, RFC 5626 §4.4.1.
    #[tokio::test]
    async fn keep_alives_of_both_kinds_are_answered() {
        let (_net, at) = listen(SocketTiming::default()).await;
        let mut client = connect_as_phone(at).await;
        client.send(Frame::text("\r\n\r\n")).await.expect("sent");
        assert_eq!(heard(&mut client).await, Frame::text("\r\n"));
        client.send(Frame::Ping(Bytes::from_static(b"here"))).await.expect("sent");
        assert_eq!(heard(&mut client).await, Frame::Pong(Bytes::from_static(b"here")));
    }

    #[tokio::test]
    async fn the_quiet_are_pinged_and_who_never_speaks_sip_is_let_go() {
        let ms = Duration::from_millis;
        let timing = SocketTiming { ping_after: ms(50), answer_within: ms(5_000), silent: ms(400) };
        let (_net, at) = listen(timing).await;
        let mut client = connect_as_phone(at).await;
        assert!(matches!(heard(&mut client).await, Frame::Ping(_)));
        loop {
            match heard(&mut client).await {
                Frame::Ping(_) => {}
                Frame::Close(Some(close)) => break assert_eq!(u16::from(close.code), close_code::POLICY),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn too_long_a_message_ends_the_conversation() {
        let (mut net, at) = listen(SocketTiming::default()).await;
        let mut client = connect_as_phone(at).await;
        client.send(Frame::text("x".repeat(LONGEST_MESSAGE + 1))).await.expect("sent");
        assert!(matches!(net.receive().await, NetEvent::FlowClosed(_)));
    }
}
