//! RFC 8760 and RFC 7616 at a live server: what is asked for, what is taken, and what guessing costs.

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::raw::{Answer, header};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;

use super::{all, register};

struct Bench {
    /// Keeps the server running.
    _server: Server,
    phone: RawPhone,
    challenged: Answer,
}

impl Bench {
    fn new(overrides: &[&str]) -> anyhow::Result<Self> {
        let server = Server::start_with(overrides)?;
        let mut phone = RawPhone::new(&server, &server.api()?, "alice")?;
        // Long enough for a stranger to be answered in full.
        let padding = format!("Subject: {}\r\n", "x".repeat(400));
        let challenged = phone.ask_once(&register(&phone, "", &padding)?)?;
        ensure!(challenged.status() == 401, "{}", challenged.0);
        Ok(Self { _server: server, phone, challenged })
    }

    /// A REGISTER with credentials that `change` spoils.
    fn ask(&mut self, nc: u32, change: impl Fn(&str) -> String) -> anyhow::Result<Answer> {
        let request = register(&self.phone, "", "")?;
        let request = self.phone.with_credentials(&request, &self.challenged, nc)?;
        let right = header(&request, "Authorization").context("credentials")?.to_owned();
        self.phone.ask_once(&request.replace(&right, &change(&right)))
    }

    fn still_serves(&mut self) -> anyhow::Result<()> {
        self.phone.register()
    }
}

fn is_challenge(answer: &Answer) -> bool {
    let challenges = all(&answer.0, "WWW-Authenticate");
    let is_digest = |challenge: &&str| challenge.starts_with("Digest ") && challenge.contains("qop=\"auth\"");
    answer.status() == 401 && !challenges.is_empty() && challenges.iter().all(is_digest)
}

#[test]
fn an_algorithm_that_was_not_offered_is_not_taken() -> anyhow::Result<()> {
    let claim = covers(["8760-02"]).pending();
    let mut both = Bench::new(&[])?;
    ensure!(both.ask(1, str::to_owned)?.status() == 200, "SHA-256");
    let mut only_md5 = Bench::new(&["security.digest=[\"md5\"]"])?;
    ensure!(only_md5.ask(1, str::to_owned)?.status() == 200, "MD5");
    let md5 = only_md5.challenged.clone();
    let mut one = Bench::new(&["security.digest=[\"sha-256\"]"])?;
    let nonce = one.challenged.header("WWW-Authenticate").and_then(nonce_of).context("a nonce")?;
    let theirs = md5.header("WWW-Authenticate").and_then(nonce_of).context("a nonce")?;
    let realm = |answer: &Answer| {
        answer.header("WWW-Authenticate").and_then(|value| part(value, "realm=\"")).map(str::to_owned)
    };
    let (own_realm, their_realm) = (realm(&one.challenged).context("a realm")?, realm(&md5).context("a realm")?);
    one.challenged = Answer(md5.0.replace(theirs, nonce).replace(&their_realm, &own_realm));
    ensure!(is_challenge(&one.ask(1, str::to_owned)?), "MD5 was not offered");
    claim.proven();
    Ok(())
}

fn nonce_of(challenge: &str) -> Option<&str> {
    part(challenge, "nonce=\"")
}

fn part<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.split(before).nth(1)?.split('"').next()
}

#[test]
fn basic_bearer_and_unquoted_credentials_are_asked_for_digest() -> anyhow::Result<()> {
    let claim = covers(["8760-03"]).pending();
    let mut bench = Bench::new(&[])?;
    ensure!(is_challenge(&bench.challenged), "{}", bench.challenged.0);
    for other in ["Basic YWxpY2U6c2VjcmV0", "Bearer abc.def.ghi"] {
        let answer = bench.ask(1, |_| other.to_owned())?;
        ensure!(is_challenge(&answer) && !answer.0.contains("Basic"), "{other}: {}", answer.0);
    }
    let unquoted = bench.ask(1, |right| {
        let uri = part(right, "uri=\"").unwrap_or_default();
        right.replace(&format!("uri=\"{uri}\""), &format!("uri={uri}"))
    })?;
    ensure!(matches!(unquoted.status(), 400 | 401), "{}", unquoted.0);
    let without_qop = bench.ask(1, |right| {
        let kept = right.split(", ").filter(|part| !["qop", "nc=", "cnonce"].iter().any(|name| part.starts_with(name)));
        kept.collect::<Vec<_>>().join(", ")
    })?;
    ensure!(is_challenge(&without_qop), "{}", without_qop.0);
    bench.still_serves()?;
    claim.proven();
    Ok(())
}

/// A nonce ends by time too: `flows rfc3261::s10_register::an_old_nonce_is_stale_and_the_password_still_right`.
#[test]
fn a_count_is_good_once_and_a_foreign_nonce_never() -> anyhow::Result<()> {
    let claims =
        (covers(["8760-04"]).pending(), covers(["T-21"]).but("strict for all: no device is relaxed").pending());
    let mut bench = Bench::new(&[])?;
    ensure!(bench.ask(2, str::to_owned)?.status() == 200);
    for nc in [2, 1] {
        // Also what an old phone does that never counts.
        let replayed = bench.ask(nc, str::to_owned)?;
        ensure!(is_challenge(&replayed) && replayed.0.contains("stale=true"), "{nc}: {}", replayed.0);
    }
    ensure!(bench.ask(3, str::to_owned)?.status() == 200);
    let foreign = bench.ask(4, |right| right.replacen("nonce=\"", "nonce=\"A", 1))?;
    ensure!(is_challenge(&foreign), "{}", foreign.0);
    // The digest of another method proves nothing.
    let options = bench.phone.request("INVITE", &bench.phone.address().replace("alice@", ""), "", "");
    let of_invite = bench.phone.with_credentials(&options, &bench.challenged.clone(), 5)?;
    let of_invite = header(&of_invite, "Authorization").context("credentials")?.to_owned();
    let answer = bench.ask(5, |_| of_invite.clone())?;
    ensure!(is_challenge(&answer) && !answer.0.contains("stale=true"), "{}", answer.0);
    bench.still_serves()?;
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

#[test]
fn a_response_of_the_wrong_length_is_refused() -> anyhow::Result<()> {
    let claim = covers(["8760-05"]).pending();
    let mut bench = Bench::new(&[])?;
    for length in [0, 1, 31, 32, 63, 65, 128] {
        let answer = bench.ask(1, |right| {
            let response = part(right, " response=\"").unwrap_or_default();
            right.replace(&format!(" response=\"{response}\""), &format!(" response=\"{}\"", "a".repeat(length)))
        })?;
        ensure!(matches!(answer.status(), 400 | 401), "{length}: {}", answer.0);
    }
    bench.still_serves()?;
    claim.proven();
    Ok(())
}

#[test]
fn hashed_and_foreign_user_names_are_refused_cleanly() -> anyhow::Result<()> {
    let claim = covers(["8760-07"]).pending();
    let mut bench = Bench::new(&[])?;
    let hashed = bench.ask(1, |right| {
        let hash = "488869477bf257147b804c45308cd62ac4e25eb717b12b298c79e62dcea254ec";
        right.replace("username=\"alice\"", &format!("username=\"{hash}\", userhash=true"))
    })?;
    ensure!(is_challenge(&hashed), "{}", hashed.0);
    for user in ["J\u{e4}s\u{f8}n Doe", "\u{738b}\u{5c0f}\u{660e}"] {
        let utf8 = bench.ask(1, |right| right.replace("username=\"alice\"", &format!("username=\"{user}\"")))?;
        ensure!(is_challenge(&utf8), "{}", utf8.0);
        let extended = bench.ask(1, |right| right.replace("username=\"alice\"", "username*=UTF-8''J%C3%A4s%C3%B8n"))?;
        ensure!(matches!(extended.status(), 400 | 401), "{}", extended.0);
    }
    bench.still_serves()?;
    claim.proven();
    Ok(())
}

/// Guessing takes longer and longer, and harms nobody else.
#[test]
fn each_wrong_password_beyond_the_free_ones_makes_the_next_wait_longer() -> anyhow::Result<()> {
    let mut bench = Bench::new(&["security.free-failures=3"])?;
    let spoiled = |right: &str| {
        let response = part(right, " response=\"").unwrap_or_default().to_owned();
        right.replace(&response, &"0".repeat(response.len()))
    };
    for nc in 1..=4 {
        ensure!(bench.ask(nc, spoiled)?.status() == 401);
    }
    let blocked = bench.ask(5, spoiled)?;
    ensure!(blocked.status() == 403, "{}", blocked.0);
    let wait: u32 = blocked.header("Retry-After").context("Retry-After")?.parse()?;
    ensure!(wait >= 1, "{wait}");
    // Even the right password is not looked at meanwhile: a guess must not be told from another.
    ensure!(bench.ask(6, str::to_owned)?.status() == 403);
    Ok(())
}
