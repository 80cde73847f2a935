//! The recorded phrases, one for each name in `words/*.txt`.

macro_rules! phrases {
    ($($phrase:ident = $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Phrase {
            $($phrase,)*
        }

        impl Phrase {
            pub(super) const ALL: &[Self] = &[$(Self::$phrase,)*];

            /// The name of its file, without ending.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$phrase => $name,)*
                }
            }
        }
    };
}

phrases! {
    Welcome = "welcome",
    ConferenceIs = "conference-is",
    NumberWanted = "number-wanted",
    PinWanted = "pin-wanted",
    PinWrong = "pin-wrong",
    NotAdmitted = "not-admitted",
    LockedOut = "locked-out",
    Full = "full",
    Goodbye = "goodbye",
    First = "first",
    Others = "others",
    Here = "here",
    Muted = "muted",
    Open = "open",
    MutedByChair = "muted-by-chair",
    HandRaised = "hand-raised",
    HandLowered = "hand-lowered",
    Louder = "louder",
    Softer = "softer",
    AllMuted = "all-muted",
    Locked = "locked",
    Unlocked = "unlocked",
    NotAllowed = "not-allowed",
    NotRecorded = "not-recorded",
    Help = "help",
    HelpChair = "help-chair",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use plenary_config::Language;

    use super::*;

    #[test]
    fn every_language_has_words_for_every_phrase_and_for_nothing_else() {
        let wanted: BTreeSet<_> = Phrase::ALL.iter().map(|phrase| phrase.name()).collect();
        for language in Language::ALL {
            let file = format!("{}/src/voice/words/{}.txt", env!("CARGO_MANIFEST_DIR"), language.code());
            let words = std::fs::read_to_string(file).expect("the words of each language");
            let lines = words.lines().filter(|line| !line.starts_with('#'));
            let named: BTreeSet<_> = lines.filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
            assert_eq!(named, wanted, "{}", language.code());
        }
    }
}
