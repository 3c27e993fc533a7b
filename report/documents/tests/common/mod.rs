//! A made-up month: figures that look like a month's, equal in every run. No person's data.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by tests that use parts of it; a failed unwrap is a failed test"
)]

use std::collections::BTreeMap;

use ispeed_commune::gazetteer;
use ispeed_documents::{
    Attainment, DocumentInput, Duties, Exclusion, Header, ISpeedCount, Place, SharingSpot, Target, WeakSpot,
};
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::statements::{CellEvidence, Comparison, Outcome, Ranking, Standing, Weakness};
use ispeed_report::{Decimal, Figure, Group, Level, Metric, OperatorGroup, TechnologyGroup};

pub(crate) const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
/// Đồng Nai.
pub(crate) const PROVINCE: &str = "75";
/// Phường Bình Phước.
pub(crate) const COMMUNE: &str = "25195";

pub(crate) type Figures = BTreeMap<(Group, Metric), Figure>;

pub(crate) fn month() -> Month {
    "2026-10".parse().unwrap()
}

/// Equal numbers in every run.
struct Dice(u64);

impl Dice {
    fn of(text: &str) -> Self {
        Self(text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn put(figures: &mut Figures, group: &Group, metric: Metric, value: f64, n: u64, interval: bool) {
    let round = |value| Decimal::round(value, metric.decimals()).unwrap();
    let figure = Figure {
        group: group.clone(),
        metric,
        value: Some(round(value)),
        interval: interval.then(|| [round(value * 0.87), round(value * 1.16)]),
        n,
        devices: n / 6 + 1,
        public: true,
    };
    figures.insert((group.clone(), metric), figure);
}

/// Figures of one group of `counted` samples.
fn group_figures(figures: &mut Figures, group: &Group, counted: u64) {
    let mut dice = Dice::of(&group.to_string());
    let excluded = counted / 9;
    let fast = if group.technology == TechnologyGroup::G5 { 6.0 } else { 1.0 };
    let base = 24.0 + dice.below(3000) as f64 / 100.0;
    let wide = counted >= 20;
    let mut add = |metric, value: f64, interval| put(figures, group, metric, value, counted, interval);
    add(Metric::Samples, (counted + excluded) as f64, false);
    add(Metric::Counted, counted as f64, false);
    add(Metric::Excluded, excluded as f64, false);
    add(Metric::Devices, (counted / 6 + 1) as f64, false);
    add(Metric::Cells, (counted / 4 + 1) as f64, false);
    add(Metric::Days, (counted / 3 + 1).min(31) as f64, false);
    add(Metric::TopDeviceShare, 4.0 + dice.below(200) as f64 / 10.0, false);
    add(Metric::DownMean, base * fast * 1.4, wide);
    add(Metric::DownMedian, base * fast, wide);
    add(Metric::DownP10, base * fast * 0.3, false);
    add(Metric::DownP90, base * fast * 2.9, false);
    add(Metric::UpMean, base * 0.5, wide);
    add(Metric::UpMedian, base * 0.4, wide);
    add(Metric::AboveFloor, 60.0 + dice.below(400) as f64 / 10.0, wide);
    add(Metric::IdleLatency, 18.0 + dice.below(300) as f64 / 10.0, false);
    add(Metric::LoadedDownLatency, 60.0 + dice.below(3000) as f64 / 10.0, false);
    add(Metric::LoadedUpLatency, 90.0 + dice.below(4000) as f64 / 10.0, false);
    add(Metric::Pdv, 3.0 + dice.below(200) as f64 / 10.0, false);
    add(Metric::Loss, dice.below(2000) as f64 / 1000.0, true);
    add(Metric::Failed, dice.below(90) as f64 / 10.0, true);
    add(Metric::DownMeanChange, dice.below(300) as f64 / 10.0 - 15.0, false);
    add(Metric::DownMean12Months, base * fast * 1.3, false);
    add(Metric::DownMeanWithoutOperators, base * fast * 1.38, false);
    add(Metric::WeakCells, dice.below(9) as f64, false);
    if group.operator == OperatorGroup::All && group.technology == TechnologyGroup::All {
        add(Metric::Missing, 300u64.saturating_sub(counted) as f64, false);
        add(Metric::Installs, dice.below(120) as f64, false);
        add(Metric::ByOfficials, (counted / 3) as f64, false);
        add(Metric::ByCitizens, (counted / 2) as f64, false);
        add(Metric::ByOperators, (counted / 10) as f64, false);
        add(Metric::ByProbes, dice.below(9) as f64, false);
        add(Metric::Late, dice.below(5) as f64, false);
    }
}

/// All groups of a place of about `counted` samples in all.
pub(crate) fn place_figures(figures: &mut Figures, level: Level, code: &str, counted: u64) {
    let share = |operator| match operator {
        OperatorGroup::All => 1.0,
        OperatorGroup::Viettel => 0.5,
        OperatorGroup::Vinaphone => 0.26,
        OperatorGroup::Mobifone => 0.19,
        OperatorGroup::Vietnamobile => 0.04,
        OperatorGroup::Other => 0.01,
    };
    let part = |technology| match technology {
        TechnologyGroup::All => 1.0,
        TechnologyGroup::G4 => 0.7,
        TechnologyGroup::G5 => 0.29,
        TechnologyGroup::G3 => 0.01,
        TechnologyGroup::Other => 0.0,
    };
    for operator in OperatorGroup::EACH.into_iter().chain([OperatorGroup::All]) {
        for technology in TechnologyGroup::EACH.into_iter().chain([TechnologyGroup::All]) {
            let samples = (counted as f64 * share(operator) * part(technology)).round() as u64;
            if samples > 0 {
                let group = Group { level, code: code.to_owned(), operator, technology };
                group_figures(figures, &group, samples);
            }
        }
    }
}

fn targets(figures: &Figures) -> BTreeMap<Group, Target> {
    let mut targets = BTreeMap::new();
    for ((group, metric), figure) in figures {
        let at_least = match group.technology {
            TechnologyGroup::G4 => 40,
            TechnologyGroup::G5 => 100,
            _ => continue,
        };
        if *metric != Metric::DownMean {
            continue;
        }
        let at_least_mbps = Decimal { units: at_least * 100, decimals: 2 };
        let attainment = match (figure.n >= 30, figure.value.unwrap() >= at_least_mbps) {
            (false, _) => Attainment::NotEnough,
            (true, true) => Attainment::Reached,
            (true, false) => Attainment::NotReached,
        };
        targets.insert(group.clone(), Target { paper: "Quyết định 36/QĐ-TTg".into(), at_least_mbps, attainment });
    }
    targets
}

fn header(level: Level, place: Place, province: Option<Place>) -> Header {
    Header {
        report_id: format!("ispeed-2026-10-{}-1", place.code),
        revision: 1,
        month: month(),
        level,
        place,
        province,
        unit_table: "vn-communes@2026-04-30#4be1a7c2".into(),
        cut_off: month().end().plus_micros(8 * 86_400_000_000 - 1),
        issuing_body: None,
        prepared_by: "Công chức Văn hóa – Xã hội".into(),
        software: "ispeed 0.1.0".into(),
        sample_set_sha256: HASH.into(),
        as_of: "2026-11-08T09:31:07.250000Z".parse::<UtcMicros>().unwrap(),
        date: None,
        provisional: false,
        made_up: false,
    }
}

fn exclusions() -> Vec<Exclusion> {
    let row = |code: &str, text: &str, samples| Exclusion { code: code.into(), explanation: text.into(), samples };
    vec![
        row("not_cellular", "Phép đo không đi qua mạng di động. Hãy tắt Wi-Fi để đo mạng di động.", 14),
        row(
            "position_inaccurate",
            "Định vị chưa đủ chính xác (cần ±100 m, nội thành ±50 m). Hãy ra chỗ thoáng, chờ ít giây rồi đo lại.",
            9,
        ),
        row(
            "place_ambiguous",
            "Vị trí gần ranh giới nên chưa rõ thuộc xã, phường nào. Hãy chờ định vị chính xác hơn hoặc đi xa ranh giới rồi đo lại.",
            7,
        ),
        row(
            "no_service",
            "Không có sóng hoặc không có mạng tại đây. Mẫu được giữ làm bằng chứng vùng lõm sóng; hãy đo lại khi có sóng.",
            3,
        ),
    ]
}

fn duties() -> Duties {
    Duties {
        installs_total: Some(1_284),
        communication: vec![
            "Hệ thống truyền thanh cơ sở: 8 lượt phát".into(),
            "Trang thông tin điện tử, Zalo: 5 tin, bài".into(),
        ],
        difficulties: vec!["Một số thôn, ấp ở vùng lõm sóng, khó đo đủ số mẫu của từng doanh nghiệp".into()],
        proposals: vec!["Đề nghị doanh nghiệp viễn thông bổ sung trạm tại khu vực giáp ranh".into()],
        ispeed: Some(ISpeedCount {
            samples: Some(212),
            down_median_mbps: Some("52.31".parse().unwrap()),
            up_median_mbps: Some("20.80".parse().unwrap()),
            source: "i-speed.vn, mục Số liệu thống kê".into(),
            read_on: "06/11/2026".into(),
        }),
    }
}

fn count(operator: OperatorGroup, attempts: u64, failed: u64, down: Option<&str>) -> CellEvidence {
    CellEvidence {
        operator,
        attempts,
        failed,
        devices: attempts / 2 + 3,
        down_median_mbps: down.map(|d| d.parse().unwrap()),
    }
}

fn spots(places: &[Place]) -> (Vec<WeakSpot>, Vec<SharingSpot>) {
    let mut weak = Vec::new();
    let mut sharing = Vec::new();
    for (at, place) in places.iter().enumerate().take(30) {
        let cell = format!("C{:05}-{:05}", 5000 + at * 37, 3000 + at * 11);
        let none = count(OperatorGroup::Mobifone, 12, 9, None);
        let slow = count(OperatorGroup::Vietnamobile, 15, 1, Some("6.12"));
        let (weakness, bad) = if at % 2 == 0 { (Weakness::NoService, none) } else { (Weakness::BelowTarget, slow) };
        weak.push(WeakSpot { place: place.clone(), cell: cell.clone(), weakness, evidence: bad.clone() });
        let good = count(OperatorGroup::Viettel, 40, 0, Some("88.40"));
        sharing.push(SharingSpot { place: place.clone(), cell, good, weak: bad, weakness });
    }
    (weak, sharing)
}

pub(crate) fn communes(province: &str) -> Vec<Place> {
    let mut list: Vec<Place> = gazetteer::all()
        .iter()
        .filter(|commune| commune.province == province)
        .map(|commune| Place { code: commune.code.into(), name: commune.name.into() })
        .collect();
    list.sort_by(|a, b| a.code.cmp(&b.code));
    list
}

pub(crate) fn provinces() -> Vec<Place> {
    let mut list: Vec<Place> =
        gazetteer::provinces().iter().map(|p| Place { code: p.code.into(), name: p.name.into() }).collect();
    list.sort_by(|a, b| a.code.cmp(&b.code));
    list
}

fn communes_reached(figures: &mut Figures, level: Level, code: &str, reached: u64, total: u64) {
    let group = Group::all(level, code);
    put(figures, &group, Metric::CommunesTotal, total as f64, total, false);
    put(figures, &group, Metric::CommunesReached, reached as f64, total, false);
}

/// What one report is made of.
pub(crate) struct Report {
    pub(crate) figures: Figures,
    pub(crate) header: Header,
    pub(crate) children: Vec<Place>,
    pub(crate) duties: BTreeMap<String, Duties>,
    pub(crate) spots_of: Vec<Place>,
}

impl Report {
    pub(crate) fn input(&self) -> DocumentInput<'_> {
        let (weak, sharing) = spots(&self.spots_of);
        DocumentInput {
            header: self.header.clone(),
            figures: &self.figures,
            children: self.children.clone(),
            quota: 300,
            min_samples: 30,
            exclusions: exclusions(),
            targets: targets(&self.figures),
            rankings: self.rankings(),
            weak,
            sharing,
            duties: self.duties.clone(),
            notes: vec![
                "Trung bình và trung vị tính trên các mẫu hợp lệ; khoảng tin cậy 95 % tính theo cụm thiết bị.".into(),
                "Mẫu hợp lệ: đo trọn vẹn qua mạng di động trong nước, không VPN, vị trí xác định trong một xã, phường, đặc khu.".into(),
            ],
        }
    }
}

impl Report {
    /// Viettel above MobiFone and in a draw with VinaPhone; one with too few samples.
    fn rankings(&self) -> BTreeMap<String, Vec<Ranking>> {
        use OperatorGroup::{Mobifone, Vietnamobile, Viettel, Vinaphone};
        let standing = |operator, rank| Standing { operator, rank };
        let comparison = |first, second, outcome| Comparison { first, second, outcome, ratio: None };
        let ranking = |technology, metric| Ranking {
            technology,
            metric,
            standings: vec![
                standing(Viettel, Some(1)),
                standing(Vinaphone, Some(1)),
                standing(Mobifone, Some(2)),
                standing(Vietnamobile, None),
            ],
            comparisons: vec![
                comparison(Viettel, Vinaphone, Outcome::Draw),
                comparison(Viettel, Mobifone, Outcome::First),
                comparison(Vinaphone, Mobifone, Outcome::Draw),
                comparison(Viettel, Vietnamobile, Outcome::NotEnough),
            ],
        };
        let each = [TechnologyGroup::G4, TechnologyGroup::G5].map(|t| [(t, Metric::DownMean), (t, Metric::UpMean)]);
        let rankings = each.into_iter().flatten().map(|(t, m)| ranking(t, m)).collect();
        BTreeMap::from([(self.header.place.code.clone(), rankings)])
    }
}

pub(crate) fn commune() -> Report {
    let place = Place { code: COMMUNE.into(), name: gazetteer::commune(COMMUNE).unwrap().name.into() };
    let province = Place { code: PROVINCE.into(), name: gazetteer::province(PROVINCE).unwrap().name.into() };
    let mut figures = Figures::new();
    place_figures(&mut figures, Level::Commune, COMMUNE, 212);
    let duties = BTreeMap::from([(COMMUNE.to_owned(), duties())]);
    let spots_of = vec![place.clone(); 3];
    Report { figures, header: header(Level::Commune, place, Some(province)), children: Vec::new(), duties, spots_of }
}

pub(crate) fn province(code: &str) -> Report {
    let place = Place { code: code.into(), name: gazetteer::province(code).unwrap().name.into() };
    let children = communes(code);
    let mut figures = Figures::new();
    let mut reached = 0;
    for (at, child) in children.iter().enumerate() {
        let counted = if at % 17 == 16 { 0 } else { 180 + Dice::of(&child.code).below(260) };
        reached += u64::from(counted >= 300);
        place_figures(&mut figures, Level::Commune, &child.code, counted);
        if counted == 0 {
            put(&mut figures, &Group::all(Level::Commune, &child.code), Metric::Missing, 300.0, 0, false);
        }
    }
    place_figures(&mut figures, Level::Province, code, 300 * children.len() as u64);
    communes_reached(&mut figures, Level::Province, code, reached, children.len() as u64);
    let mut all = BTreeMap::from([(code.to_owned(), duties())]);
    for child in children.iter().take(7) {
        all.insert(child.code.clone(), duties());
    }
    let spots_of = children.clone();
    Report { figures, header: header(Level::Province, place, None), children, duties: all, spots_of }
}

pub(crate) fn nation() -> Report {
    let place = Place { code: ispeed_report::group::NATION.into(), name: "Việt Nam".into() };
    let children = provinces();
    let mut figures = Figures::new();
    for child in &children {
        let total = communes(&child.code).len() as u64;
        place_figures(&mut figures, Level::Province, &child.code, 300 * total);
        communes_reached(&mut figures, Level::Province, &child.code, total * 2 / 3, total);
    }
    place_figures(&mut figures, Level::Nation, &place.code, 996_300);
    communes_reached(&mut figures, Level::Nation, &place.code, 2_214, 3_321);
    let spots_of = communes(PROVINCE);
    Report { figures, header: header(Level::Nation, place, None), children, duties: BTreeMap::new(), spots_of }
}
