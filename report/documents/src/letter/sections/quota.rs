//! Samples against the quota, and the places that are short.

use ispeed_report::{Group, Level, Metric, OperatorGroup, TechnologyGroup};

use super::{Align, LetterRow, Writer, head, number, row};
use crate::input::Place;
use crate::table::{self, is_faint};
use crate::template::RowsOf;
use crate::value::{Unit, display};

/// From so many short communes on the list is set in two halves side by side.
const TWO_HALVES_FROM: usize = 16;

impl Writer<'_, '_> {
    pub(super) fn quota(&mut self) {
        self.heading("Kết quả thực hiện chỉ tiêu mẫu đo");
        let (month, quota) = (self.month(), self.input.quota);
        if self.positive(Metric::Samples) {
            self.say(format!(
                "Trong {month}, trên địa bàn thu nhận {} mẫu đo, trong đó có {} mẫu hợp lệ và {} mẫu bị loại (chi tiết theo lý do \
                 tại bảng tính kèm theo). Mẫu hợp lệ do {} thiết bị thực hiện tại {} ô đo (200 m × 200 m).",
                self.shown(Metric::Samples),
                self.shown(Metric::Counted),
                self.shown(Metric::Excluded),
                self.shown(Metric::Devices),
                self.shown(Metric::Cells),
            ));
        } else {
            self.say(format!("Trong {month}, trên địa bàn chưa thu nhận mẫu đo nào."));
        }
        if self.input.header.level == Level::Commune {
            self.quota_of_commune(quota);
        } else {
            self.quota_of_children(quota);
        }
        self.roles();
        if self.positive(Metric::Late) {
            self.say(format!(
                "Có {} mẫu gửi sau thời điểm chốt nhận mẫu, không tính vào kỳ.",
                self.shown(Metric::Late)
            ));
        }
    }

    fn quota_of_commune(&mut self, quota: u32) {
        match self.total(Metric::Missing) {
            Some(missing) if missing.units == 0 => {
                self.say(format!("Đơn vị đã đạt chỉ tiêu {quota} mẫu hợp lệ trong tháng."))
            }
            Some(missing) => self.say(format!(
                "Đơn vị chưa đạt chỉ tiêu {quota} mẫu hợp lệ trong tháng, còn thiếu {} mẫu.",
                display(missing, Unit::Count)
            )),
            None => {}
        }
        if self.positive(Metric::Counted) {
            let share = self.total(Metric::TopDeviceShare);
            let share = share.map(|share| {
                format!("; thiết bị đo nhiều nhất chiếm {} % số mẫu hợp lệ", display(share, Unit::Percent))
            });
            self.say(format!("Việc đo diễn ra trong {} ngày{}.", self.shown(Metric::Days), share.unwrap_or_default()));
        }
    }

    fn quota_of_children(&mut self, quota: u32) {
        if let (Some(reached), Some(total)) = (self.total(Metric::CommunesReached), self.total(Metric::CommunesTotal)) {
            self.say(format!(
                "Có {}/{} xã, phường, đặc khu đạt chỉ tiêu {quota} mẫu hợp lệ trong tháng.",
                display(reached, Unit::Count),
                display(total, Unit::Count)
            ));
        }
        if self.input.header.level == Level::Nation { self.provinces() } else { self.short_communes(quota) }
    }

    fn short_communes(&mut self, quota: u32) {
        let short = table::places(RowsOf::Short, self.input);
        if short.is_empty() {
            return;
        }
        let line = |(at, (place, level)): (usize, &(&Place, Level))| {
            let group = Group::all(*level, &place.code);
            let value = |metric| number(self.input.figure(&group, metric).and_then(|f| f.value), Unit::Count);
            vec![
                (at + 1).to_string(),
                place.code.clone(),
                place.name.clone(),
                value(Metric::Counted),
                value(Metric::Missing),
            ]
        };
        let lines: Vec<Vec<String>> = short.iter().enumerate().map(line).collect();
        let caption = format!("Xã, phường, đặc khu chưa đạt {quota} mẫu");
        let heads = || {
            vec![
                head("TT", 8, Align::Center),
                head("Mã", 13, Align::Center),
                head("Xã, phường, đặc khu", 44, Align::Left),
                head("Hợp lệ", 13, Align::Right),
                head("Còn thiếu", 13, Align::Right),
            ]
        };
        if lines.len() < TWO_HALVES_FROM {
            self.table(&caption, heads(), lines.into_iter().map(row).collect());
            return;
        }
        let half = lines.len().div_ceil(2);
        let pair = |at: usize| {
            let mut cells = lines[at].clone();
            cells.extend(lines.get(half + at).cloned().unwrap_or_else(|| vec![String::new(); 5]));
            row(cells)
        };
        let rows = (0..half).map(pair).collect();
        self.table(&caption, heads().into_iter().chain(heads()).collect(), rows);
    }

    fn provinces(&mut self) {
        let heads = vec![
            head("TT", 7, Align::Center),
            head("Mã", 8, Align::Center),
            head("Tỉnh, thành phố", 40, Align::Left),
            head("Xã đạt / tổng số xã", 18, Align::Right),
            head("Số mẫu hợp lệ", 17, Align::Right),
            head("4G tải xuống TB (Mbps)", 18, Align::Right),
            head("5G tải xuống TB (Mbps)", 18, Align::Right),
        ];
        let line = |(at, place): (usize, &Place)| {
            let of = |technology, metric| {
                let group = self.input.group(Level::Province, &place.code, OperatorGroup::All, technology);
                (self.input.figure(&group, metric).and_then(|f| f.value), is_faint(&group, self.input))
            };
            let count = |metric| number(of(TechnologyGroup::All, metric).0, Unit::Count);
            let speed = |technology| {
                let (value, faint) = of(technology, Metric::DownMean);
                (number(value, Unit::Mbps), faint && value.is_some())
            };
            let plain = |text: String| (text, false);
            let cells = vec![
                plain((at + 1).to_string()),
                plain(place.code.clone()),
                plain(place.name.clone()),
                plain(format!("{}/{}", count(Metric::CommunesReached), count(Metric::CommunesTotal))),
                plain(count(Metric::Counted)),
                speed(TechnologyGroup::G4),
                speed(TechnologyGroup::G5),
            ];
            LetterRow { cells, bold: false }
        };
        let rows = self.input.children.iter().enumerate().map(line).collect();
        self.table("Kết quả theo tỉnh, thành phố", heads, rows);
    }

    fn roles(&mut self) {
        let parts: Vec<String> = [
            ("cán bộ", Metric::ByOfficials),
            ("người dân", Metric::ByCitizens),
            ("nhân viên doanh nghiệp viễn thông", Metric::ByOperators),
            ("máy đo tự động", Metric::ByProbes),
        ]
        .into_iter()
        .filter(|(_, metric)| self.positive(*metric))
        .map(|(who, metric)| format!("{who} {}", self.shown(metric)))
        .collect();
        if !parts.is_empty() {
            self.say(format!("Mẫu hợp lệ theo người đo: {}.", parts.join("; ")));
        }
    }
}
