//! Transports on loopback: what strangers see of UDP, TCP, TLS and WebSockets, and how the server finds its way out.

mod locating;
mod rfc2543;
mod stream;
mod tls_client;
mod tls_server;
mod torture;
mod torture_known;
mod udp;
mod websocket;
