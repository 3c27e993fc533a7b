//! Quality by operator and technology.

use ispeed_report::{Decimal, Figure, Group, Metric, OperatorGroup, TechnologyGroup};

use super::{Align, Block, LetterRow, Writer, head, number};
use crate::input::Attainment;
use crate::ranking;
use crate::table::{self, is_faint};
use crate::value::{Unit, Value, display};

impl Writer<'_, '_> {
    pub(super) fn quality(&mut self) {
        self.heading("Chất lượng theo doanh nghiệp và công nghệ");
        for technology in [TechnologyGroup::G4, TechnologyGroup::G5] {
            if let Some(sentence) = self.speed_of(technology) {
                self.say(sentence);
            }
        }
        let rows: Vec<LetterRow> = self.quality_groups().iter().map(|group| self.quality_row(group)).collect();
        if rows.is_empty() {
            self.say("Chưa có mẫu hợp lệ để đánh giá chất lượng.");
            return;
        }
        let heads = vec![
            head("Doanh nghiệp", 32, Align::Left),
            head("Công nghệ", 13, Align::Center),
            head("Số mẫu", 14, Align::Right),
            head("Tải xuống TB", 13, Align::Right),
            head("Khoảng tin cậy 95 %", 26, Align::Center),
            head("Tải xuống trung vị", 15, Align::Right),
            head("Tải lên TB", 12, Align::Right),
            head("Độ trễ (ms)", 11, Align::Right),
            head("So với mục tiêu", 24, Align::Center),
        ];
        self.table("Kết quả đo theo doanh nghiệp, công nghệ (Mbps; TB: trung bình)", heads, rows);
        self.blocks.push(Block::Note(format!(
            "Ô chữ xám: dưới {} mẫu hợp lệ, chỉ để tham khảo, không dùng để so sánh hoặc xếp hạng. Mức mục \
             tiêu so với giá trị trung bình; i-Speed công bố giá trị trung vị.",
            self.input.min_samples
        )));
        self.rankings();
    }

    /// Who is shown to be above whom; a draw is called one.
    fn rankings(&mut self) {
        let (place, level) = (&self.input.header.place, self.input.header.level);
        let made = self.input.rankings_of(place).iter().filter(|ranking| ranking::is_made(ranking));
        let rows: Vec<LetterRow> =
            made.flat_map(|made| ranking::entries(made, place, level, self.input)).map(|e| ranked(&e)).collect();
        if rows.is_empty() {
            self.say("Chưa đủ mẫu để xếp hạng các doanh nghiệp.");
            return;
        }
        let heads = vec![
            head("Công nghệ", 11, Align::Center),
            head("Tốc độ trung bình", 19, Align::Left),
            head("Hạng", 13, Align::Center),
            head("Doanh nghiệp", 31, Align::Left),
            head("Mbps", 13, Align::Right),
            head("Khoảng tin cậy 95 %", 25, Align::Center),
            head("Hòa với", 46, Align::Left),
        ];
        self.table("Xếp hạng doanh nghiệp theo tốc độ trung bình", heads, rows);
        self.blocks.push(Block::Note(ranking::HOW.to_owned()));
    }

    /// Technologies apart: a mixed figure mostly tells the share of 5G phones (`vietnam.md` 3).
    fn quality_groups(&self) -> Vec<Group> {
        let header = &self.input.header;
        let groups = table::groups(&header.place, header.level, true, self.input, self.template);
        let counted = |group: &Group| self.input.figure(group, Metric::Counted).and_then(|f| f.value);
        let kept = |group: &Group| {
            let whole = group.operator == OperatorGroup::All;
            let technology =
                matches!(group.technology, TechnologyGroup::G4 | TechnologyGroup::G5 | TechnologyGroup::G3);
            (technology || whole && group.technology == TechnologyGroup::All)
                && counted(group).is_some_and(|n| n.units > 0)
        };
        groups.into_iter().filter(kept).collect()
    }

    fn quality_row(&self, group: &Group) -> LetterRow {
        let faint = is_faint(group, self.input);
        let figure = |metric| self.input.figure(group, metric);
        let value = |metric| (number(figure(metric).and_then(|f| f.value), Unit::of(metric)), faint);
        let interval = figure(Metric::DownMean)
            .and_then(|f| f.interval)
            .map_or_else(|| "–".to_owned(), |bounds| Value::Interval(bounds, Unit::Mbps).show());
        let target = self.input.targets.get(group).map_or("–", |target| target.attainment.name_vi());
        let (counted, _) = value(Metric::Counted);
        let cells = vec![
            (group.operator.name_vi().to_owned(), false),
            (group.technology.name_vi().to_owned(), false),
            (counted, false),
            value(Metric::DownMean),
            (interval, faint),
            value(Metric::DownMedian),
            value(Metric::UpMean),
            value(Metric::IdleLatency),
            (target.to_owned(), false),
        ];
        LetterRow { cells, bold: group.operator == OperatorGroup::All }
    }

    fn speed_of(&self, technology: TechnologyGroup) -> Option<String> {
        let header = &self.input.header;
        let group = self.input.group(header.level, &header.place.code, OperatorGroup::All, technology);
        let figure = self.input.figure(&group, Metric::DownMean)?;
        let mean = display(figure.value?, Unit::Mbps);
        let name = technology.name_vi();
        let few = if is_faint(&group, self.input) {
            format!(", dưới {} mẫu, chỉ để tham khảo", self.input.min_samples)
        } else {
            String::new()
        };
        let median = self.input.figure(&group, Metric::DownMedian).and_then(|f| f.value);
        let median = median.map(|m| format!("; trung vị {} Mbps", display(m, Unit::Mbps))).unwrap_or_default();
        let target = self.input.targets.get(&group).map(|target| {
            let answer = match target.attainment {
                Attainment::Reached => "đạt mức mục tiêu",
                Attainment::NotReached => "chưa đạt mức mục tiêu",
                Attainment::NotEnough => "chưa đủ mẫu để kết luận so với mức mục tiêu",
            };
            let at_least = trimmed(target.at_least_mbps);
            format!("; {answer} (trung bình từ {at_least} Mbps theo {})", target.paper)
        });
        Some(format!(
            "Mạng {name}: tốc độ tải xuống trung bình {mean} Mbps{}{few}{median}{}.",
            interval_text(figure),
            target.unwrap_or_default()
        ))
    }
}

fn ranked(entry: &ranking::Entry<'_>) -> LetterRow {
    let faint = entry.rank.is_none();
    let shown = |value: &Value| if *value == Value::Empty { "–".to_owned() } else { value.show() };
    let cells = vec![
        (entry.technology.to_owned(), false),
        (entry.metric.to_owned(), false),
        (entry.rank_text(), faint),
        (entry.operator.name_vi().to_owned(), false),
        (shown(&entry.mean()), faint),
        (shown(&entry.interval()), faint),
        (if entry.draws.is_empty() { "–".to_owned() } else { entry.draws.clone() }, false),
    ];
    LetterRow { cells, bold: false }
}

fn interval_text(figure: &Figure) -> String {
    figure.interval.map_or_else(String::new, |bounds| {
        format!(" (khoảng tin cậy 95 %: {})", Value::Interval(bounds, Unit::Mbps).show())
    })
}

/// A threshold without needless decimals: 40, not 40,00.
fn trimmed(number: Decimal) -> String {
    let mut number = number;
    while number.decimals > 0 && number.units % 10 == 0 {
        number = Decimal { units: number.units / 10, decimals: number.decimals - 1 };
    }
    display(number, Unit::Mbps)
}
