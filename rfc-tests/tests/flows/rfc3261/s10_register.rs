//! RFC 3261 §10: telling the registrar where one is.

use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

fn with_registrar(seed: u64) -> Net {
    let mut net = Net::with_seed(seed);
    net.registrar("home").knows("alice", "wonderland");
    net.phone("alice").has_password("wonderland");
    net
}

#[test]
fn a_phone_registers_refreshes_and_leaves() {
    let _proven = covers(["8760-01"]);
    let mut net = with_registrar(100);
    net.plays(
        "
        alice                    home
          |----REGISTER----------->|  no Authorization
          |<---401 Unauthorized----|  WWW-Authenticate has SHA-256; WWW-Authenticate has MD5; WWW-Authenticate has qop=\"auth\"
          |----REGISTER----------->|  Authorization has SHA-256
          |<---200 OK--------------|  Contact has ;expires=3600
          |                        |  200 s pass
          |----REGISTER----------->|
          |<---200 OK--------------|  Contact has ;expires=3600
    ",
    );
    assert_eq!(net.registrar("home").contacts_of("alice"), ["sip:alice@192.0.2.2:5060"]);
    net.plays(
        "
        alice                    home
          |----REGISTER (*)------->|
          |<---200 OK--------------|  no Contact
    ",
    );
    assert_eq!(net.registrar("home").contacts_of("alice"), [""; 0]);
    let challenges = net.passages()[1].message.as_ref().expect("it can be read").headers();
    let algorithms: Vec<bool> =
        challenges.values(&"WWW-Authenticate".into()).iter().map(|challenge| challenge.contains("SHA-256")).collect();
    assert_eq!(algorithms, [true, false], "the better algorithm comes first");
    net.comes_to_rest();
}

#[test]
fn a_binding_that_is_not_refreshed_is_gone() {
    let mut net = with_registrar(101);
    net.plays(
        "
        alice                    home
          |----REGISTER----------->|
          |<---401 Unauthorized----|
          |----REGISTER----------->|
          |<---200 OK--------------|
          |                        |  3601 s pass
    ",
    );
    assert_eq!(net.registrar("home").contacts_of("alice"), [""; 0]);
}

#[test]
fn a_wrong_password_is_challenged_anew_and_binds_nothing() {
    let mut net = with_registrar(102);
    net.phone("alice").has_password("looking-glass");
    net.plays(
        "
        alice                    home
          |----REGISTER----------->|
          |<---401 Unauthorized----|
          |----REGISTER----------->|
          |<---401 Unauthorized----|  no Contact
    ",
    );
    assert_eq!(net.registrar("home").contacts_of("alice"), [""; 0]);
}

/// §22.1: ACK and CANCEL are never challenged; a nonce that is too old is told as stale.
#[test]
fn an_old_nonce_is_stale_and_the_password_still_right() {
    let _proven = covers(["3261-24"]);
    let mut net = with_registrar(103);
    net.plays(
        "
        alice                    home
          |----REGISTER----------->|
          |<---401 Unauthorized----|
          |----REGISTER----------->|
          |<---200 OK--------------|
          |                        |  3000 s pass
          |----REGISTER----------->|
          |<---401 Unauthorized----|  WWW-Authenticate has stale=true
          |----REGISTER----------->|
          |<---200 OK--------------|
    ",
    );
    net.stranger("mallory");
    net.focus("conf-7").is_for(plenary::store::Access::Accounts);
    net.plays(
        "
        mallory                  conf-7
           |----INVITE (offer)----->|
           |<---401 Unauthorized----|  WWW-Authenticate has conf-7.example
           |----CANCEL------------->|
           |<---481 (CANCEL)--------|
           |----ACK---------------->|
           |                        |  1 s pass
    ",
    );
}

#[test]
fn the_registrar_refuses_what_it_cannot_do() {
    let _proven = covers(["3261-08"]).but("third parties, several contacts: unit tests of the registrar");
    let mut net = with_registrar(104);
    net.stranger("mallory");
    net.plays(
        "
        alice                    home
          |----REGISTER----------->|
          |<---401 Unauthorized----|
          |----REGISTER----------->|
          |<---200 OK--------------|
    ",
    );
    net.plays(
        "
        mallory                   home
           |----REGISTER----------->|  Require: foo
           |<---420 Bad Extension---|  Unsupported: foo
    ",
    );
}
