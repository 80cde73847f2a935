//! A phone's way to the server: a datagram socket of its own, or a TLS connection of its own.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, bail};
use plenary_sip::message::{Framed, Limits, Message, StreamFramer, parse_datagram};
use plenary_sip::net::TlsConfigs;
use plenary_sip::net_types::Transport;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const DATAGRAM: usize = 65_535;

#[derive(Debug)]
pub struct Line {
    pub local: SocketAddr,
    way: Way,
    buffer: Vec<u8>,
}

#[derive(Debug)]
enum Way {
    Datagrams(UdpSocket),
    Stream { stream: Box<TlsStream<TcpStream>>, framer: StreamFramer },
}

impl Line {
    pub async fn open(server: SocketAddr, transport: Transport, from: IpAddr) -> anyhow::Result<Self> {
        let from = SocketAddr::new(from, 0);
        let (way, local) = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind(from).await?;
                socket.connect(server).await?;
                let local = socket.local_addr()?;
                (Way::Datagrams(socket), local)
            }
            Transport::Tls => {
                let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
                socket.bind(from)?;
                let stream = socket.connect(server).await.with_context(|| server.to_string())?;
                stream.set_nodelay(true)?;
                let local = stream.local_addr()?;
                // Whoever answers: it is the server that was started or named.
                let connector = TlsConnector::from(TlsConfigs::default().client);
                let stream = connector.connect(ServerName::from(server.ip()), stream).await?;
                (Way::Stream { stream: Box::new(stream), framer: StreamFramer::new(Limits::default()) }, local)
            }
            other => bail!("no phone of the fleet speaks {other}"),
        };
        Ok(Self { local, way, buffer: vec![0; DATAGRAM] })
    }

    /// What is lost on the way has to be said again.
    pub fn is_lossy(&self) -> bool {
        matches!(self.way, Way::Datagrams(_))
    }

    pub async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        match &mut self.way {
            Way::Datagrams(socket) => drop(socket.send(text.as_bytes()).await?),
            Way::Stream { stream, .. } => {
                stream.write_all(text.as_bytes()).await?;
                stream.flush().await?;
            }
        }
        Ok(())
    }

    /// The next message; nothing is lost when the future is dropped.
    pub async fn hear(&mut self) -> anyhow::Result<Message> {
        loop {
            let octets = match &mut self.way {
                Way::Datagrams(socket) => {
                    let count = socket.recv(&mut self.buffer).await?;
                    Some(bytes::Bytes::copy_from_slice(self.buffer.get(..count).unwrap_or_default()))
                }
                Way::Stream { stream, framer } => match framer.next() {
                    Some(Ok(Framed::Message(octets))) => Some(octets),
                    Some(Ok(Framed::Ping)) => None,
                    Some(Err(error)) => return Err(error.into()),
                    None => {
                        let count = stream.read(&mut self.buffer).await?;
                        anyhow::ensure!(count > 0, "the server closed the connection");
                        framer.push(self.buffer.get(..count).unwrap_or_default());
                        None
                    }
                },
            };
            if let Some(octets) = octets {
                return Ok(parse_datagram(&octets, &Limits::default())?);
            }
        }
    }
}
