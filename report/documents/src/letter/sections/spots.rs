//! Weak spots and where sharing of infrastructure would help.

use ispeed_report::{Level, Metric};

use super::{Align, Writer, head, number, row};
use crate::input::{SharingSpot, WeakSpot};
use crate::value::Unit;

/// Cells listed in a letter; the workbook has all.
const SPOTS: usize = 12;

impl Writer<'_, '_> {
    pub(super) fn weak(&mut self) {
        self.heading("Điểm yếu và khả năng dùng chung hạ tầng");
        let input = self.input;
        if input.header.level == Level::Nation {
            self.weak_of_nation();
            return;
        }
        let (weak, sharing) = (&input.weak, &input.sharing);
        if weak.is_empty() && sharing.is_empty() {
            self.say("Chưa có ô đo nào đủ căn cứ để kết luận là yếu hoặc để đề xuất dùng chung hạ tầng trong kỳ.");
            return;
        }
        if !weak.is_empty() {
            self.weak_table(weak);
        }
        if !sharing.is_empty() {
            self.sharing_table(sharing);
        }
    }

    /// Cells are listed where someone can go and look.
    fn weak_of_nation(&mut self) {
        if !self.positive(Metric::WeakCells) {
            self.say("Chưa có ô đo nào đủ căn cứ để kết luận là yếu trong kỳ.");
            return;
        }
        self.say(format!(
            "Toàn quốc có {} ô đo (200 m) yếu hoặc nghi lõm sóng của ít nhất một doanh nghiệp. Danh sách ô đo và các ô có thể xem xét \
             dùng chung hạ tầng tại báo cáo của từng tỉnh, thành phố.",
            self.shown(Metric::WeakCells)
        ));
    }

    fn weak_table(&mut self, weak: &[WeakSpot]) {
        self.say(format!("Các ô đo (200 m) yếu hoặc nghi lõm sóng{}:", more(weak.len())));
        let line = |(at, spot): (usize, &WeakSpot)| {
            let evidence = &spot.evidence;
            row(vec![
                (at + 1).to_string(),
                spot.place.name.clone(),
                spot.cell.clone(),
                evidence.operator.name_vi().to_owned(),
                spot.weakness.name_vi().to_owned(),
                format!("{}/{}", evidence.failed, evidence.attempts),
                number(evidence.down_median_mbps, Unit::Mbps),
            ])
        };
        let rows = weak.iter().take(SPOTS).enumerate().map(line).collect();
        let heads = vec![
            head("TT", 7, Align::Center),
            head("Xã, phường, đặc khu", 28, Align::Left),
            head("Ô đo", 22, Align::Left),
            head("Doanh nghiệp", 22, Align::Left),
            head("Hiện trạng", 30, Align::Left),
            head("Không thành công / số lần đo", 18, Align::Right),
            head("Tải xuống trung vị (Mbps)", 15, Align::Right),
        ];
        self.table("Ô đo yếu, nghi lõm sóng", heads, rows);
    }

    fn sharing_table(&mut self, sharing: &[SharingSpot]) {
        self.say(format!(
            "Các ô đo một doanh nghiệp phục vụ tốt trong khi doanh nghiệp khác còn yếu, đề nghị xem xét dùng chung hạ tầng{}:",
            more(sharing.len())
        ));
        let line = |(at, spot): (usize, &SharingSpot)| {
            row(vec![
                (at + 1).to_string(),
                spot.place.name.clone(),
                spot.cell.clone(),
                spot.good.operator.name_vi().to_owned(),
                spot.weak.operator.name_vi().to_owned(),
                spot.weakness.name_vi().to_owned(),
            ])
        };
        let rows = sharing.iter().take(SPOTS).enumerate().map(line).collect();
        let heads = vec![
            head("TT", 7, Align::Center),
            head("Xã, phường, đặc khu", 30, Align::Left),
            head("Ô đo", 22, Align::Left),
            head("Phục vụ tốt", 24, Align::Left),
            head("Còn yếu", 24, Align::Left),
            head("Hiện trạng", 35, Align::Left),
        ];
        self.table("Ô đo có thể xem xét dùng chung hạ tầng", heads, rows);
    }
}

/// Of a long list only the first are in the letter.
fn more(count: usize) -> String {
    if count <= SPOTS {
        return String::new();
    }
    format!(" ({SPOTS} ô đầu trong {count} ô; toàn bộ tại bảng tính kèm theo)")
}
