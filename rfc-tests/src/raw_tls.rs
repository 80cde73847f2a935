//! A peer over TLS: it shows what certificate the test gives it, sends what the test writes, and reads what comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use plenary_sip::net::{DomainIdentities, TlsConfigs, VerifyServer};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConnection, StreamOwned};

use crate::raw::{Answer, header, request};

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The connection, and what was read and not yet taken.
#[derive(Debug)]
pub struct RawTls(StreamOwned<ClientConnection, TcpStream>, Vec<u8>);

impl RawTls {
    /// `name`: asked for by SNI; none when it is an address. Whoever answers is believed.
    pub fn connect(at: SocketAddr, name: &str, shown: Option<Arc<CertifiedKey>>) -> anyhow::Result<Self> {
        let name = match name.parse::<IpAddr>() {
            Ok(address) => ServerName::from(address),
            Err(_) => ServerName::try_from(name.to_owned())?,
        };
        let config = TlsConfigs::new(None, &VerifyServer::Nobody, shown)?.client;
        let mut tcp = TcpStream::connect_timeout(&at, ANSWER_WITHIN)?;
        tcp.set_read_timeout(Some(ANSWER_WITHIN))?;
        let mut tls = ClientConnection::new(config, name)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(Self(StreamOwned::new(tls, tcp), Vec::new()))
    }

    /// This end's.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.0.sock.local_addr()?)
    }

    /// Whom the server's certificate stands for.
    pub fn identities(&self) -> DomainIdentities {
        self.0.conn.peer_certificates().and_then(<[_]>::first).map(DomainIdentities::of).unwrap_or_default()
    }

    pub fn send(&mut self, text: &str) -> anyhow::Result<()> {
        self.send_octets(text.as_bytes())
    }

    pub fn send_octets(&mut self, octets: &[u8]) -> anyhow::Result<()> {
        self.0.write_all(octets)?;
        Ok(self.0.flush()?)
    }

    /// The next message with its body, or none within this time.
    pub fn receive_within(&mut self, within: Duration) -> anyhow::Result<Option<String>> {
        let give_up = Instant::now() + within;
        let mut chunk = [0; 4096];
        loop {
            if let Some(message) = self.take_message() {
                return Ok(Some(message));
            }
            let left = give_up.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.0.sock.set_read_timeout(Some(left))?;
            match self.0.read(&mut chunk) {
                Ok(0) => anyhow::bail!("the server closed"),
                Ok(count) => self.1.extend_from_slice(&chunk[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The first whole message of what was read.
    fn take_message(&mut self) -> Option<String> {
        let end = self.1.windows(4).position(|octets| octets == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&self.1[..end]).into_owned();
        let length: usize = header(&head, "Content-Length").or(header(&head, "l"))?.parse().ok()?;
        let message = self.1.get(..end + length).map(|octets| String::from_utf8_lossy(octets).into_owned())?;
        self.1.drain(..end + length);
        Some(message)
    }

    /// The next message without a body.
    pub fn receive(&mut self) -> anyhow::Result<String> {
        let mut read = Vec::new();
        let mut octet = [0];
        while !read.ends_with(b"\r\n\r\n") {
            match self.0.read(&mut octet).context("the server closed or said nothing")? {
                0 => anyhow::bail!("the server closed"),
                _ => read.extend(octet),
            }
        }
        Ok(String::from_utf8_lossy(&read).into_owned())
    }

    pub fn ask(&mut self, text: &str) -> anyhow::Result<Answer> {
        self.send(text)?;
        Ok(Answer(self.receive()?))
    }

    /// OPTIONS; `via`: parameters of the Via.
    pub fn options(&mut self, to: &str, via: &str) -> anyhow::Result<Answer> {
        let local = self.0.sock.local_addr()?.to_string();
        self.ask(&request("TLS", &local, "OPTIONS", to, "", "").replacen(";rport", &format!(";rport{via}"), 1))
    }
}
