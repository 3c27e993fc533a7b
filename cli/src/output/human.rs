//! A result as people read it: one line a figure, what it is worth, and what to do where it does not count.

use ispeed_core::history::Detail;
use ispeed_core::outbox::State;
use ispeed_protocol::UtcMicros;
use ispeed_protocol::direction::DirectionResult;
use ispeed_protocol::latency::{Latency, Loss};
use ispeed_protocol::place::{Place, PlaceVerdict};
use ispeed_protocol::plan::CommuneQuota;
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::sample::{Outcome, Sample};
use ispeed_verdict::{Lang, explain, serving_operator, sim_brand};

use super::words;
use crate::lang::{mbps, megabytes, number, pick};
use crate::place;

/// Columns of the label.
const LABEL: usize = 22;

/// Lines of `label  value`.
pub(crate) struct Block {
    lang: Lang,
    colour: bool,
    lines: Vec<String>,
}

impl Block {
    pub(crate) fn new(lang: Lang, colour: bool) -> Self {
        Self { lang, colour, lines: Vec::new() }
    }

    pub(crate) fn lines(self) -> Vec<String> {
        self.lines
    }

    fn strong(&self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn title(&mut self, text: &str) {
        let text = self.strong(text);
        self.lines.push(text);
    }

    fn row(&mut self, vi: &str, en: &str, value: impl AsRef<str>) {
        let label = pick(self.lang, vi, en);
        let space = " ".repeat(LABEL.saturating_sub(label.chars().count()));
        self.lines.push(format!("  {label}{space}{}", value.as_ref()));
    }

    /// A line that goes on with the value above.
    fn more(&mut self, value: impl AsRef<str>) {
        self.lines.push(format!("  {}{}", " ".repeat(LABEL), value.as_ref()));
    }

    /// The whole result of one sample.
    pub(crate) fn result(&mut self, detail: &Detail, failure: Option<&str>) {
        let (lang, sample) = (self.lang, &detail.sample);
        let place = detail.answer.as_ref().and_then(|answer| answer.place.as_ref()).unwrap_or(&sample.place);
        self.title(&format!(
            "{} {}: {}",
            pick(lang, "Kết quả đo", "Result"),
            vietnam_time(sample.started_at),
            words::outcome(lang, sample.outcome)
        ));
        if let Some(failure) = failure.filter(|_| sample.outcome != Outcome::Complete) {
            self.row("Lý do", "reason", failure);
            if sample.outcome_reason.as_deref() == Some("tls") {
                self.more(pick(
                    lang,
                    "Nếu tin máy chủ này, dùng --ca FILE",
                    "if you trust this server, give its certificate with --ca FILE",
                ));
            }
        }
        self.direction("Tải xuống", "download", sample.down.as_ref());
        self.direction("Tải lên", "upload", sample.up.as_ref());
        self.latency(&sample.latency);
        self.place(place);
        self.network(sample);
        self.row(
            "Dữ liệu đã dùng",
            "data used",
            format!(
                "{} {}, {} {}",
                megabytes(lang, sample.bytes_down),
                pick(lang, "xuống", "down"),
                megabytes(lang, sample.bytes_up),
                pick(lang, "lên", "up")
            ),
        );
        self.verdict(detail);
        self.standing(detail);
        self.row("Mã mẫu đo", "sample", sample.id.to_string());
    }

    fn direction(&mut self, vi: &str, en: &str, result: Option<&DirectionResult>) {
        let lang = self.lang;
        let not_measured = pick(lang, "không đo được", "not measured");
        let Some(result) = result else { return self.row(vi, en, not_measured) };
        let Some(goodput_bps) = result.goodput_bps else {
            let why = words::stop_reason(lang, result.stop_reason);
            return self.row(vi, en, format!("{not_measured} ({why})"));
        };
        let interval = result
            .interval_bps
            .map(|[low, high]| format!("  [{} - {}]", number(lang, low / 1e6, 2), number(lang, high / 1e6, 2)));
        let value = self.strong(&mbps(lang, goodput_bps));
        self.row(vi, en, format!("{value}{}", interval.unwrap_or_default()));
        let window = result.window_ms.map(|ms| format!("{} s", number(lang, ms / 1e3, 1)));
        let mut notes = vec![
            format!("{} {}", result.flows, pick(lang, "luồng", if result.flows == 1 { "flow" } else { "flows" })),
            words::stop_reason(lang, result.stop_reason).to_owned(),
        ];
        notes.splice(0..0, window);
        notes.extend(result.flags.iter().map(|flag| words::flag(lang, *flag).to_owned()));
        self.more(notes.join(", "));
    }

    fn latency(&mut self, latency: &Latency) {
        let lang = self.lang;
        let ms = |value: Option<f64>| {
            let digits = |ms: f64| if ms < 10.0 { 1 } else { 0 };
            value.map_or_else(
                || pick(lang, "không đo được", "not measured").to_owned(),
                // A path within one machine takes less than the last digit.
                |ms| {
                    if ms < 0.05 {
                        format!("< {} ms", number(lang, 0.1, 1))
                    } else {
                        format!("{} ms", number(lang, ms, digits(ms)))
                    }
                },
            )
        };
        self.row("Độ trễ", "latency", ms(latency.idle_ms));
        self.row(
            "Độ trễ khi tải",
            "under load",
            format!(
                "{} {}, {} {}",
                ms(latency.loaded_down_ms),
                pick(lang, "khi tải xuống", "downloading"),
                ms(latency.loaded_up_ms),
                pick(lang, "khi tải lên", "uploading")
            ),
        );
        let path = latency.idle_path.as_ref();
        if let Some(pdv_ms) = path.and_then(|path| path.pdv95_down_ms) {
            self.row("Biến thiên độ trễ", "delay variation", format!("{} ms", number(lang, pdv_ms, 1)));
        }
        let share = |loss: &Option<Loss>| {
            loss.as_ref().filter(|loss| loss.sent > 0).map(|loss| f64::from(loss.lost) / f64::from(loss.sent))
        };
        if let Some((down, up)) = path.and_then(|path| share(&path.loss_down).zip(share(&path.loss_up))) {
            let percent = |share: f64| format!("{} %", number(lang, share * 100.0, 1));
            self.row(
                "Tỷ lệ mất gói",
                "packet loss",
                format!(
                    "{} {}, {} {}",
                    percent(down),
                    pick(lang, "xuống", "down"),
                    percent(up),
                    pick(lang, "lên", "up")
                ),
            );
        }
    }

    fn place(&mut self, place: &Place) {
        let lang = self.lang;
        let named = place.code.as_deref().map(|code| format!("{} ({code})", place::name(code)));
        let text = match (place.verdict, named) {
            (PlaceVerdict::Certain, Some(named)) => named,
            (PlaceVerdict::Approximate, Some(named)) => {
                format!("{named} - {}, {}", pick(lang, "gần đúng", "approximate"), place::hit_rate(lang))
            }
            (PlaceVerdict::Ambiguous, Some(named)) => {
                format!("{named} - {}", pick(lang, "gần ranh giới", "near a border"))
            }
            (PlaceVerdict::Outside, _) => pick(lang, "Ngoài địa giới", "outside every commune").to_owned(),
            _ => pick(lang, "Chưa xác định được xã, phường", "commune not known").to_owned(),
        };
        self.row("Nơi đo", "commune", text);
        if matches!(place.verdict, PlaceVerdict::Ambiguous | PlaceVerdict::Outside) {
            for candidate in &place.candidates {
                let metres = number(lang, candidate.distance_m, 0);
                self.more(format!("{metres} m: {} ({})", place::name(&candidate.code), candidate.code));
            }
        }
    }

    fn network(&mut self, sample: &Sample) {
        let lang = self.lang;
        let radio = sample.radio.end.as_ref().or(sample.radio.start.as_ref());
        let technology = radio.and_then(|radio| words::technology(radio.technology)).map(str::to_owned);
        let operator = sample.transport.serving_plmn.as_ref().map(|plmn| {
            let name = serving_operator(sample).report_name();
            match sim_brand(sample).filter(|brand| !name.contains(brand)) {
                Some(brand) => format!("{name} ({plmn}, SIM {brand})"),
                None => format!("{name} ({plmn})"),
            }
        });
        let signal = radio.and_then(|radio| radio.rsrp_dbm).map(|dbm| format!("RSRP {} dBm", number(lang, dbm, 0)));
        let parts: Vec<String> = operator.into_iter().chain(technology).chain(signal).collect();
        let kind = words::transport(lang, sample.transport.kind);
        self.row(
            "Nhà mạng",
            "network",
            if parts.is_empty() { kind.to_owned() } else { format!("{}; {kind}", parts.join(", ")) },
        );
        if let Some(server) = &sample.server {
            let automatic =
                if server.automatic { pick(lang, ", tự động chọn", ", chosen automatically") } else { "" };
            let family = server.family.as_deref().map(|family| format!(", {family}")).unwrap_or_default();
            self.row("Điểm đo", "test point", format!("{}{automatic}{family}", server.id));
        }
    }

    fn verdict(&mut self, detail: &Detail) {
        let lang = self.lang;
        let verdict = &detail.entry.verdict;
        let judge = if detail.entry.judged_by_collector {
            ""
        } else {
            pick(lang, " (máy tự xét)", " (judged by this device)")
        };
        if verdict.counts {
            return self.row("Tính vào 300 mẫu", "counts to the 300", format!("{}{judge}", pick(lang, "Có", "yes")));
        }
        self.row("Tính vào 300 mẫu", "counts to the 300", format!("{}{judge}", pick(lang, "Không", "no")));
        for reason in &verdict.reasons {
            self.more(format!("- {}", explain(reason, lang).unwrap_or(reason)));
        }
    }

    fn standing(&mut self, detail: &Detail) {
        let lang = self.lang;
        let problem = detail.entry.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
        let text = match detail.entry.state {
            State::Sent => {
                let receipt = detail.stored.receipt.as_deref().and_then(|json| Receipt::parse(json).ok());
                let which = receipt.map(|receipt| {
                    format!(
                        ", {} {} ({})",
                        pick(lang, "biên nhận số", "receipt number"),
                        receipt.sequence,
                        receipt.collector
                    )
                });
                format!("{}{}", pick(lang, "Đã gửi", "handed in"), which.unwrap_or_default())
            }
            State::Waiting | State::Sending => {
                format!(
                    "{}{problem}",
                    pick(
                        lang,
                        "Chờ gửi, sẽ tự gửi lại (ispeed outbox send)",
                        "waiting; `ispeed outbox send` hands it in"
                    )
                )
            }
            State::Quarantined => {
                format!("{}{problem}", pick(lang, "Bị từ chối, được giữ lại trên máy", "refused, kept here"))
            }
            State::Local => {
                pick(lang, "Chỉ lưu trên máy: chưa đồng ý gửi", "kept here only: nobody agreed to hand it in")
                    .to_owned()
            }
        };
        self.row("Trạng thái", "standing", text);
    }

    /// What was made up.
    pub(crate) fn simulated(&mut self, parts: &[String]) {
        self.row("Giả lập", "simulated", parts.join("; "));
    }

    /// The quota of a commune this month.
    pub(crate) fn quota(&mut self, month: &str, quota: &CommuneQuota) {
        let lang = self.lang;
        let total = quota.counted + quota.missing;
        let text = match (lang, quota.missing) {
            (Lang::Vi, 0) => format!("Đã đạt {}/{total} mẫu", quota.counted),
            (Lang::Vi, missing) => format!("Đã đạt {}/{total}, còn thiếu {missing} mẫu", quota.counted),
            (Lang::En, 0) => format!("{} of {total} samples: reached", quota.counted),
            (Lang::En, missing) => format!("{} of {total} samples, {missing} missing", quota.counted),
        };
        self.title(&format!(
            "{} {month}: {}, {}",
            pick(lang, "Chỉ tiêu tháng", "Quota of"),
            quota.name,
            quota.province
        ));
        self.row("Mẫu hợp lệ", "counted", text);
        if !quota.excluded.is_empty() {
            let reasons: Vec<_> = quota.excluded.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
            self.row("Mẫu bị loại", "excluded", reasons.join(", "));
        }
    }
}

/// `23/11/2026 21:04:05` in Vietnam.
pub(crate) fn vietnam_time(at: UtcMicros) -> String {
    let t = at.in_vietnam();
    format!("{:02}/{:02}/{} {:02}:{:02}:{:02}", t.day(), t.month(), t.year(), t.hour(), t.minute(), t.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_vietnam() {
        assert_eq!(vietnam_time("2026-11-23T18:04:05Z".parse().unwrap()), "24/11/2026 01:04:05");
    }

    #[test]
    fn a_reached_quota_is_said_in_both_languages() {
        let quota = CommuneQuota {
            name: "Phường X".into(),
            province: "Y".into(),
            counted: 212,
            missing: 88,
            ..CommuneQuota::default()
        };
        for (lang, expected) in
            [(Lang::Vi, "Đã đạt 212/300, còn thiếu 88 mẫu"), (Lang::En, "212 of 300 samples, 88 missing")]
        {
            let mut block = Block::new(lang, false);
            block.quota("2026-11", &quota);
            assert!(block.lines().concat().contains(expected));
        }
    }
}
