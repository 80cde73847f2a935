//! Known answers of RFC 5769, and what must not pass.

use super::*;

pub(crate) const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

/// RFC 5769 §2.1.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74\
    002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020\
    000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
/// RFC 5769 §2.2 and §2.3.
const RESPONSES: [&str; 2] = [
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643\
     000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96",
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9\
     00080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c",
];

fn octets(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len() / 2).map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hex")).collect()
}

/// A check as a full agent sends it.
pub(crate) fn request(username: &str, password: &str, extra: &[(u16, &[u8])]) -> Vec<u8> {
    let mut request = Check::new(BINDING_REQUEST, &[7; 12]);
    request.push(USERNAME, username.as_bytes());
    extra.iter().for_each(|(kind, value)| request.push(*kind, value));
    request.finish(Some(&key(password))).as_slice().to_vec()
}

pub(crate) const NOMINATE: (u16, &[u8]) = (USE_CANDIDATE, &[]);
pub(crate) const CONTROLLED: (u16, &[u8]) = (ICE_CONTROLLED, &[0; 8]);

#[test]
fn the_request_of_rfc_5769_verifies() {
    let request = octets(REQUEST);
    let message = Message::parse(&request).expect("a message");
    assert_eq!((message.kind, message.username), (Kind::Request, Some(&b"evtj:h6vY"[..])));
    assert_eq!((message.role, message.use_candidate), (Some((IceRole::Controlled, 0x932f_f9b1_5126_3b36)), false));
    assert_eq!((message.priority, message.error_code), (Some(0x6e00_01ff), None));
    assert!(message.verifies(&key(PASSWORD)));
    assert!(!message.verifies(&key("another")));
}

#[test]
fn the_responses_of_rfc_5769_verify() {
    for response in RESPONSES.map(octets) {
        let message = Message::parse(&response).expect("a message");
        assert_eq!(message.kind, Kind::Response);
        assert!(message.verifies(&key(PASSWORD)));
    }
}

/// The same addresses as in RFC 5769, in our own words: only SOFTWARE is missing.
#[test]
fn addresses_are_written_as_in_rfc_5769() {
    let request = octets(REQUEST);
    let message = Message::parse(&request).expect("a message");
    for (from, response) in
        ["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"].into_iter().zip(RESPONSES)
    {
        let reply = message.success(from.parse().expect("an address"), &key(PASSWORD));
        let again = Message::parse(reply.as_slice()).expect("a message");
        assert!(again.verifies(&key(PASSWORD)));
        let known = octets(response);
        let address = &known[HEADER + 16..known.len() - 32];
        assert_eq!(&reply.as_slice()[HEADER..HEADER + address.len()], address);
    }
}

#[test]
fn damage_anywhere_is_seen() {
    let whole = octets(REQUEST);
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        let passes = Message::parse(&damaged).is_some_and(|message| message.verifies(&key(PASSWORD)));
        assert!(!passes, "octet {at}");
        assert!(Message::parse(&whole[..at]).is_none());
    }
}

#[test]
fn errors_name_code_and_reason() {
    let request = request("a:b", PASSWORD, &[(0x7fff, &[])]);
    let message = Message::parse(&request).expect("a message");
    assert_eq!(message.unknown, Some(0x7fff));
    let reply = message.error(420, "Unknown Attribute", Some(&key(PASSWORD)));
    assert_eq!(&reply.as_slice()[HEADER + 4..HEADER + 8], [0, 0, 4, 20]);
    assert!(Message::parse(reply.as_slice()).expect("a message").verifies(&key(PASSWORD)));
}
