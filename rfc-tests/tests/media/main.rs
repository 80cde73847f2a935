//! Media on the wire, as a phone sees it that is not ours, and as an attacker would like it: a file for each standard.

mod addresses;
mod attacks;
mod bandwidth;
mod browser;
mod bundle;
mod dtls;
mod formats;
mod holding;
mod ice;
mod keys;
mod known_answers;
mod levels;
mod noise;
mod opus;
mod reports;
mod rtp;
mod sdes;
mod srtp;
mod strangers;

use std::time::Duration;

use anyhow::ensure;
use rfc_tests::api::Api;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::Answer;
use rfc_tests::raw_media::{RawMedia, RawRtp, RawSrtp, Suite, crypto_lines};
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use rfc_tests::server::Server;
use serde_json::json;

const WITHIN: Duration = Duration::from_secs(5);
/// What a phone says, and another one.
const TONE: f64 = 440.0;
const OTHER_TONE: f64 = 1_130.0;

/// A server with an open conference and an echo test.
struct House {
    server: Server,
    api: Api,
    conference: String,
    echo: String,
}

/// A phone in a call.
struct InCall {
    phone: RawPhone,
    dialog: RawDialog,
    media: RawMedia,
    answer: Answer,
}

fn house() -> anyhow::Result<House> {
    house_with(&[])
}

fn house_with(settings: &[&str]) -> anyhow::Result<House> {
    let server = Server::start_with(settings)?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open", "options": { "announcements": false } }))?;
    let (conference, echo) = (format!("sip:3001@{}", server.address), format!("sip:echo@{}", server.address));
    Ok(House { server, api, conference, echo })
}

impl House {
    /// The server's own clock goes on by so much from packet to packet, but for ticks that it left out and counted because the
    /// machine stood still: the packet after such a gap has the marker.
    fn ensure_steady(&self, heard: &[RawRtp], step: u32) -> anyhow::Result<()> {
        let mut left_out = 0;
        for pair in heard.windows(2) {
            let (before, packet) = (&pair[0], &pair[1]);
            let forward = packet.timestamp.wrapping_sub(before.timestamp);
            ensure!(packet.ssrc == before.ssrc && packet.sequence.wrapping_sub(before.sequence) == 1, "{packet:?}");
            let is_gap = packet.marker && forward > step && forward.is_multiple_of(step);
            ensure!(forward == step || is_gap, "{forward} in place of {step}: {packet:?}");
            left_out += forward / step - 1;
        }
        let counted = self.api.metric("media_tick_overruns_total")?;
        ensure!(f64::from(left_out) <= counted, "{left_out} frames left out, {counted} ticks counted as such");
        Ok(())
    }

    /// Calls over UDP with these formats.
    fn call(&self, uri: &str, mut media: RawMedia, audio: &str, lines: &str) -> anyhow::Result<InCall> {
        let mut phone = RawPhone::guest(&self.server, "phone")?;
        let invite = phone.request("INVITE", uri, "", &media.sdp(audio, lines));
        let (dialog, answer) = phone.join_by(invite)?;
        media.follow(&answer.0)?;
        Ok(InCall { phone, dialog, media, answer })
    }

    /// Calls over TLS, with a key of this suite.
    fn secure_call(&self, uri: &str, suite: Suite) -> anyhow::Result<InCall> {
        self.secure_call_with(uri, RawMedia::new(TONE)?, suite, &suite.made(1))
    }

    fn secure_call_with(&self, uri: &str, mut media: RawMedia, suite: Suite, key: &[u8]) -> anyhow::Result<InCall> {
        let mut phone = RawPhone::secure_guest(&self.server, "phone")?;
        let offer = media.sdp("RTP/SAVP 0", &suite.line(1, key));
        let (dialog, answer) = phone.join_by(phone.request("INVITE", uri, "", &offer))?;
        media.follow(&answer.0)?;
        media.srtp = Some(srtp_of(&answer, suite, key)?);
        Ok(InCall { phone, dialog, media, answer })
    }

    /// Waits until so many packets more than `before` were dropped for this reason.
    fn wait_refused(&self, reason: &str, before: f64, count: u32) -> anyhow::Result<()> {
        let what = format!("{count} packets refused for {reason}");
        wait_for(&what, WITHIN, || {
            let refused = self.api.refused_media(reason).ok()?;
            (refused >= before + f64::from(count)).then_some(())
        })
    }
}

/// Keys of an answer that took this suite under tag 1.
fn srtp_of(answer: &Answer, suite: Suite, ours: &[u8]) -> anyhow::Result<RawSrtp> {
    let keys = crypto_lines(&answer.0);
    ensure!(keys.len() == 1 && (keys[0].0, keys[0].1) == (1, suite.name), "{}", answer.0);
    ensure!(keys[0].2.len() == suite.key_and_salt_len() && keys[0].2 != ours, "{}", answer.0);
    RawSrtp::new(suite, ours, &keys[0].2)
}

/// The lines of an SDP with this attribute.
fn attributes<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let of = |line: &'a str| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':');
    text.lines().filter_map(of).collect()
}
