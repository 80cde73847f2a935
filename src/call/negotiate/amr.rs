//! `a=fmtp` of AMR-WB: RFC 4867 §8.2 and §8.3.
//!
//! What both sides must use alike is answered as offered (`octet-align`, `mode-set`). `mode-change-period` and
//! `mode-change-neighbor` are the receiver's wishes: we send by the peer's, and have none of our own. `max-red=0`: we take
//! no redundancy. A format with CRC, interleaving, robust sorting or several channels is not taken.

use plenary_media::codec::amr::{Layout, Mode, ModeSet};
use plenary_media::plan::AmrFormat;
use plenary_sip::sdp::attribute::RtpFormat;

/// `None`: a format that we do not have.
pub(super) fn read(format: &RtpFormat) -> Option<AmrFormat> {
    let parameters = &format.parameters;
    let is_ours = format.clock_rate == 16_000
        && format.channels == 1
        && !["crc", "robust-sorting"].iter().any(|name| parameters.is_on(name))
        && parameters.get("interleaving").is_none();
    let layout = if parameters.is_on("octet-align") { Layout::OctetAligned } else { Layout::BandwidthEfficient };
    let modes = parameters.get("mode-set").map(modes);
    if !is_ours || modes == Some(None) {
        return None;
    }
    Some(AmrFormat {
        layout,
        modes: modes.flatten(),
        every_second: parameters.number("mode-change-period") == Some(2),
        by_neighbours: parameters.is_on("mode-change-neighbor"),
    })
}

/// `None`: no modes, or one that does not exist.
fn modes(list: &str) -> Option<ModeSet> {
    let modes: Option<Vec<Mode>> = list.split(',').map(|mode| Mode::new(mode.trim().parse().ok()?)).collect();
    ModeSet::new(modes?)
}

pub(super) fn parameters(format: AmrFormat) -> String {
    let mut parameters = Vec::new();
    if format.layout == Layout::OctetAligned {
        parameters.push("octet-align=1".to_owned());
    }
    if let Some(modes) = format.modes {
        let modes: Vec<String> = modes.modes().map(|mode| mode.number().to_string()).collect();
        parameters.push(format!("mode-set={}", modes.join(",")));
    }
    parameters.extend(["mode-change-capability=2".to_owned(), "max-red=0".to_owned()]);
    parameters.join(";")
}

#[cfg(test)]
mod tests {
    use plenary_sip::sdp::SessionDescription;

    use super::*;

    fn answered(rtpmap: &str, fmtp: &str) -> Option<String> {
        let text = format!("v=0\r\nm=audio 4000 RTP/AVP 98\r\na=rtpmap:98 {rtpmap}\r\n{fmtp}\r\n");
        let media = SessionDescription::parse(text.as_bytes()).expect("readable").media.remove(0);
        read(&media.rtp_formats()[0]).map(parameters)
    }

    #[test]
    fn formats_are_answered_as_offered_and_wishes_are_not_copied() {
        let ours = ";mode-change-capability=2;max-red=0";
        let table = [
            ("", "mode-change-capability=2;max-red=0".to_owned()),
            ("a=fmtp:98 octet-align=1", format!("octet-align=1{ours}")),
            ("a=fmtp:98 mode-set=0, 1,2; octet-align=1", format!("octet-align=1;mode-set=0,1,2{ours}")),
            ("a=fmtp:98 mode-set=8;max-red=220;mode-change-period=2", format!("mode-set=8{ours}")),
            ("a=fmtp:98 octet-align=0;foo=1", "mode-change-capability=2;max-red=0".to_owned()),
        ];
        for (fmtp, expected) in table {
            assert_eq!(answered("AMR-WB/16000", fmtp), Some(expected.clone()), "{fmtp}");
            assert_eq!(answered("amr-wb/16000/1", fmtp), Some(expected), "{fmtp}");
        }
    }

    #[test]
    fn formats_that_we_do_not_have_are_left() {
        for fmtp in ["crc=1", "interleaving=30", "robust-sorting=1", "mode-set=9", "mode-set=", "mode-set=1,x"] {
            assert_eq!(answered("AMR-WB/16000", &format!("a=fmtp:98 {fmtp}")), None, "{fmtp}");
        }
        assert_eq!(answered("AMR-WB/16000/2", "a=ptime:20"), None);
        assert_eq!(answered("AMR-WB/8000", "a=ptime:20"), None);
    }

    #[test]
    fn the_peers_pace_of_changes_is_kept() {
        let text = "v=0\r\nm=audio 4000 RTP/AVP 98\r\na=rtpmap:98 AMR-WB/16000\r\n\
                    a=fmtp:98 mode-change-period=2;mode-change-neighbor=1\r\n";
        let media = SessionDescription::parse(text.as_bytes()).expect("readable").media.remove(0);
        let format = read(&media.rtp_formats()[0]).expect("ours");
        assert!(format.every_second && format.by_neighbours);
    }
}
