//! A peer over TLS: it shows what certificate the test gives it, sends what the test writes, and reads what comes back.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use plenary_sip::net::{DomainIdentities, TlsConfigs, VerifyServer};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConnection, StreamOwned};

use crate::raw::{Answer, request};

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct RawTls(StreamOwned<ClientConnection, TcpStream>);

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
        Ok(Self(StreamOwned::new(tls, tcp)))
    }

    /// Whom the server's certificate stands for.
    pub fn identities(&self) -> DomainIdentities {
        self.0.conn.peer_certificates().and_then(<[_]>::first).map(DomainIdentities::of).unwrap_or_default()
    }

    pub fn send(&mut self, text: &str) -> anyhow::Result<()> {
        self.0.write_all(text.as_bytes())?;
        Ok(self.0.flush()?)
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
