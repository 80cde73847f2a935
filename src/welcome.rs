//! What the first start tells: where the console is, who may sign in, and what to type into a phone.

use std::fmt;
use std::net::SocketAddr;

use crate::store::GeneratedPassword;

/// What a newcomer needs next.
#[derive(Debug)]
pub struct Welcome {
    pub domain: String,
    pub console: String,
    /// Present only where the account was made at this start.
    pub admin_password: Option<String>,
    pub udp: Vec<SocketAddr>,
    pub tcp: Vec<SocketAddr>,
    pub tls: Vec<SocketAddr>,
    pub self_signed: bool,
}

impl Welcome {
    pub fn password(made: Option<GeneratedPassword>) -> Option<String> {
        made.map(|made| made.reveal().to_owned())
    }
}

impl fmt::Display for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |addresses: &[SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        writeln!(f, "Plenary {} is running.\n", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "  Console        {}", self.console)?;
        match &self.admin_password {
            Some(password) => writeln!(f, "  Sign in        admin / {password}   (shown this once)")?,
            None => {
                writeln!(f, "  Sign in        admin, with its password (`plenary user passwd admin` makes a new one)")?
            }
        }
        writeln!(f, "\n  Into a phone   domain {}, user and password of an account", self.domain)?;
        for (transport, addresses) in [("TLS", &self.tls), ("TCP", &self.tcp), ("UDP", &self.udp)] {
            if !addresses.is_empty() {
                writeln!(f, "                 {transport} on {}", list(addresses))?;
            }
        }
        if self.self_signed {
            writeln!(f, "                 The TLS certificate is self-signed: the phone must be told to accept it.")?;
        }
        writeln!(f, "\n  Next           make an account for each person, a conference, and press \"Call all\".")?;
        writeln!(f, "  Stop           Ctrl-C")
    }
}
