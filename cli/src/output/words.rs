//! The words of results in both languages (terms: VNNIC's, and the letters').

use ispeed_protocol::device::{RadioTechnology, TransportKind};
use ispeed_protocol::direction::{Flag, StopReason};
use ispeed_protocol::sample::Outcome;
use ispeed_verdict::Lang;

use crate::lang::pick;

pub(crate) fn outcome(lang: Lang, outcome: Outcome) -> &'static str {
    let (vi, en) = match outcome {
        Outcome::Complete => ("Hoàn tất", "complete"),
        Outcome::Partial => ("Chỉ đo được một chiều", "partial: one direction only"),
        Outcome::NoService => ("Mất sóng hoặc không có mạng", "no service"),
        Outcome::ServerFailed => ("Điểm đo không trả lời", "the test point failed"),
        Outcome::Aborted => ("Dừng giữa chừng", "ended early"),
    };
    pick(lang, vi, en)
}

pub(crate) fn stop_reason(lang: Lang, reason: StopReason) -> &'static str {
    let (vi, en) = match reason {
        StopReason::Converged => ("đã đủ chính xác", "precise enough"),
        StopReason::Time => ("hết thời gian", "time cap"),
        StopReason::Bytes => ("hết giới hạn dữ liệu", "data cap"),
        StopReason::Aborted => ("bị dừng", "aborted"),
        StopReason::ServerEnded => ("điểm đo dừng", "ended by the server"),
        StopReason::Lost => ("mất kết nối", "connection lost"),
    };
    pick(lang, vi, en)
}

pub(crate) fn flag(lang: Lang, flag: Flag) -> &'static str {
    let (vi, en) = match flag {
        Flag::Unsaturated => ("chưa đầy đường truyền", "link not saturated"),
        Flag::CpuLimited => ("máy đo quá tải", "limited by this machine's CPU"),
        Flag::Burst => ("tốc độ giảm sau đợt đầu", "slower after an initial burst"),
        Flag::Proxy => ("có proxy trên đường truyền", "a proxy terminates the connections"),
        Flag::ServerLimited => ("điểm đo quá tải", "limited by the server"),
        Flag::ByteCapped => ("dừng vì giới hạn dữ liệu", "stopped by the data cap"),
        Flag::Outage => ("có lúc mất kết nối", "a gap without data"),
        Flag::Variable => ("tốc độ dao động", "the link varied"),
        Flag::RwndLimited => ("bộ đệm máy đo quá nhỏ", "limited by the receive window"),
    };
    pick(lang, vi, en)
}

pub(crate) fn technology(technology: RadioTechnology) -> Option<&'static str> {
    match technology {
        RadioTechnology::G2 => Some("2G"),
        RadioTechnology::G3 => Some("3G"),
        RadioTechnology::G4 => Some("4G"),
        RadioTechnology::G5Nsa => Some("5G NSA"),
        RadioTechnology::G5Sa => Some("5G SA"),
        RadioTechnology::G5 => Some("5G"),
        RadioTechnology::Unknown => None,
    }
}

pub(crate) fn transport(lang: Lang, kind: TransportKind) -> &'static str {
    let (vi, en) = match kind {
        TransportKind::Cellular => ("dữ liệu di động", "mobile data"),
        TransportKind::Wifi => ("Wi-Fi", "Wi-Fi"),
        TransportKind::Ethernet => ("mạng dây", "cable"),
        TransportKind::Other => ("kết nối khác", "another connection"),
        TransportKind::Unknown => ("không rõ kết nối", "connection unknown"),
    };
    pick(lang, vi, en)
}

/// The names of a phase while it runs.
pub(crate) fn phase(lang: Lang, phase: ispeed_core::engine::Phase) -> &'static str {
    use ispeed_core::engine::Phase;
    let (vi, en) = match phase {
        Phase::Connecting => ("Đang tìm điểm đo...", "finding a test point..."),
        Phase::Latency => ("Đang đo độ trễ...", "measuring latency..."),
        Phase::Download => ("Đang đo tải xuống...", "measuring download..."),
        Phase::Upload => ("Đang đo tải lên...", "measuring upload..."),
        Phase::Finishing => ("Đang hoàn tất...", "finishing..."),
        Phase::Done => ("Hoàn tất", "done"),
    };
    pick(lang, vi, en)
}
