//! `iperf3`, one direction after the other.

use std::process::Command;

use serde_json::Value;

use super::reading::{Reading, Side, Window};
use super::stand::Stand;
use crate::emulator::namespace::SERVER_IP;

/// A download, then an upload.
pub(super) fn commands(stand: &Stand, streams: u8) -> Vec<Command> {
    let one = |reverse: bool| {
        let mut command = stand.namespaces.client_command("iperf3");
        command.args(["--client", SERVER_IP, "--json", "--parallel", &streams.to_string()]);
        if reverse {
            command.arg("--reverse");
        }
        command
    };
    vec![one(true), one(false)]
}

/// The receiver's figures of both.
pub(super) fn parse(outputs: &[String], streams: u8) -> Result<Reading, String> {
    let [down, up] = outputs else { return Err(format!("{} outputs; expected 2", outputs.len())) };
    let side = |text: &str| {
        let document: Value = serde_json::from_str(text).map_err(|e| format!("not JSON ({e}): {text}"))?;
        if let Some(error) = document["error"].as_str() {
            return Err(error.to_owned());
        }
        let received = &document["end"]["sum_received"];
        let goodput = received["bits_per_second"].as_f64().ok_or("no end.sum_received.bits_per_second")?;
        Ok(Side::new(Some(goodput), received["bytes"].as_u64(), Window::Phase, u64::from(streams)))
    };
    Ok(Reading { down: side(down)?, up: side(up)?, idle_ms: None, outcome: "complete".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receiver_is_believed() {
        let output = |bps: f64| {
            format!(
                "{{\"end\":{{\"sum_sent\":{{\"bits_per_second\":9e9}},\
                 \"sum_received\":{{\"bytes\":60000000,\"bits_per_second\":{bps}}}}}}}"
            )
        };
        let reading = parse(&[output(46e6), output(23e6)], 8).unwrap();
        assert_eq!((reading.down.goodput_bps, reading.up.goodput_bps), (Some(46e6), Some(23e6)));
        assert_eq!((reading.down.bytes, reading.down.flows), (Some(60_000_000), Some(8)));
        assert_eq!(reading.idle_ms, None);
    }

    #[test]
    fn a_failure_is_not_a_figure() {
        let failed = r#"{"end":{},"error":"unable to connect to server: Connection refused"}"#.to_owned();
        assert!(parse(&[failed.clone(), failed], 1).unwrap_err().contains("refused"));
        assert!(parse(&["{}".into(), "{}".into()], 1).is_err());
    }
}
