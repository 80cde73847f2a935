//! TLS as server: RFC 5922, RFC 9325; certificates that change while it runs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::authority::Authority;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw_tls::RawTls;
use rfc_tests::scratch::Scratch;
use rfc_tests::server::Server;
use serde_json::json;

const SOON: Duration = Duration::from_secs(10);

/// RFC 5922 §7.8 and §7.4: two domains on one port; who shows a certificate shows one of ours.
#[test]
fn sni_chooses_the_certificate_and_clients_are_those_of_the_authority() -> anyhow::Result<()> {
    let claim = covers(["5922-05"]).but("what the proven identity is worth to trunks").pending();
    let scratch = Scratch::new("sni")?;
    let (ours, others) = (Authority::new("ours")?, Authority::new("others")?);
    let (one, one_key) = ours.issue("x", &["one.example"])?.write(scratch.path(), "one")?;
    let (two, two_key) = ours.issue("x", &["uri:sip:two.example"])?.write(scratch.path(), "two")?;
    let authorities = scratch.path().join("clients.pem");
    std::fs::write(&authorities, ours.pem())?;
    let own = [
        format!("sip.tls-certificate={}", one.display()),
        format!("sip.tls-key={}", one_key.display()),
        format!("sip.tls-certificates=[{{certificate=\"{}\", key=\"{}\"}}]", two.display(), two_key.display()),
        format!("sip.tls-client-ca={}", authorities.display()),
    ];
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let server = Server::start_with(&own)?;
    let uri = format!("sip:{}", server.address);
    for (asked, shown) in [("one.example", "one.example"), ("two.example", "two.example"), ("x.example", "one.example")]
    {
        for at in [server.tls(), SocketAddr::from((server.address, 8443))] {
            let tls = RawTls::connect(at, asked, None)?;
            ensure!(tls.identities().include(shown), "{asked} at {at}: {:?}", tls.identities());
        }
    }
    let trunk = ours.issue("x", &["uri:sip:trunk.example"])?.certified()?;
    ensure!(RawTls::connect(server.tls(), "one.example", Some(trunk.clone()))?.options(&uri, "")?.status() == 200);
    let stranger = others.issue("x", &["uri:sip:trunk.example"])?.certified()?;
    let refused =
        RawTls::connect(server.tls(), "one.example", Some(stranger)).and_then(|mut tls| tls.options(&uri, ""));
    ensure!(refused.is_err(), "a certificate of another authority is none: {refused:?}");

    let strict = Server::start_with(&[&own[..], &["sip.tls-clients=required"]].concat())?;
    let uri = format!("sip:{}", strict.address);
    ensure!(RawTls::connect(strict.tls(), "one.example", Some(trunk))?.options(&uri, "")?.status() == 200);
    let nobody = RawTls::connect(strict.tls(), "one.example", None).and_then(|mut tls| tls.options(&uri, ""));
    ensure!(nobody.is_err(), "without a certificate: {nobody:?}");
    claim.proven();
    Ok(())
}

#[test]
fn new_certificates_are_shown_without_a_restart_and_broken_ones_never() -> anyhow::Result<()> {
    let scratch = Scratch::new("renewal")?;
    let authority = Authority::new("authority")?;
    let (certificate, key) = authority.issue("x", &["first.example"])?.write(scratch.path(), "own")?;
    let files = [format!("sip.tls-certificate={}", certificate.display()), format!("sip.tls-key={}", key.display())];
    let server = Server::start_with(&[&files[0], &files[1], "sip.tls-watch=50ms"])?;
    let uri = format!("sip:{}", server.address);
    let https = SocketAddr::from((server.address, 8443));
    let mut standing = RawTls::connect(server.tls(), "x.example", None)?;
    ensure!(standing.identities().include("first.example"));

    let shown = |server: &Server, at: SocketAddr, name: &str| {
        wait_for(&format!("the certificate of {name} at {at}\n{}", server.log()), SOON, || {
            RawTls::connect(at, "x.example", None).ok().filter(|tls| tls.identities().include(name)).map(drop)
        })
    };
    authority.issue("x", &["second.example"])?.write(scratch.path(), "own")?;
    shown(&server, server.tls(), "second.example")?;
    shown(&server, https, "second.example")?;

    std::fs::write(&certificate, "no certificate")?;
    wait_for("a word on the broken file", SOON, || {
        server.log().contains("new certificates cannot be used").then_some(())
    })?;
    shown(&server, server.tls(), "second.example")?;
    ensure!(standing.options(&uri, "")?.status() == 200, "what stands goes on");

    // On request alone.
    let (certificate, key) = authority.issue("x", &["third.example"])?.write(scratch.path(), "other")?;
    let files = [format!("sip.tls-certificate={}", certificate.display()), format!("sip.tls-key={}", key.display())];
    let server = Server::start_with(&[&files[0], &files[1], "sip.tls-watch=0s"])?;
    authority.issue("x", &["fourth.example"])?.write(scratch.path(), "other")?;
    ensure!(RawTls::connect(server.tls(), "x.example", None)?.identities().include("third.example"));
    let asked = std::process::Command::new("kill").args(["-HUP", &server.id().to_string()]).status()?;
    ensure!(asked.success());
    shown(&server, server.tls(), "fourth.example")
}

/// RFC 5922 §8.1.
#[test]
fn a_password_stands_for_its_message_and_not_for_the_connection() -> anyhow::Result<()> {
    use plenary_sip::auth::{Challenge, Login, answer};
    let claim = covers(["5922-06"]).pending();
    let server = Server::start()?;
    server.api()?.post("/accounts", json!({ "name": "alice", "password": "a-phones-password" }))?;
    let domain = server.address.to_string();
    let register = |number: u32, extra: &str| {
        format!(
            "REGISTER sip:{domain} SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;rport;branch=z9hG4bKr{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:alice@{domain}>;tag=1\r\nTo: <sip:alice@{domain}>\r\nCall-ID: r\r\n\
             CSeq: {number} REGISTER\r\nContact: <sip:alice@127.0.0.1;transport=tls>\r\n{extra}Content-Length: 0\r\n\r\n"
        )
    };
    let mut phone = RawTls::connect(server.tls(), &domain, None)?;
    let challenged = phone.ask(&register(1, ""))?;
    let challenge = Challenge::parse(challenged.header("WWW-Authenticate").context("a challenge")?)?;
    let login = Login { user: "alice".into(), password: "a-phones-password".into() };
    let value = answer(&challenge, &login, &"REGISTER".into(), &format!("sip:{domain}").parse()?, "c", 1);
    ensure!(phone.ask(&register(2, &format!("Authorization: {value}\r\n")))?.status() == 200);
    ensure!(phone.ask(&register(3, ""))?.status() == 401, "the same connection, no password");
    claim.proven();
    Ok(())
}

/// RFC 9325 §3.1 and §4, on the ports of SIP and of WebSockets.
#[test]
fn old_versions_weak_suites_and_compression_find_no_server() -> anyhow::Result<()> {
    let claim = covers(["9325-01"]).but("a renegotiation: the next test").pending();
    let server = Server::start()?;
    const ECDHE_ECDSA_AES128_GCM: u16 = 0xc02b;
    let weak: [(&str, u16); 7] = [
        ("static RSA", 0x009c),
        ("RC4", 0x0005),
        ("3DES", 0xc008),
        ("export", 0x0003),
        ("NULL", 0xc006),
        ("anonymous", 0xc018),
        ("CBC with SHA-1", 0xc009),
    ];
    for at in [server.tls(), SocketAddr::from((server.address, 8443))] {
        let good = hello(at, 0x0303, &[ECDHE_ECDSA_AES128_GCM], &[0])?;
        ensure!(good.first() == Some(&0x16) && good.get(9..11) == Some(&[3, 3]), "{at}: TLS 1.2 {good:02x?}");
        for (version, name) in [(0x0300, "SSL 3.0"), (0x0301, "TLS 1.0"), (0x0302, "TLS 1.1")] {
            ensure!(
                hello(at, version, &[ECDHE_ECDSA_AES128_GCM, 0xc009, 0xc00a], &[0])?.first() != Some(&0x16),
                "{at}: {name}"
            );
        }
        for (name, suite) in weak {
            ensure!(hello(at, 0x0303, &[suite], &[0])?.first() != Some(&0x16), "{at}: {name}");
        }
        let both = hello(at, 0x0303, &[ECDHE_ECDSA_AES128_GCM], &[1, 0])?;
        let session = usize::from(*both.get(43).context("a ServerHello")?);
        ensure!(both.get(43 + 1 + session + 2) == Some(&0), "{at}: compression was chosen: {both:02x?}");
        ensure!(hello(at, 0x0303, &[ECDHE_ECDSA_AES128_GCM], &[1])?.first() != Some(&0x16), "{at}: compression alone");
    }
    claim.proven();
    Ok(())
}

/// TLS 1.3 has no renegotiation, and whoever asks for one in TLS 1.2 is not heard (RFC 5246 §7.4.1.2 allows that).
#[test]
fn a_renegotiation_finds_no_answer_and_the_server_goes_on() -> anyhow::Result<()> {
    let claim = covers(["9325-01"]).pending();
    let server = Server::start()?;
    let uri = format!("sip:{}", server.address);
    let mut other = RawTls::connect(server.tls(), &server.address.to_string(), None)?;
    for at in [server.tls(), SocketAddr::from((server.address, 8443))] {
        let told = asked_to_renegotiate(at)?;
        ensure!(told.contains("Protocol  : TLSv1.2") || told.contains("New, TLSv1.2"), "{at}: {told}");
        // With a second handshake would come a second certificate, of which OpenSSL tells as of the first.
        let shown: Vec<_> = told.split("RENEGOTIATING").map(|part| part.matches("verify return:").count()).collect();
        ensure!(matches!(shown[..], [first, 0] if first > 0), "{at}: {told}");
    }
    ensure!(other.options(&uri, "")?.status() == 200, "what stands goes on");
    claim.proven();
    Ok(())
}

/// What OpenSSL tells of it within three seconds.
fn asked_to_renegotiate(at: SocketAddr) -> anyhow::Result<String> {
    let mut openssl = Command::new("timeout")
        .args(["3", "openssl", "s_client", "-tls1_2", "-connect", &at.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = openssl.stdin.take().context("its input")?;
    stdin.write_all(b"R\n")?;
    let told = openssl.wait_with_output()?;
    // At the end of its input it would have gone.
    drop(stdin);
    Ok(format!("{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr)))
}

/// What comes back for a ClientHello with this version, these suites and compressions: RFC 5246 §7.4.1.2.
fn hello(at: SocketAddr, version: u16, suites: &[u16], compressions: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(u16::try_from(suites.len() * 2)?.to_be_bytes());
    suites.iter().for_each(|suite| body.extend(suite.to_be_bytes()));
    body.push(u8::try_from(compressions.len())?);
    body.extend(compressions);
    // supported_groups: P-256; ec_point_formats; signature_algorithms: ECDSA and RSA with SHA-256; extended master secret.
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 23][..],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 6, 0, 4, 4, 3, 8, 4],
        &[0, 23, 0, 0],
        &[0xff, 1, 0, 1, 0],
    ];
    let extensions = extensions.concat();
    body.extend(u16::try_from(extensions.len())?.to_be_bytes());
    body.extend(&extensions);
    let mut record = vec![0x16, 3, 1];
    record.extend(u16::try_from(body.len() + 4)?.to_be_bytes());
    record.extend([1, 0]);
    record.extend(u16::try_from(body.len())?.to_be_bytes());
    record.extend(&body);
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(&record)?;
    let mut answer = vec![0; 512];
    let count = stream.read(&mut answer).unwrap_or(0);
    answer.truncate(count);
    Ok(answer)
}
