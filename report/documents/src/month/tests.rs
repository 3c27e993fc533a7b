use ispeed_protocol::Month;
use ispeed_report::{Decimal, Figure, OperatorGroup, TechnologyGroup};

use super::*;

fn figure(level: Level, code: &str, metric: Metric, units: i64) -> Figure {
    Figure {
        group: Group::all(level, code),
        metric,
        value: Some(Decimal { units, decimals: metric.decimals() }),
        interval: None,
        n: 100,
        devices: 20,
        public: true,
    }
}

fn sorted(mut figures: Vec<Figure>) -> Vec<Figure> {
    figures.sort_by(|a, b| (&a.group, a.metric).cmp(&(&b.group, b.metric)));
    figures
}

fn place(code: &str, name: &str) -> ispeed_report::Place {
    let province = ("75".to_owned(), "Thành phố Đồng Nai".to_owned());
    ispeed_report::Place {
        code: code.into(),
        name: name.into(),
        province_code: province.0,
        province_name: province.1,
        area_km2: None,
    }
}

fn commune(code: &str, counted: i64) -> CommuneMonth {
    let of = |metric, units| figure(Level::Commune, code, metric, units);
    let missing = (300 - counted).max(0);
    let figures = [(Metric::Samples, counted + 5), (Metric::Counted, counted), (Metric::Missing, missing)];
    CommuneMonth {
        code: code.into(),
        figures: sorted(figures.into_iter().map(|(metric, units)| of(metric, units)).collect()),
        exclusions: Exclusions::from([("vpn".to_owned(), 5)]),
        devices_public: true,
        weak_cells: Vec::new(),
        sharing: Vec::new(),
        targets: Vec::new(),
        rankings: Vec::new(),
    }
}

fn province() -> ProvinceMonth {
    let of = |metric, units| figure(Level::Province, "75", metric, units);
    ProvinceMonth {
        code: "75".into(),
        figures: sorted(vec![
            of(Metric::Samples, 470),
            of(Metric::Counted, 460),
            of(Metric::CommunesTotal, 2),
            of(Metric::CommunesReached, 1),
        ]),
        exclusions: Exclusions::from([("vpn".to_owned(), 10), (COMMUNE_UNKNOWN.to_owned(), 1)]),
        targets: vec![TargetStatement {
            group: Group {
                level: Level::Province,
                code: "75".into(),
                operator: OperatorGroup::All,
                technology: TechnologyGroup::G4,
            },
            metric: Metric::DownMean,
            paper: "Quyết định 36/QĐ-TTg".into(),
            at_least: Decimal { units: 4000, decimals: 2 },
            verdict: TargetVerdict::Reached,
            value: None,
            interval: None,
            n: 0,
            median: None,
        }],
        rankings: Vec::new(),
        communes: vec![commune("25195", 320), commune("25198", 140)],
    }
}

fn documents() -> MonthDocuments {
    let mut documents =
        MonthDocuments::new(&[place("25195", "Phường Bình Phước"), place("25198", "Phường Đồng Xoài")]).unwrap();
    documents.explanations.insert("vpn".into(), "Phép đo đi qua VPN.".into());
    documents
}

fn head(settings: &Settings) -> MonthHead<'_> {
    let month: Month = "2026-10".parse().unwrap();
    MonthHead {
        month,
        version: 2,
        provisional: true,
        made_up: true,
        boundaries: None,
        set_sha256: "ab12",
        as_of: None,
        cut_off: settings.cut_off(month),
        program: "ispeed 0.1.0",
        settings,
    }
}

#[test]
fn a_month_becomes_the_files_of_its_folder() {
    let (settings, documents) = (Settings::default(), documents());
    let province = province();
    let files = documents.province(&head(&settings), &province).unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["75/bang-so-lieu.csv", "75/bao-cao.docx", "75/bao-cao.pdf", "75/bao-cao.xlsx"]);
    let csv = String::from_utf8(files[0].bytes.clone()).unwrap();
    assert!(csv.contains("\"25198\",\"Phường Đồng Xoài\"") && csv.contains("Còn thiếu 160"), "{csv}");
    assert!(csv.contains("ispeed-2026-10-75-v2"));
    assert_eq!(documents.province(&head(&settings), &province).unwrap(), files);
    let communes = documents.communes(&head(&settings), &province).unwrap();
    assert_eq!(communes.len(), 8);
    assert!(communes.iter().all(|file| file.path.starts_with("75/2519")));
}

#[test]
fn notes_name_the_settings_and_reasons_are_explained() {
    let settings = Settings::default();
    let text = notes::of(&head(&settings)).join("\n");
    for wanted in ["4G từ 40 Mbps (Quyết định 36/QĐ-TTg)", "5G từ 30 Mbps", "Dưới 30 mẫu"] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    assert!(!text.contains("QCVN"));
    let explained = documents().exclusions(&province().exclusions);
    assert_eq!(explained[0].code, COMMUNE_UNKNOWN);
    assert!(explained[0].explanation.contains("bảng đơn vị hành chính"));
    assert_eq!(explained[1].explanation, "Phép đo đi qua VPN.");
}
