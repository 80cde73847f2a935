//! RFC 4568 and RFC 8643: which key is taken, and that an encrypted call never becomes a plain one.

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::raw::Answer;
use rfc_tests::raw_media::{RawMedia, RawSrtp, SUITES, crypto_lines};
use rfc_tests::raw_phone::RawPhone;

use crate::{House, TONE, WITHIN, house, house_with, srtp_of};

/// The answer to an offer with these lines; a call that comes about is hung up.
fn answer_to(house: &House, audio: &str, lines: &str) -> anyhow::Result<Answer> {
    let mut phone = RawPhone::secure_guest(&house.server, "phone")?;
    let offer = RawMedia::new(TONE)?.sdp(audio, lines);
    let (request, answer) = phone.ask(phone.request("INVITE", &house.echo, "", &offer))?;
    if answer.status() == 200 {
        let mut dialog = rfc_tests::raw_phone::RawDialog::of(&request, &answer)?;
        phone.acknowledge(&dialog)?;
        phone.ask_in(&mut dialog, "BYE", "")?;
    }
    Ok(answer)
}

/// Tag and suite of the one line in the answer.
fn taken(answer: &Answer) -> Option<(u32, &str)> {
    match crypto_lines(&answer.0).as_slice() {
        [(tag, suite, _)] => Some((*tag, suite)),
        _ => None,
    }
}

const INLINE: &str = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

#[test]
fn of_five_suites_one_comes_back_with_a_key_of_its_own() -> anyhow::Result<()> {
    let claim = covers(["4568-01"]).pending();
    let house = house()?;
    let lines = |order: &[usize]| -> String {
        order.iter().zip(11..).map(|(suite, tag)| SUITES[*suite].line(tag, &SUITES[*suite].made(9))).collect()
    };
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1]] {
        let answer = answer_to(&house, "RTP/SAVP 0", &lines(&order))?;
        ensure!(taken(&answer) == Some((11, SUITES[order[0]].name)), "the offerer's first: {}", answer.0);
        let key = crypto_lines(&answer.0).remove(0).2;
        ensure!(key.len() == SUITES[order[0]].key_and_salt_len() && key != SUITES[order[0]].made(9), "fresh");
    }
    let unknown = answer_to(&house, "RTP/SAVP 0", &format!("a=crypto:1 F8_128_HMAC_SHA1_80 {INLINE}\r\n"))?;
    ensure!(unknown.status() == 488, "{}", unknown.0);
    let none = answer_to(&house, "RTP/SAVP 0", "")?;
    ensure!(none.status() == 488, "{}", none.0);
    claim.proven();
    Ok(())
}

/// §6: a line that cannot be used is as if it were not there.
#[test]
fn broken_lines_are_passed_over() -> anyhow::Result<()> {
    let claim = covers(["4568-02", "4568-03"]).pending();
    let house = house()?;
    let good = format!("a=crypto:7 AES_CM_128_HMAC_SHA1_80 {INLINE}\r\n");
    for broken in [
        format!("AES_CM_128_HMAC_SHA1_80 {}", &INLINE[..INLINE.len() - 4]),
        format!("AES_CM_128_HMAC_SHA1_80 {INLINE}WVNf"),
        format!("AES_256_CM_HMAC_SHA1_80 {INLINE}"),
        format!("AEAD_AES_128_GCM {INLINE}"),
        format!("AES_CM_128_HMAC_SHA1_80 {}!", &INLINE[..INLINE.len() - 1]),
        format!("AES_CM_128_HMAC_SHA1_80 {}", INLINE.replace("inline:", "uri:")),
        "AES_CM_128_HMAC_SHA1_80".into(),
        format!("AES_CM_128_HMAC_SHA1_80 {INLINE} UNENCRYPTED_SRTP"),
        format!("AES_CM_128_HMAC_SHA1_80 {INLINE} UNAUTHENTICATED_SRTP"),
        format!("AES_CM_128_HMAC_SHA1_80 {INLINE} UNENCRYPTED_SRTCP"),
        format!("AES_CM_128_HMAC_SHA1_80 {INLINE} FOO=1"),
    ] {
        let answer = answer_to(&house, "RTP/SAVP 0", &format!("a=crypto:3 {broken}\r\n{good}"))?;
        ensure!(taken(&answer) == Some((7, "AES_CM_128_HMAC_SHA1_80")), "{broken}: {}", answer.0);
        let alone = answer_to(&house, "RTP/SAVP 0", &format!("a=crypto:3 {broken}\r\n"))?;
        ensure!(alone.status() == 488, "{broken}: {}", alone.0);
    }
    for usable in [format!("{INLINE}|2^31"), format!("{INLINE}|2^48"), format!("{INLINE} -FOO=1")] {
        let line = format!("a=crypto:3 AES_CM_128_HMAC_SHA1_80 {usable}\r\n");
        let answer = answer_to(&house, "RTP/SAVP 0", &format!("{line}{good}"))?;
        ensure!(taken(&answer) == Some((3, "AES_CM_128_HMAC_SHA1_80")), "{usable}: {}", answer.0);
    }
    claim.proven();
    Ok(())
}

/// §8.3: over UDP everybody reads the key.
#[test]
fn no_key_is_taken_over_signalling_that_can_be_read() -> anyhow::Result<()> {
    let claim = covers(["4568-06"]).but("no policy allows it").pending();
    let house = house()?;
    let mut phone = RawPhone::guest(&house.server, "phone")?;
    let media = RawMedia::new(TONE)?;
    let offer = media.sdp("RTP/SAVP 0", &SUITES[0].line(1, &SUITES[0].made(1)));
    let (_, answer) = phone.ask(phone.request("INVITE", &house.echo, "", &offer))?;
    ensure!(answer.status() == 488 && answer.header("Warning").is_some(), "{}", answer.0);
    claim.proven();
    Ok(())
}

#[test]
fn opportunistic_srtp_keeps_its_profile_and_takes_one_kind_of_key() -> anyhow::Result<()> {
    let claims = (covers(["8643-01", "T-17"]).pending(), covers(["4568-04"]).pending());
    let house = house()?;
    let suite = SUITES[0];
    let key = suite.line(1, &suite.made(1));
    let fingerprint = format!("a=fingerprint:sha-256 {}\r\na=setup:actpass\r\n", ["AB"; 32].join(":"));
    let answer = answer_to(&house, "RTP/AVP 0", &format!("{key}{fingerprint}"))?;
    ensure!(answer.0.contains(" RTP/AVP 0") && taken(&answer).is_some(), "{}", answer.0);
    ensure!(!answer.0.contains("a=fingerprint"), "one kind: {}", answer.0);

    let mut media = RawMedia::new(TONE)?;
    let mut phone = RawPhone::secure_guest(&house.server, "phone")?;
    let offer = media.sdp("RTP/AVP 0", &key);
    let (mut dialog, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &offer))?;
    media.follow(&answer.0)?;
    media.srtp = Some(srtp_of(&answer, suite, &suite.made(1))?);
    media.hears(TONE)?;
    // What is encrypted stays so, with its key, whatever a later offer holds.
    for lines in [format!("{key}a=sendonly\r\n"), key.clone()] {
        let again = phone.invite_again(&mut dialog, &media.sdp("RTP/AVP 0", &lines))?;
        ensure!(crypto_lines(&again.0) == crypto_lines(&answer.0), "{}", again.0);
    }
    let keyless = phone.invite_again(&mut dialog, &media.sdp("RTP/AVP 0", ""))?;
    ensure!(keyless.status() == 488, "{}", keyless.0);
    media.hears(TONE)?;

    let off = house_with(&["security.srtp=\"off\""])?;
    let plain = answer_to(&off, "RTP/AVP 0", &key)?;
    ensure!(plain.status() == 200 && taken(&plain).is_none(), "plain where it is off: {}", plain.0);
    let mut unkeyed = RawPhone::secure_guest(&off.server, "phone")?;
    let offer = media.sdp("RTP/AVP 0", &key);
    let (mut dialog, _) = unkeyed.join_by(unkeyed.request("INVITE", &off.echo, "", &offer))?;
    let again = unkeyed.invite_again(&mut dialog, &offer)?;
    ensure!(again.status() == 200 && taken(&again).is_none(), "and it stays plain: {}", again.0);
    let required = house_with(&["security.srtp=\"required\""])?;
    let refused = answer_to(&required, "RTP/AVP 0", &key)?;
    ensure!(refused.status() == 488, "{}", refused.0);
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// CVE-2022-39269 fell back to plain RTP.
#[test]
fn an_encrypted_call_never_becomes_a_plain_one() -> anyhow::Result<()> {
    let claims = (covers(["8643-04", "A-05"]).pending(), covers(["S-14"]).pending());
    let house = house()?;
    for profile in ["RTP/SAVP 0", "RTP/AVP 0"] {
        let suite = SUITES[0];
        let mut media = RawMedia::new(TONE)?;
        let mut phone = RawPhone::secure_guest(&house.server, "phone")?;
        let offer = media.sdp(profile, &suite.line(1, &suite.made(1)));
        let (mut dialog, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &offer))?;
        media.follow(&answer.0)?;
        media.srtp = Some(srtp_of(&answer, suite, &suite.made(1))?);
        media.hears(TONE)?;
        for lines in ["", "a=sendonly\r\n", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:broken\r\n"] {
            for audio in ["RTP/AVP 0", "RTP/SAVP 0"] {
                let again = phone.invite_again(&mut dialog, &media.sdp(audio, lines))?;
                ensure!(again.status() == 488, "{audio} {lines}: {}", again.0);
                let update = phone.ask_with(&mut dialog, "UPDATE", "application/sdp", &media.sdp(audio, lines))?;
                ensure!(update.status() == 488, "UPDATE {audio} {lines}: {}", update.0);
            }
        }
        // RTP in clear is nobody's.
        let before = house.api.refused_media("authentication")?;
        let sealed = media.srtp.take();
        media.talk(20)?;
        media.srtp = sealed;
        house.wait_refused("authentication", before, 20)?;
        media.others.clear();
        media.hears(TONE)?;
        ensure!(media.others.is_empty(), "all was sealed");
    }
    let required = house_with(&["security.srtp=\"required\""])?;
    let plain = answer_to(&required, "RTP/AVP 0", "")?;
    ensure!(plain.status() == 488, "{}", plain.0);
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// §7.3: what comes before the answer cannot be opened yet. The last fifth of a second is kept for the key, the rest is
/// dropped, and nobody hears anything of it before the phone has joined.
#[test]
fn of_what_comes_before_the_answer_the_last_fifth_of_a_second_waits() -> anyhow::Result<()> {
    let claims = (covers(["4568-07"]).pending(), covers(["T-57"]).pending());
    let house = house()?;
    let mut listener = house.call(&house.conference, RawMedia::new(crate::OTHER_TONE)?, "RTP/AVP 0", "")?.media;
    // On a busy machine an answer may take longer than what is kept: then another phone tries.
    let mut pieces = 0;
    for name in ["alice", "bob", "carol", "dave", "erin"] {
        pieces = pieces_of_first_words(&house, name, &mut listener)?;
        ensure!(pieces <= 4, "{pieces} tenths of a second are heard of half a second that was said");
        if pieces > 0 {
            break;
        }
    }
    ensure!(pieces > 0, "nothing was kept");
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// A phone that is called says something for a second and a half, answers, and is silent for a while. Gives how many
/// tenths of a second of it are heard.
fn pieces_of_first_words(house: &crate::House, name: &str, listener: &mut RawMedia) -> anyhow::Result<usize> {
    house.api.post("/accounts", serde_json::json!({ "name": name, "password": format!("the-password-of-{name}") }))?;
    let mut phone = RawPhone::secure_guest(&house.server, name)?;
    phone.register()?;
    house.api.post("/conferences/3001/participants", serde_json::json!({ "address": name }))?;
    let invite = phone.expect("INVITE")?;
    let mut media = RawMedia::new(TONE)?;
    media.follow(&invite)?;
    let (tag, suite_name, theirs) = crypto_lines(&invite).into_iter().next().expect("keys are offered");
    let suite = rfc_tests::raw_media::Suite::named(suite_name).expect("a suite");
    let ours = suite.made(3);
    media.srtp = Some(RawSrtp::new(suite, &ours, &theirs)?);
    let before = house.api.refused_media("not_connected")?;
    std::thread::scope(|scope| {
        let listening = scope.spawn(|| listener.hears_no(TONE));
        media.talk(50)?;
        listening.join().expect("no panic")
    })?;
    house.wait_refused("not_connected", before, 30)?;
    let description = media.sdp("RTP/SAVP 0", &suite.line(tag, &ours));
    let heard = std::thread::scope(|scope| {
        let listening = scope.spawn(|| listener.meanwhile(100, |_, _| Ok(())));
        media.talk(25)?;
        phone.answer(&invite, "200 OK", "", &description)?;
        listening.join().expect("no panic")
    })?;
    phone.expect("ACK")?;
    let is_loud =
        |piece: &&[rfc_tests::raw_media::RawRtp]| listener.level(piece, TONE).is_ok_and(|level| level > -35.0);
    let pieces = heard.chunks(5).filter(is_loud).count();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| listener.hears(TONE));
        media.hears(crate::OTHER_TONE)?;
        other.join().expect("no panic")
    })?;
    Ok(pieces)
}

/// RFC 8643 §3.3: who answers without a key gets plain RTP, unless policy says otherwise.
#[test]
fn offers_of_ours_are_opportunistic_only_where_plain_is_allowed() -> anyhow::Result<()> {
    let claims = (
        covers(["8643-03"]).pending(),
        covers(["8643-02"]).but("a key that is well-formed and wrong, which another test has").pending(),
    );
    for (srtp, plain_is_fine) in [("preferred", true), ("required", false)] {
        let house = house_with(&[&format!("security.srtp=\"{srtp}\"")])?;
        let mut phone = RawPhone::secure_guest(&house.server, "phone")?;
        let (mut dialog, _) = {
            let invite = phone.request("INVITE", &house.echo, "", "");
            let (request, answer) = phone.ask(invite)?;
            ensure!(answer.status() == 200 && answer.0.contains("a=crypto:1 "), "{}", answer.0);
            let profile = if plain_is_fine { " RTP/AVP " } else { " RTP/SAVP " };
            ensure!(answer.0.contains(profile), "{}", answer.0);
            (rfc_tests::raw_phone::RawDialog::of(&request, &answer)?, answer)
        };
        // `acknowledge` with the answer that has no key.
        phone.acknowledge_with(&dialog, &RawMedia::new(TONE)?.sdp("RTP/AVP 0", ""))?;
        if plain_is_fine {
            let bye = phone.ask_in(&mut dialog, "BYE", "")?;
            ensure!(bye.status() == 200, "{}", bye.0);
        } else {
            phone.is_hung_up()?;
        }
        // An answer whose key cannot be read.
        let (request, answer) = phone.ask(phone.request("INVITE", &house.echo, "", ""))?;
        let dialog = rfc_tests::raw_phone::RawDialog::of(&request, &answer)?;
        let broken = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:short\r\n";
        phone.acknowledge_with(&dialog, &RawMedia::new(TONE)?.sdp("RTP/AVP 0", broken))?;
        phone.is_hung_up()?;
    }
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// §3.2: a key that can be read and is not the phone's. No packet opens, nothing is sent in clear, and the call is ended
/// and told so; one packet that opens proves the key.
#[test]
fn a_key_that_opens_nothing_ends_the_call() -> anyhow::Result<()> {
    let claim = covers(["8643-02"]).pending();
    let house = house()?;
    let suite = SUITES[0];
    for profile in ["RTP/AVP 0", "RTP/SAVP 0"] {
        let mut media = RawMedia::new(TONE)?;
        let mut phone = RawPhone::secure_guest(&house.server, "phone")?;
        let offer = media.sdp(profile, &suite.line(1, &suite.made(1)));
        let (_, answer) = phone.join_by(phone.request("INVITE", &house.conference, "", &offer))?;
        media.follow(&answer.0)?;
        house.api.wait_for_state("3001", "connected", 1, WITHIN)?;
        let (_, _, theirs) = crypto_lines(&answer.0).into_iter().next().expect("a key");
        media.srtp = Some(RawSrtp::new(suite, &suite.made(2), &theirs)?);
        media.talk(200)?;
        phone.expect_no("BYE", std::time::Duration::from_millis(1))?;
        media.talk(100)?;
        let bye = phone.is_hung_up()?;
        ensure!(bye.header("Reason").is_some_and(|reason| reason.starts_with("SIP;cause=488")), "{}", bye.0);
        ensure!(media.others.is_empty(), "{profile}: {} datagrams were not sealed", media.others.len());
        house.api.wait_for_state("3001", "connected", 0, WITHIN)?;
    }
    let mut call = house.secure_call(&house.echo, suite)?;
    let packet = call.media.packet()?;
    call.media.send(&packet)?;
    let (_, _, theirs) = crypto_lines(&call.answer.0).into_iter().next().expect("a key");
    call.media.srtp = Some(RawSrtp::new(suite, &suite.made(2), &theirs)?);
    call.media.talk(350)?;
    call.phone.expect_no("BYE", std::time::Duration::from_millis(1))?;
    claim.proven();
    Ok(())
}

/// T-18, T-19: phones that offer SRTP and mean perhaps, and phones that answer it and mean no.
#[test]
fn half_meant_srtp_is_answered_properly_or_ended() -> anyhow::Result<()> {
    let claims = (covers(["T-18"]).pending(), covers(["T-19"]).pending());
    let house = house()?;
    let suite = SUITES[0];
    let secured = answer_to(&house, "RTP/SAVP 0", &suite.line(1, &suite.made(1)))?;
    ensure!(secured.0.contains(" RTP/SAVP 0\r\n") && taken(&secured).is_some(), "{}", secured.0);
    let off = house_with(&["security.srtp=\"off\""])?;
    let refused = answer_to(&off, "RTP/SAVP 0", &suite.line(1, &suite.made(1)))?;
    let warning = refused.header("Warning").unwrap_or_default();
    ensure!(refused.status() == 488 && warning.starts_with("302 "), "{}", refused.0);

    house.api.post("/accounts", serde_json::json!({ "name": "alice", "password": "the-password-of-alice" }))?;
    let mut phone = RawPhone::secure_guest(&house.server, "alice")?;
    phone.register()?;
    house.api.post("/conferences/3001/participants", serde_json::json!({ "address": "alice" }))?;
    let invite = phone.expect("INVITE")?;
    ensure!(invite.contains(" RTP/SAVP "), "{invite}");
    let mut media = RawMedia::new(TONE)?;
    media.follow(&invite)?;
    phone.answer(&invite, "200 OK", "", &media.sdp("RTP/SAVP 0", ""))?;
    phone.expect("ACK")?;
    let bye = phone.is_hung_up()?;
    ensure!(bye.header("Reason").is_some_and(|reason| reason.starts_with("SIP;cause=488")), "{}", bye.0);
    ensure!(media.talk(25)?.is_empty() && media.others.is_empty(), "nothing was sent, in clear or sealed");
    claims.0.proven();
    claims.1.proven();
    Ok(())
}
