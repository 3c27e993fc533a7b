use ispeed_protocol::plan::{PlanCell, Progress};
use proptest::prelude::*;

use super::*;

const CODE: &str = "25195";
const AT: Point = Point { lat: 11.5209, lon: 106.899 };

fn now() -> UtcMicros {
    "2026-11-23T05:00:00Z".parse().unwrap()
}

fn minutes(n: i64) -> UtcMicros {
    now().plus_micros(n * 60_000_000)
}

fn corner() -> Cell {
    ispeed_commune::cell(AT.lat, AT.lon)
}

fn commune(cells: &[Cell]) -> CommunePlan {
    let plan_cell = |cell: &Cell| PlanCell { cell: *cell, lat_e6: 0, lon_e6: 0, distance_m: None };
    CommunePlan {
        code: CODE.into(),
        name: "Phường Bình Phước".into(),
        province_code: "75".into(),
        province: "Thành phố Đồng Nai".into(),
        distance_m: None,
        progress: Progress { counted: 298, missing: 2, ..Progress::default() },
        groups: Vec::new(),
        under_sampled: vec![
            OperatorShortfall { operator: "viettel".into(), counted: 29, wanted: 30, missing: 1 },
            OperatorShortfall { operator: "mobifone".into(), counted: 10, wanted: 30, missing: 20 },
        ],
        cells_total: Some(500),
        cells_unmeasured: Some(cells.len() as u32),
        cells_hidden: false,
        unmeasured: cells.iter().map(plan_cell).collect(),
    }
}

fn own(at: UtcMicros, cell: Option<Cell>, operator: &'static str, sent_at: Option<UtcMicros>) -> OwnSample {
    OwnSample { started_at: at, commune: Some(CODE.into()), cell, operator, campaign: Some("dot-1".into()), sent_at }
}

fn question<'a>(communes: &'a [CommunePlan], own: &'a [OwnSample]) -> Question<'a> {
    Question {
        communes,
        made_at: minutes(-120),
        spacing: Spacing { seconds: 120, metres: 0, per_day: 3 },
        campaign: None,
        own,
        at: Some(AT),
        here: Some(CODE),
        now: now(),
        cells: 10,
    }
}

#[test]
fn the_nearest_cell_comes_first_with_its_direction_and_what_was_measured_here_is_done() {
    let cells: Vec<Cell> = [(5, 0), (0, 3), (0, 1), (0, 0)]
        .map(|(r, c)| Cell { row: corner().row + r, column: corner().column + c })
        .into();
    let plan = [commune(&cells)];
    let done = [own(minutes(-60), Some(cells[2]), "viettel", None)];
    let guide = guide(&question(&plan, &done));
    let order: Vec<Cell> = guide.next.iter().map(|next| next.cell).collect();
    assert_eq!(order, [cells[3], cells[1], cells[0]]);
    assert_eq!(guide.next[0].bearing_deg, None, "one stands in it");
    let east = guide.next[1].bearing_deg.unwrap();
    assert!((70.0..110.0).contains(&east), "{east}");
    let north = guide.next[2].bearing_deg.unwrap();
    assert!(!(20.0..340.0).contains(&north), "{north}");
    assert!((guide.next[2].distance_m.unwrap() - 1_000.0).abs() < 150.0);
    assert_eq!(guide.communes[0].cells_unmeasured, Some(3));
}

#[test]
fn own_samples_are_taken_off_once_and_only_while_the_plan_does_not_know_them() {
    let plan = [commune(&[])];
    let all = [
        own(minutes(-200), None, "viettel", Some(minutes(-130))),
        own(minutes(-180), None, "viettel", Some(minutes(-60))),
        own(minutes(-50), None, "mobifone", None),
        own(minutes(-40), None, "mobifone", None),
    ];
    let left = guide(&question(&plan, &all)).communes.remove(0);
    assert_eq!((left.own, left.missing), (3, 0), "one was sent before the plan was made, and 2 were missing");
    assert_eq!(left.operators.len(), 1, "Viettel has its 30");
    assert_eq!((left.operators[0].operator.as_str(), left.operators[0].missing), ("mobifone", 18));
    let other = Question { campaign: Some("dot-2"), ..question(&plan, &all) };
    let missing: Vec<u32> = guide(&other).communes[0].operators.iter().map(|short| short.missing).collect();
    assert_eq!(missing, [1, 20], "they were for another campaign");
}

#[test]
fn a_run_counts_again_after_its_time_its_distance_and_until_the_day_is_full() {
    let plan = [commune(&[])];
    let near = Cell { row: corner().row, column: corner().column + 1 };
    let all = [own(minutes(-1), Some(near), "viettel", None), own(minutes(-300), None, "viettel", Some(minutes(-290)))];
    let mut asked = question(&plan, &all);
    let repeat = guide(&asked).repeat;
    assert_eq!((repeat.not_before, repeat.metres_to_go, repeat.left_today), (Some(minutes(1)), 0.0, Some(1)));
    asked.spacing.metres = 200;
    assert_eq!(guide(&asked).repeat.metres_to_go, 0.0, "the next cell is 200 m away, but for rounding");
    asked.spacing.metres = 500;
    assert!((guide(&asked).repeat.metres_to_go - 300.0).abs() < 1.0);
    asked.now = minutes(1);
    assert_eq!(guide(&asked).repeat.not_before, None);
    asked.now = minutes(24 * 60);
    let tomorrow = guide(&asked).repeat;
    assert_eq!((tomorrow.metres_to_go, tomorrow.left_today), (0.0, Some(3)));
    asked.here = None;
    assert_eq!(guide(&asked).repeat.left_today, None);
}

#[test]
fn the_four_winds() {
    let to = |lat: f64, lon: f64| bearing_deg(AT, Point { lat: AT.lat + lat, lon: AT.lon + lon });
    for (bearing, expected) in
        [(to(0.01, 0.0), 0.0), (to(0.0, 0.01), 90.0), (to(-0.01, 0.0), 180.0), (to(0.0, -0.01), 270.0)]
    {
        assert!((bearing - expected).abs() < 0.1, "{bearing} {expected}");
    }
}

proptest! {
    #[test]
    fn a_bearing_is_a_direction(lat in -89.0..89.0f64, lon in -180.0..180.0f64, to_lat in -89.0..89.0f64, to_lon in -180.0..180.0f64) {
        let bearing = bearing_deg(Point { lat, lon }, Point { lat: to_lat, lon: to_lon });
        prop_assert!((0.0..360.0).contains(&bearing));
    }

    #[test]
    fn nothing_is_missing_below_zero(n in 0usize..40) {
        let plan = [commune(&[])];
        let all: Vec<OwnSample> = (0..n).map(|_| own(minutes(-1), None, "mobifone", None)).collect();
        let left = guide(&question(&plan, &all)).communes.remove(0);
        prop_assert_eq!(left.missing, 2u32.saturating_sub(n as u32));
        prop_assert_eq!(left.operators.len(), if n < 20 { 2 } else { 1 });
    }
}
