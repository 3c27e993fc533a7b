//! Documents opened by readers that did not write them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod common;

use std::io::{Cursor, Read};

use calamine::{Data, Reader, Xlsx};
use common::{HASH, Report};
use ispeed_documents::{DocumentError, Documents, Kind, Template};
use ispeed_report::{Group, Level, Metric};
use quick_xml::events::Event;
use sha2::{Digest, Sha256};

const NOT_ISPEED: &str = "không phải";
const KINDS: [&str; 4] = ["xlsx", "pdf", "docx", "csv"];

fn render(documents: &Documents, report: &Report, kind: &str) -> Vec<u8> {
    let input = report.input();
    let template = Template::shipped(input.header.level).unwrap();
    let made = match kind {
        "xlsx" => documents.xlsx(&input, &template),
        "pdf" => documents.pdf(&input, &template),
        "docx" => documents.docx(&input, &template),
        _ => documents.csv(&input, &template),
    };
    made.unwrap()
}

fn parts(archive: &[u8]) -> Vec<(String, String)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let parts = zip.len();
    let read = |at| {
        let mut part = zip.by_index(at).unwrap();
        let mut text = String::new();
        part.read_to_string(&mut text).unwrap();
        (part.name().unwrap().into_owned(), text)
    };
    (0..parts).map(read).collect()
}

fn well_formed(name: &str, xml: &str) {
    let mut reader = quick_xml::Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut depth = 0i32;
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{name}: {e}")) {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{name}");
}

fn sheet(book: &mut Xlsx<Cursor<Vec<u8>>>, name: &str) -> Vec<Vec<Data>> {
    book.worksheet_range(name).unwrap().rows().map(<[Data]>::to_vec).collect()
}

/// Column of a heading in the row of headings, which is the fourth.
fn column(rows: &[Vec<Data>], heading: &str) -> usize {
    let found = rows[3].iter().position(|cell| *cell == *heading);
    found.unwrap_or_else(|| panic!("{heading} not in {:?}", rows[3]))
}

#[test]
fn a_commune_workbook_holds_the_figures_with_their_types() {
    let report = common::commune();
    let bytes = render(&Documents::new(), &report, "xlsx");
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    let names = book.sheet_names();
    let wanted = [
        "Bảng chính",
        "Theo doanh nghiệp",
        "Xếp hạng",
        "Điểm yếu",
        "Dùng chung hạ tầng",
        "Mẫu bị loại",
        "Nhiệm vụ khác",
        "Phương pháp",
    ];
    assert_eq!(names, wanted);
    let rows = sheet(&mut book, "Bảng chính");
    let whole = rows
        .iter()
        .find(|row| row[3] == Data::String("Tất cả".into()) && row[4] == Data::String("Tất cả".into()))
        .unwrap();
    assert_eq!(whole[1], Data::String("25195".into()), "a code is a text");
    assert_eq!(whole[2], Data::String("Phường Bình Phước".into()));
    let down = column(&rows, "Tốc độ tải xuống trung bình (Mbps)");
    let figure = &report.figures[&(Group::all(Level::Commune, common::COMMUNE), Metric::DownMean)];
    assert_eq!(whole[down], Data::Float(figure.value.unwrap().as_f64()), "the printed figure, as a number");
    let interval = column(&rows, "Khoảng tin cậy 95 % tải xuống trung bình (Mbps)");
    let [low, high] = figure.interval.unwrap();
    assert_eq!(whole[interval].to_string(), format!("{low} – {high}").replace('.', ","));
    assert_eq!(whole[column(&rows, "Đạt chỉ tiêu 300 mẫu")].to_string(), "Còn thiếu 88");
    let typed = column(&rows, "Hình thức và số lượng tin, bài, lượt tuyên truyền");
    assert!(whole[typed].to_string().contains("truyền thanh cơ sở"));
    let method = sheet(&mut book, "Phương pháp");
    let text: String = method.iter().flatten().map(|cell| cell.to_string() + "\n").collect();
    assert!(text.contains(HASH) && text.contains(NOT_ISPEED) && text.contains("không thay thế đo kiểm"), "{text}");
    assert!(
        text.contains("00:00 ngày 09/11/2026") || text.contains("23:59 ngày 08/11/2026"),
        "the cut-off in Vietnam's time"
    );
    let excluded = sheet(&mut book, "Mẫu bị loại");
    assert!(excluded.iter().any(|row| row[1] == *"not_cellular" && row[3] == Data::Float(14.0)));
}

#[test]
fn a_ranking_calls_a_draw_a_draw_and_leaves_out_who_has_too_few_samples() {
    let report = common::commune();
    let bytes = render(&Documents::new(), &report, "xlsx");
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    let rows = sheet(&mut book, "Xếp hạng");
    let (above, draws) = (column(&rows, "Cao hơn rõ rệt"), column(&rows, "Hòa với"));
    let of = |operator: &str| rows.iter().find(|row| row[6] == *operator).unwrap();
    let shown = |operator: &str| [5, above, draws].map(|at| of(operator)[at].to_string());
    assert_eq!(shown("Viettel"), ["1", "MobiFone", "VinaPhone (VNPT)"]);
    assert_eq!(shown("VinaPhone (VNPT)"), ["1", "", "Viettel, MobiFone"]);
    assert_eq!(shown("MobiFone"), ["2", "", "VinaPhone (VNPT)"]);
    assert_eq!(shown("Vietnamobile"), ["Chưa đủ mẫu", "", ""]);
    let letter = parts(&render(&Documents::new(), &report, "docx"));
    let (_, text) = letter.iter().find(|(name, _)| name == "word/document.xml").unwrap();
    assert!(text.contains("Xếp hạng doanh nghiệp") && text.contains("Hòa với") && text.contains("Chưa đủ mẫu"));
}

#[test]
fn a_made_up_month_says_so_first() {
    let mut report = common::commune();
    report.header.made_up = true;
    let letter = parts(&render(&Documents::new(), &report, "docx"));
    let (_, text) = letter.iter().find(|(name, _)| name == "word/document.xml").unwrap();
    assert!(text.find("GIẢ LẬP").unwrap() < text.find("Kết quả thực hiện chỉ tiêu").unwrap());
    let bytes = render(&Documents::new(), &report, "xlsx");
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    for name in book.sheet_names() {
        assert!(sheet(&mut book, &name)[2][0].to_string().contains("GIẢ LẬP"), "{name}");
    }
}

#[test]
fn a_province_lists_all_its_communes_and_those_that_are_short() {
    let report = common::province(common::PROVINCE);
    let bytes = render(&Documents::new(), &report, "xlsx");
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    let codes = |rows: &[Vec<Data>]| -> Vec<String> {
        rows[4..].iter().map(|row| row[1].to_string()).filter(|code| code.len() == 5).collect()
    };
    let all = codes(&sheet(&mut book, "Danh sách xã"));
    assert_eq!(all, report.children.iter().map(|child| child.code.clone()).collect::<Vec<_>>());
    let short = codes(&sheet(&mut book, "Xã chưa đạt"));
    let missing =
        |code: &str| report.figures[&(Group::all(Level::Commune, code), Metric::Missing)].value.unwrap().units;
    let wanted: Vec<String> = all.iter().filter(|code| missing(code) > 0).cloned().collect();
    assert!(!wanted.is_empty() && wanted.len() < all.len());
    assert_eq!(short, wanted);
}

#[test]
fn a_print_is_set_up_and_every_part_is_well_formed() {
    let documents = Documents::new();
    for report in [common::commune(), common::province("01"), common::nation()] {
        for kind in ["xlsx", "docx"] {
            let parts = parts(&render(&documents, &report, kind));
            for (name, text) in &parts {
                well_formed(name, text);
            }
            let all: String = parts.iter().map(|(_, text)| text.as_str()).collect();
            assert!(all.contains(HASH) && all.contains(NOT_ISPEED), "{kind}");
            for (name, text) in parts.iter().filter(|(name, _)| name.starts_with("xl/worksheets/sheet")) {
                for wanted in [
                    "paperSize=\"9\"",
                    "orientation=\"landscape\"",
                    "fitToHeight=\"0\"",
                    "state=\"frozen\"",
                    "&amp;P/&amp;N",
                ] {
                    assert!(text.contains(wanted), "{name}: {wanted}");
                }
            }
            if kind == "xlsx" {
                let workbook = &parts.iter().find(|(name, _)| name == "xl/workbook.xml").unwrap().1;
                assert!(workbook.contains("_xlnm.Print_Titles"));
            }
        }
    }
}

#[test]
fn a_letter_is_pdf_a_with_its_own_fonts_and_no_others() {
    let documents = Documents::new();
    for report in [common::commune(), common::province("01"), common::nation()] {
        let bytes = render(&documents, &report, "pdf");
        assert!(bytes.starts_with(b"%PDF-1.7"));
        assert!(bytes.len() > 20_000 && bytes.len() < 400_000, "{}", bytes.len());
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("pdfaid"), "says that it is PDF/A");
        let fonts: Vec<&str> =
            text.match_indices("/FontName").map(|(at, _)| &text[at..(at + 60).min(text.len())]).collect();
        assert!(!fonts.is_empty() && fonts.iter().all(|font| font.contains("+Tinos")), "{fonts:?}");
        let data_time = "D:20261108093107";
        assert!(!text.contains("/CreationDate") || text.contains(data_time), "the time is that of the data");
    }
}

#[test]
fn a_docx_letter_says_what_the_report_says() {
    let mut report = common::commune();
    report.header.date = Some("2026-11-09".parse().unwrap());
    report.header.prepared_by = "Lê <Văn> & \"Cán bộ\"".into();
    let parts = parts(&render(&Documents::new(), &report, "docx"));
    let text = &parts.iter().find(|(name, _)| name == "word/document.xml").unwrap().1;
    for wanted in [
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "ỦY BAN NHÂN DÂN<",
        ">PHƯỜNG BÌNH PHƯỚC<",
        "Bình Phước, ngày 09 tháng 11 năm 2026",
        "Kính gửi: Sở Khoa học và Công nghệ thành phố Đồng Nai.",
        "còn thiếu 88 mẫu",
        "Nơi nhận:",
        "Lê &lt;Văn&gt; &amp; &quot;Cán bộ&quot;",
        "<w:tblHeader/>",
        "<w:titlePg/>",
    ] {
        assert!(text.contains(wanted), "{wanted}");
    }
    assert!(!text.contains("đạt QCVN") && !text.contains("QCVN"), "no word of a regulation");
}

#[test]
fn a_csv_file_is_for_machines() {
    let report = common::province(common::PROVINCE);
    let bytes = render(&Documents::new(), &report, "csv");
    let text = String::from_utf8(bytes).unwrap();
    let text = text.strip_prefix('\u{feff}').expect("a BOM");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headings = reader.headers().unwrap().clone();
    let at = |name: &str| {
        headings.iter().position(|heading| heading == name).unwrap_or_else(|| panic!("{name} in {headings:?}"))
    };
    let (code, down, hash) = (at("Mã xã"), at("Tốc độ tải xuống trung bình (Mbps)"), at("SHA-256 của tập mẫu"));
    let low = at("Khoảng tin cậy 95 % tải xuống trung bình (Mbps) – từ");
    let mut rows = 0;
    for row in reader.records() {
        let row = row.unwrap();
        assert_eq!(&row[hash], HASH);
        assert_eq!(row[code].len(), 5);
        for number in [&row[down], &row[low]] {
            assert!(number.is_empty() || number.parse::<f64>().is_ok(), "{number}");
        }
        rows += 1;
    }
    assert!(rows > 500, "{rows}");
    assert!(text.contains("\r\n") && text.contains("\"25195\""));
}

#[test]
fn a_formula_typed_in_stays_a_text() {
    let mut report = common::commune();
    let duties = report.duties.get_mut(common::COMMUNE).unwrap();
    duties.difficulties = vec!["=HYPERLINK(\"x\")".into()];
    let csv = String::from_utf8(render(&Documents::new(), &report, "csv")).unwrap();
    assert!(csv.contains("\"'=HYPERLINK(\"\"x\"\")\""));
    let bytes = render(&Documents::new(), &report, "xlsx");
    assert!(parts(&bytes).iter().all(|(_, text)| !text.contains("<f>")), "no formula in the workbook");
}

#[test]
fn an_empty_month_is_an_honest_document() {
    let mut report = common::commune();
    report.figures.clear();
    let whole = Group::all(Level::Commune, common::COMMUNE);
    common::place_figures(&mut report.figures, Level::Commune, common::COMMUNE, 0);
    assert!(!report.figures.contains_key(&(whole, Metric::Samples)));
    report.duties.clear();
    let documents = Documents::new();
    for kind in KINDS {
        assert!(!render(&documents, &report, kind).is_empty());
    }
    let parts = parts(&render(&documents, &report, "docx"));
    let text = &parts.iter().find(|(name, _)| name == "word/document.xml").unwrap().1;
    assert!(text.contains("chưa thu nhận mẫu đo nào") && text.contains("Chưa có mẫu hợp lệ để đánh giá"));
}

#[test]
fn a_template_of_another_level_is_refused() {
    let report = common::commune();
    let template = Template::shipped(Level::Province).unwrap();
    let refused = Documents::new().csv(&report.input(), &template).unwrap_err();
    assert!(matches!(refused, DocumentError::Level { .. }));
    assert!(refused.to_string().contains("\"province\""), "{refused}");
}

#[test]
fn the_shipped_commune_template_has_all_27_fields() {
    let template = Template::shipped(Level::Commune).unwrap();
    let Kind::Table { columns, .. } = &template.sheets[template.csv_sheet].kind else { panic!("a table") };
    for number in 1..=27 {
        let has =
            |c: &ispeed_documents::Column| matches!(c.source, ispeed_documents::Source::Field(f) if f.number == number);
        assert!(columns.iter().any(has), "field {number}");
    }
}

fn hashes() -> String {
    let documents = Documents::new();
    let mut lines = String::new();
    for (name, report) in [("commune", common::commune()), ("province", common::province(common::PROVINCE))] {
        for kind in KINDS {
            let hash = Sha256::digest(render(&documents, &report, kind));
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            lines.push_str(&format!("{name}.{kind} {hash}\n"));
        }
    }
    lines
}

#[test]
fn equal_input_gives_equal_bytes_whatever_the_surroundings() {
    let here = hashes();
    assert_eq!(hashes(), here, "twice in a process");
    let child = |zone: &str, lang: &str| {
        let out = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "print_hashes", "--ignored", "--nocapture"])
            .env("TZ", zone)
            .env("LANG", lang)
            .env("LC_ALL", lang)
            .env("SOURCE_DATE_EPOCH", "1")
            .current_dir(std::env::temp_dir())
            .output()
            .unwrap();
        let out = String::from_utf8(out.stdout).unwrap();
        out.lines().filter_map(|line| line.split_once("HASH ")).map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    assert_eq!(child("Asia/Kathmandu", "tr_TR.UTF-8"), here);
    assert_eq!(child("America/St_Johns", "C"), here);
}

/// Run by the test above in a process of its own.
#[test]
#[ignore = "prints for another test"]
fn print_hashes() {
    for line in hashes().lines() {
        println!("\nHASH {line}");
    }
}
