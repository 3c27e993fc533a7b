//! Every sentence of the page, in both languages, in one table.

/// Language of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lang {
    Vi,
    En,
}

impl Lang {
    /// The code of BCP 47.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        match code {
            "vi" => Some(Self::Vi),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The best of the two by `Accept-Language` (RFC 9110 section 12.5.4); Vietnamese when in doubt.
    pub(super) fn negotiate(accept: &str) -> Self {
        let mut best = (Self::Vi, 0.0_f32);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let primary = parts.next().and_then(|tag| tag.split('-').next()).unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|p| p.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if let Some(lang) = Self::from_code(&primary)
                && quality > best.1
            {
                best = (lang, quality);
            }
        }
        best.0
    }

    pub(super) const fn strings(self) -> &'static Strings {
        match self {
            Self::Vi => &VI,
            Self::En => &EN,
        }
    }
}

/// The table. `{}` stands where a value goes.
pub(super) struct Strings {
    pub(super) skip: &'static str,
    pub(super) other_language: &'static str,
    pub(super) tagline: &'static str,
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    pub(super) not_i_speed: &'static str,
    pub(super) demo: &'static str,
    pub(super) wrong_filter: &'static str,
    pub(super) on_this_page: &'static str,
    pub(super) summary: &'static str,
    pub(super) reached: &'static str,
    pub(super) reached_of: &'static str,
    pub(super) counted: &'static str,
    pub(super) missing: &'static str,
    pub(super) excluded: &'static str,
    pub(super) days_left: &'static str,
    pub(super) days: &'static str,
    pub(super) month_over: &'static str,
    pub(super) dates: &'static str,
    pub(super) filter: &'static str,
    pub(super) province: &'static str,
    pub(super) whole_country: &'static str,
    pub(super) month: &'static str,
    pub(super) show: &'static str,
    pub(super) short_title: &'static str,
    pub(super) short_order: &'static str,
    pub(super) short_none: &'static str,
    pub(super) reached_title: &'static str,
    pub(super) reached_none: &'static str,
    pub(super) number: &'static str,
    pub(super) code: &'static str,
    pub(super) commune: &'static str,
    pub(super) progress: &'static str,
    pub(super) devices: &'static str,
    pub(super) pages: &'static str,
    pub(super) page: &'static str,
    pub(super) provinces_title: &'static str,
    pub(super) provinces_note: &'static str,
    pub(super) communes: &'static str,
    pub(super) special_zones: &'static str,
    pub(super) excluded_title: &'static str,
    pub(super) excluded_note: &'static str,
    pub(super) reason: &'static str,
    pub(super) meaning: &'static str,
    pub(super) samples: &'static str,
    pub(super) sample_count: &'static str,
    pub(super) how_title: &'static str,
    pub(super) how_steps: &'static [&'static str],
    pub(super) how_command: &'static str,
    pub(super) data_title: &'static str,
    pub(super) data: &'static [&'static str],
    pub(super) disclaimer: &'static str,
    pub(super) machine: &'static str,
    pub(super) made_at: &'static str,
    pub(super) table: &'static str,
    pub(super) no_table: &'static str,
}

static VI: Strings = Strings {
    skip: "Đến danh sách còn thiếu",
    other_language: "English",
    tagline: "Mẫu đo băng rộng di động theo xã, phường, đặc khu",
    title: "Tiến độ tháng {}",
    intro: "Máy chủ này là điểm đo và nơi nhận mẫu của ispeed: phần mềm nguồn mở đo tốc độ mạng di động, ghi nhận xã, phường \
            nơi đo và đếm số mẫu hợp lệ. Chỉ tiêu tháng: 300 mẫu/xã.",
    not_i_speed: "ispeed không phải là ứng dụng i-Speed của VNNIC. Mẫu gửi về đây không được cộng vào chỉ tiêu 300 mẫu của VNNIC.",
    demo: "Bản trình diễn: máy chủ này nhận cả mẫu giả lập. Đừng dùng số liệu ở đây cho báo cáo.",
    wrong_filter: "Không có tháng hoặc tỉnh, thành phố như trong địa chỉ; đang hiển thị mặc định.",
    on_this_page: "Trong trang này",
    summary: "Tóm tắt",
    reached: "Đạt 300 mẫu",
    reached_of: "trên {} xã, phường, đặc khu ({})",
    counted: "Mẫu hợp lệ",
    missing: "Còn thiếu",
    excluded: "Mẫu bị loại",
    days_left: "Thời gian còn lại",
    days: "ngày, kể cả hôm nay",
    month_over: "ngày: tháng đã kết thúc",
    dates: "Đo đến hết ngày {}; mẫu gửi về trước 24:00 ngày {} còn được cộng vào tháng; xã, phường báo cáo chậm nhất ngày {}.",
    filter: "Chọn phạm vi",
    province: "Tỉnh, thành phố",
    whole_country: "Cả nước",
    month: "Tháng",
    show: "Xem",
    short_title: "Còn thiếu mẫu: {} xã, phường, đặc khu",
    short_order: "Nơi đã có mẫu đứng trước, gần đạt nhất đứng đầu.",
    short_none: "Không còn nơi nào thiếu mẫu.",
    reached_title: "Đã đạt: {} xã, phường, đặc khu",
    reached_none: "Chưa có nơi nào đạt 300 mẫu trong tháng này.",
    number: "TT",
    code: "Mã",
    commune: "Xã, phường, đặc khu",
    progress: "Tiến độ",
    devices: "Số thiết bị",
    pages: "Các trang",
    page: "Trang {} trên {}",
    provinces_title: "Theo tỉnh, thành phố",
    provinces_note: "Xếp theo tên. Trong ngoặc là các đặc khu.",
    communes: "Số xã",
    special_zones: "đặc khu",
    excluded_title: "Mẫu bị loại theo lý do",
    excluded_note: "Mẫu bị loại vẫn được lưu, chỉ không được đếm. Mỗi mẫu tính một lần, theo lý do đầu tiên.",
    reason: "Lý do loại",
    meaning: "Ý nghĩa và cách khắc phục",
    samples: "mẫu",
    sample_count: "Số mẫu",
    how_title: "Cách đo",
    how_steps: &[
        "Tắt Wi-Fi và VPN, dùng dữ liệu di động của một nhà mạng Việt Nam, không chuyển vùng.",
        "Bật định vị, đứng yên ngoài trời hoặc gần cửa sổ cho đến khi sai số vị trí dưới 100 m (dưới 50 m ở phường nhỏ).",
        "Đo khoảng 10 giây; mỗi lần đo dùng nhiều nhất khoảng 90 MB ở tốc độ đến 150 Mbps. Có thể đặt giới hạn thấp hơn.",
        "Mỗi thiết bị được tính nhiều nhất 20 mẫu một ngày trong một xã, cách nhau ít nhất 2 phút. Hãy đo ở nhiều nơi khác nhau.",
    ],
    how_command: "Với máy tính hoặc đầu dò có modem di động:",
    data_title: "Dữ liệu của bạn",
    data: &[
        "Không cần tài khoản, số điện thoại hay tên. Chỉ gửi mẫu khi bạn đã đồng ý; mặc định chỉ gửi mã xã và ô 200 m, không gửi tọa độ.",
        "Mỗi mẫu được trả một biên nhận có chữ ký số; ai cũng kiểm tra được bằng khóa công khai của máy chủ này.",
        "Bạn xem và xóa được dữ liệu của mình bằng khóa trên thiết bị; việc xóa cũng có biên nhận.",
    ],
    disclaimer: "Số liệu tham khảo từ đo kiểm cộng đồng, không thay thế đo kiểm theo quy chuẩn.",
    machine: "Cho máy đọc",
    made_at: "Số liệu lúc {} (giờ Việt Nam)",
    table: "Bảng địa giới: {}",
    no_table: "Chưa có bảng địa giới: máy chủ này chưa xác minh được xã, phường từ tọa độ.",
};

static EN: Strings = Strings {
    skip: "Skip to the shortfall list",
    other_language: "Tiếng Việt",
    tagline: "Mobile broadband samples by commune, ward and special zone",
    title: "Progress in {}",
    intro: "This server is a test point and collector of ispeed: open-source software that measures mobile broadband, notes the \
            commune it was measured in and counts the valid samples. The quota is 300 samples a commune and month.",
    not_i_speed: "ispeed is not VNNIC's i-Speed app. Samples handed in here do not enter VNNIC's count of 300.",
    demo: "Demonstration: this server also takes simulated samples. Do not use its figures in a report.",
    wrong_filter: "There is no such month or province as in the address; this is the default view.",
    on_this_page: "On this page",
    summary: "Summary",
    reached: "Reached 300 samples",
    reached_of: "of {} communes ({})",
    counted: "Valid samples",
    missing: "Missing",
    excluded: "Excluded samples",
    days_left: "Time left",
    dates: "Measure until the end of {}; samples handed in before 24:00 of {} are still merged; communes report by {}.",
    days: "days, today included",
    month_over: "days: the month is over",
    filter: "Choose what to see",
    province: "Province or city",
    whole_country: "Whole country",
    month: "Month",
    show: "Show",
    short_title: "Short of samples: {} communes",
    short_order: "Communes that have samples come first, the nearest to the quota at the top.",
    short_none: "No commune is short of samples.",
    reached_title: "Reached: {} communes",
    reached_none: "No commune has reached 300 samples this month yet.",
    number: "No.",
    code: "Code",
    commune: "Commune, ward, special zone",
    progress: "Progress",
    devices: "Devices",
    pages: "Pages",
    page: "Page {} of {}",
    provinces_title: "By province",
    provinces_note: "In order of name. Special zones (đặc khu) in brackets.",
    communes: "Communes",
    special_zones: "special zones",
    excluded_title: "Excluded samples by reason",
    excluded_note: "Excluded samples are kept, they are just not counted. Each is listed once, under its first reason.",
    reason: "Reason",
    meaning: "Meaning and remedy",
    samples: "samples",
    sample_count: "Samples",
    how_title: "How to measure",
    how_steps: &[
        "Switch Wi-Fi and VPN off and use the mobile data of a Vietnamese operator, not roaming.",
        "Switch location on and stand still outdoors or near a window until the position is good to 100 m (50 m in small wards).",
        "A run takes about 10 seconds and at most about 90 MB on links of up to 150 Mbit/s. You can set a lower limit.",
        "One device counts for at most 20 samples a day in a commune, at least 2 minutes apart. Measure in many places.",
    ],
    how_command: "With a computer or probe that has a mobile modem:",
    data_title: "Your data",
    data: &[
        "No account, telephone number or name is needed. Samples are sent only after you agreed; by default with the commune code and a 200 m cell, without coordinates.",
        "Each sample is answered with a signed receipt that anybody can check with this server's public key.",
        "You can see and delete your own data with the key on your device; a deletion is answered with a receipt too.",
    ],
    disclaimer: "Figures from crowd measurements, for reference; they do not replace measurements under technical regulations.",
    machine: "For machines",
    made_at: "As of {} (Vietnam time)",
    table: "Boundary table: {}",
    no_table: "No boundary table is loaded: this server cannot confirm communes from coordinates.",
};

/// Puts values in the places of `{}`, in order.
pub(super) fn fill(template: &str, values: &[&str]) -> String {
    let mut parts = template.split("{}");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (i, part) in parts.enumerate() {
        out.push_str(values.get(i).copied().unwrap_or_default());
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vietnamese_is_the_default_and_accept_language_is_heard() {
        for (accept, expected) in [
            ("", Lang::Vi),
            ("vi-VN,vi;q=0.9,en;q=0.8", Lang::Vi),
            ("en-GB,en;q=0.9", Lang::En),
            ("fr, en;q=0.5", Lang::En),
            ("en;q=0.3, vi;q=0.4", Lang::Vi),
            ("en;q=0", Lang::Vi),
            ("fr", Lang::Vi),
        ] {
            assert_eq!(Lang::negotiate(accept), expected, "{accept}");
        }
    }

    #[test]
    fn both_languages_have_the_same_places_for_values() {
        let places = |s: &Strings| {
            [s.title, s.reached_of, s.short_title, s.reached_title, s.page, s.made_at, s.table]
                .map(|t| t.matches("{}").count())
        };
        assert_eq!(places(&VI), places(&EN));
        assert_eq!((VI.how_steps.len(), VI.data.len()), (EN.how_steps.len(), EN.data.len()));
        assert_eq!(fill("{} of {}", &["1", "2"]), "1 of 2");
    }
}
