//! What the method pages say, with the settings the figures were computed with.

use ispeed_report::{Decimal, Metric, MonthHead};

use crate::value::{Unit, display};

/// Mbps without needless decimals.
fn mbps(value: f64) -> String {
    let whole = value.fract() == 0.0;
    let decimals = if whole { 0 } else { 2 };
    Decimal::round(value, decimals).map_or_else(|| "–".to_owned(), |value| display(value, Unit::Mbps))
}

pub(super) fn of(head: &MonthHead<'_>) -> Vec<String> {
    let s = head.settings;
    let floors: Vec<String> = s
        .floors
        .iter()
        .map(|floor| format!("{} từ {} Mbps", floor.technology.name_vi(), mbps(floor.down_mbps)))
        .collect();
    let targets: Vec<String> = s
        .targets_of(head.month)
        .into_iter()
        .filter(|target| !target.informational && target.metric == Metric::DownMean.code())
        .map(|target| format!("{} từ {} Mbps ({})", target.technology.name_vi(), mbps(target.at_least), target.paper))
        .collect();
    let mut notes = vec![
        "Mẫu hợp lệ: phép đo trọn vẹn cả hai chiều, đi qua mạng di động trong nước, không chuyển vùng, không VPN, vị trí còn mới và xác định \
         trong một xã, phường, đặc khu; mọi mẫu bị loại đều được lưu và nêu lý do."
            .to_owned(),
        format!(
            "Trung bình, trung vị và phân vị tính riêng theo doanh nghiệp và công nghệ trên mẫu hợp lệ; khoảng tin cậy 95 % có tính đến việc \
             nhiều mẫu do cùng một thiết bị đo, không nêu khi có dưới {} thiết bị. Dưới {} mẫu thì không so sánh, không xếp hạng.",
            s.min_devices_interval, s.min_samples
        ),
        "Độ trễ và biến thiên độ trễ là trung vị của các mẫu; tỷ lệ mất gói và tỷ lệ đo không thành công tính gộp trên toàn bộ gói, lượt đo."
            .to_owned(),
    ];
    if !floors.is_empty() {
        notes.push(format!("Mức tối thiểu của một mẫu (tải xuống): {}.", floors.join("; ")));
    }
    if !targets.is_empty() {
        notes.push(format!("Mức mục tiêu (tải xuống trung bình): {}.", targets.join("; ")));
    }
    notes.push(format!(
        "Ô đo yếu: ô 200 m có ít nhất {} lượt đo của doanh nghiệp, ít nhất {} thiết bị, đo không thành công từ {} % hoặc tốc độ dưới mức mục tiêu.",
        s.cells.min_attempts,
        s.min_devices_public,
        mbps(s.cells.no_service_percent)
    ));
    notes
}
