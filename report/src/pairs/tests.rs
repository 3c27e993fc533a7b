use ispeed_protocol::UtcMicros;
use ispeed_protocol::device::MeasurerKind;
use proptest::prelude::*;

use super::compare::t_975;
use super::*;
use crate::TechnologyGroup;
use crate::sample::PacketCounts;
use crate::tests::synth;

fn sample(n: u128, operator: &str, device: &str, pair: &str) -> MonthSample {
    let at: UtcMicros = "2026-11-23T02:00:00Z".parse().unwrap();
    MonthSample {
        started_at: at,
        received_at: at,
        cell: Some(Cell { row: 6413, column: 58224 }),
        operator: operator.into(),
        measurer: MeasurerKind::Official,
        campaign: Some("dot-1".into()),
        pair_id: Some(pair.into()),
        loaded_down_ms: None,
        loaded_up_ms: None,
        pdv_ms: None,
        echo: PacketCounts::default(),
        ..synth::sample(n, &synth::places(1, 1)[0], device)
    }
}

#[test]
fn a_pair_is_two_phones_two_operators_one_second_one_place() {
    let of = |change: fn(&mut MonthSample)| {
        let mut both = [sample(1, "viettel", "a", "p"), sample(2, "mobifone", "b", "p")];
        change(&mut both[1]);
        let paired = pair_up(&both);
        (paired.pairs.len(), paired.unpaired.keys().copied().next())
    };
    assert_eq!(of(|_| {}), (1, None));
    assert_eq!(of(|b| b.started_at = b.started_at.plus_micros(1_000_000)), (1, None));
    assert_eq!(of(|b| b.started_at = b.started_at.plus_micros(-1_000_001)), (0, Some(Unpaired::StartApart)));
    assert_eq!(of(|b| b.device_id = "a".into()), (0, Some(Unpaired::SameDevice)));
    assert_eq!(of(|b| b.operator = "viettel".into()), (0, Some(Unpaired::SameOperator)));
    assert_eq!(of(|b| b.operator = "unknown".into()), (0, Some(Unpaired::SameOperator)));
    assert_eq!(of(|b| b.commune = Some("25198".into())), (0, Some(Unpaired::Elsewhere)));
    assert_eq!(of(|b| b.cell = Some(Cell { row: 6414, column: 58223 })), (1, None));
    assert_eq!(of(|b| b.cell = Some(Cell { row: 6415, column: 58224 })), (0, Some(Unpaired::Elsewhere)));
    assert_eq!(of(|b| b.counts = false), (0, Some(Unpaired::NotCounted)));
    assert_eq!(of(|b| b.campaign = Some("dot-2".into())), (0, Some(Unpaired::Single)));
    let three = [sample(1, "viettel", "a", "p"), sample(2, "mobifone", "b", "p"), sample(3, "vinaphone", "c", "p")];
    assert_eq!(pair_up(&three).unpaired, BTreeMap::from([(Unpaired::TooMany, 1)]));
    let turned = [sample(1, "mobifone", "b", "p"), sample(2, "viettel", "a", "p")];
    assert_eq!(pair_up(&turned).pairs[0].first.operator, "viettel", "in the order of reports");
}

/// A number in −1..1 that only depends on its seed (splitmix64).
fn noise(seed: u64) -> f64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Pairs at `places` cells, `each` at every one, by `phones` pairs of phones; the operators differ by `by` Mbps, and so do places
/// and phones among themselves.
fn month(seed: u64, (places, each, phones): (u64, u64, u64), by: f64) -> Vec<MonthSample> {
    let mut samples = Vec::new();
    for place in 0..places {
        for n in 0..each {
            let id = format!("{place}-{n}");
            let phone = (place * each + n) % phones;
            let key = u128::from(place * 1_000 + n) * 2;
            let mut first = sample(key, "viettel", &format!("a{phone}"), &id);
            let mut second = sample(key + 1, "mobifone", &format!("b{phone}"), &id);
            let shift = 8.0 * noise(seed * 1_000 + place) + 2.0 * noise(seed * 100_000 + place * 97 + n);
            let of_phones = if phones > 1 { 4.0 * noise(seed * 7_000 + 31 * phone) } else { 0.0 };
            first.down_bps = Some((60.0 + by + shift + of_phones) * 1e6);
            second.down_bps = Some(60e6);
            first.cell = Some(Cell { row: 6_000 + 5 * place as i32, column: 1 });
            second.cell = first.cell;
            samples.extend([first, second]);
        }
    }
    samples
}

fn down(samples: &[MonthSample]) -> Comparison {
    let all = compare(&pair_up(samples).pairs);
    all.into_iter().find(|c| c.metric == PairedMetric::Down && c.technology == TechnologyGroup::All).unwrap()
}

#[test]
fn the_interval_holds_the_truth_nineteen_times_in_twenty_though_pairs_are_clustered() {
    for shape in [(12, 5, 1), (30, 2, 10), (8, 10, 8)] {
        let held = (0..400).filter(|seed| {
            let interval = down(&month(*seed, shape, 10.0)).interval.unwrap();
            interval[0].as_f64() <= 10.0 && 10.0 <= interval[1].as_f64()
        });
        let held = held.count();
        println!("{shape:?}: {held} of 400");
        assert!(held >= 366, "{shape:?}: {held} of 400, expected 380 and three deviations less at worst");
    }
}

#[test]
fn repeating_at_one_desk_makes_no_interval_shorter() {
    let desk = down(&month(3, (1, 300, 1), 10.0));
    assert_eq!((desk.pairs, desk.place_days, desk.interval, desk.finding), (300, 1, None, Finding::TooFew));
    let few = down(&month(3, (10, 1, 1), 10.0));
    let many = down(&month(3, (10, 50, 1), 10.0));
    let width = |c: &Comparison| c.interval.map(|[low, high]| high.as_f64() - low.as_f64()).unwrap();
    assert!(width(&many) > 0.7 * width(&few), "{} {}", width(&many), width(&few));
    assert!(few.phones_confounded, "one pair of phones cannot be told from its operators");
    assert!(!down(&month(3, (12, 5, 6), 10.0)).phones_confounded);
}

#[test]
fn a_draw_is_called_a_draw_and_less_latency_is_better() {
    assert_eq!(down(&month(5, (20, 2, 1), 20.0)).finding, Finding::First);
    assert_eq!(down(&month(5, (20, 2, 1), -20.0)).finding, Finding::Second);
    assert_eq!(down(&month(5, (20, 2, 1), 0.1)).finding, Finding::Draw);
    let mut slow = month(5, (20, 2, 1), 0.0);
    slow.iter_mut().filter(|s| s.operator == "viettel").for_each(|s| s.idle_ms = Some(45.0));
    let all = compare(&pair_up(&slow).pairs);
    let idle = all.iter().find(|c| c.metric == PairedMetric::Idle).unwrap();
    assert_eq!((idle.mean.unwrap().to_string(), idle.finding), ("15.0".to_owned(), Finding::Second));
    assert_eq!(all.len(), 6, "all technologies and 4G, three metrics each");
}

#[test]
fn students_quantile() {
    for (degrees, expected) in [(1, 12.706), (29, 2.045), (40, 2.021), (60, 2.000), (120, 1.980), (100_000, 1.960)] {
        assert!((t_975(degrees) - expected).abs() < 0.0015, "{degrees}: {}", t_975(degrees));
    }
}

proptest! {
    #[test]
    fn neither_order_nor_the_names_of_pairs_change_a_figure(seed in 0..500u64, turn in 0..40usize) {
        let samples = month(seed, (8, 3, 3), 5.0);
        let mut other = samples.clone();
        let turn = turn % other.len();
        other.rotate_left(turn);
        let (a, b) = (compare(&pair_up(&samples).pairs), compare(&pair_up(&other).pairs));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn turning_the_operators_round_turns_the_sign(seed in 0..500u64) {
        let samples = month(seed, (8, 3, 3), 5.0);
        let mut turned = samples.clone();
        for sample in &mut turned {
            sample.operator = if sample.operator == "viettel" { "mobifone".into() } else { "viettel".into() };
        }
        let (a, b) = (down(&samples), down(&turned));
        prop_assert!((a.mean.unwrap().as_f64() + b.mean.unwrap().as_f64()).abs() < 0.011);
        prop_assert!(a.pairs == b.pairs && a.pairs == 24);
    }
}
