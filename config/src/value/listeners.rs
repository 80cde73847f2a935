//! Addresses to listen on: `"0.0.0.0:5060"`, `"[::]:5060"`; port 0 takes any free one.

use std::net::SocketAddr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

pub fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
    Vec::<String>::deserialize(deserializer)?.iter().map(|text| parse(text).map_err(D::Error::custom)).collect()
}

pub fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn parse(text: &str) -> Result<SocketAddr, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("\"{text}\" is no address with a port, like \"0.0.0.0:5060\" or \"[::]:5060\""))
}
