//! A peer without a SIP stack: it sends what the test writes, and reads what comes back.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustls::sign::CertifiedKey;

use crate::raw_tls::RawTls;
use crate::server::Server;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A UDP socket of its own, or a connection over TLS.
#[derive(Debug)]
pub struct RawPeer {
    wire: Wire,
    server: SocketAddr,
}

#[derive(Debug)]
enum Wire {
    Udp(UdpSocket),
    Tls(Box<RefCell<RawTls>>),
}

impl RawPeer {
    pub fn new(server: &Server) -> anyhow::Result<Self> {
        Self::at(server, (Ipv4Addr::LOCALHOST, 0))
    }

    /// At a loopback address of its own; port 0 takes any free one.
    pub fn at(server: &Server, (address, port): (Ipv4Addr, u16)) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((address, port))?;
        Ok(Self { wire: Wire::Udp(socket), server: server.udp() })
    }

    /// What keys may travel over. The server's certificate is its own and believed.
    pub fn over_tls(server: &Server) -> anyhow::Result<Self> {
        Self::over_tls_showing(server, None)
    }

    /// The same with a certificate of its own.
    pub fn over_tls_showing(server: &Server, shown: Option<Arc<CertifiedKey>>) -> anyhow::Result<Self> {
        let tls = RawTls::connect(server.tls(), &server.address.to_string(), shown)?;
        Ok(Self { wire: Wire::Tls(Box::new(RefCell::new(tls))), server: server.tls() })
    }

    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        match &self.wire {
            Wire::Udp(socket) => Ok(socket.local_addr()?),
            Wire::Tls(tls) => tls.borrow().address(),
        }
    }

    /// As a Via names it.
    pub fn transport(&self) -> &'static str {
        match self.wire {
            Wire::Udp(_) => "UDP",
            Wire::Tls(_) => "TLS",
        }
    }

    /// Where it is to be met, as a SIP URI names it.
    pub fn place(&self) -> String {
        let local = self.address().map(|address| address.to_string()).unwrap_or_default();
        format!("{local}{}", parameter_of(self.transport()))
    }

    pub fn send(&self, octets: &[u8]) -> anyhow::Result<()> {
        match &self.wire {
            Wire::Udp(socket) => drop(socket.send_to(octets, self.server)?),
            Wire::Tls(tls) => tls.borrow_mut().send_octets(octets)?,
        }
        Ok(())
    }

    /// The next message, or none within this time.
    pub fn receive(&self, within: Duration) -> anyhow::Result<Option<String>> {
        let socket = match &self.wire {
            Wire::Udp(socket) => socket,
            Wire::Tls(tls) => return tls.borrow_mut().receive_within(within),
        };
        socket.set_read_timeout(Some(within.max(Duration::from_millis(1))))?;
        let mut octets = vec![0; 65_536];
        match socket.recv(&mut octets) {
            Ok(length) => Ok(Some(String::from_utf8_lossy(&octets[..length]).into_owned())),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a request and gives the first final response to it.
    pub fn ask(&self, request: &str) -> anyhow::Result<Answer> {
        self.send(request.as_bytes())?;
        let call_id = header(request, "Call-ID").context("a request with a Call-ID")?;
        let give_up = Instant::now() + ANSWER_WITHIN;
        while let Some(text) = self.receive(give_up.saturating_duration_since(Instant::now()))? {
            let answer = Answer(text);
            if answer.header("Call-ID") == Some(call_id) && answer.status() >= 200 {
                return Ok(answer);
            }
        }
        anyhow::bail!("no final response within {ANSWER_WITHIN:?} to\n{request}")
    }

    /// The server is alive: it answers an OPTIONS.
    pub fn ping(&self) -> anyhow::Result<()> {
        let answer = self.ask(&self.request("OPTIONS", &format!("sip:{}", self.server.ip()), "", ""))?;
        ensure!(answer.status() == 200, "OPTIONS: {}", answer.0);
        Ok(())
    }

    /// A well-formed request; `extra`: further header lines with their CRLF.
    pub fn request(&self, method: &str, uri: &str, extra: &str, body: &str) -> String {
        let local = self.address().map(|address| address.to_string()).unwrap_or_default();
        request(self.transport(), &local, method, uri, extra, body)
    }
}

/// A well-formed request with a Call-ID and branch of its own.
pub fn request(transport: &str, local: &str, method: &str, uri: &str, extra: &str, body: &str) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let content_type = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let parameter = parameter_of(transport);
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {local};rport;branch=z9hG4bK-raw-{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:raw@{local}>;tag=raw{number}\r\nTo: <{uri}>\r\nCall-ID: raw-{number}@{local}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:raw@{local}{parameter}>\r\n{extra}{content_type}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What a Contact says of its transport.
fn parameter_of(transport: &str) -> &'static str {
    match transport {
        "TLS" => ";transport=tls",
        _ => "",
    }
}

/// The value of a header of a message as text.
pub fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let head = message.split("\r\n\r\n").next()?;
    head.split("\r\n").skip(1).find_map(|line| {
        let (its_name, value) = line.split_once(':')?;
        its_name.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

#[derive(Clone, Debug)]
pub struct Answer(pub String);

impl Answer {
    pub fn status(&self) -> u16 {
        self.0.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.0, name)
    }
}

/// A TCP connection to the server's SIP port.
#[derive(Debug)]
pub struct RawStream(TcpStream);

impl RawStream {
    pub fn connect(server: &Server) -> anyhow::Result<Self> {
        let stream = TcpStream::connect_timeout(&server.udp(), ANSWER_WITHIN)?;
        stream.set_nodelay(true)?;
        Self::of(stream)
    }

    /// A connection that the server opened.
    pub fn of(stream: TcpStream) -> anyhow::Result<Self> {
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_write_timeout(Some(ANSWER_WITHIN))?;
        Ok(Self(stream))
    }

    pub fn local(&self) -> anyhow::Result<String> {
        Ok(self.0.local_addr()?.to_string())
    }

    pub fn send(&mut self, octets: &[u8]) -> anyhow::Result<()> {
        Ok(self.0.write_all(octets)?)
    }

    /// What comes until `enough` is satisfied; the connection's end ends it too.
    pub fn read_until(&mut self, enough: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        let mut read = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&read).into_owned();
            if enough(&text) {
                return Ok(text);
            }
            match self.0.read(&mut chunk).with_context(|| format!("so far: {text}"))? {
                0 => return Ok(text),
                count => read.extend_from_slice(&chunk[..count]),
            }
        }
    }

    /// As [`Self::read_until`], but what came within this time is enough too.
    pub fn read_within(&mut self, within: Duration, enough: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        let give_up = Instant::now() + within;
        let mut read = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&read).into_owned();
            let left = give_up.saturating_duration_since(Instant::now());
            if enough(&text) || left.is_zero() {
                return Ok(text);
            }
            self.0.set_read_timeout(Some(left))?;
            match self.0.read(&mut chunk) {
                Ok(0) => return Ok(text),
                Ok(count) => read.extend_from_slice(&chunk[..count]),
                // Time is over, or the server has closed with octets of ours unread.
                Err(_) => return Ok(text),
            }
        }
    }
}
