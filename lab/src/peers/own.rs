//! `ispeed test` on the links of the others.

use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value};

use super::reading::{Reading, Side, Window};
use super::stand::Stand;
use crate::oracle;

/// The whole sample.
pub(super) fn commands(stand: &Stand, ispeed: &Path) -> Vec<Command> {
    let mut command = stand.namespaces.client_command(ispeed);
    command.args(["test", "--server", &format!("https://{}", Stand::authority()), "--format", "json"]);
    command.arg("--ca").arg(stand.certificate()).arg("--outbox").arg(stand.path("outbox.sqlite"));
    vec![command]
}

/// The sample it prints.
pub(super) fn parse(outputs: &[String]) -> Result<Reading, String> {
    let text = outputs.first().map_or("", String::as_str);
    let document: Value = serde_json::from_str(text).map_err(|e| format!("not JSON ({e}): {text}"))?;
    let sample = &document["sample"];
    let outcome = sample["outcome"].as_str().ok_or_else(|| format!("no sample.outcome: {text}"))?;
    let side = |name: &str| {
        let result = &sample[name];
        const MORE: [&str; 6] = ["interval_bps", "duration_ms", "stop_reason", "flags", "flows", "counter"];
        let more: Map<String, Value> = MORE.map(|key| (key.to_owned(), result[key].clone())).into_iter().collect();
        // Without a window there is no figure to judge.
        let window = window(sample, result).map_or(Window::Utc(0, 0), |(start, length)| Window::Utc(start, length));
        let bytes = sample[format!("bytes_{name}")].as_u64();
        Side { more, ..Side::new(result["goodput_bps"].as_f64(), bytes, window, 0) }
    };
    Ok(Reading {
        down: side("down"),
        up: side("up"),
        idle_ms: sample["latency"]["idle_ms"].as_f64(),
        outcome: outcome.to_owned(),
    })
}

/// Times within a direction count from the start of the sample.
fn window(sample: &Value, result: &Value) -> Option<(i64, i64)> {
    let started_us = oracle::stated_us(sample, "started_at")?;
    let start_us = result["window_start_ms"].as_f64()? * 1e3;
    let length_us = result["window_ms"].as_f64()? * 1e3;
    Some((started_us + start_us as i64, length_us as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_stated_window_is_the_one_that_is_judged() {
        let side = json!({"window_start_ms": 250, "window_ms": 600,
            "goodput_bps": 46e6, "interval_bps": [45e6, 47e6], "flags": ["unsaturated"], "flows": 4});
        let sample = json!({"sample": {"started_at": "1970-01-01T00:00:10.000000Z", "outcome": "complete", "down": side, "up": null, "bytes_down": 5, "latency": {"idle_ms": 42.6}}});
        let reading = parse(&[sample.to_string()]).unwrap();
        assert_eq!(reading.down.window, Window::Utc(10_250_000, 600_000));
        assert_eq!((reading.down.bytes, reading.idle_ms), (Some(5), Some(42.6)));
        assert_eq!(reading.down.more["flags"], json!(["unsaturated"]));
        assert_eq!((reading.up.goodput_bps, reading.up.window), (None, Window::Utc(0, 0)));
        assert!(parse(&["{}".into()]).is_err());
    }
}
