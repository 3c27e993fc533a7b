//! `@cloudflare/speedtest`, the browser module of the npm registry, in Node.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::reading::{Reading, Side, Window};
use super::stand::Stand;

/// Stands in for the browser the module expects.
const DRIVER: &str = include_str!("cloudflare.mjs");

/// The whole ladder of requests.
pub(super) fn commands(stand: &Stand, peers: &Path) -> Result<Vec<Command>, String> {
    let driver = stand.path("cloudflare.mjs");
    std::fs::write(&driver, DRIVER).map_err(|e| format!("{}: {e}", driver.display()))?;
    let package = peers.join("cloudflare/node_modules/@cloudflare/speedtest/dist/speedtest.js");
    let package = package.canonicalize().map_err(|e| format!("{}: {e}", package.display()))?;
    let mut command = stand.namespaces.client_command("node");
    command.arg(driver).arg(package).arg(format!("https://{}", Stand::authority()));
    command.env("NODE_EXTRA_CA_CERTS", stand.certificate());
    Ok(vec![command])
}

/// The one line our driver prints.
pub(super) fn parse(outputs: &[String]) -> Result<Reading, String> {
    let text = outputs.first().map_or("", String::as_str);
    let document: Value = serde_json::from_str(text).map_err(|e| format!("not JSON ({e}): {text}"))?;
    if let Some(error) = document["error"].as_str() {
        return Err(error.to_owned());
    }
    let side = |name: &str| {
        let goodput = document[name].as_f64();
        Side::new(goodput, document["bytes"][name].as_u64(), Window::Stretches, 1)
    };
    let (down, up) = (side("download"), side("upload"));
    let complete = down.goodput_bps.is_some() && up.goodput_bps.is_some();
    Ok(Reading {
        down,
        up,
        idle_ms: document["latency"].as_f64(),
        outcome: if complete { "complete" } else { "partial" }.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drivers_line_is_read() {
        let output =
            r#"{"download":45.1e6,"upload":22.2e6,"latency":43.4,"bytes":{"download":70000000,"upload":48000000}}"#;
        let reading = parse(&[output.to_owned()]).unwrap();
        assert_eq!((reading.down.goodput_bps, reading.up.bytes), (Some(45.1e6), Some(48_000_000)));
        assert_eq!((reading.idle_ms, reading.outcome.as_str()), (Some(43.4), "complete"));
        assert_eq!(parse(&[r#"{"error":"Connection failed"}"#.into()]), Err("Connection failed".into()));
        assert!(parse(&[String::new()]).is_err());
    }
}
