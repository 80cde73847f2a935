//! One question to the server's HTTP, in clear on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(5);

/// The body of a successful answer.
pub async fn get(server: SocketAddr, path: &str) -> anyhow::Result<String> {
    let asked = async {
        let mut stream = TcpStream::connect(server).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {server}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = timeout(PATIENCE, asked).await.with_context(|| format!("GET {path}: no answer"))??;
    let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("GET {path}: no answer of HTTP"))?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    ensure!(status == "200", "GET {path}: {status}");
    Ok(body.to_owned())
}

/// The value of a metric without labels, or the sum over its labels.
pub fn metric(text: &str, name: &str) -> f64 {
    let of_metric = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
    text.lines().filter(of_metric).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_summed_over_their_labels() {
        let text = "# TYPE a counter\na{b=\"1\"} 2\na{b=\"2\"} 3\nab 7\nac 1e3\n";
        assert_eq!(metric(text, "a"), 5.0);
        assert_eq!(metric(text, "ac"), 1000.0);
        assert_eq!(metric(text, "b"), 0.0);
    }
}
