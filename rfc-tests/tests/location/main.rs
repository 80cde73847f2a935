//! Where people are reached: registering, forking, addresses of one phone, digest, and the small methods, as strangers
//! without a SIP stack see them.

mod digest;
mod forking;
mod gruu;
mod messages;
mod moving;
mod outbound;
mod path;
mod registering;
mod syntax;

use anyhow::{Context, ensure};
use rfc_tests::raw::{Answer, header};
use rfc_tests::raw_phone::RawPhone;

/// A REGISTER of this phone; `contact` stands behind its URI.
fn register(phone: &RawPhone, contact: &str, extra: &str) -> anyhow::Result<String> {
    let address = phone.address();
    let domain = address.rsplit('@').next().context("a domain")?;
    let request = phone.request("REGISTER", &format!("sip:{domain}"), extra, "");
    let own = phone.contact()?;
    Ok(request.replacen(&format!("To: <sip:{domain}>"), &format!("To: <{address}>"), 1).replacen(
        &format!("Contact: <{own}>"),
        &format!("Contact: <{own}>{contact}"),
        1,
    ))
}

/// Registers and gives the 200.
fn registered(phone: &mut RawPhone, contact: &str, extra: &str) -> anyhow::Result<Answer> {
    let request = register(phone, contact, extra)?;
    let answer = phone.ask(request)?.1;
    ensure!(answer.status() == 200, "REGISTER: {}", answer.0);
    Ok(answer)
}

/// Every value of a header, in order.
fn all<'a>(message: &'a str, name: &str) -> Vec<&'a str> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

/// With a line in place of what the header says.
fn with(request: &str, name: &str, value: &str) -> String {
    let old = header(request, name).unwrap_or_default();
    request.replacen(&format!("{name}: {old}"), &format!("{name}: {value}"), 1)
}
