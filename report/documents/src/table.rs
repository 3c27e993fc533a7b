//! Tables of a report, independent of the file they go to.

use ispeed_report::statements::{CellEvidence, Weakness};
use ispeed_report::{Decimal, Group, Level, Metric, OperatorGroup, TechnologyGroup};

use crate::field::{self, Row};
use crate::input::{DocumentInput, Place};
use crate::ranking;
use crate::template::{Column, Kind, RowsOf, Sheet, Show, Source, Template};
use crate::text::{DISCLAIMERS, fill, header_lines};
use crate::value::{Cell, Unit, Value};

/// A heading.
pub(crate) struct Head {
    pub(crate) heading: String,
    pub(crate) width: u16,
    pub(crate) numeric: bool,
    pub(crate) interval: bool,
}

/// A row of cells.
pub(crate) struct Line {
    pub(crate) cells: Vec<Cell>,
    /// A sum over operators or technologies.
    pub(crate) total: bool,
}

/// A table.
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) pages_wide: u16,
    pub(crate) frozen: u16,
    pub(crate) heads: Vec<Head>,
    pub(crate) lines: Vec<Line>,
    /// Sentences beneath.
    pub(crate) notes: Vec<String>,
}

/// The issuing body in one line: of the report where it names one, else the template's.
pub(crate) fn body(input: &DocumentInput<'_>, template: &Template) -> String {
    body_lines(input, template).replace('|', " ")
}

/// The issuing body with its breaks in the masthead.
pub(crate) fn body_lines(input: &DocumentInput<'_>, template: &Template) -> String {
    input.header.issuing_body.clone().unwrap_or_else(|| fill(&template.body, input, ""))
}

/// The table of a sheet.
pub(crate) fn of_sheet(sheet: &Sheet, input: &DocumentInput<'_>, template: &Template) -> Table {
    let body = body(input, template);
    let text = |text: &str| fill(text, input, &body);
    let mut table = match &sheet.kind {
        Kind::Table { rows, split, frozen, columns } => figures(*rows, *split, *frozen, columns, input, template),
        Kind::Ranking => ranking::sheet(input),
        Kind::Weak => weak(input),
        Kind::Sharing => sharing(input),
        Kind::Excluded => excluded(input),
        Kind::Duties => duties(input),
        Kind::Method => method(input, template, &body),
    };
    table.name = sheet.name.clone();
    table.title = text(&sheet.title);
    table.pages_wide = sheet.pages_wide;
    for head in &mut table.heads {
        head.heading = text(&head.heading);
    }
    table
}

fn figures(
    rows: RowsOf,
    split: bool,
    frozen: u16,
    columns: &[Column],
    input: &DocumentInput<'_>,
    template: &Template,
) -> Table {
    let mut lines = Vec::new();
    for (place, level) in places(rows, input) {
        for group in groups(place, level, split, input, template) {
            lines.push(line(lines.len() + 1, group, place, columns, input));
        }
    }
    let faint = lines.iter().flat_map(|line| &line.cells).any(|cell| cell.faint);
    let mut notes = Vec::new();
    if faint {
        notes.push(format!(
            "Ô chữ xám: dưới {} mẫu hợp lệ, chỉ để tham khảo, không dùng để so sánh hoặc xếp hạng.",
            input.min_samples
        ));
    }
    notes.extend(DISCLAIMERS.iter().map(|text| (*text).to_owned()));
    let head = |column: &Column| Head {
        heading: column.heading.clone(),
        width: column.width,
        numeric: column.numeric(),
        interval: column.interval(),
    };
    Table { heads: columns.iter().map(head).collect(), lines, notes, frozen, ..empty() }
}

pub(crate) fn empty() -> Table {
    let (name, title) = (String::new(), String::new());
    Table { name, title, pages_wide: 1, frozen: 0, heads: Vec::new(), lines: Vec::new(), notes: Vec::new() }
}

/// The places that have rows.
pub(crate) fn places<'a>(rows: RowsOf, input: &'a DocumentInput<'_>) -> Vec<(&'a Place, Level)> {
    let child = input.child_level();
    match rows {
        RowsOf::Place => vec![(&input.header.place, input.header.level)],
        RowsOf::Children => input.children.iter().map(|place| (place, child)).collect(),
        RowsOf::Short => {
            let short = |place: &&Place| is_short(input, child, &place.code);
            input.children.iter().filter(short).map(|place| (place, child)).collect()
        }
    }
}

/// A commune misses samples; a larger place has communes that do. A place without figures has nothing to show for its quota.
fn is_short(input: &DocumentInput<'_>, level: Level, code: &str) -> bool {
    let group = Group::all(level, code);
    let value = |metric| input.figure(&group, metric).and_then(|figure| figure.value).map(|value| value.units);
    if level == Level::Commune {
        return value(Metric::Missing).is_none_or(|missing| missing > 0);
    }
    value(Metric::CommunesReached) < value(Metric::CommunesTotal) || value(Metric::CommunesTotal).is_none()
}

/// Groups of a place that have samples, in the order of the template; the whole place always.
pub(crate) fn groups(
    place: &Place,
    level: Level,
    split: bool,
    input: &DocumentInput<'_>,
    template: &Template,
) -> Vec<Group> {
    if !split {
        return vec![Group::all(level, &place.code)];
    }
    let mut found = Vec::new();
    for operator in &template.operators {
        for technology in &template.technologies {
            let group = input.group(level, &place.code, *operator, *technology);
            let whole = *operator == OperatorGroup::All && *technology == TechnologyGroup::All;
            let samples = input.figure(&group, Metric::Samples).or_else(|| input.figure(&group, Metric::Counted));
            if whole || samples.and_then(|figure| figure.value).is_some_and(|value| value.units > 0) {
                found.push(group);
            }
        }
    }
    found
}

fn line(number: usize, group: Group, place: &Place, columns: &[Column], input: &DocumentInput<'_>) -> Line {
    let total = group.operator == OperatorGroup::All || group.technology == TechnologyGroup::All;
    let faint = is_faint(&group, input);
    let row = Row { number, group, name: &place.name, faint };
    let cell = |column: &Column| match (&column.source, column.part()) {
        (_, Some(part)) => field::cell(part, &row, input),
        (Source::Metric(metric, Show::Samples), _) => {
            input.figure(&row.group, *metric).map_or(Value::Empty, |figure| Value::count(figure.n)).into()
        }
        (Source::Text(text), _) => Value::text(fill(text, input, "")).into(),
        (Source::Field(_) | Source::Metric(..), None) => Value::Empty.into(),
    };
    Line { cells: columns.iter().map(cell).collect(), total }
}

/// Too few counted samples for a statement.
pub(crate) fn is_faint(group: &Group, input: &DocumentInput<'_>) -> bool {
    let counted = input.figure(group, Metric::Counted).and_then(|figure| figure.value).map_or(0, |value| value.units);
    counted < i64::from(input.min_samples)
}

pub(crate) fn heads(list: &[(&str, u16, bool)]) -> Vec<Head> {
    let head = |(heading, width, numeric): &(&str, u16, bool)| Head {
        heading: (*heading).to_owned(),
        width: *width,
        numeric: *numeric,
        interval: false,
    };
    list.iter().map(head).collect()
}

fn plain(cells: Vec<Value>) -> Line {
    Line { cells: cells.into_iter().map(Cell::from).collect(), total: false }
}

fn speed(value: Option<Decimal>) -> Value {
    value.map_or(Value::Empty, |value| Value::Number(value, Unit::Mbps))
}

fn evidence(count: &CellEvidence) -> [Value; 5] {
    [
        Value::text(count.operator.name_vi()),
        Value::count(count.attempts),
        Value::count(count.failed),
        Value::count(count.devices),
        speed(count.down_median_mbps),
    ]
}

fn spot(number: usize, place: &Place, cell: &str, weakness: Weakness) -> Vec<Value> {
    vec![
        Value::count(number as u64),
        Value::text(&place.code),
        Value::text(&place.name),
        Value::text(cell),
        Value::text(weakness.name_vi()),
    ]
}

const SPOT_HEADS: [(&str, u16, bool); 5] = [
    ("TT", 5, true),
    ("Mã xã", 8, false),
    ("Xã/phường/đặc khu", 26, false),
    ("Ô đo (200 m)", 18, false),
    ("Hiện trạng", 30, false),
];

fn weak(input: &DocumentInput<'_>) -> Table {
    let mut columns = SPOT_HEADS.to_vec();
    columns.extend([
        ("Doanh nghiệp", 18, false),
        ("Số lần đo", 9, true),
        ("Số lần không thành công", 12, true),
        ("Số thiết bị", 9, true),
        ("Tải xuống trung vị (Mbps)", 12, true),
    ]);
    let row = |(at, found): (usize, &crate::input::WeakSpot)| {
        let mut cells = spot(at + 1, &found.place, &found.cell, found.weakness);
        cells.extend(evidence(&found.evidence));
        plain(cells)
    };
    let lines: Vec<Line> = input.weak.iter().enumerate().map(row).collect();
    let notes = spot_notes(lines.is_empty(), "Không có ô đo nào đủ căn cứ để kết luận là yếu trong kỳ.");
    Table { heads: heads(&columns), lines, notes, frozen: 3, ..empty() }
}

fn sharing(input: &DocumentInput<'_>) -> Table {
    let mut columns = SPOT_HEADS.to_vec();
    columns.extend([
        ("Doanh nghiệp phục vụ tốt", 18, false),
        ("Số lần đo", 8, true),
        ("Tải xuống trung vị (Mbps)", 12, true),
        ("Doanh nghiệp còn yếu", 18, false),
        ("Số lần đo", 8, true),
        ("Số lần không thành công", 10, true),
        ("Tải xuống trung vị (Mbps)", 12, true),
    ]);
    let row = |(at, found): (usize, &crate::input::SharingSpot)| {
        let mut cells = spot(at + 1, &found.place, &found.cell, found.weakness);
        let ([good, attempts, _, _, down], [bad, bad_attempts, failed, _, bad_down]) =
            (evidence(&found.good), evidence(&found.weak));
        cells.extend([good, attempts, down, bad, bad_attempts, failed, bad_down]);
        plain(cells)
    };
    let lines: Vec<Line> = input.sharing.iter().enumerate().map(row).collect();
    let notes = spot_notes(lines.is_empty(), "Không có ô đo nào đủ căn cứ để đề xuất dùng chung hạ tầng trong kỳ.");
    Table { heads: heads(&columns), lines, notes, frozen: 3, ..empty() }
}

fn spot_notes(none: bool, sentence: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if none {
        notes.push(sentence.to_owned());
    }
    notes.push("Chỉ liệt kê ô đo có đủ số lần đo và số thiết bị; cần khảo sát thực địa trước khi kết luận.".to_owned());
    notes.extend(DISCLAIMERS.iter().map(|text| (*text).to_owned()));
    notes
}

fn excluded(input: &DocumentInput<'_>) -> Table {
    let columns = [("TT", 5, true), ("Mã lý do", 24, false), ("Giải thích", 90, false), ("Số mẫu", 10, true)];
    let row = |(at, reason): (usize, &crate::input::Exclusion)| {
        plain(vec![
            Value::count(at as u64 + 1),
            Value::text(&reason.code),
            Value::text(&reason.explanation),
            Value::count(reason.samples),
        ])
    };
    let mut lines: Vec<Line> = input.exclusions.iter().enumerate().map(row).collect();
    if let Some(total) = input.total(Metric::Excluded) {
        let sum = Value::Number(total, Unit::Count);
        let mut line =
            plain(vec![Value::Empty, Value::Empty, Value::text("Số mẫu bị loại (mỗi mẫu tính một lần)"), sum]);
        line.total = true;
        lines.push(line);
    }
    let mut notes =
        vec!["Một mẫu có thể bị loại vì nhiều lý do và được ghi ở từng lý do; không mẫu nào bị xóa.".to_owned()];
    notes.extend(DISCLAIMERS.iter().map(|text| (*text).to_owned()));
    Table { heads: heads(&columns), lines, notes, frozen: 0, ..empty() }
}

fn duties(input: &DocumentInput<'_>) -> Table {
    let columns = [
        ("TT", 5, true),
        ("Mã", 8, false),
        ("Đơn vị", 26, false),
        ("Số lượt cài đặt trong tháng", 11, true),
        ("Số lượt cài đặt lũy kế", 11, true),
        ("Hình thức và số lượng tin, bài, lượt tuyên truyền", 36, false),
        ("Khó khăn, vướng mắc", 36, false),
        ("Đề xuất, kiến nghị", 36, false),
        ("Số liệu i-Speed (VNNIC) cùng kỳ", 36, false),
    ];
    let own = std::iter::once((&input.header.place, input.header.level));
    let children = input.children.iter().map(|place| (place, input.child_level()));
    let known = children.filter(|(place, _)| input.duties.contains_key(&place.code));
    let row = |(at, (place, level)): (usize, (&Place, Level))| {
        let group = Group::all(level, &place.code);
        let row = Row { number: at + 1, group, name: &place.name, faint: false };
        let parts = [
            field::Part::RowNumber,
            field::Part::Code,
            field::Part::Name,
            field::Part::Value(Metric::Installs),
            field::Part::InstallsTotal,
            field::Part::Communication,
            field::Part::Difficulties,
            field::Part::Proposals,
            field::Part::ISpeed,
        ];
        Line { cells: parts.iter().map(|part| field::cell(*part, &row, input)).collect(), total: false }
    };
    let lines = own.chain(known).enumerate().map(row).collect();
    let mut notes = vec!["Nội dung do đơn vị nhập; ô trống là chưa có thông tin.".to_owned()];
    notes.extend(DISCLAIMERS.iter().map(|text| (*text).to_owned()));
    Table { heads: heads(&columns), lines, notes, frozen: 3, ..empty() }
}

fn method(input: &DocumentInput<'_>, template: &Template, body: &str) -> Table {
    let mut lines = Vec::new();
    let mut add = |what: &str, text: &str| lines.push(plain(vec![Value::text(what), Value::text(text)]));
    for text in DISCLAIMERS {
        add("Lưu ý", text);
    }
    for (name, value) in header_lines(input, body, &template.stamp()) {
        add(name, &value);
    }
    for text in &input.notes {
        add("Phương pháp", text);
    }
    Table { heads: heads(&[("Mục", 28, false), ("Nội dung", 110, false)]), lines, frozen: 0, ..empty() }
}
