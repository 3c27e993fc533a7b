//! CSV output (RFC 4180, but lines end in LF as everywhere else on a pipe). What was not measured is an empty field.

use ispeed_core::history::Detail;
use ispeed_protocol::direction::DirectionResult;
use ispeed_protocol::latency::Loss;
use ispeed_protocol::receipt::Receipt;
use ispeed_verdict::serving_operator;
use serde::Serialize;

use crate::error::{CliError, Result};

/// One line.
pub(crate) fn line(fields: &[impl AsRef<str>]) -> Result<Vec<u8>> {
    let wrong = |error: &dyn std::fmt::Display| {
        CliError::failed(format_args!("cannot write CSV: {error}"), "report this as a defect")
    };
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(fields.iter().map(|field| field.as_ref().as_bytes())).map_err(|error| wrong(&error))?;
    writer.into_inner().map_err(|error| wrong(&error))
}

/// An enum as its JSON word.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// A figure with `digits` decimals, empty where there is none.
pub(crate) fn figure(value: Option<f64>, digits: usize) -> String {
    value.filter(|value| value.is_finite()).map(|value| format!("{value:.digits$}")).unwrap_or_default()
}

/// Header of a sample's line.
pub(crate) const SAMPLE_HEADER: [&str; 47] = [
    "id",
    "outcome",
    "outcome_reason",
    "started_at",
    "place_verdict",
    "place_code",
    "commune",
    "cell",
    "server",
    "family",
    "operator",
    "technology",
    "transport",
    "idle_ms",
    "loaded_down_ms",
    "loaded_up_ms",
    "pdv95_down_ms",
    "pdv95_up_ms",
    "loss_down",
    "loss_up",
    "down_goodput_bps",
    "down_low_bps",
    "down_high_bps",
    "down_window_ms",
    "down_stop_reason",
    "down_flags",
    "down_flows",
    "up_goodput_bps",
    "up_low_bps",
    "up_high_bps",
    "up_window_ms",
    "up_stop_reason",
    "up_flags",
    "up_flows",
    "bytes_down",
    "bytes_up",
    "counts",
    "reasons",
    "judged_by",
    "state",
    "receipt_sequence",
    "receipt_key",
    "simulated",
    "method",
    "program",
    "program_version",
    "table",
];

/// A sample's line.
pub(crate) fn sample_row(detail: &Detail) -> Vec<String> {
    let sample = &detail.sample;
    let place = detail.answer.as_ref().and_then(|answer| answer.place.as_ref()).unwrap_or(&sample.place);
    let radio = sample.radio.end.as_ref().or(sample.radio.start.as_ref());
    let receipt = detail.stored.receipt.as_deref().and_then(|json| Receipt::parse(json).ok());
    let latency = &sample.latency;
    let path = latency.idle_path.clone().unwrap_or_default();
    let mut row = vec![
        sample.id.to_string(),
        word(&sample.outcome),
        sample.outcome_reason.clone().unwrap_or_default(),
        sample.started_at.to_string(),
        word(&place.verdict),
        place.code.clone().unwrap_or_default(),
        place.code.as_deref().map(crate::place::name).unwrap_or_default(),
        sample.cell.map(|cell| cell.to_string()).unwrap_or_default(),
        sample.server.as_ref().map(|server| server.id.clone()).unwrap_or_default(),
        sample.server.as_ref().and_then(|server| server.family.clone()).unwrap_or_default(),
        serving_operator(sample).code().to_owned(),
        radio.map(|radio| word(&radio.technology)).unwrap_or_default(),
        word(&sample.transport.kind),
        figure(latency.idle_ms, 3),
        figure(latency.loaded_down_ms, 3),
        figure(latency.loaded_up_ms, 3),
        figure(path.pdv95_down_ms, 3),
        figure(path.pdv95_up_ms, 3),
        loss(path.loss_down),
        loss(path.loss_up),
    ];
    row.extend(direction(sample.down.as_ref()));
    row.extend(direction(sample.up.as_ref()));
    row.extend([
        sample.bytes_down.to_string(),
        sample.bytes_up.to_string(),
        detail.entry.verdict.counts.to_string(),
        detail.entry.verdict.reasons.join(" "),
        if detail.entry.judged_by_collector { "collector" } else { "device" }.to_owned(),
        detail.entry.state.to_string(),
        receipt.as_ref().map(|receipt| receipt.sequence.to_string()).unwrap_or_default(),
        receipt.map(|receipt| receipt.key).unwrap_or_default(),
        sample.simulated.to_string(),
        sample.method.to_string(),
        sample.program.name.clone(),
        sample.program.version.clone(),
        place.table.clone().unwrap_or_default(),
    ]);
    row
}

fn loss(loss: Option<Loss>) -> String {
    figure(loss.filter(|loss| loss.sent > 0).map(|loss| f64::from(loss.lost) / f64::from(loss.sent)), 6)
}

fn direction(result: Option<&DirectionResult>) -> [String; 7] {
    let Some(result) = result else { return Default::default() };
    [
        figure(result.goodput_bps, 0),
        figure(result.interval_bps.map(|[low, _]| low), 0),
        figure(result.interval_bps.map(|[_, high]| high), 0),
        figure(result.window_ms, 1),
        word(&result.stop_reason),
        result.flags.iter().map(word).collect::<Vec<_>>().join(" "),
        result.flows.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_needs_quotes() {
        assert_eq!(line(&["a", "b,c", "say \"x\"", ""]).unwrap(), b"a,\"b,c\",\"say \"\"x\"\"\",\n");
        assert_eq!(word(&ispeed_protocol::place::PlaceVerdict::Certain), "certain");
    }

    #[test]
    fn what_was_not_measured_is_empty() {
        assert_eq!(figure(None, 1), "");
        assert_eq!(figure(Some(f64::NAN), 1), "");
        assert_eq!(figure(Some(0.0), 1), "0.0");
        assert_eq!(direction(None), [const { String::new() }; 7]);
    }
}
