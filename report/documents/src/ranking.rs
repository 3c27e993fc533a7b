//! Operators against each other, as rows of tables. Printed are figures of the month, the rank, and who is in a draw with whom.

use ispeed_report::statements::{Comparison, Outcome, Ranking, Standing};
use ispeed_report::{Figure, Level, Metric, OperatorGroup};

use crate::input::{DocumentInput, Place};
use crate::table::{Line, Table, empty, heads};
use crate::text::DISCLAIMERS;
use crate::value::{Cell, Unit, Value};

/// Said beneath every ranking.
pub(crate) const HOW: &str = "Hạng bằng 1 cộng số doanh nghiệp cao hơn rõ rệt. Hai doanh nghiệp hòa khi chênh lệch trung bình chưa đủ căn cứ thống kê (mức tin \
     cậy 95 % cho mọi cặp của bảng, xét theo thiết bị); doanh nghiệp hòa có thể đồng hạng. Doanh nghiệp chưa đủ mẫu hoặc thiết bị không được xếp hạng.";

/// In place of a rank.
pub(crate) const UNRANKED: &str = "Chưa đủ mẫu";

/// An operator in a ranking.
pub(crate) struct Entry<'a> {
    pub(crate) technology: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) operator: OperatorGroup,
    pub(crate) rank: Option<u8>,
    /// The mean it is ranked by.
    pub(crate) figure: Option<&'a Figure>,
    /// Names of those it is shown to be above.
    pub(crate) above: String,
    /// Names of those it is in a draw with.
    pub(crate) draws: String,
}

impl Entry<'_> {
    pub(crate) fn rank_text(&self) -> String {
        self.rank.map_or_else(|| UNRANKED.to_owned(), |rank| rank.to_string())
    }

    pub(crate) fn mean(&self) -> Value {
        let value = self.figure.and_then(|figure| figure.value);
        value.map_or(Value::Empty, |value| Value::Number(value, Unit::Mbps))
    }

    pub(crate) fn interval(&self) -> Value {
        let bounds = self.figure.and_then(|figure| figure.interval);
        bounds.map_or(Value::Empty, |bounds| Value::Interval(bounds, Unit::Mbps))
    }
}

/// Whether anyone has a rank in it.
pub(crate) fn is_made(ranking: &Ranking) -> bool {
    ranking.standings.iter().any(|standing| standing.rank.is_some())
}

/// The operators of a ranking of a place, by rank.
pub(crate) fn entries<'a>(
    ranking: &Ranking,
    place: &Place,
    level: Level,
    input: &'a DocumentInput<'_>,
) -> Vec<Entry<'a>> {
    let entry = |standing: &Standing| {
        let operator = standing.operator;
        let group = input.group(level, &place.code, operator, ranking.technology);
        Entry {
            technology: ranking.technology.name_vi(),
            metric: if ranking.metric == Metric::UpMean { "Tải lên" } else { "Tải xuống" },
            operator,
            rank: standing.rank,
            figure: input.figure(&group, ranking.metric),
            above: above(&ranking.comparisons, operator),
            draws: draws(&ranking.comparisons, operator),
        }
    };
    ranking.standings.iter().map(entry).collect()
}

/// Names of those an operator is shown to be above.
fn above(comparisons: &[Comparison], operator: OperatorGroup) -> String {
    let shown = comparisons.iter().filter_map(Comparison::shown);
    names(shown.filter(|(better, _)| *better == operator).map(|(_, worse)| worse))
}

/// Names of those an operator is in a draw with.
fn draws(comparisons: &[Comparison], operator: OperatorGroup) -> String {
    let drawn = comparisons.iter().filter(|comparison| comparison.outcome == Outcome::Draw);
    names(drawn.filter_map(|comparison| match (comparison.first, comparison.second) {
        (first, second) if first == operator => Some(second),
        (first, second) if second == operator => Some(first),
        _ => None,
    }))
}

fn names(operators: impl Iterator<Item = OperatorGroup>) -> String {
    operators.map(OperatorGroup::name_vi).collect::<Vec<_>>().join(", ")
}

/// The sheet: the place, then those of its parts in which anyone has a rank.
pub(crate) fn sheet(input: &DocumentInput<'_>) -> Table {
    let columns = [
        ("TT", 5, true),
        ("Mã", 8, false),
        ("Đơn vị", 26, false),
        ("Công nghệ", 8, false),
        ("Tốc độ trung bình", 11, false),
        ("Hạng", 12, false),
        ("Doanh nghiệp", 18, false),
        ("Số mẫu", 9, true),
        ("Trung bình (Mbps)", 11, true),
        ("Khoảng tin cậy 95 % (Mbps)", 17, false),
        ("Cao hơn rõ rệt", 36, false),
        ("Hòa với", 36, false),
    ];
    let own = std::iter::once((&input.header.place, input.header.level, true));
    let children = input.children.iter().map(|place| (place, input.child_level(), false));
    let mut lines = Vec::new();
    for (place, level, own) in own.chain(children) {
        for ranking in input.rankings_of(place).iter().filter(|ranking| own || is_made(ranking)) {
            for entry in entries(ranking, place, level, input) {
                lines.push(line(lines.len() + 1, place, &entry));
            }
        }
    }
    let mut notes = Vec::new();
    if lines.is_empty() {
        notes.push("Chưa có từ hai doanh nghiệp trở lên cùng công nghệ để xếp hạng trong kỳ.".to_owned());
    }
    notes.push(HOW.to_owned());
    notes.extend(DISCLAIMERS.iter().map(|text| (*text).to_owned()));
    Table { heads: heads(&columns), lines, notes, frozen: 3, ..empty() }
}

fn line(number: usize, place: &Place, entry: &Entry<'_>) -> Line {
    let values = vec![
        Value::count(number as u64),
        Value::text(&place.code),
        Value::text(&place.name),
        Value::text(entry.technology),
        Value::text(entry.metric),
        Value::text(entry.rank_text()),
        Value::text(entry.operator.name_vi()),
        entry.figure.map_or(Value::Empty, |figure| Value::count(figure.n)),
        entry.mean(),
        entry.interval(),
        Value::text(&entry.above),
        Value::text(&entry.draws),
    ];
    let faint = entry.rank.is_none();
    Line { cells: values.into_iter().map(|value| Cell { value, faint }).collect(), total: false }
}
