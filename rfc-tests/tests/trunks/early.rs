//! Early media: RFC 3960, RFC 3262 from the outgoing side.

use std::thread;

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::raw_media::RawMedia;
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use serde_json::json;

use super::house::{House, fork, sdp_at, started};

/// Alice calls out while the PBX does this; gives what Alice heard before the answer.
fn while_calling(
    house: &mut House,
    pbx_does: impl FnOnce(&mut RawPhone, &str) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<String>> {
    let (uri, pbx, alice) = (house.uri("+39055777"), &mut house.pbx, &mut house.alice);
    thread::scope(|scope| {
        let call = scope.spawn(move || {
            alice.join(&uri)?;
            anyhow::Ok(alice.heard("SIP/2.0 18").into_iter().map(str::to_owned).collect::<Vec<_>>())
        });
        let invite = pbx.expect("INVITE")?;
        pbx_does(pbx, &invite)?;
        call.join().map_err(|_| anyhow::anyhow!("alice"))?
    })
}

fn in_short(heard: &[String]) -> Vec<String> {
    let short = |text: &String| {
        let sdp = if text.contains("m=audio") { " with SDP" } else { "" };
        format!("{}{sdp}", text.split(' ').nth(1).unwrap_or_default())
    };
    heard.iter().map(short).collect()
}

/// Two forks ring with media of their own; the first is heard, a third one answers.
#[test]
fn of_forked_early_media_the_first_is_passed_on_and_the_answer_has_the_last_word() -> anyhow::Result<()> {
    let claim = covers(["T-12", "T-13"]).pending();
    let mut house = started(json!({}))?;
    let heard = while_calling(&mut house, |pbx, invite| {
        pbx.answer(&fork(invite, "one"), "183 Session Progress", "", &sdp_at(41_000))?;
        pbx.answer(&fork(invite, "two"), "183 Session Progress", "", &sdp_at(41_002))?;
        pbx.answer(&fork(invite, "two"), "180 Ringing", "", "")?;
        pbx.answer(&fork(invite, "three"), "200 OK", "", &sdp_at(41_004))?;
        pbx.expect("ACK").map(drop)
    })?;
    assert_eq!(in_short(&heard), ["183 with SDP"], "{heard:?}");
    let log = house.server.log();
    ensure!(!log.contains("panicked"), "{log}");
    claim.proven();
    Ok(())
}

const FIRST: f64 = 700.0;
const SECOND: f64 = 1_130.0;

/// The two forks of the PBX speak at once; which of them is heard.
fn hears_one(caller: &mut RawMedia, forks: [&mut RawMedia; 2], heard: f64, unheard: f64) -> anyhow::Result<()> {
    caller.drain()?;
    let packets = thread::scope(|scope| {
        let speaking = forks.map(|fork| scope.spawn(move || fork.talk(110)));
        let packets = caller.talk(100)?;
        for fork in speaking {
            fork.join().map_err(|_| anyhow::anyhow!("a fork"))??;
        }
        anyhow::Ok(packets)
    })?;
    let late = &packets[packets.len() / 2..];
    let levels = (caller.level(late, heard)?, caller.level(late, unheard)?);
    ensure!(
        levels.0 > -30.0 && levels.1 < -50.0,
        "{heard} Hz and {unheard} Hz at {levels:?} in {} packets",
        late.len()
    );
    Ok(())
}

/// §3 and §4: ringing alone leaves the tone to the caller's phone; of two early dialogs one is heard; the answer switches.
#[test]
fn one_early_dialog_is_heard_and_from_the_answer_on_the_one_that_answered() -> anyhow::Result<()> {
    let claim = covers(["3960-01"]).pending();
    let mut house = started(json!({ "srtp": "off", "codecs": ["pcmu"] }))?;
    let (mut caller, mut first, mut second) = (RawMedia::new(440.0)?, RawMedia::new(FIRST)?, RawMedia::new(SECOND)?);
    let uri = house.uri("+39055777");
    let invite = house.alice.request("INVITE", &uri, "", &caller.sdp("RTP/AVP 0", ""));
    let challenged = house.alice.ask_once(&invite)?;
    let invite = house.alice.with_credentials(&invite, &challenged, 1)?;
    house.alice.send(&invite)?;
    let arrived = house.pbx.expect("INVITE")?;
    house.pbx.answer(&fork(&arrived, "one"), "180 Ringing", "", "")?;
    let ringing = house.alice.expect("SIP/2.0 180")?;
    ensure!(!ringing.contains("m=audio"), "no media, no description: {ringing}");
    house.pbx.answer(&fork(&arrived, "one"), "183 Session Progress", "", &first.sdp("RTP/AVP 0", ""))?;
    let progress = house.alice.expect("SIP/2.0 183")?;
    caller.follow(&progress)?;
    first.follow(&arrived)?;
    second.follow(&arrived)?;
    house.pbx.answer(&fork(&arrived, "two"), "183 Session Progress", "", &second.sdp("RTP/AVP 0", ""))?;
    hears_one(&mut caller, [&mut first, &mut second], FIRST, SECOND)?;

    house.pbx.answer(&fork(&arrived, "two"), "200 OK", "", &second.sdp("RTP/AVP 0", ""))?;
    house.pbx.expect("ACK")?;
    let answer = house.alice.answer_to(&invite)?;
    ensure!(answer.status() == 200, "{}", answer.0);
    house.alice.acknowledge(&RawDialog::of(&invite, &answer)?)?;
    hears_one(&mut caller, [&mut first, &mut second], SECOND, FIRST)?;
    claim.proven();
    Ok(())
}

#[test]
fn a_183_without_sdp_opens_no_media() -> anyhow::Result<()> {
    let mut house = started(json!({}))?;
    let heard = while_calling(&mut house, |pbx, invite| {
        pbx.answer(invite, "183 Session Progress", "", "")?;
        let sdp = pbx.sdp()?;
        pbx.answer(invite, "200 OK", "", &sdp)?;
        pbx.expect("ACK").map(drop)
    })?;
    assert_eq!(in_short(&heard), ["183"], "{heard:?}");
    Ok(())
}

/// Carriers that insist on 100rel: the answer stands in a reliable 183, and the 200 has none.
#[test]
fn a_reliable_183_gets_its_prack_and_its_sdp_holds_for_the_200() -> anyhow::Result<()> {
    let claim = covers(["T-14"]).pending();
    let mut house = started(json!({ "reliable_provisional": true }))?;
    let heard = while_calling(&mut house, |pbx, invite| {
        ensure!(invite.contains("Require: 100rel"), "{invite}");
        let sdp = pbx.sdp()?;
        pbx.answer(invite, "183 Session Progress", "Require: 100rel\r\nRSeq: 7\r\n", &sdp)?;
        let prack = pbx.expect("PRACK")?;
        ensure!(prack.contains("RAck: 7 "), "{prack}");
        pbx.answer(&prack, "200 OK", "", "")?;
        pbx.answer(invite, "200 OK", "", "")?;
        pbx.expect("ACK").map(drop)
    })?;
    assert_eq!(in_short(&heard), ["183 with SDP"], "{heard:?}");
    claim.proven();
    Ok(())
}
