//! The parts of the letter's body: sentences and short tables. Long tables are in the workbook.

mod quality;
mod quota;
mod spots;

use ispeed_report::{Decimal, Metric};

use super::{Align, Block, LetterHead, LetterRow, LetterTable};
use crate::field;
use crate::input::DocumentInput;
use crate::template::{Section, Template};
use crate::text::{DISCLAIMERS, children_vi, header_lines};
use crate::value::{Unit, display};

struct Writer<'a, 'i> {
    input: &'a DocumentInput<'i>,
    template: &'a Template,
    body: &'a str,
    blocks: Vec<Block>,
    sections: usize,
    tables: usize,
}

pub(super) fn write(sections: &[Section], input: &DocumentInput<'_>, template: &Template, body: &str) -> Vec<Block> {
    let mut writer = Writer { input, template, body, blocks: Vec::new(), sections: 0, tables: 0 };
    for section in sections {
        match section {
            Section::Quota => writer.quota(),
            Section::Quality => writer.quality(),
            Section::Weak => writer.weak(),
            Section::Duties => writer.duties(),
            Section::ISpeed => writer.ispeed(),
            Section::Difficulties => writer.difficulties(),
            Section::Method => writer.method(),
        }
    }
    writer.blocks
}

fn head(heading: &str, share: u16, align: Align) -> LetterHead {
    LetterHead { heading: heading.to_owned(), share, align }
}

fn row(cells: Vec<String>) -> LetterRow {
    LetterRow { cells: cells.into_iter().map(|text| (text, false)).collect(), bold: false }
}

fn number(value: Option<Decimal>, unit: Unit) -> String {
    value.map_or_else(|| "–".to_owned(), |value| display(value, unit))
}

impl Writer<'_, '_> {
    fn heading(&mut self, text: &str) {
        self.sections += 1;
        self.blocks.push(Block::Heading(format!("{}. {text}", self.sections)));
    }

    fn say(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    fn table(&mut self, caption: &str, heads: Vec<LetterHead>, rows: Vec<LetterRow>) {
        self.tables += 1;
        let caption = format!("Biểu {}. {caption}", self.tables);
        self.blocks.push(Block::Table(LetterTable { caption, heads, rows, facts: false }));
    }

    fn total(&self, metric: Metric) -> Option<Decimal> {
        self.input.total(metric)
    }

    fn shown(&self, metric: Metric) -> String {
        number(self.total(metric), Unit::of(metric))
    }

    fn month(&self) -> String {
        let month = self.input.header.month;
        format!("tháng {}/{}", month.month, month.year)
    }

    fn positive(&self, metric: Metric) -> bool {
        self.total(metric).is_some_and(|value| value.units > 0)
    }

    fn duties(&mut self) {
        self.heading("Công tác tuyên truyền, cài đặt ứng dụng");
        let mut parts = Vec::new();
        if let Some(installs) = self.total(Metric::Installs) {
            parts.push(format!("trong tháng {} lượt", display(installs, Unit::Count)));
        }
        if let Some(total) = self.input.own_duties().and_then(|duties| duties.installs_total) {
            parts.push(format!("lũy kế {} lượt", display(Decimal::count(total), Unit::Count)));
        }
        if !parts.is_empty() {
            self.say(format!("Số lượt cài đặt ứng dụng: {}.", parts.join("; ")));
        }
        let work = self.input.own_duties().map(|duties| duties.communication.clone()).unwrap_or_default();
        self.list(work, "Chưa có thông tin về công tác tuyên truyền.");
    }

    fn list(&mut self, items: Vec<String>, none: &str) {
        if items.is_empty() {
            self.say(none);
        }
        for item in items {
            self.say(format!("- {item}"));
        }
    }

    fn ispeed(&mut self) {
        self.heading("Số liệu i-Speed (VNNIC) cùng kỳ");
        match self.input.own_duties().and_then(|duties| duties.ispeed.as_ref()) {
            Some(count) => {
                self.say(format!("VNNIC công bố: {}.", field::ispeed(count)));
                self.say("Hai nguồn số liệu thu thập độc lập, không cộng gộp.");
            }
            None => self.say("Chưa có số liệu i-Speed của VNNIC cùng kỳ để đối chiếu."),
        }
    }

    fn difficulties(&mut self) {
        self.heading("Khó khăn, vướng mắc; đề xuất, kiến nghị");
        let duties = self.input.own_duties().cloned().unwrap_or_default();
        if duties.difficulties.is_empty() && duties.proposals.is_empty() {
            self.say("Chưa có thông tin về khó khăn, vướng mắc, đề xuất, kiến nghị.");
            return;
        }
        for (title, items) in [("Khó khăn, vướng mắc:", duties.difficulties), ("Đề xuất, kiến nghị:", duties.proposals)]
        {
            if !items.is_empty() {
                self.say(title);
                self.list(items, "");
            }
        }
    }

    fn method(&mut self) {
        self.heading("Phương pháp và lưu ý khi sử dụng số liệu");
        for text in DISCLAIMERS {
            self.say(*text);
        }
        for text in &self.input.notes {
            self.blocks.push(Block::Paragraph(text.clone()));
        }
        if !self.input.children.is_empty() {
            let of = children_vi(self.input.header.level);
            self.say(format!("Số liệu chi tiết của từng {of} tại bảng tính kèm theo."));
        }
        let lines = header_lines(self.input, self.body, &self.template.stamp());
        let rows = lines.into_iter().map(|(name, value)| row(vec![name.to_owned(), value])).collect();
        let heads = vec![head("", 30, Align::Left), head("", 82, Align::Left)];
        let caption = "Thông tin báo cáo".to_owned();
        self.blocks.push(Block::Table(LetterTable { caption, heads, rows, facts: true }));
    }
}
