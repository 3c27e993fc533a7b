//! Words of enumerations in files, both ways.

use ispeed_protocol::device::{MeasurerKind, RadioTechnology, Surroundings};
use ispeed_protocol::sample::Outcome;
use ispeed_report::{Level, OperatorGroup, TechnologyGroup};

/// An enumeration whose members have one word each, the same as in JSON.
pub(crate) trait Word: Copy + PartialEq + Sized + 'static {
    /// Every member with its word.
    const WORDS: &'static [(Self, &'static str)];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(member, _)| *member == self).map_or("", |(_, word)| word)
    }

    fn of_word(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, word)| *word == text).map(|(member, _)| *member)
    }
}

impl Word for Outcome {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Complete, "complete"),
        (Self::Partial, "partial"),
        (Self::NoService, "no_service"),
        (Self::ServerFailed, "server_failed"),
        (Self::Aborted, "aborted"),
    ];
}

impl Word for MeasurerKind {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Citizen, "citizen"),
        (Self::Official, "official"),
        (Self::Operator, "operator"),
        (Self::Probe, "probe"),
    ];
}

impl Word for RadioTechnology {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::G4, "4g"),
        (Self::G5Nsa, "5g_nsa"),
        (Self::G5Sa, "5g_sa"),
        (Self::G5, "5g"),
        (Self::G3, "3g"),
        (Self::G2, "2g"),
        (Self::Unknown, "unknown"),
    ];
}

impl Word for Surroundings {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Indoor, "indoor"), (Self::Outdoor, "outdoor"), (Self::Moving, "moving")];
}

impl Word for Level {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Nation, "nation"), (Self::Province, "province"), (Self::Commune, "commune")];
}

impl Word for OperatorGroup {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::All, Self::All.code()),
        (Self::Viettel, Self::Viettel.code()),
        (Self::Vinaphone, Self::Vinaphone.code()),
        (Self::Mobifone, Self::Mobifone.code()),
        (Self::Vietnamobile, Self::Vietnamobile.code()),
        (Self::Other, Self::Other.code()),
    ];
}

impl Word for TechnologyGroup {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::All, Self::All.code()),
        (Self::G4, Self::G4.code()),
        (Self::G5, Self::G5.code()),
        (Self::G3, Self::G3.code()),
        (Self::Other, Self::Other.code()),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    fn are_those_of_json<T: Word + Serialize + std::fmt::Debug>() {
        for (member, word) in T::WORDS {
            assert_eq!(serde_json::to_value(member).unwrap(), *word, "{member:?}");
            assert_eq!((member.word(), T::of_word(word)), (*word, Some(*member)));
        }
        assert_eq!(T::of_word("nonsense"), None);
    }

    #[test]
    fn words_are_those_of_json() {
        are_those_of_json::<Outcome>();
        are_those_of_json::<MeasurerKind>();
        are_those_of_json::<RadioTechnology>();
        are_those_of_json::<Surroundings>();
        are_those_of_json::<Level>();
        are_those_of_json::<OperatorGroup>();
        are_those_of_json::<TechnologyGroup>();
    }
}
