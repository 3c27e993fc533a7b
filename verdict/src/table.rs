//! The rule table: code, meaning, what to do, and who can judge.

use crate::context::Side;
use crate::reason::Reason;

/// Which sides can judge a rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sides {
    /// Only the collector has the fact.
    Collector,
    /// Both.
    Both,
}

impl Sides {
    /// Whether `side` can judge.
    pub fn includes(self, side: Side) -> bool {
        self == Self::Both || side == Side::Collector
    }
}

/// Language of an explanation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lang {
    /// Vietnamese.
    Vi,
    /// English.
    En,
}

impl Lang {
    /// The text of a pair.
    pub const fn pick<'a>(self, vi: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Vi => vi,
            Self::En => en,
        }
    }
}

/// One rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// The reason.
    pub reason: Reason,
    /// Its stable code.
    pub code: &'static str,
    /// What it means, in English.
    pub meaning: &'static str,
    /// What it means and what to do, in Vietnamese, for the person who measured.
    pub advice_vi: &'static str,
    /// Who can judge it.
    pub sides: Sides,
}

/// The sentence of a code for a person; `None` for a code this version does not know.
pub fn explain(code: &str, lang: Lang) -> Option<&'static str> {
    let rule = Reason::from_code(code)?.rule();
    Some(lang.pick(rule.advice_vi, rule.meaning))
}

const fn rule(
    reason: Reason,
    sides: Sides,
    code: &'static str,
    meaning: &'static str,
    advice_vi: &'static str,
) -> Rule {
    Rule { reason, code, meaning, advice_vi, sides }
}

use Reason::*;
use Sides::{Both, Collector};

/// All rules, most severe first; the row of a [`Reason`] is at its own place.
#[rustfmt::skip]
pub const TABLE: &[Rule] = &[
    rule(Synthetic, Both, "synthetic",
        "The whole sample was made up by a load test; measure with the app.",
        "Mẫu này do chương trình thử tải tạo ra, không phải phép đo thật. Hãy đo lại bằng ứng dụng."),
    rule(Simulated, Both, "simulated",
        "Position, radio or operator were made up (demo), and this collector counts real ones only.",
        "Vị trí, sóng hoặc nhà mạng trong mẫu là giả lập (bản trình diễn). Hãy đo thật trên điện thoại."),
    rule(Duplicate, Collector, "duplicate",
        "This measurement was received before; nothing needs to be sent again.",
        "Mẫu này đã được nhận trước đó. Không cần gửi lại."),
    rule(ConsentMissing, Both, "consent_missing",
        "No agreement to measure was recorded before the run; read the text, agree, and measure again.",
        "Chưa ghi nhận sự đồng ý trước khi đo. Hãy đọc và chọn Đồng ý, rồi đo lại."),
    rule(UploadNotAgreed, Both, "upload_not_agreed",
        "The person did not agree to hand the result in; switch that on in the settings if it is to count.",
        "Bạn chưa đồng ý gửi kết quả nên mẫu không được tính. Nếu muốn tính, hãy bật gửi kết quả trong Cài đặt rồi đo lại."),
    rule(EvidenceMismatch, Collector, "evidence_mismatch",
        "The sample disagrees with what the measuring end signed, or the signature is not of an approved server.",
        "Kết quả không khớp với xác nhận của điểm đo. Hãy đo lại với điểm đo tự động."),
    rule(RecomputeMismatch, Collector, "recompute_mismatch",
        "The stated figures do not follow from the sample's own series; update the app and measure again.",
        "Kết quả không khớp khi máy chủ tính lại từ số liệu của phép đo. Hãy cập nhật ứng dụng rồi đo lại."),
    rule(Implausible, Both, "implausible",
        "A figure is beyond what a mobile network can do, or needs more bytes than were moved.",
        "Kết quả không hợp lý so với lượng dữ liệu đã truyền. Hãy cập nhật ứng dụng rồi đo lại."),
    rule(Aborted, Both, "aborted",
        "The run was ended before it finished; measure again and keep the app open.",
        "Phép đo bị dừng giữa chừng. Hãy đo lại và mở ứng dụng đến khi hoàn tất."),
    rule(NoService, Both, "no_service",
        "There was no route or no radio. Kept as evidence of a coverage hole, apart from the quota.",
        "Không có sóng hoặc không có mạng tại đây. Mẫu được giữ làm bằng chứng vùng lõm sóng; hãy đo lại khi có sóng."),
    rule(ServerFailed, Both, "server_failed",
        "The test point did not answer or was lost; try again in a few minutes or choose another one.",
        "Điểm đo không trả lời hoặc mất kết nối. Hãy đo lại sau ít phút hoặc đổi điểm đo."),
    rule(Partial, Both, "partial",
        "Only one direction was measured; measure again.",
        "Mới đo được một chiều. Hãy đo lại để có cả tải xuống và tải lên."),
    rule(FiguresMissing, Both, "figures_missing",
        "A complete run without a download or an upload figure; measure again.",
        "Thiếu tốc độ tải xuống hoặc tải lên. Hãy đo lại."),
    rule(MethodOutdated, Both, "method_outdated",
        "Measured with a method that no longer counts; update the app.",
        "Phương pháp đo của ứng dụng đã cũ. Hãy cập nhật ứng dụng rồi đo lại."),
    rule(MethodUnknown, Both, "method_unknown",
        "Measured with a method this side does not know; use a released app, or update the collector.",
        "Chưa nhận ra phương pháp đo của ứng dụng. Hãy dùng bản phát hành chính thức rồi đo lại."),
    rule(ProgramOutdated, Both, "program_outdated",
        "Measured with a version of the program that no longer counts; update it.",
        "Phiên bản ứng dụng đã cũ. Hãy cập nhật ứng dụng rồi đo lại."),
    rule(ProgramUnknown, Both, "program_unknown",
        "The program or its version is not known; use a released one.",
        "Không nhận ra ứng dụng hoặc phiên bản đã đo. Hãy dùng bản phát hành chính thức rồi đo lại."),
    rule(NotCellular, Both, "not_cellular",
        "The packets did not go over the mobile network; switch Wi-Fi off.",
        "Phép đo không đi qua mạng di động. Hãy tắt Wi-Fi để đo mạng di động."),
    rule(TransportUnknown, Both, "transport_unknown",
        "It is not known what carried the packets; on a computer hand in the facts of the modem (--facts).",
        "Không xác định được phép đo đi qua mạng nào. Hãy tắt Wi-Fi, bật dữ liệu di động rồi đo lại bằng điện thoại."),
    rule(TransportChanged, Both, "transport_changed",
        "The network changed during the run; measure again without switching.",
        "Mạng thay đổi trong khi đo. Hãy đo lại và không chuyển mạng trong lúc đo."),
    rule(CaptivePortal, Both, "captive_portal",
        "The network holds users in a login page; use mobile data.",
        "Mạng đang yêu cầu đăng nhập qua trang web. Hãy dùng dữ liệu di động rồi đo lại."),
    rule(Vpn, Both, "vpn",
        "A VPN was active; switch it off before measuring.",
        "Phép đo đi qua VPN. Hãy tắt VPN trước khi đo rồi đo lại."),
    rule(ForeignNetwork, Both, "foreign_network",
        "The serving network is not Vietnamese (PLMN not 452-xx); choose a Vietnamese one near the border.",
        "Máy đang bắt sóng mạng nước ngoài. Hãy chọn nhà mạng Việt Nam trong cài đặt mạng di động rồi đo lại."),
    rule(Roaming, Both, "roaming",
        "The subscription was roaming from abroad, so its traffic leaves the country.",
        "SIM đang chuyển vùng quốc tế. Hãy dùng SIM trong nước rồi đo lại."),
    rule(OperatorUnknown, Both, "operator_unknown",
        "The serving operator is neither named by the device nor known from its network (AS).",
        "Không xác định được nhà mạng. Hãy cho phép ứng dụng đọc trạng thái mạng di động rồi đo lại."),
    rule(NetworkInconsistent, Both, "network_inconsistent",
        "The network (AS) the server saw belongs to another operator than the device names: VPN, proxy or tethering.",
        "Nhà mạng trên máy không khớp với mạng mà máy chủ thấy. Hãy tắt VPN, proxy, chia sẻ kết nối rồi đo lại."),
    rule(ServerUnknown, Both, "server_unknown",
        "The test point is not on the approved list; let the app choose.",
        "Điểm đo không có trong danh sách được công nhận. Hãy chọn Tự động chọn điểm đo rồi đo lại."),
    rule(ServerAbroad, Both, "server_abroad",
        "The test point is outside Vietnam; let the app choose.",
        "Điểm đo ở ngoài Việt Nam. Hãy chọn Tự động chọn điểm đo rồi đo lại."),
    rule(ServerLab, Both, "server_lab",
        "The test point belongs to a laboratory or demo.",
        "Điểm đo thuộc phòng thử nghiệm. Hãy chọn Tự động chọn điểm đo rồi đo lại."),
    rule(EvidenceMissing, Collector, "evidence_missing",
        "No measuring end vouches for a figure (unattested); update the app and measure again.",
        "Thiếu xác nhận của điểm đo. Hãy cập nhật ứng dụng rồi đo lại."),
    rule(SignatureMissing, Collector, "signature_missing",
        "The sample does not carry the device's signature; update the app and measure again.",
        "Mẫu không có chữ ký của thiết bị. Hãy cập nhật ứng dụng rồi đo lại."),
    rule(CommuneNotShared, Both, "commune_not_shared",
        "The person did not agree to share the commune, so no commune can count it.",
        "Bạn chưa đồng ý chia sẻ xã, phường nơi đo. Nếu muốn mẫu được tính, hãy bật trong Cài đặt rồi đo lại."),
    rule(PositionMissing, Both, "position_missing",
        "There was no position; switch location on and allow it.",
        "Không có vị trí. Hãy bật định vị và cho phép ứng dụng dùng vị trí rồi đo lại."),
    rule(PositionDeclared, Both, "position_declared",
        "The position was typed in, not measured.",
        "Vị trí do người đo nhập vào, không do thiết bị xác định. Hãy đo bằng điện thoại có bật định vị."),
    rule(PositionSimulated, Both, "position_simulated",
        "The position was made up (demo), and this collector counts real ones only.",
        "Vị trí là giả lập của bản trình diễn. Hãy đo thật trên điện thoại có bật định vị."),
    rule(PositionMocked, Both, "position_mocked",
        "The phone says the position is mocked; switch the mock-location app off.",
        "Điện thoại báo vị trí giả lập. Hãy tắt ứng dụng giả lập vị trí rồi đo lại."),
    rule(PositionStale, Both, "position_stale",
        "No fix of the run is at most 60 s old; wait for a fresh one.",
        "Vị trí đã cũ quá 60 giây. Hãy chờ định vị lại rồi đo."),
    rule(PositionInaccurate, Both, "position_inaccurate",
        "No fresh fix has a radius of at most 100 m (50 m in a dense commune); go outdoors and wait.",
        "Định vị chưa đủ chính xác (cần ±100 m, nội thành ±50 m). Hãy ra chỗ thoáng, chờ ít giây rồi đo lại."),
    rule(PlaceUnknown, Both, "place_unknown",
        "The commune could not be resolved.",
        "Chưa xác định được xã, phường. Hãy bật định vị, tải bản đồ ranh giới trong ứng dụng rồi đo lại."),
    rule(PlaceOutside, Both, "place_outside",
        "The position lies outside every commune.",
        "Vị trí ngoài địa giới các xã, phường, đặc khu. Hãy đo lại trên đất liền hoặc đảo trong nước."),
    rule(PlaceApproximate, Both, "place_approximate",
        "The commune is a guess from centres only; fetch the boundaries, or share the point.",
        "Xã, phường mới là ước đoán. Hãy tải bản đồ ranh giới trong ứng dụng rồi đo lại."),
    rule(PlaceAmbiguous, Both, "place_ambiguous",
        "The circle of doubt crosses a border; move away from it or wait for a better fix.",
        "Vị trí gần ranh giới nên chưa rõ thuộc xã, phường nào. Hãy chờ định vị chính xác hơn hoặc đi xa ranh giới rồi đo lại."),
    rule(PlaceInconsistent, Collector, "place_inconsistent",
        "The 200 m cell does not meet the commune the device names; update the boundaries.",
        "Ô vị trí không nằm trong xã, phường mà máy báo. Hãy cập nhật bản đồ ranh giới rồi đo lại."),
    rule(PlaceLeft, Both, "place_left",
        "The device went into another commune during the run; stand still.",
        "Bạn đã sang xã, phường khác trong khi đo. Hãy đứng yên rồi đo lại."),
    rule(ClockUnknown, Both, "clock_unknown",
        "The device's clock was compared with no server.",
        "Chưa so được đồng hồ của máy với máy chủ. Hãy bật ngày giờ tự động rồi đo lại."),
    rule(ClockWrong, Both, "clock_wrong",
        "The device's clock is more than 10 minutes off and was not corrected; set it automatically.",
        "Đồng hồ của máy lệch quá 10 phút. Hãy bật ngày giờ tự động rồi đo lại."),
    rule(Late, Collector, "late",
        "Received after the month was closed; it is kept apart from the report that was sent.",
        "Mẫu đến sau khi đã chốt báo cáo tháng nên chỉ được lưu. Lần sau hãy mở ứng dụng khi có mạng để gửi sớm."),
    rule(CpuLimited, Both, "cpu_limited",
        "The device, not the network, was the limit; close other apps.",
        "Máy quá tải nên không đo hết tốc độ mạng. Hãy đóng ứng dụng khác, tắt tiết kiệm pin rồi đo lại."),
    rule(ServerLimited, Both, "server_limited",
        "The test point, not the network, was the limit; try again later or choose another one.",
        "Điểm đo quá tải. Hãy đo lại sau ít phút hoặc đổi điểm đo."),
    rule(RwndLimited, Both, "rwnd_limited",
        "The receiver's window, not the network, was the limit; restart the device or update the app.",
        "Bộ đệm nhận của máy không đủ để đo hết tốc độ mạng. Hãy khởi động lại máy, cập nhật ứng dụng rồi đo lại."),
    rule(Proxy, Both, "proxy",
        "A proxy answers in place of the test point; switch it off.",
        "Có proxy trên đường truyền. Hãy tắt proxy trong cài đặt mạng rồi đo lại."),
    rule(Unsaturated, Both, "unsaturated",
        "Nothing shows that the link was full, so it may be faster; measure again.",
        "Phép đo chưa dùng hết tốc độ đường truyền. Hãy đo lại."),
    rule(SurplusInterval, Both, "surplus_interval",
        "Sooner after another counted sample of this device than the collector's spacing (2 minutes unless it says otherwise).",
        "Cách mẫu đã tính trước đó của máy chưa đủ thời gian quy định (thường là 2 phút). Hãy chờ thêm rồi đo lại."),
    rule(SurplusDistance, Both, "surplus_distance",
        "Nearer to another counted sample of this device today than the collector's spacing; walk on and measure again.",
        "Quá gần nơi máy này đã có mẫu được tính trong ngày. Hãy đi xa thêm vài trăm mét rồi đo lại."),
    rule(SurplusDay, Both, "surplus_day",
        "This device has as many counted samples in this commune today as may count (20 unless the collector says otherwise).",
        "Máy này đã đủ số mẫu được tính trong ngày tại xã, phường này (thường là 20). Cảm ơn bạn; hãy đo ở nơi khác hoặc vào ngày mai."),
];
