//! What is measured: a server of our own, or a foreign one that runs beside it on this machine.

use std::net::IpAddr;
use std::str::FromStr;

use plenary_sip::auth::Login;
use plenary_sip::net_types::Transport;

use crate::prove::child::{self, Child};
use crate::prove::load::Target;
use crate::prove::usage::Usage;

/// A server that somebody else has started: on ports 5060 and 5061, with the accounts that ours has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    pub name: String,
    pub address: IpAddr,
    /// The first of its processes.
    pub process: u32,
}

#[derive(Debug)]
pub enum Server {
    Own(Box<Child>),
    Beside(Beside),
}

impl Server {
    pub fn name(&self) -> &str {
        match self {
            Self::Own(_) => "Plenary",
            Self::Beside(beside) => &beside.name,
        }
    }

    pub fn target(&self, transport: Transport) -> Target {
        match self {
            Self::Own(child) => child.target(transport),
            Self::Beside(Beside { address, .. }) => child::target_at(*address, transport),
        }
    }

    /// Of all its processes.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        match self {
            Self::Own(child) => child.usage(),
            Self::Beside(Beside { process, .. }) => Usage::of_family(*process),
        }
    }

    pub fn login(number: usize) -> Login {
        child::login(number)
    }
}

/// `NAME=ADDRESS,PROCESS`
impl FromStr for Beside {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || format!("{text:?} is not NAME=ADDRESS,PROCESS");
        let (name, rest) = text.split_once('=').ok_or_else(fault)?;
        let (address, process) = rest.split_once(',').ok_or_else(fault)?;
        let address = address.parse().map_err(|_| fault())?;
        let process = process.parse().map_err(|_| fault())?;
        Ok(Self { name: name.to_owned(), address, process })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_beside_is_named_with_address_and_process() {
        let beside = Beside { name: "Another".into(), address: [127, 88, 0, 1].into(), process: 17 };
        assert_eq!("Another=127.88.0.1,17".parse(), Ok(beside));
        for fault in ["Another", "Another=127.88.0.1", "Another=here,17", "Another=127.88.0.1,it"] {
            assert!(fault.parse::<Beside>().is_err(), "{fault}");
        }
    }
}
