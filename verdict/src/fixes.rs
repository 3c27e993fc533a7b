//! Which fix places a run, and what its fixes say together: one rule for the phone, which resolves them, and for the
//! collector, which resolves shared points again.
//!
//! 1. A fix is *usable* when it is fresh and accurate enough for the rules of this crate. The smallest radius among the
//!    usable ones is the run's position; without a usable one the freshest is, and the verdict says what is wrong with
//!    it. A small radius alone never wins: an old fix that claims one metre is still old.
//! 2. Every usable fix is resolved. They agree when all lie in one commune; else the run straddled a border and the
//!    place is ambiguous with all communes in question.

use std::cmp::Ordering;

use ispeed_protocol::UtcMicros;
use ispeed_protocol::place::{Fix, Fixes, Place, PlaceVerdict};

use crate::limits::{FIX_MAX_ACCURACY_M, FIX_MAX_AGE_MS};

/// A fix with a point, and what decides whether to trust it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Position {
    /// Degrees, -90 to 90.
    pub lat: f64,
    /// Degrees, -180 to 180.
    pub lon: f64,
    /// 68 % radius in metres, above 0; `None` where the platform gave none.
    pub accuracy_m: Option<f64>,
    /// Age at the end of the run; `None` where it is not known.
    pub age_ms: Option<u64>,
}

/// The place of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Placed {
    /// The position that was chosen.
    pub position: Position,
    /// Commune and doubt.
    pub place: Place,
    /// Usable fixes lie for certain in different communes.
    pub left_commune: bool,
}

/// The place of a run that ended at `ended_at`; `resolve` answers in which commune a position lies. `None` when no fix has
/// a point.
pub fn place(fixes: &Fixes, ended_at: UtcMicros, resolve: impl Fn(&Position) -> Place) -> Option<Placed> {
    let positions: Vec<Position> = fixes.iter().filter_map(|fix| Position::of(fix, ended_at)).collect();
    let position = *positions.iter().min_by(|a, b| a.better(b))?;
    let chosen = resolve(&position);
    let others: Vec<Place> = positions
        .iter()
        .filter(|other| position.usable() && other.usable() && **other != position)
        .map(&resolve)
        .collect();
    let elsewhere = |other: &Place| other.verdict == PlaceVerdict::Certain && other.code != chosen.code;
    let left_commune = chosen.verdict == PlaceVerdict::Certain && others.iter().any(elsewhere);
    Some(Placed { position, place: others.iter().fold(chosen, agree), left_commune })
}

/// Age of a fix at the end of its run, milliseconds: as stated, else the time from the fix to the end. `None` where neither
/// is known, or where the fix claims to be from after the run.
pub fn age_ms(fix: &Fix, ended_at: UtcMicros) -> Option<u64> {
    fix.age_ms.or_else(|| u64::try_from(ended_at.micros_since(fix.at?) / 1_000).ok())
}

/// Radius of a fix, metres. "No radius" is 0 on Android and negative on iOS.
pub fn accuracy_m(fix: &Fix) -> Option<f64> {
    fix.accuracy_m.filter(|m| m.is_finite() && *m > 0.0)
}

impl Position {
    fn of(fix: &Fix, ended_at: UtcMicros) -> Option<Self> {
        let lat = fix.lat.filter(|lat| (-90.0..=90.0).contains(lat))?;
        let lon = fix.lon.filter(|lon| (-180.0..=180.0).contains(lon))?;
        Some(Self { lat, lon, accuracy_m: accuracy_m(fix), age_ms: age_ms(fix, ended_at) })
    }

    /// Fresh and accurate enough to place a sample that counts.
    fn usable(&self) -> bool {
        self.age_ms.is_some_and(|age_ms| age_ms <= FIX_MAX_AGE_MS)
            && self.accuracy_m.is_some_and(|radius_m| radius_m <= FIX_MAX_ACCURACY_M)
    }

    /// Orders positions, best first: the usable by radius, the rest by age.
    fn better(&self, other: &Self) -> Ordering {
        let radius_m = |p: &Self| p.accuracy_m.unwrap_or(f64::INFINITY);
        let age_ms = |p: &Self| p.age_ms.unwrap_or(u64::MAX);
        let (by_radius, by_age) = (radius_m(self).total_cmp(&radius_m(other)), age_ms(self).cmp(&age_ms(other)));
        match (self.usable(), other.usable()) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (true, true) => by_radius.then(by_age),
            (false, false) => by_age.then(by_radius),
        }
    }
}

/// What remains of a place when another usable fix of the run says `other`: doubtful unless both are sure of one commune,
/// or of none.
fn agree(mut place: Place, other: &Place) -> Place {
    let sure = matches!(place.verdict, PlaceVerdict::Certain | PlaceVerdict::Approximate | PlaceVerdict::Outside);
    if sure && place.verdict == other.verdict && place.code == other.code {
        return place;
    }
    for candidate in &other.candidates {
        if !place.candidates.iter().any(|c| c.code == candidate.code) {
            place.candidates.push(candidate.clone());
        }
    }
    // The gazetteer knows no borders, so it cannot say that one lies between.
    if place.verdict != PlaceVerdict::Approximate {
        place.verdict = PlaceVerdict::Ambiguous;
        place.border_m = [place.border_m, other.border_m].into_iter().flatten().reduce(f64::min);
        place.code = place.code.or_else(|| other.code.clone());
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use ispeed_protocol::place::{Candidate, FixSource};
    use proptest::prelude::*;

    const END: UtcMicros = UtcMicros(1_790_000_000_000_000);

    fn fix(lat: f64, accuracy_m: f64, age_ms: u64) -> Fix {
        Fix {
            lat: Some(lat),
            lon: Some(106.9),
            accuracy_m: Some(accuracy_m),
            at: None,
            age_ms: Some(age_ms),
            speed_mps: None,
            altitude_m: None,
            mock: None,
            source: FixSource::Gnss,
        }
    }

    fn fixes(start: Fix, end: Fix) -> Fixes {
        Fixes { start: Some(start), mid: None, end: Some(end) }
    }

    fn certain(code: &str) -> Place {
        Place {
            verdict: PlaceVerdict::Certain,
            code: Some(code.into()),
            candidates: vec![Candidate { code: code.into(), distance_m: 0.0 }],
            border_m: Some(800.0),
            table: Some("t".into()),
        }
    }

    /// A country of two communes with the border at 12° north.
    fn by_latitude(position: &Position) -> Place {
        certain(if position.lat < 12.0 { "00001" } else { "00002" })
    }

    fn chosen_lat(fixes: &Fixes) -> f64 {
        place(fixes, END, by_latitude).unwrap().position.lat
    }

    #[test]
    fn the_narrowest_of_the_usable_wins_and_an_old_metre_does_not() {
        assert_eq!(chosen_lat(&fixes(fix(11.0, 90.0, 100), fix(11.1, 8.0, 30_000))), 11.1);
        assert_eq!(chosen_lat(&fixes(fix(11.0, 1.0, 600_000), fix(11.1, 30.0, 500))), 11.1);
        // None is usable: the freshest, however wide.
        assert_eq!(chosen_lat(&fixes(fix(11.0, 1.0, 600_000), fix(11.1, 5_000.0, 500))), 11.1);
        // "No radius" is no radius of nothing.
        assert_eq!(chosen_lat(&fixes(fix(11.0, 0.0, 100), fix(11.1, 30.0, 200))), 11.1);
    }

    #[test]
    fn an_age_is_the_stated_one_or_the_time_to_the_end() {
        let at = |micros| Fix { age_ms: None, at: Some(END.plus_micros(micros)), ..fix(11.0, 5.0, 0) };
        assert_eq!(age_ms(&at(-2_000_000), END), Some(2_000));
        assert_eq!(age_ms(&at(2_000_000), END), None, "from after the run");
        assert_eq!(age_ms(&Fix { age_ms: Some(7), ..at(-2_000_000) }, END), Some(7));
    }

    #[test]
    fn usable_fixes_in_two_communes_are_a_border_crossed() {
        let crossed = place(&fixes(fix(11.9, 5.0, 100), fix(12.1, 9.0, 100)), END, by_latitude).unwrap();
        assert!(crossed.left_commune);
        assert_eq!((crossed.place.verdict, crossed.place.code.as_deref()), (PlaceVerdict::Ambiguous, Some("00001")));
        assert_eq!(crossed.place.candidates.len(), 2);
        let stayed = place(&fixes(fix(11.8, 5.0, 100), fix(11.9, 9.0, 100)), END, by_latitude).unwrap();
        assert_eq!((stayed.left_commune, stayed.place), (false, certain("00001")));
        let old = place(&fixes(fix(11.9, 5.0, 100), fix(12.1, 9.0, 900_000)), END, by_latitude).unwrap();
        assert!(!old.left_commune, "an old fix says nothing of this run");
    }

    #[test]
    fn doubt_of_one_fix_is_doubt_of_the_run() {
        let doubtful = Place { verdict: PlaceVerdict::Ambiguous, ..certain("00001") };
        assert_eq!(agree(certain("00001"), &doubtful).verdict, PlaceVerdict::Ambiguous, "the end may lie beyond");
        let guess = |code| Place { verdict: PlaceVerdict::Approximate, border_m: None, ..certain(code) };
        let guessed = agree(guess("00001"), &guess("00002"));
        assert_eq!((guessed.verdict, guessed.candidates.len()), (PlaceVerdict::Approximate, 2));
    }

    #[test]
    fn without_a_point_there_is_no_place() {
        assert_eq!(place(&Fixes::default(), END, by_latitude), None);
        assert_eq!(place(&fixes(fix(11.0, 5.0, 0).without_point(), fix(91.0, 5.0, 0)), END, by_latitude), None);
        assert_eq!(
            place(&fixes(fix(f64::NAN, 5.0, 0), fix(11.0, 5.0, 0)), END, by_latitude).unwrap().position.lat,
            11.0
        );
    }

    proptest! {
        #[test]
        fn the_order_of_the_fixes_does_not_decide(
            a in (0.0..20.0f64, -10.0..300.0f64, 0..200_000u64), b in (0.0..20.0f64, -10.0..300.0f64, 0..200_000u64),
        ) {
            prop_assume!((a.1, a.2) != (b.1, b.2) && (a.1 > 0.0 || b.1 > 0.0 || a.2 != b.2));
            let (a, b) = (fix(a.0, a.1, a.2), fix(b.0, b.1, b.2));
            prop_assert_eq!(chosen_lat(&fixes(a.clone(), b.clone())), chosen_lat(&fixes(b, a)));
        }
    }
}
