//! How near a sample is, in time and place, to what already counts of the same device. Pure.

use ispeed_commune::{Cell, cell};
use ispeed_protocol::{Day, UtcMicros};

use crate::store::CountedSample;

/// What the rules of spacing are judged by.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Repeats {
    /// Counted samples of the device in this commune on this day.
    pub(crate) today_in_commune: u32,
    /// Seconds to the nearest counted start, before or after.
    pub(crate) seconds: Option<u64>,
    /// Metres to the nearest cell of a counted sample of this day; `None` where cells are not known.
    pub(crate) metres_today: Option<f64>,
}

impl Repeats {
    /// Of a sample, among the counted samples of its device within a day.
    pub(crate) fn of(
        started_at: UtcMicros,
        commune: Option<&str>,
        here: Option<Cell>,
        counted_nearby: &[CountedSample],
    ) -> Self {
        let day = Day::of(started_at);
        let today = || counted_nearby.iter().filter(|other| Day::of(other.started_at) == day);
        let in_commune = today().filter(|other| other.commune.as_deref() == commune);
        let seconds = |other: &CountedSample| started_at.micros_since(other.started_at).unsigned_abs() / 1_000_000;
        let metres = |other: &CountedSample| Some(cell::centre(here?).distance_m(cell::centre(other.cell?)));
        Self {
            today_in_commune: u32::try_from(in_commune.count()).unwrap_or(u32::MAX),
            seconds: counted_nearby.iter().map(seconds).min(),
            metres_today: today().filter_map(metres).min_by(f64::total_cmp),
        }
    }
}

#[cfg(test)]
mod tests {
    use ispeed_protocol::Sample;
    use ispeed_protocol::plan::Spacing;
    use ispeed_verdict::limits::check_spacing;
    use ispeed_verdict::{Context, judge};
    use proptest::prelude::*;

    use super::*;

    const CELLS: [&str; 4] = ["c6413_58224", "c6413_58225", "c6414_58224", "c6420_58240"];

    fn counted(at: UtcMicros, commune: &str, cell: Option<&str>) -> CountedSample {
        CountedSample { started_at: at, commune: Some(commune.into()), cell: cell.map(|text| text.parse().unwrap()) }
    }

    #[test]
    fn the_day_is_vietnams_and_the_nearest_decides() {
        let at: UtcMicros = "2026-11-23T17:30:00Z".parse().unwrap();
        let minutes = |n: i64| at.plus_micros(n * 60_000_000);
        let nearby = [
            counted(minutes(-60), "25195", Some(CELLS[0])),
            counted(minutes(-20), "25195", Some(CELLS[1])),
            counted(minutes(5), "25198", Some(CELLS[3])),
        ];
        let repeats = Repeats::of(at, Some("25195"), Some(CELLS[0].parse().unwrap()), &nearby);
        assert_eq!((repeats.today_in_commune, repeats.seconds), (1, Some(300)), "an hour ago was yesterday");
        assert!((repeats.metres_today.unwrap() - 200.0).abs() < 0.01, "{repeats:?}");
        assert_eq!(Repeats::of(at, None, None, &nearby).metres_today, None);
        assert_eq!(Repeats::of(at, None, None, &[]), Repeats::default());
    }

    /// Samples of one device handed in, in any order, to a collector with this spacing: those that count.
    fn count_all(spacing: Spacing, runs: &[(i64, usize)]) -> Vec<(UtcMicros, Cell)> {
        let sample: Sample = serde_json::from_str(include_str!("../../../../protocol/vectors/sample.json")).unwrap();
        let mut nearby: Vec<CountedSample> = Vec::new();
        for (seconds, place) in runs {
            let at = sample.started_at.plus_micros(seconds * 1_000_000);
            let here: Cell = CELLS[*place].parse().unwrap();
            let near: Vec<CountedSample> =
                nearby.iter().filter(|c| c.started_at.micros_since(at).abs() <= 86_400_000_000).cloned().collect();
            let repeats = Repeats::of(at, Some("25195"), Some(here), &near);
            let mut context = Context::phone(sample.ended_at);
            context.spacing = spacing;
            context.device_counted_today_in_commune = repeats.today_in_commune;
            context.seconds_to_nearest_counted = repeats.seconds;
            context.metres_to_nearest_counted_today = repeats.metres_today;
            if judge(&sample, &context).counts {
                nearby.push(counted(at, "25195", Some(CELLS[*place])));
            }
        }
        nearby.into_iter().map(|c| (c.started_at, c.cell.unwrap())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_counts_is_spaced_in_whatever_order_it_came(
            runs in prop::collection::vec((0..90_000i64, 0..4usize), 1..40),
            seconds in 30..3_600u32,
            metres in prop::sample::select(vec![0u32, 150, 200, 500]),
            per_day in 1..30u32,
        ) {
            let spacing = Spacing { seconds, metres, per_day };
            prop_assert_eq!(check_spacing(spacing), Ok(()));
            let counted = count_all(spacing, &runs);
            prop_assert!(!counted.is_empty(), "the first always counts");
            for (i, (at, here)) in counted.iter().enumerate() {
                let same_day = counted.iter().filter(|(other, _)| Day::of(*other) == Day::of(*at));
                prop_assert!(same_day.count() <= per_day as usize);
                for (other_at, other) in &counted[i + 1..] {
                    prop_assert!(at.micros_since(*other_at).abs() >= i64::from(seconds) * 1_000_000);
                    let apart_m = cell::centre(*here).distance_m(cell::centre(*other));
                    prop_assert!(Day::of(*at) != Day::of(*other_at) || apart_m + 1.0 >= f64::from(metres));
                }
            }
        }

        #[test]
        fn a_surplus_sample_stands_in_nobodys_way(
            runs in prop::collection::vec((0..90_000i64, 0..4usize), 1..40),
            metres in prop::sample::select(vec![0u32, 200]),
        ) {
            // Leaving out what did not count changes nothing.
            let spacing = Spacing { seconds: 120, metres, per_day: 20 };
            let counted = count_all(spacing, &runs);
            let start = serde_json::from_str::<Sample>(include_str!("../../../../protocol/vectors/sample.json")).unwrap().started_at;
            let only: Vec<(i64, usize)> = counted
                .iter()
                .map(|(at, here)| {
                    let place = CELLS.iter().position(|text| *text == here.to_string()).unwrap();
                    (at.micros_since(start) / 1_000_000, place)
                })
                .collect();
            prop_assert_eq!(count_all(spacing, &only), counted);
        }
    }
}
