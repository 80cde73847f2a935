//! The running server, asked by its HTTP API on this machine.
//!
//! Who may write the data directory runs the server: a session of an administrator is put into its database for the one
//! question, as `plenary user` puts accounts there. The server proves itself by the very certificate it is configured
//! with, so that nobody else who took its port learns the session's token.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use plenary_config::Settings;
use plenary_sip::net::{Judge, client_judging_by};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConnection, Error, StreamOwned};
use time::OffsetDateTime;

use crate::api::Token;
use crate::store::{AccountRole, PageOf, Store};

const PATIENCE: Duration = Duration::from_secs(10);

/// The body of a successful answer to `GET /api/v1{path}`.
pub(super) fn get(settings: &Settings, path: &str) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let token = Token::new().map_err(|_| anyhow!("the system gives no randomness"))?;
    let store = runtime.block_on(async {
        let store = Store::open_beside(&crate::server::store_settings(settings)).await?;
        let now = OffsetDateTime::now_utc();
        store.add_session(token.hash(), &administrator(&store).await?, now, now + PATIENCE * 2).await?;
        anyhow::Ok(store)
    })?;
    let answer = ask(settings, path, &token);
    runtime.block_on(store.end_session(token.hash()))?;
    answer
}

/// Percent-encodes what is to be one segment of a path (RFC 3986 §3.3).
pub(super) fn segment(text: &str) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    let octets = text.bytes();
    octets.map(|octet| if plain(octet) { char::from(octet).to_string() } else { format!("%{octet:02X}") }).collect()
}

async fn administrator(store: &Store) -> anyhow::Result<String> {
    let mut page = PageOf::first(PageOf::MAX_LIMIT);
    loop {
        let accounts = store.accounts(&page).await?;
        let found = accounts.items.into_iter().find(|one| !one.disabled && one.roles.contains(&AccountRole::Admin));
        match (found, accounts.next) {
            (Some(account), _) => return Ok(account.name),
            (None, Some(next)) => page.after = Some(next),
            (None, None) => bail!("no enabled account is an administrator: see `plenary user add --role admin`"),
        }
    }
}

fn ask(settings: &Settings, path: &str, token: &Token) -> anyhow::Result<String> {
    let address = reachable(settings.http.listen);
    let connected = TcpStream::connect_timeout(&address, PATIENCE);
    let stream = connected.with_context(|| format!("no server runs at http.listen ({address})"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!(
        "GET /api/v1{path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        token.reveal()
    );
    let answer = match settings.http.tls {
        true => exchange(StreamOwned::new(tls(settings, address)?, stream), &request),
        false => exchange(stream, &request),
    };
    let answer = answer.with_context(|| format!("asking {address}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the server's answer is no HTTP")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    ensure!(status == "200", "{}", problem(status, body));
    Ok(body.to_owned())
}

fn exchange(mut stream: impl Read + Write, request: &str) -> std::io::Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// RFC 9457: the detail is the sentence for people.
fn problem(status: &str, body: &str) -> String {
    let document: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let detail = document.as_ref().and_then(|document| document["detail"].as_str());
    detail.map_or_else(|| format!("the server answered {status}"), str::to_owned)
}

/// A server that listens everywhere listens on loopback.
fn reachable(listening: SocketAddr) -> SocketAddr {
    match listening {
        SocketAddr::V4(at) if at.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, at.port()).into(),
        SocketAddr::V6(at) if at.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, at.port()).into(),
        at => at,
    }
}

fn tls(settings: &Settings, address: SocketAddr) -> anyhow::Result<ClientConnection> {
    let made = settings.server.data_dir.join("tls").join("cert.pem");
    let file = settings.sip.tls_certificate.as_ref().unwrap_or(&made);
    let certificate = CertificateDer::from_pem_file(file).with_context(|| format!("{}", file.display()))?;
    let config = client_judging_by(TheVeryOne(certificate))?;
    Ok(ClientConnection::new(Arc::new(config), ServerName::from(address.ip()))?)
}

/// Takes one certificate and no other, whatever names it carries.
#[derive(Debug)]
struct TheVeryOne(CertificateDer<'static>);

impl Judge for TheVeryOne {
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server: &ServerName<'_>,
        _now: UnixTime,
    ) -> Result<(), Error> {
        match *certificate == self.0 {
            true => Ok(()),
            false => Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_becomes_one_segment() {
        assert_eq!(segment("a84b4c@pc33.atlanta"), "a84b4c%40pc33.atlanta");
        assert_eq!(segment("a/b?c#%\u{e9}"), "a%2Fb%3Fc%23%25%C3%A9");
    }

    #[test]
    fn everywhere_is_reached_on_loopback() {
        let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
        assert_eq!(reachable(at("0.0.0.0:8443")), at("127.0.0.1:8443"));
        assert_eq!(reachable(at("[::]:8443")), at("[::1]:8443"));
        assert_eq!(reachable(at("192.0.2.1:8443")), at("192.0.2.1:8443"));
    }
}
