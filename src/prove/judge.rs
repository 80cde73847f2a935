//! Whether a leg heard exactly the other talkers, and how late.

use std::time::{Duration, Instant};

use super::ear::Heard;
use super::load::{Load, MAX_TALKERS};
use super::marker;
use super::speech::Marker;
use super::tone::{HERTZ, amplitude, level};

/// -10 dB of what was said: less is not heard. A limiter, a codec and a lost packet cost less.
const LEAST: f64 = 0.32;
/// -25 dB: more is not silence.
const MOST: f64 = 0.056;
/// -6 dB: a bell of the marker, no click.
const LEAST_MARKER: f64 = 0.5;
/// Listened to at once. A gap in the sound, as a busy machine makes it, turns the tone's phase and spoils only what it
/// falls into; tones 60 Hz apart are still told apart.
const MOMENT: Duration = Duration::from_millis(60);
/// From one moment to the next.
const STEP: Duration = Duration::from_millis(20);
/// Fewer samples say nothing.
const ENOUGH: Duration = Duration::from_millis(900);
/// The decoder's first moments, in which it finds its feet.
const SETTLING: Duration = Duration::from_millis(120);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Nothing when all was right.
    pub faults: Vec<String>,
    /// What the server added to the way from the marker's packet in to its packet out.
    pub delays: Vec<Duration>,
}

/// `said`: when the packets with the marker were sent.
pub fn judge(leg: usize, heard: &Heard, load: &Load, marker: Option<Marker>, said: &[Instant]) -> Verdict {
    let mut verdict = Verdict::default();
    let samples = heard.last_second();
    if samples.len() < (ENOUGH.as_secs_f64() * f64::from(heard.rate)) as usize {
        let seconds = samples.len() as f64 / f64::from(heard.rate);
        verdict.faults.push(format!("leg {leg} heard only {seconds:.2} s"));
        return verdict;
    }
    let spoken = amplitude(load.talkers);
    let place = load.place_of(leg);
    if load.talkers > MAX_TALKERS {
        // Whoever is loudest at the moment is heard, and tones are shared: something must be there.
        let loudest = HERTZ.iter().map(|hertz| quartiles(samples, heard.rate, f64::from(*hertz)).1);
        if !loudest.into_iter().any(|level| level > LEAST * spoken) {
            verdict.faults.push(format!("leg {leg} hears nobody"));
        }
        return verdict;
    }
    for (talker, hertz) in HERTZ.iter().enumerate() {
        let (low, high) = quartiles(samples, heard.rate, f64::from(*hertz));
        if talker < load.talkers && talker != place {
            if high < LEAST * spoken {
                let decibels = decibels(high / spoken);
                verdict.faults.push(format!("leg {leg} does not hear talker {talker} ({decibels:.0} dB)"));
            }
        } else if low > MOST * spoken {
            let who = if talker == place { "itself".to_owned() } else { format!("{hertz} Hz, which nobody says,") };
            verdict.faults.push(format!("leg {leg} hears {who} ({:.0} dB)", decibels(low / spoken)));
        }
    }
    let markers = marker::find(&heard.samples, heard.rate, LEAST_MARKER * spoken);
    if place == 0 {
        if !markers.is_empty() {
            verdict.faults.push(format!("leg {leg} hears its own marker"));
        }
        return verdict;
    }
    // When it was said is known of the first conference alone.
    if load.conference_of(leg) > 0 {
        return verdict;
    }
    let settled = markers.into_iter().filter(|middle| *middle > SETTLING);
    verdict.delays = settled.filter_map(|middle| delay(heard, middle, marker?, said)).collect();
    verdict
}

/// Levels of a tone that a quarter of all moments stay below, and that a quarter exceed.
fn quartiles(samples: &[i16], rate: u32, hertz: f64) -> (f64, f64) {
    let in_samples = |duration: Duration| (duration.as_secs_f64() * f64::from(rate)) as usize;
    let moments = samples.windows(in_samples(MOMENT)).step_by(in_samples(STEP));
    let mut levels: Vec<f64> = moments.map(|moment| level(moment, rate, hertz)).collect();
    levels.sort_by(f64::total_cmp);
    let at = |quarters: usize| levels.get(levels.len() * quarters / 4).copied().unwrap_or_default();
    (at(1), at(3))
}

fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.max(1e-6).log10()
}

/// From the last marker that was said before this one came.
fn delay(heard: &Heard, middle: Duration, marker: Marker, said: &[Instant]) -> Option<Duration> {
    let came = heard.arrival_of(middle)?;
    said.iter().rev().find_map(|sent| came.checked_duration_since(*sent + marker.middle))
}

#[cfg(test)]
mod tests {
    use plenary_media::plan::AudioCodec;

    use super::*;
    use crate::prove::pace::FRAME;
    use crate::prove::tone::{marker_at, voice};

    const RATE: u32 = 8_000;

    fn load() -> Load {
        let (codecs, window, joins_per_second) = (&[AudioCodec::Pcmu][..], Duration::ZERO, 1);
        Load { parties: 5, conferences: 1, talkers: 3, codecs, srtp: false, window, joins_per_second }
    }

    /// A second and a half of these talkers, its packets 20 ms apart from `start` on.
    fn heard(talkers: &[usize], start: Instant) -> Heard {
        let voices: Vec<_> = talkers.iter().map(|talker| voice(*talker, 3, RATE, *talker == 0)).collect();
        let samples = (0..12_000).map(|n| voices.iter().map(|voice| voice[n % 8_000]).sum()).collect();
        Heard { rate: RATE, samples, arrivals: (0..75).map(|n| Some(start + n * FRAME)).collect() }
    }

    fn faults(leg: usize, talkers: &[usize]) -> Vec<String> {
        judge(leg, &heard(talkers, Instant::now()), &load(), None, &[]).faults
    }

    #[test]
    fn everybody_hears_all_others_and_not_oneself() {
        assert_eq!(faults(4, &[0, 1, 2]), [""; 0]);
        assert_eq!(faults(1, &[0, 2]), [""; 0]);
        assert!(faults(4, &[0, 1]).concat().starts_with("leg 4 does not hear talker 2 ("));
        assert_eq!(faults(1, &[0, 1, 2]), ["leg 1 hears itself (-0 dB)"]);
        assert_eq!(faults(4, &[0, 1, 2, 7]), ["leg 4 hears 1286 Hz, which nobody says, (-0 dB)"]);
        assert_eq!(faults(0, &[0, 1, 2]).len(), 2);
    }

    #[test]
    fn gaps_of_a_busy_machine_are_no_fault() {
        let mut heard = heard(&[0, 2], Instant::now());
        // Ten times a second 20 ms fall out.
        let mut frame = 0;
        heard.samples =
            heard.samples.chunks(160).filter(|_| (frame += 1, frame % 5 != 3).1).flatten().copied().collect();
        assert_eq!(judge(1, &heard, &load(), None, &[]).faults, [""; 0]);
        let deaf = judge(4, &heard, &load(), None, &[]).faults;
        assert_eq!(deaf.len(), 1, "{deaf:?}");
    }

    #[test]
    fn the_delay_is_from_packet_to_packet() {
        let start = Instant::now();
        let marker = Marker { place: 25, middle: Duration::from_millis(10) };
        // Its packet came 500 ms after the first, and the one before it a second earlier.
        let sent = [start - Duration::from_millis(543), start + Duration::from_millis(457)];
        let verdict = judge(4, &heard(&[0, 1, 2], start), &load(), Some(marker), &sent);
        assert_eq!(verdict.delays.len(), 1);
        assert!(verdict.delays[0].abs_diff(Duration::from_millis(43)) < Duration::from_millis(1), "{verdict:?}");
        assert_eq!(marker_at(), 25 * FRAME + marker.middle);
    }

    #[test]
    fn who_heard_too_little_is_not_judged_by_it() {
        let nothing = Heard { rate: RATE, samples: Vec::new(), arrivals: Vec::new() };
        assert_eq!(judge(2, &nothing, &load(), None, &[]).faults, ["leg 2 heard only 0.00 s"]);
    }
}
