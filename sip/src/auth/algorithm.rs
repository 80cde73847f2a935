//! Digest algorithms: RFC 8760 §2.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use md5::{Digest, Md5};

use crate::hex::hex;

/// In order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    Sha256,
    /// For phones that know nothing else.
    Md5,
}

impl Algorithm {
    /// As in `algorithm=`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Md5].into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// Length of a digest in hex digits.
    pub fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Md5 => 32,
        }
    }

    /// `H(a:b:…)` in lower-case hex.
    pub(super) fn hash(self, fields: &[&str]) -> String {
        let text = fields.join(":");
        match self {
            Self::Sha256 => hex(digest(&SHA256, text.as_bytes()).as_ref()),
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
        }
    }

    /// The `response` of RFC 7616 §3.4.1. Without `counted`, that of RFC 2069 (RFC 3261 §22.4 item 8).
    pub(super) fn response(
        self,
        ha1: &str,
        nonce: &str,
        counted: Option<Counted<'_>>,
        method: &str,
        uri: &str,
    ) -> String {
        let ha2 = self.hash(&[method, uri]);
        match counted {
            Some(Counted { nc, cnonce }) => self.hash(&[ha1, nonce, &format!("{nc:08x}"), cnonce, "auth", &ha2]),
            None => self.hash(&[ha1, nonce, &ha2]),
        }
    }
}

/// What `qop=auth` adds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted<'a> {
    pub nc: u32,
    pub cnonce: &'a str,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1.
    #[test]
    fn the_examples_of_the_rfc() {
        let counted = Counted { nc: 1, cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" };
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        for (algorithm, expected) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let ha1 = algorithm.hash(&["Mufasa", "http-auth@example.org", "Circle of Life"]);
            assert_eq!(algorithm.response(&ha1, nonce, Some(counted), "GET", "/dir/index.html"), expected);
            assert_eq!(expected.len(), algorithm.hex_len());
        }
    }

    /// RFC 2617 §3.5 with its own parameters; without them, RFC 2069 with its errata.
    #[test]
    fn the_older_examples() {
        let ha1 = Algorithm::Md5.hash(&["Mufasa", "testrealm@host.com", "Circle Of Life"]);
        let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let counted = Some(Counted { nc: 1, cnonce: "0a4f113b" });
        let response = Algorithm::Md5.response(&ha1, nonce, counted, "GET", "/dir/index.html");
        assert_eq!(response, "6629fae49393a05397450978507c4ef1");
        let ha1 = Algorithm::Md5.hash(&["Mufasa", "testrealm@host.com", "CircleOfLife"]);
        assert_eq!(
            Algorithm::Md5.response(&ha1, nonce, None, "GET", "/dir/index.html"),
            "1949323746fe6a43ef61f9606e7febea"
        );
    }
}
