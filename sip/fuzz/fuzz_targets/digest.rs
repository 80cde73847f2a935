//! Credentials and challenges: whatever an Authorization or WWW-Authenticate says, it is read or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenary_sip::auth::{Challenge, Credentials, Ha1, Login, answer};
use plenary_sip::message::{Method, Uri};

fuzz_target!(|value: &str| {
    let uri: Uri = "sip:example.org".parse().expect("a URI");
    if let Ok(credentials) = Credentials::parse(value) {
        let ha1 = Ha1::of("alice", "example.org", "secret");
        let _ = credentials.verify(&Method::Register, &uri, &ha1);
    }
    if let Ok(challenge) = Challenge::parse(value) {
        let login = Login { user: "alice".into(), password: "secret".into() };
        let answered = answer(&challenge, &login, &Method::Register, &uri, "0a4f113b", 1);
        Credentials::parse(&answered).expect("our own answer is readable");
    }
});
