//! What the administrator meets first: settings with faults, ports in use, folders that cannot be written.

use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use rfc_tests::process::Process;
use rfc_tests::scratch::{Scratch, own_address};
use rfc_tests::server::{Server, plenary};

/// Exit status, standard output, standard error.
fn run(arguments: &[&str], overrides: &[String]) -> anyhow::Result<(Option<i32>, String, String)> {
    let output = plenary(arguments, overrides)?.stdin(Stdio::null()).output()?;
    let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
    Ok((output.status.code(), text(output.stdout), text(output.stderr)))
}

/// Settings that would start, all on an address and a folder of their own.
fn settings(scratch: &Scratch) -> Vec<String> {
    let address = own_address();
    vec![
        format!("server.data-dir={}", scratch.path().join("data").display()),
        format!("sip.udp=[\"{address}:5060\"]"),
        format!("sip.tcp=[\"{address}:5060\"]"),
        format!("sip.tls=[\"{address}:5061\"]"),
        format!("http.listen={address}:8443"),
        format!("media.bind={address}"),
    ]
}

/// Starts a server that is to fail, and gives its output.
fn fails_to_start(overrides: &[String], scratch: &Scratch) -> anyhow::Result<(Option<i32>, String)> {
    let mut process = Process::start(&mut plenary(&["serve"], overrides)?, &scratch.path().join("log"))?;
    let status = process.wait(Duration::from_secs(15))?;
    Ok((status.code(), process.output()))
}

#[test]
fn version_and_help_are_told_and_nonsense_is_refused_with_status_2() -> anyhow::Result<()> {
    let (status, output, _) = run(&["--version"], &[])?;
    assert_eq!((status, output.starts_with("plenary ")), (Some(0), true), "{output}");
    let (status, output, _) = run(&["--help"], &[])?;
    assert_eq!((status, output.contains("serve") && output.contains("check")), (Some(0), true), "{output}");
    assert_eq!(run(&["dance"], &[])?.0, Some(2));
    assert_eq!(run(&[], &[])?.0, Some(2));
    Ok(())
}

#[test]
fn check_names_every_fault_at_once_with_its_key() -> anyhow::Result<()> {
    let faulty = ["sip.udp=[\"nowhere\"]", "media.speakers=0", "sip.no-such-key=1"].map(String::from);
    let (status, _, errors) = run(&["check"], &faulty)?;
    assert_eq!(status, Some(2), "{errors}");
    for key in ["sip.udp", "media.speakers", "sip.no-such-key"] {
        assert!(errors.contains(key), "{key} is not named:\n{errors}");
    }
    Ok(())
}

#[test]
fn check_prints_the_settings_with_secrets_masked() -> anyhow::Result<()> {
    let (status, output, _) = run(&["check"], &["admin.password=do not show me".into()])?;
    assert_eq!(status, Some(0));
    assert!(output.contains("[sip]") && !output.contains("do not show me"), "{output}");
    Ok(())
}

#[test]
fn a_port_in_use_is_named_in_one_line() -> anyhow::Result<()> {
    for (key, port, udp) in
        [("sip.tcp", 5060, false), ("sip.tls", 5061, false), ("http.listen", 8443, false), ("sip.udp", 5060, true)]
    {
        let scratch = Scratch::new("port")?;
        let settings = settings(&scratch);
        let address = settings[4].trim_start_matches("http.listen=").trim_end_matches(":8443").to_owned();
        let taken = (address.as_str(), port);
        let (_tcp, _udp) = match udp {
            false => (Some(TcpListener::bind(taken)?), None),
            true => (None, Some(std::net::UdpSocket::bind(taken)?)),
        };
        let (status, output) = fails_to_start(&settings, &scratch)?;
        let line = output.lines().find(|line| line.starts_with("plenary: ")).unwrap_or_default();
        assert_eq!(status, Some(1), "{key}: {output}");
        assert!(line.contains(&format!("{address}:{port}")) && line.contains("in use"), "{key}: {output}");
    }
    Ok(())
}

#[test]
fn an_unreadable_certificate_is_named() -> anyhow::Result<()> {
    let scratch = Scratch::new("certificate")?;
    let mut settings = settings(&scratch);
    let garbage = scratch.path().join("cert.pem");
    std::fs::write(&garbage, "not a certificate")?;
    settings.push(format!("sip.tls-certificate={}", garbage.display()));
    settings.push(format!("sip.tls-key={}", garbage.display()));
    let (status, output) = fails_to_start(&settings, &scratch)?;
    assert_eq!(status, Some(1), "{output}");
    assert!(output.contains("cert.pem") && output.contains("no certificate"), "{output}");
    Ok(())
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() -> anyhow::Result<()> {
    let scratch = Scratch::new("data")?;
    let mut settings = settings(&scratch);
    let file = scratch.path().join("file");
    std::fs::write(&file, "in the way")?;
    settings.push(format!("server.data-dir={}", file.join("data").display()));
    let (status, output) = fails_to_start(&settings, &scratch)?;
    assert_eq!(status, Some(1), "{output}");
    assert!(output.contains(&file.display().to_string()), "{output}");
    Ok(())
}

#[test]
fn a_second_server_does_not_touch_the_data_of_the_first() -> anyhow::Result<()> {
    let first = Server::start()?;
    let scratch = Scratch::new("second")?;
    let mut settings = settings(&scratch);
    settings.push(format!("server.data-dir={}", first.scratch.path().join("data").display()));
    let (status, output) = fails_to_start(&settings, &scratch)?;
    assert_eq!(status, Some(1), "{output}");
    first.api()?.get("/accounts")?;
    Ok(())
}

#[test]
fn accounts_are_kept_from_the_command_line() -> anyhow::Result<()> {
    let scratch = Scratch::new("user")?;
    let settings = settings(&scratch);
    let mut add = plenary(
        &["user", "add", "alice", "--display-name", "Alice A.", "--role", "operator", "--password-stdin"],
        &settings,
    )?;
    let mut child = add.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child.stdin.take().expect("a pipe").write_all(b"a good password\n")?;
    assert!(child.wait()?.success());
    let (status, output, _) = run(&["user", "list"], &settings)?;
    assert_eq!(status, Some(0));
    assert!(output.contains("alice") && output.contains("operator") && output.contains("Alice A."), "{output}");
    let (status, _, errors) = run(&["user", "add", "alice"], &settings)?;
    assert_eq!((status, errors.lines().count()), (Some(1), 1), "{errors}");
    let (status, output, _) = run(&["user", "passwd", "alice"], &settings)?;
    assert_eq!((status, output.contains("password: ")), (Some(0), true), "{output}");
    assert_eq!(run(&["user", "remove", "alice"], &settings)?.0, Some(0));
    assert_eq!(run(&["user", "remove", "alice"], &settings)?.0, Some(1));
    Ok(())
}
