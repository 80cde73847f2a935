//! RFC 8866: what devices write into SDP, and what of it is understood.

use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

/// The status of the conference's answer to an INVITE with this body, whose line ends are kept.
fn answered(body: &str) -> String {
    let mut net = Net::with_seed(8866);
    net.stranger("uma");
    net.focus("conf-7");
    let invite = format!(
        "INVITE sip:conf-7@conf-7.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:uma@uma.example>;tag=1\r\nTo: <sip:conf-7@conf-7.example>\r\n\
         Call-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:uma@192.0.2.1>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    net.stranger("uma").blurts(invite, "conf-7");
    net.runs_for(std::time::Duration::from_millis(300));
    net.sent_by("conf-7").first().cloned().unwrap_or_default()
}

const GOOD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 96\r\n\
                    a=rtpmap:96 opus/48000/2\r\na=sendrecv\r\na=ptime:20\r\n";

/// §5 and §9.
#[test]
fn what_is_missing_unknown_or_in_another_order_does_not_matter() {
    let _proven = covers(["8866-01"]);
    let mixed = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 96 0\r\n\
                 a=ptime:20\r\na=fmtp:96 useinbandfec=1\r\na=sendrecv\r\na=rtpmap:96 opus/48000/2\r\n";
    for sloppy in [
        GOOD.to_owned(),
        GOOD.replace("s=-\r\n", ""),
        GOOD.replace("s=-\r\n", "s=\r\n"),
        GOOD.replace("t=0 0\r\n", ""),
        GOOD.replace("\r\n", "\n"),
        GOOD.replace("\r\n", "  \r\n"),
        GOOD.replace(
            "t=0 0\r\n",
            "i=who\r\nu=http://x\r\ne=a@b\r\np=1\r\nq=what\r\nt=0 0\r\nr=7d 1h 0 25h\r\nz=0 0\r\nk=clear:x\r\n",
        ),
        GOOD.replace("a=sendrecv\r\n", "a=x-unheard-of:7\r\nnonsense\r\na=sendrecv\r\n"),
        GOOD.trim_end().to_owned(),
        mixed.to_owned(),
    ] {
        assert_eq!(answered(&sloppy), "200 OK", "{sloppy:?}");
    }
}

/// §5.1, §5.2, §5.9, §5.14: what everything else stands on is not guessed.
#[test]
fn what_cannot_be_read_is_refused() {
    let _proven = covers(["8866-01"]);
    for broken in [
        GOOD.replace("v=0\r\n", ""),
        GOOD.replace("v=0\r\n", "v=1\r\n"),
        GOOD.replace("o=- 1 1 IN IP4 192.0.2.1\r\n", "o=nobody\r\n"),
        GOOD.replace("m=audio 4000 ", "m=audio 99999 "),
        GOOD.replace("m=audio 4000 ", "m=audio "),
        GOOD.replace("c=IN IP4 192.0.2.1\r\n", "c=IN IP4 1.2.3\r\n"),
        GOOD.replace("t=0 0\r\n", "t=never\r\n"),
    ] {
        let status = answered(&broken);
        assert!(["400 ", "488 "].iter().any(|code| status.starts_with(code)), "{status}: {broken:?}");
    }
}
