//! Sentences and placeholders of documents, Vietnamese.

use ispeed_protocol::time::VIETNAM_UTC_OFFSET_HOURS;
use ispeed_protocol::{Day, Month, UtcMicros};
use ispeed_report::{Decimal, Level};

use crate::input::DocumentInput;
use crate::value::{Unit, display};

/// Placeholders a template may use in its texts.
pub(crate) const PLACEHOLDERS: &[&str] = &[
    "place",
    "Place",
    "PLACE",
    "place_code",
    "place_bare",
    "province",
    "Province",
    "PROVINCE",
    "month",
    "month_number",
    "year",
    "quota",
    "min_samples",
    "body",
    "BODY",
    "report_id",
];

/// Said on every document (`vietnam.md` 14.3 rule 8, design decision 7).
pub(crate) const DISCLAIMERS: &[&str] = &[
    "ispeed không phải là ứng dụng i-Speed của VNNIC (Trung tâm Internet Việt Nam); mẫu đo bằng ispeed không được cộng vào số mẫu \
     i-Speed mà VNNIC dùng để xét chỉ tiêu 300 mẫu.",
    "Số liệu tham khảo từ đo kiểm cộng đồng, không thay thế đo kiểm theo quy chuẩn kỹ thuật quốc gia và không dùng để kết luận \
     về sự phù hợp với quy chuẩn.",
];

/// One line of both, for footers.
pub(crate) const DISCLAIMER_SHORT: &str = "ispeed không phải ứng dụng i-Speed của VNNIC; số liệu tham khảo từ đo kiểm cộng đồng, không thay thế đo kiểm theo quy chuẩn";

/// Said first where the month was still going on.
pub(crate) const PROVISIONAL: &str = "SỐ LIỆU TẠM THỜI: tháng báo cáo chưa kết thúc, số liệu còn thay đổi.";

/// Said first where samples are made up: a rehearsal must not pass for a report.
pub(crate) const MADE_UP: &str = "SỐ LIỆU GIẢ LẬP ĐỂ DIỄN TẬP: có mẫu không phải là kết quả đo thực tế.";

/// What is said before everything else, of the months that need it.
pub(crate) fn warnings(header: &crate::input::Header) -> Vec<&'static str> {
    [(header.made_up, MADE_UP), (header.provisional, PROVISIONAL)].iter().filter(|w| w.0).map(|w| w.1).collect()
}

/// Puts the report's words for the placeholders of a text. The template was checked: what is unknown stays.
pub(crate) fn fill(text: &str, input: &DocumentInput<'_>, body: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}') else { break };
        out.push_str(&rest[..open]);
        let word = &rest[open + 1..open + close];
        match word_of(word, input, body) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&rest[open..=open + close]),
        }
        rest = &rest[open + close + 1..];
    }
    out.push_str(rest);
    out
}

fn word_of(word: &str, input: &DocumentInput<'_>, body: &str) -> Option<String> {
    let header = &input.header;
    let province = header.province.as_ref().map_or(header.place.name.as_str(), |province| province.name.as_str());
    Some(match word {
        "place" => running(&header.place.name),
        "Place" => header.place.name.clone(),
        "PLACE" => header.place.name.to_uppercase(),
        "place_bare" => bare(&header.place.name).to_owned(),
        "place_code" => header.place.code.clone(),
        "province" => running(province),
        "Province" => province.to_owned(),
        "PROVINCE" => province.to_uppercase(),
        "month" => format!("tháng {}/{}", header.month.month, header.month.year),
        "month_number" => header.month.month.to_string(),
        "year" => header.month.year.to_string(),
        "quota" => display(Decimal::count(u64::from(input.quota)), Unit::Count),
        "min_samples" => input.min_samples.to_string(),
        "body" => body.to_owned(),
        "BODY" => body.to_uppercase(),
        "report_id" => header.report_id.clone(),
        _ => return None,
    })
}

/// A name without its type: the place of a letter's date ("Đồng Nai, ngày …").
pub(crate) fn bare(name: &str) -> &str {
    let types = ["Thành phố ", "Tỉnh ", "Phường ", "Xã ", "Đặc khu "];
    types.iter().find_map(|kind| name.strip_prefix(kind)).unwrap_or(name)
}

/// A name as it stands in a sentence: its type in small letters, but for "Thành phố Hồ Chí Minh" (Decree 30, annex II).
pub(crate) fn running(name: &str) -> String {
    let bare = bare(name);
    if bare == name || bare == "Hồ Chí Minh" {
        return name.to_owned();
    }
    format!("{}{bare}", name[..name.len() - bare.len()].to_lowercase())
}

/// Date and time in UTC.
pub(crate) struct Utc {
    pub(crate) year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u16,
    pub(crate) minute: u8,
    pub(crate) second: u8,
}

/// An instant in UTC, for the properties of files: Vietnamese civil time of seven hours earlier.
pub(crate) fn utc(at: UtcMicros) -> Utc {
    let t = at.plus_micros(-i64::from(VIETNAM_UTC_OFFSET_HOURS) * 3_600_000_000).in_vietnam();
    Utc {
        year: t.year().unsigned_abs(),
        month: t.month().unsigned_abs(),
        day: t.day().unsigned_abs(),
        hour: u16::from(t.hour().unsigned_abs()),
        minute: t.minute().unsigned_abs(),
        second: t.second().unsigned_abs(),
    }
}

/// An instant in Vietnamese civil time, to the minute.
pub(crate) fn instant(at: UtcMicros) -> String {
    let t = at.in_vietnam();
    format!("{:02}:{:02} ngày {:02}/{:02}/{:04} (UTC+7)", t.hour(), t.minute(), t.day(), t.month(), t.year())
}

/// "ngày 05 tháng 12 năm 2026" (Decree 30: two digits below 10, and months 1 and 2), or room to write it by hand.
pub(crate) fn letter_date(date: Option<Day>) -> String {
    let Some(date) = date else {
        return "ngày …… tháng …… năm ………".to_owned();
    };
    let (Month { year, month }, day) = (date.month(), date.day());
    let month = if month < 3 { format!("{month:02}") } else { month.to_string() };
    format!("ngày {day:02} tháng {month} năm {year}")
}

/// What the reasons mean that the close of a month gives itself.
pub(crate) fn reason(code: &str, unknown: &str, late: &str) -> &'static str {
    if code == unknown {
        "Xã, phường của mẫu không có trong bảng đơn vị hành chính của kỳ báo cáo."
    } else if code == late {
        "Mẫu gửi sau thời điểm chốt nhận mẫu của kỳ."
    } else {
        "Xem mã lý do trong tài liệu của phần mềm."
    }
}

/// Kind of places a list holds.
pub(crate) const fn children_vi(level: Level) -> &'static str {
    match level {
        Level::Nation => "tỉnh, thành phố",
        _ => "xã, phường, đặc khu",
    }
}

/// What a cell must be able to say about every document: name and value, in the order of the list.
pub(crate) fn header_lines(input: &DocumentInput<'_>, body: &str, template: &str) -> Vec<(&'static str, String)> {
    let h = &input.header;
    let mut lines = vec![
        ("Mã báo cáo", h.report_id.clone()),
        ("Phiên bản số liệu", h.revision.to_string()),
        ("Kỳ báo cáo", format!("tháng {}/{} (theo giờ Việt Nam, UTC+7)", h.month.month, h.month.year)),
        ("Đơn vị", format!("{} (mã {})", h.place.name, h.place.code)),
    ];
    if let Some(province) = &h.province {
        lines.push(("Tỉnh, thành phố", format!("{} (mã {})", province.name, province.code)));
    }
    lines.extend([
        ("Bảng đơn vị hành chính", h.unit_table.clone()),
        ("Thời điểm chốt nhận mẫu", instant(h.cut_off)),
        ("Mẫu mới nhất nhận lúc", instant(h.as_of)),
        ("Cơ quan ban hành", body.to_owned()),
        ("Người lập (chức danh)", h.prepared_by.clone()),
        ("Mẫu báo cáo", template.to_owned()),
        ("Phần mềm", h.software.clone()),
        ("SHA-256 của tập mẫu", h.sample_set_sha256.clone()),
    ]);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_decree_has_them() {
        let date = |day: &str| letter_date(Some(day.parse().unwrap()));
        assert_eq!(date("2026-12-05"), "ngày 05 tháng 12 năm 2026");
        assert_eq!(date("2027-02-15"), "ngày 15 tháng 02 năm 2027");
        assert!(letter_date(None).contains("tháng"));
    }

    #[test]
    fn a_name_loses_its_type_only() {
        assert_eq!(bare("Phường Bình Phước"), "Bình Phước");
        assert_eq!(bare("Thành phố Đồng Nai"), "Đồng Nai");
        assert_eq!(bare("Đặc khu Trường Sa"), "Trường Sa");
        assert_eq!(bare("Việt Nam"), "Việt Nam");
        assert_eq!(running("Đặc khu Trường Sa"), "đặc khu Trường Sa");
        assert_eq!(running("Thành phố Hồ Chí Minh"), "Thành phố Hồ Chí Minh");
        assert_eq!(running("Việt Nam"), "Việt Nam");
    }
}
