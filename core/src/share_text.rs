//! One sample as a few lines of text to send to somebody: the same words from every shell.
//!
//! It says no more of the place than the person shares with the collector: the commune, never the point.

use ispeed_protocol::UtcMicros;
use ispeed_protocol::device::RadioTechnology;
use ispeed_protocol::direction::DirectionResult;
use ispeed_protocol::place::{Place, PlaceVerdict};
use ispeed_protocol::plan::{NOT_I_SPEED_EN, NOT_I_SPEED_VI};
use ispeed_protocol::sample::{Outcome, Sample};
use ispeed_verdict::operators::{Operator, serving_operator};
use ispeed_verdict::{Lang, explain};

use crate::history::Detail;
use crate::place::Resolver;

/// The lines of a sample.
pub fn share_text(detail: &Detail, resolver: &Resolver, lang: Lang) -> String {
    let sample = &detail.sample;
    let mut lines = vec![title(sample.started_at, lang)];
    lines.extend(direction(lang.pick("Tải xuống", "Download"), sample.down.as_ref(), lang));
    lines.extend(direction(lang.pick("Tải lên", "Upload"), sample.up.as_ref(), lang));
    lines.extend(latency(sample, lang));
    if sample.outcome != Outcome::Complete {
        lines.push(outcome(sample.outcome, lang).to_owned());
    }
    let place = detail.answer.as_ref().and_then(|answer| answer.place.as_ref()).unwrap_or(&sample.place);
    lines.extend(place_line(place, resolver, lang));
    lines.extend(network(sample));
    lines.push(verdict(detail, lang));
    lines.push(format!("{}: {}", lang.pick("Mã mẫu", "Sample"), sample.id));
    lines.push(lang.pick(NOT_I_SPEED_VI, NOT_I_SPEED_EN).to_owned());
    lines.join("\n")
}

fn title(at: UtcMicros, lang: Lang) -> String {
    let at = at.in_vietnam();
    let time = format!("{:02}:{:02}", at.hour(), at.minute());
    match lang {
        Lang::Vi => format!("Kết quả đo ispeed, {:02}/{:02}/{} {time}", at.day(), at.month(), at.year()),
        Lang::En => format!("ispeed result, {}-{:02}-{:02} {time} (UTC+7)", at.year(), at.month(), at.day()),
    }
}

fn direction(name: &str, result: Option<&DirectionResult>, lang: Lang) -> Option<String> {
    let result = result?;
    let goodput = mbps(result.goodput_bps?, lang);
    Some(match result.interval_bps {
        Some([low, high]) => format!("{name}: {goodput} Mbit/s ({}–{})", mbps(low, lang), mbps(high, lang)),
        None => format!("{name}: {goodput} Mbit/s"),
    })
}

fn latency(sample: &Sample, lang: Lang) -> Option<String> {
    let ms = |ms: f64| format!("{ms:.0} ms");
    let mut text = format!("{}: {}", lang.pick("Độ trễ", "Latency"), ms(sample.latency.idle_ms?));
    for (loaded, words) in [
        (sample.latency.loaded_down_ms, lang.pick("khi tải xuống", "while downloading")),
        (sample.latency.loaded_up_ms, lang.pick("khi tải lên", "while uploading")),
    ] {
        if let Some(loaded) = loaded {
            text.push_str(&format!("; {words} {}", ms(loaded)));
        }
    }
    Some(text)
}

fn outcome(outcome: Outcome, lang: Lang) -> &'static str {
    match outcome {
        Outcome::Complete => lang.pick("Đo đủ hai chiều", "Both directions were measured"),
        Outcome::Partial => lang.pick("Chỉ đo được một chiều", "Only one direction was measured"),
        Outcome::NoService => lang.pick("Không có sóng hoặc không có mạng", "No radio or no route"),
        Outcome::ServerFailed => lang.pick("Điểm đo không trả lời hoặc mất kết nối", "The test point failed"),
        Outcome::Aborted => lang.pick("Phép đo bị dừng giữa chừng", "The run was ended before it finished"),
    }
}

fn place_line(place: &Place, resolver: &Resolver, lang: Lang) -> Option<String> {
    let code = place.code.as_deref()?;
    let name = resolver.name(code).map_or_else(
        || code.to_owned(),
        |name| match name.province {
            Some(province) => format!("{}, {province}", name.commune),
            None => name.commune,
        },
    );
    let doubt = match place.verdict {
        PlaceVerdict::Ambiguous => lang.pick(" (gần ranh giới, chưa chắc chắn)", " (near a border, not certain)"),
        PlaceVerdict::Approximate => lang.pick(" (ước chừng theo tâm xã)", " (guessed by commune centres)"),
        _ => "",
    };
    Some(format!("{name}{doubt}"))
}

fn network(sample: &Sample) -> Option<String> {
    let operator = match serving_operator(sample) {
        Operator::Unknown => None,
        operator => Some(operator.report_name()),
    };
    let radio = sample.radio.end.as_ref().or(sample.radio.start.as_ref());
    let technology = radio.and_then(|radio| technology(radio.technology));
    let known: Vec<&str> = operator.into_iter().chain(technology).collect();
    (!known.is_empty()).then(|| known.join(", "))
}

fn technology(technology: RadioTechnology) -> Option<&'static str> {
    match technology {
        RadioTechnology::G2 => Some("2G"),
        RadioTechnology::G3 => Some("3G"),
        RadioTechnology::G4 => Some("4G"),
        RadioTechnology::G5 | RadioTechnology::G5Nsa | RadioTechnology::G5Sa => Some("5G"),
        RadioTechnology::Unknown => None,
    }
}

fn verdict(detail: &Detail, lang: Lang) -> String {
    let verdict = &detail.entry.verdict;
    if verdict.counts {
        return lang.pick("Mẫu được tính", "The sample counts").to_owned();
    }
    let reason = verdict.reasons.first().map_or("", |code| explain(code, lang).unwrap_or(code.as_str()));
    format!("{}: {reason}", lang.pick("Mẫu không được tính", "The sample does not count"))
}

fn mbps(bps: f64, lang: Lang) -> String {
    let mbps = bps / 1e6;
    let text = if mbps < 100.0 { format!("{mbps:.1}") } else { format!("{mbps:.0}") };
    match lang {
        Lang::Vi => text.replace('.', ","),
        Lang::En => text,
    }
}
