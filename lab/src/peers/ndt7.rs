//! `ndt7-client`, the client of the Rust registry.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::reading::{Reading, Side, Window};
use super::stand::Stand;

/// Download and upload in one call.
pub(super) fn commands(stand: &Stand, peers: &Path) -> Vec<Command> {
    let mut command = stand.namespaces.client_command(peers.join("ndt7/bin/ndt7-client"));
    // It knows public authorities only.
    command.args(["--server", &Stand::authority(), "--no-locate", "--no-verify", "--format", "json"]);
    vec![command]
}

/// The summary it ends with; bytes of the last measurement on the side that received.
pub(super) fn parse(outputs: &[String]) -> Result<Reading, String> {
    let text = outputs.first().map_or("", String::as_str);
    let events: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let summary = events.iter().find(|event| event["Type"] == "Summary").map(|event| &event["Summary"]);
    let summary = summary.ok_or_else(|| format!("no summary: {text}"))?;
    if let Some(error) = events.iter().find(|event| event["Type"] == "Error") {
        return Err(format!("{} failed: {}", error["Test"], error["Error"]));
    }
    let bytes = |test: &str, origin: &str, group: &str, member: &str| {
        let all = events.iter().filter(|e| e["Test"] == test).map(|e| &e["Measurement"]);
        all.filter(|m| m["Origin"] == origin).filter_map(|m| m[group][member].as_u64()).next_back()
    };
    let goodput = |side: &str| summary[side]["ThroughputMbps"].as_f64().map(|mbps| mbps * 1e6);
    let down = Side::new(goodput("Download"), bytes("download", "client", "AppInfo", "NumBytes"), Window::Phase, 1);
    let up = Side::new(goodput("Upload"), bytes("upload", "server", "TCPInfo", "BytesReceived"), Window::Phase, 1);
    let complete = down.goodput_bps.is_some() && up.goodput_bps.is_some();
    Ok(Reading {
        down,
        up,
        idle_ms: summary["Download"]["LatencyMs"].as_f64(),
        outcome: if complete { "complete" } else { "partial" }.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = r#"{"Type":"Starting","Test":"download"}
{"Type":"Measurement","Test":"download","Measurement":{"AppInfo":{"ElapsedTime":10000000,"NumBytes":57000000},"Origin":"client"}}
{"Type":"Measurement","Test":"upload","Measurement":{"Origin":"server","TCPInfo":{"BytesReceived":28000000}}}
{"Type":"Measurement","Test":"upload","Measurement":{"AppInfo":{"ElapsedTime":9900000,"NumBytes":29000000},"Origin":"client"}}
{"Type":"Summary","Summary":{"ServerFQDN":"10.78.1.2","Download":{"ThroughputMbps":45.6,"LatencyMs":41.2,"RetransmissionPct":0.1},"Upload":{"ThroughputMbps":22.9,"LatencyMs":41.4,"RetransmissionPct":0.0}}}
"#;

    #[test]
    fn the_summary_and_the_receivers_bytes_are_read() {
        let reading = parse(&[OUTPUT.to_owned()]).unwrap();
        assert_eq!((reading.down.goodput_bps, reading.up.goodput_bps), (Some(45.6e6), Some(22.9e6)));
        assert_eq!((reading.down.bytes, reading.up.bytes), (Some(57_000_000), Some(28_000_000)));
        assert_eq!((reading.idle_ms, reading.outcome.as_str()), (Some(41.2), "complete"));
    }

    #[test]
    fn an_error_and_a_missing_direction_show() {
        let failed = format!("{{\"Type\":\"Error\",\"Test\":\"upload\",\"Error\":\"reset\"}}\n{OUTPUT}");
        assert!(parse(&[failed]).unwrap_err().contains("reset"));
        assert!(parse(&["error: refused".into()]).is_err());
        let half = r#"{"Type":"Summary","Summary":{"Download":{"ThroughputMbps":1.0,"LatencyMs":1.0},"Upload":null}}"#;
        assert_eq!(parse(&[half.into()]).unwrap().outcome, "partial");
    }
}
