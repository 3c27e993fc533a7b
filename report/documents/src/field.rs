//! The 27 fields of the monthly report (`vietnam.md` 14.1) as columns: number, code, what stands in a cell.
//!
//! A field of two values ("trung bình / trung vị") is two columns: a spreadsheet can add and sort numbers, not texts.

use ispeed_report::{Group, Level, Metric, OperatorGroup, TechnologyGroup};

use crate::input::{DocumentInput, Duties, ISpeedCount};
use crate::value::{Cell, Unit, Value, display};

/// What a column shows of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Number of the row.
    RowNumber,
    /// Code of the place.
    Code,
    /// Its name.
    Name,
    /// Operator.
    Operator,
    /// Technology.
    Technology,
    /// Value of a metric.
    Value(Metric),
    /// 95 % interval of a metric.
    Interval(Metric),
    /// Quota reached, or what is missing.
    Quota,
    /// Against the target.
    Target,
    /// Installations so far.
    InstallsTotal,
    /// Communication work.
    Communication,
    /// Difficulties.
    Difficulties,
    /// Proposals.
    Proposals,
    /// i-Speed's own count.
    ISpeed,
}

/// A column of the report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Number of the field in `vietnam.md` 14.1.
    pub number: u8,
    /// Word in templates.
    pub code: &'static str,
    /// What it shows.
    pub part: Part,
}

const fn field(number: u8, code: &'static str, part: Part) -> Field {
    Field { number, code, part }
}

impl Field {
    /// All of them.
    #[rustfmt::skip]
    pub const ALL: &'static [Self] = &[
        field(1, "row_number", Part::RowNumber),
        field(2, "place_code", Part::Code),
        field(3, "place_name", Part::Name),
        field(4, "operator", Part::Operator),
        field(5, "technology", Part::Technology),
        field(6, "samples", Part::Value(Metric::Samples)),
        field(7, "counted", Part::Value(Metric::Counted)),
        field(8, "quota", Part::Quota),
        field(9, "excluded", Part::Value(Metric::Excluded)),
        field(10, "devices", Part::Value(Metric::Devices)),
        field(11, "cells", Part::Value(Metric::Cells)),
        field(11, "days", Part::Value(Metric::Days)),
        field(12, "down_mean", Part::Value(Metric::DownMean)),
        field(13, "down_median", Part::Value(Metric::DownMedian)),
        field(14, "up_mean", Part::Value(Metric::UpMean)),
        field(14, "up_median", Part::Value(Metric::UpMedian)),
        field(15, "down_mean_interval", Part::Interval(Metric::DownMean)),
        field(15, "down_median_interval", Part::Interval(Metric::DownMedian)),
        field(15, "up_mean_interval", Part::Interval(Metric::UpMean)),
        field(15, "up_median_interval", Part::Interval(Metric::UpMedian)),
        field(16, "idle_latency", Part::Value(Metric::IdleLatency)),
        field(16, "loaded_down_latency", Part::Value(Metric::LoadedDownLatency)),
        field(16, "loaded_up_latency", Part::Value(Metric::LoadedUpLatency)),
        field(17, "pdv", Part::Value(Metric::Pdv)),
        field(17, "loss", Part::Value(Metric::Loss)),
        field(18, "above_floor", Part::Value(Metric::AboveFloor)),
        field(19, "failed", Part::Value(Metric::Failed)),
        field(20, "target", Part::Target),
        field(21, "change", Part::Value(Metric::DownMeanChange)),
        field(21, "twelve_months", Part::Value(Metric::DownMean12Months)),
        field(22, "weak_cells", Part::Value(Metric::WeakCells)),
        field(23, "installs", Part::Value(Metric::Installs)),
        field(23, "installs_total", Part::InstallsTotal),
        field(24, "communication", Part::Communication),
        field(25, "by_officials", Part::Value(Metric::ByOfficials)),
        field(25, "by_citizens", Part::Value(Metric::ByCitizens)),
        field(25, "by_operators", Part::Value(Metric::ByOperators)),
        field(25, "by_probes", Part::Value(Metric::ByProbes)),
        field(26, "difficulties", Part::Difficulties),
        field(26, "proposals", Part::Proposals),
        field(27, "ispeed", Part::ISpeed),
    ];

    /// The field of a word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|field| field.code == code).copied()
    }
}

impl Part {
    /// The cell is aligned as a number.
    pub(crate) fn numeric(self) -> bool {
        matches!(self, Self::RowNumber | Self::Value(_) | Self::InstallsTotal)
    }

    /// An interval: two columns in CSV.
    pub(crate) fn interval(self) -> bool {
        matches!(self, Self::Interval(_))
    }
}

/// What a row is about.
pub(crate) struct Row<'a> {
    pub(crate) number: usize,
    pub(crate) group: Group,
    pub(crate) name: &'a str,
    pub(crate) faint: bool,
}

impl Row<'_> {
    fn whole(&self) -> bool {
        self.group.operator == OperatorGroup::All && self.group.technology == TechnologyGroup::All
    }
}

/// The cell of a part in a row.
pub(crate) fn cell(part: Part, row: &Row<'_>, input: &DocumentInput<'_>) -> Cell {
    let group = &row.group;
    let duties = || input.duties.get(&group.code).filter(|_| row.whole());
    let typed = |list: fn(&Duties) -> &Vec<String>| duties().map_or(Value::Empty, |d| Value::text(list(d).join("; ")));
    let value = match part {
        Part::RowNumber => Value::count(row.number as u64),
        Part::Code => Value::text(&group.code),
        Part::Name => Value::text(row.name),
        Part::Operator => Value::text(group.operator.name_vi()),
        Part::Technology => Value::text(group.technology.name_vi()),
        Part::Value(metric) => return figure(metric, row, input),
        Part::Interval(metric) => return interval(metric, row, input),
        Part::Quota => quota(row, input),
        Part::Target => input.targets.get(group).map_or(Value::Empty, |t| Value::text(t.attainment.name_vi())),
        Part::InstallsTotal => duties().and_then(|d| d.installs_total).map_or(Value::Empty, Value::count),
        Part::Communication => typed(|d| &d.communication),
        Part::Difficulties => typed(|d| &d.difficulties),
        Part::Proposals => typed(|d| &d.proposals),
        Part::ISpeed => duties().and_then(|d| d.ispeed.as_ref()).map_or(Value::Empty, |i| Value::text(ispeed(i))),
    };
    value.into()
}

/// Figures a small number of samples blurs; counts are exact whatever their size.
fn blurred(metric: Metric) -> bool {
    Unit::of(metric) != Unit::Count && metric != Metric::TopDeviceShare
}

pub(crate) fn figure(metric: Metric, row: &Row<'_>, input: &DocumentInput<'_>) -> Cell {
    let value = input.figure(&row.group, metric).and_then(|figure| figure.value);
    let value = value.map_or(Value::Empty, |value| Value::Number(value, Unit::of(metric)));
    Cell { value, faint: row.faint && blurred(metric) }
}

pub(crate) fn interval(metric: Metric, row: &Row<'_>, input: &DocumentInput<'_>) -> Cell {
    let bounds = input.figure(&row.group, metric).and_then(|figure| figure.interval);
    let value = bounds.map_or(Value::Empty, |bounds| Value::Interval(bounds, Unit::of(metric)));
    Cell { value, faint: row.faint }
}

/// The quota is owed by a commune as a whole; of larger places the communes that reached it are counted.
fn quota(row: &Row<'_>, input: &DocumentInput<'_>) -> Value {
    if !row.whole() {
        return Value::Empty;
    }
    let of = |metric| input.figure(&row.group, metric).and_then(|figure| figure.value);
    if row.group.level == Level::Commune {
        return match of(Metric::Missing) {
            None => Value::Empty,
            Some(missing) if missing.units == 0 => Value::text("Đạt"),
            Some(missing) => Value::text(format!("Còn thiếu {}", display(missing, Unit::Count))),
        };
    }
    match (of(Metric::CommunesReached), of(Metric::CommunesTotal)) {
        (Some(reached), Some(total)) => {
            Value::text(format!("{}/{} xã đạt", display(reached, Unit::Count), display(total, Unit::Count)))
        }
        _ => Value::Empty,
    }
}

/// i-Speed's count in one line, with where and when it was read.
pub(crate) fn ispeed(count: &ISpeedCount) -> String {
    let mut parts = Vec::new();
    if let Some(samples) = count.samples {
        parts.push(format!("{} mẫu", display(ispeed_report::Decimal::count(samples), Unit::Count)));
    }
    for (what, speed) in [("tải xuống", count.down_median_mbps), ("tải lên", count.up_median_mbps)] {
        if let Some(speed) = speed {
            parts.push(format!("{what} trung vị {} Mbps", display(speed, Unit::Mbps)));
        }
    }
    if !count.source.is_empty() {
        let day = if count.read_on.is_empty() { String::new() } else { format!(", ngày {}", count.read_on) };
        parts.push(format!("nguồn: {}{day}", count.source));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_one_of_the_27_fields_has_a_column_and_each_word_one_field() {
        for number in 1..=27 {
            assert!(Field::ALL.iter().any(|field| field.number == number), "{number}");
        }
        for (at, field) in Field::ALL.iter().enumerate() {
            assert_eq!(Field::ALL.iter().position(|other| other.code == field.code), Some(at), "{}", field.code);
            assert_eq!(Field::from_code(field.code), Some(*field));
        }
        assert_eq!(Field::from_code("speed"), None);
    }
}
