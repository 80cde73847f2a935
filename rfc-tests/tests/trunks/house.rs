//! A server with a trunk to a PBX that the test plays, a phone and a conference.

use std::time::Duration;

use anyhow::Context;
use plenary_sip::auth::{Credentials, Ha1};
use plenary_sip::message::Method;
use rfc_tests::api::Api;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::header;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::{Value, json};

pub const WITHIN: Duration = Duration::from_secs(5);

pub struct House {
    pub server: Server,
    pub api: Api,
    /// At an address of its own, which no phone shares.
    pub pbx: RawPhone,
    pub alice: RawPhone,
}

/// `trunk`: more fields of the trunk `pstn`. Conference 3001 is open to everybody.
pub fn started(trunk: Value) -> anyhow::Result<House> {
    let server = Server::start()?;
    let api = server.api()?;
    let pbx = RawPhone::guest_at(&server, "pbx", own_address())?;
    let alice = RawPhone::new(&server, &api, "alice")?;
    api.post("/conferences", json!({ "number": "3001", "title": "Monday", "access": "open" }))?;
    let socket = pbx.socket()?;
    let mut fields = json!({
        "name": "pstn", "host": socket.to_string(), "sources": [socket.ip().to_string()], "options_seconds": 0,
        "numbers": [{ "number": "+39055123", "to": "3001" }],
    });
    let more = trunk.as_object().cloned().unwrap_or_default();
    fields.as_object_mut().context("fields")?.extend(more);
    let registers = fields["register"] == true;
    api.post("/trunks", fields)?;
    let house = House { server, api, pbx, alice };
    if !registers {
        house.wait_for_trunk("up")?;
    }
    Ok(house)
}

impl House {
    pub fn wait_for_trunk(&self, status: &str) -> anyhow::Result<Value> {
        let trunk = || self.api.get("/trunks/pstn").ok();
        let waited =
            wait_for("the trunk's state", WITHIN, || trunk().filter(|trunk| trunk["state"]["status"] == status));
        waited.with_context(|| format!("wanted {status}: {:?}", trunk().map(|trunk| trunk["state"].clone())))
    }

    /// The conference calls this number; gives the INVITE that the PBX gets.
    pub fn conference_calls(&mut self, address: &str) -> anyhow::Result<String> {
        self.api.post("/conferences/3001/participants", json!({ "address": address }))?;
        self.pbx.expect("INVITE")
    }

    pub fn uri(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.server.address)
    }
}

pub fn of<'a>(message: &'a str, name: &str) -> &'a str {
    header(message, name).unwrap_or_default()
}

/// Whether the credentials of a request are those of `us`, password `geheim`, in this realm.
pub fn is_proven(request: &str, name: &str, realm: &str) -> bool {
    let mut start = request.split(' ');
    let (method, uri) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
    let credentials = Credentials::parse(of(request, name)).ok();
    let uri = uri.parse().ok();
    credentials.zip(uri).is_some_and(|(credentials, uri)| {
        credentials.realm == realm
            && credentials.verify(&Method::from(method), &uri, &Ha1::of("us", realm, "geheim")).is_ok()
    })
}

/// The request as another fork of it answers: its To has this tag.
pub fn fork(request: &str, tag: &str) -> String {
    let to = of(request, "To");
    request.replacen(&format!("To: {to}"), &format!("To: {to};tag={tag}"), 1)
}

/// SDP of an audio port.
pub fn sdp_at(port: u16) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n")
}
