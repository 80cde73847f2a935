//! The HTTP API as a script uses it: over TLS, by the certificate that the server made.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, http};

use crate::deadline::wait_for;
use crate::server::Server;

#[derive(Clone, Debug)]
pub struct Api {
    agent: Agent,
    base: String,
    token: String,
}

impl Api {
    /// Nobody signed in.
    pub fn open(server: &Server) -> anyhow::Result<Self> {
        let pem = std::fs::read(server.certificate()).context("the server made no certificate")?;
        let roots = RootCerts::new_with_certs(&[Certificate::from_pem(&pem)?]);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(15)))
            .build();
        Ok(Self { agent: agent.into(), base: server.url(), token: String::new() })
    }

    pub fn sign_in(server: &Server, name: &str, password: &str) -> anyhow::Result<Self> {
        let mut api = Self::open(server)?;
        let session = api.post("/session", json!({ "username": name, "password": password }))?;
        api.token = session["token"].as_str().context("a session without token")?.to_owned();
        Ok(api)
    }

    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.expect_success("GET", path, None)
    }

    pub fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.expect_success("POST", path, Some(body))
    }

    pub fn patch(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.expect_success("PATCH", path, Some(body))
    }

    pub fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.expect_success("DELETE", path, None)
    }

    /// Status and body, whatever they are. A path that begins with `/` and no known root is under `/api/v1`.
    pub fn call(&self, method: &str, path: &str, body: Option<&str>) -> anyhow::Result<(u16, String)> {
        let at_root = ["/healthz", "/readyz", "/metrics"].contains(&path);
        let prefix = if at_root { "" } else { "/api/v1" };
        let mut request = http::Request::builder().method(method).uri(format!("{}{prefix}{path}", self.base));
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let mut response = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json").body(body.to_owned())?;
                self.agent.run(request)?
            }
            None => self.agent.run(request.body(())?)?,
        };
        Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// The participants of a running conference; none while it does not run.
    pub fn participants(&self, number: &str) -> anyhow::Result<Vec<Value>> {
        let (status, body) = self.call("GET", &format!("/conferences/{number}/live"), None)?;
        match status {
            200 => Ok(serde_json::from_str::<Value>(&body)?["participants"].as_array().cloned().unwrap_or_default()),
            404 => Ok(Vec::new()),
            status => bail!("live: {status} {body}"),
        }
    }

    /// Waits until so many are in this state.
    pub fn wait_for_state(
        &self,
        number: &str,
        state: &str,
        count: usize,
        within: Duration,
    ) -> anyhow::Result<Vec<Value>> {
        let what = format!("{count} participants {state} in {number}");
        let waited = wait_for(&what, within, || match self.participants(number) {
            Ok(people) => (people.iter().filter(|person| person["state"] == state).count() == count).then_some(people),
            Err(_) => None,
        });
        waited.with_context(|| format!("{:?}", self.participants(number)))
    }

    /// Media packets that were dropped for this reason.
    pub fn refused_media(&self, reason: &str) -> anyhow::Result<f64> {
        let (_, text) = self.call("GET", "/metrics", None)?;
        let name = format!("media_refused_packets_total{{reason=\"{reason}\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok());
        Ok(value.unwrap_or_default())
    }

    /// The value of a metric without labels, or the sum over its labels.
    pub fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let (_, text) = self.call("GET", "/metrics", None)?;
        let of_metric = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        let values = text.lines().filter(of_metric).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(values.sum())
    }

    fn expect_success(&self, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let body = body.map(|body| body.to_string());
        let (status, text) = self.call(method, path, body.as_deref())?;
        if !(200..300).contains(&status) {
            bail!("{method} {path}: {status} {text}");
        }
        if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
    }
}
