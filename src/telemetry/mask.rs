//! What must not be read by whoever looks at a message: proofs of passwords, keys of media, pressed keys.
//!
//! Each secret octet becomes a `*`, so that a masked message is as long as it was and its Content-Length holds.

/// RFC 7616 §3.4, §3.5: what proves a password.
const PROOFS: [&[u8]; 4] =
    [b"authorization", b"proxy-authorization", b"authentication-info", b"proxy-authentication-info"];
/// Parameters of these that prove nothing; all others are masked.
const HARMLESS: [&[u8]; 6] = [b"username", b"realm", b"uri", b"algorithm", b"qop", b"nc"];
/// Lines of SDP with a secret behind these: RFC 4568, RFC 8839, RFC 4567, RFC 8866 §5.12.
const KEYS: [&[u8]; 4] = [b"a=crypto:", b"a=ice-pwd:", b"a=key-mgmt:", b"k="];
/// Bodies of these types are pressed keys, perhaps of a PIN: INFO of many phones, RFC 4730.
const PRESSED: [&[u8]; 4] = [b"application/dtmf", b"audio/telephone-event", b"application/kpml", b".digits"];

/// The message with its secrets masked.
pub fn masked(octets: &[u8]) -> Vec<u8> {
    let mut shown = octets.to_vec();
    let (head, body) = shown.split_at_mut(end_of_head(octets));
    let pressed = mask_head(head);
    mask_body(body, pressed);
    shown
}

/// One line without control characters, which a terminal would obey.
pub fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Behind the empty line; messages with bare LF count too.
fn end_of_head(octets: &[u8]) -> usize {
    let mut at = 0;
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        at += line.len();
        if line.trim_ascii().is_empty() {
            return at;
        }
    }
    octets.len()
}

/// Says whether the body holds pressed keys.
fn mask_head(head: &mut [u8]) -> bool {
    let mut pressed = false;
    let (mut name_is_proof, mut in_proof) = (false, Proof::default());
    for line in head.split_inclusive_mut(|octet| *octet == b'\n') {
        pressed |= PRESSED.iter().any(|kind| find(line, kind).is_some());
        let mut value = 0;
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let colon = line.iter().position(|octet| *octet == b':').unwrap_or(line.len());
            let name = line.get(..colon).unwrap_or_default().trim_ascii();
            name_is_proof = PROOFS.iter().any(|proof| name.eq_ignore_ascii_case(proof));
            // Only credentials begin with a scheme.
            in_proof =
                Proof { has_scheme: name.len() > 7 && find(name, b"authorization").is_some(), ..Proof::default() };
            value = colon + 1;
        }
        match line.get_mut(value..) {
            Some(value) if name_is_proof => in_proof.mask(value),
            _ => mask_passwords_of_uris(line),
        }
    }
    pressed
}

/// Where in the credentials of a header we are; they may go on in the next line.
#[derive(Default)]
struct Proof {
    has_scheme: bool,
    /// Credentials other than Digest are secret as a whole.
    is_opaque: bool,
    quoted: bool,
    name: Vec<u8>,
    in_value: bool,
}

impl Proof {
    fn mask(&mut self, text: &mut [u8]) {
        let mut rest = 0;
        if std::mem::take(&mut self.has_scheme) {
            let from = text.iter().position(|octet| !octet.is_ascii_whitespace()).unwrap_or(text.len());
            let length = text.iter().skip(from).position(u8::is_ascii_whitespace).unwrap_or(text.len() - from);
            rest = from + length;
            self.is_opaque = !text.get(from..rest).unwrap_or_default().eq_ignore_ascii_case(b"digest");
        }
        for octet in text.iter_mut().skip(rest) {
            let was = *octet;
            let is_frame = matches!(was, b'"' | b'\r' | b'\n' | b' ' | b'\t' | b',');
            let secret = self.is_opaque || self.in_value && !self.name_is_harmless();
            if secret && !is_frame {
                *octet = b'*';
            }
            self.step(was);
        }
    }

    fn step(&mut self, octet: u8) {
        match octet {
            b'"' => self.quoted = !self.quoted,
            b',' if !self.quoted => {
                self.name.clear();
                self.in_value = false;
            }
            b'=' if !self.in_value => self.in_value = true,
            _ if !self.in_value && !octet.is_ascii_whitespace() => self.name.push(octet.to_ascii_lowercase()),
            _ => {}
        }
    }

    fn name_is_harmless(&self) -> bool {
        HARMLESS.contains(&self.name.as_slice())
    }
}

/// `sip:alice:secret@host`: discouraged by RFC 3261 §19.1.1, and still written.
fn mask_passwords_of_uris(line: &mut [u8]) {
    let mut at = 0;
    while let Some(found) = find(line.get(at..).unwrap_or_default(), b"sip") {
        at += found + 3;
        let rest = line.get_mut(at..).unwrap_or_default();
        let skipped = usize::from(rest.first().is_some_and(|octet| octet.eq_ignore_ascii_case(&b's'))) + 1;
        let Some(rest) = rest.get_mut(skipped - 1..).filter(|rest| rest.starts_with(b":")) else { continue };
        let end = rest.iter().position(|octet| octet.is_ascii_whitespace() || b"<>\",@".contains(octet));
        let Some(user) = end.filter(|end| rest.get(*end) == Some(&b'@')).and_then(|end| rest.get_mut(1..end)) else {
            continue;
        };
        if let Some(password) = user.iter().position(|octet| *octet == b':') {
            user.iter_mut().skip(password + 1).for_each(|octet| *octet = b'*');
        }
    }
}

fn mask_body(body: &mut [u8], mut pressed: bool) {
    for line in body.split_inclusive_mut(|octet| *octet == b'\n') {
        if pressed {
            blot(line);
            continue;
        }
        // A part of a multipart body names its own type.
        pressed = PRESSED.iter().any(|kind| find(line, kind).is_some());
        let starts = KEYS.iter().find(|key| line.get(..key.len()).is_some_and(|start| start.eq_ignore_ascii_case(key)));
        let from = match starts {
            // Tag and suite of `a=crypto` are worth knowing.
            Some(key) if key.starts_with(b"a=crypto") => line.iter().position(|octet| *octet == b' ').map(|tag| {
                let suite = line.iter().skip(tag + 1).position(|octet| *octet == b' ');
                suite.map_or(tag + 1, |suite| tag + 1 + suite)
            }),
            Some(key) => Some(key.len()),
            None => find(line, b"inline:").map(|at| at + b"inline:".len()),
        };
        if let Some(secret) = from.and_then(|from| line.get_mut(from..)) {
            blot(secret);
        }
    }
}

fn blot(text: &mut [u8]) {
    text.iter_mut().filter(|octet| !octet.is_ascii_whitespace()).for_each(|octet| *octet = b'*');
}

/// Where `wanted`, in lower case, begins; case is ignored.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "INVITE sip:bob:5ec3e7@a SIP/2.0\r\nFrom: \"a\" <sips:al:5ec3e7@b>;tag=1\r\n\
        Authorization: Digest username=\"alice\", nonce=\"5ec3e7\",\r\n response = \"5ec3e7, 5ec3e7\", uri=\"sip:a\"\r\n\
        proxy-authorization : Basic 5ec3e7==\r\nAuthentication-Info: rspauth=\"5ec3e7\", qop=auth\r\n\
        Subject: hello\r\n\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:5ec3e7|2^20;inline:5ec3e7\r\n\
        a=CRYPTO:2 AES_CM_128_HMAC_SHA1_80 5ec3e7\r\na=ice-pwd:5ec3e7\r\nk=clear:5ec3e7\r\na=ptime:20\r\n";

    fn shown(message: &str) -> String {
        String::from_utf8(masked(message.as_bytes())).expect("stars are text")
    }

    #[test]
    fn neither_proofs_nor_keys_are_shown_and_lengths_stay() {
        for message in [MESSAGE.to_owned(), MESSAGE.replace("\r\n", "\n")] {
            let shown = shown(&message);
            assert!(!shown.contains("5ec3e7"), "{shown}");
            assert_eq!(shown.len(), message.len());
            for kept in [
                "sip:bob:******@a",
                "<sips:al:******@b>;tag=1",
                "Digest username=\"alice\", nonce=\"******\"",
                "uri=\"sip:a\"",
                "qop=auth",
                "Subject: hello",
                "a=crypto:1 AES_CM_128_HMAC_SHA1_80 ***",
                "a=ptime:20",
            ] {
                assert!(shown.contains(kept), "{kept} in {shown}");
            }
        }
    }

    #[test]
    fn pressed_keys_are_not_shown() {
        let alone =
            "INFO sip:a SIP/2.0\r\nContent-Type:\r\n application/DTMF-relay\r\n\r\nSignal=5\r\nDuration=160\r\n";
        let part = "INFO sip:a SIP/2.0\r\nContent-Type: multipart/mixed;boundary=x\r\n\r\n--x\r\n\
                    Content-Type: audio/telephone-event\r\n\r\nSignal=5\r\n--x--\r\n";
        for message in [alone, part] {
            assert!(!shown(message).contains("Signal"), "{}", shown(message));
        }
    }

    #[test]
    fn ports_are_no_passwords() {
        let message = "INVITE sip:a SIP/2.0\r\nContact: <sip:10.0.0.1:5060>, <sip:b@c:5060>, sip:\r\n\r\n";
        assert_eq!(shown(message), message);
    }

    #[test]
    fn a_terminal_is_not_spoken_to() {
        let shown = printable("Subject: \x1b[2J\x07");
        assert!(!shown.contains('\x1b') && !shown.contains('\x07'), "{shown:?}");
    }
}
