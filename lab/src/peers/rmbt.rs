//! `rmbt-client`, the client of the Python index.

use std::path::Path;
use std::process::Command;

use super::reading::{Reading, Side, Window};
use super::stand::Stand;

/// Pre-test, pings, download and upload in one call.
pub(super) fn commands(stand: &Stand, peers: &Path) -> Vec<Command> {
    let mut command = stand.namespaces.client_command(peers.join("rmbt/bin/rmbt-client"));
    command.args(["--host", &format!("https://{}", Stand::authority())]);
    // It keeps its identifier in the home folder.
    command.env("SSL_CERT_FILE", stand.certificate()).env("HOME", stand.path(""));
    vec![command]
}

/// The lines under `=== Results ===`.
pub(super) fn parse(outputs: &[String]) -> Result<Reading, String> {
    let text = outputs.first().map_or("", String::as_str);
    let results = text.split_once("=== Results ===").ok_or_else(|| format!("no results: {text}"))?.1;
    let line = |name: &str| results.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
    let number = |text: Option<&str>| text?.split_whitespace().next()?.parse::<f64>().ok();
    let side = |name: &str| {
        let line = line(name)?;
        // 45.71 Mbit/s  (40012345 bytes in 7.00s, 3 thread(s)): the bytes say more digits than the rate.
        let (bytes, rest) = line.split_once('(')?.1.split_once(" bytes in ")?;
        let (seconds, threads) = rest.split_once("s, ")?;
        let (bytes, seconds) = (bytes.parse::<u64>().ok()?, seconds.parse::<f64>().ok().filter(|s| *s > 0.0)?);
        let flows = threads.split(' ').next()?.parse().ok()?;
        Some(Side::new(Some(bytes as f64 * 8.0 / seconds), Some(bytes), Window::LastSeconds(seconds), flows))
    };
    let found = |name: &str| side(name).ok_or_else(|| format!("no {name} line: {results}"));
    Ok(Reading {
        down: found("Download:")?,
        up: found("Upload:")?,
        idle_ms: number(line("Ping (median):")),
        outcome: "complete".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_seconds_give_the_rate() {
        let output = "Pre-test: measuring\n\n=== Results ===\nPing (min):       42.61 ms  (23 pings)\n\
                      Ping (median):    42.90 ms\n\
                      Download:         45.71 Mbit/s  (40000000 bytes in 7.00s, 3 thread(s))\n\
                      Upload:           22.86 Mbit/s  (20000000 bytes in 7.02s, 1 thread(s))\n\nSubmitting results";
        let reading = parse(&[output.to_owned()]).unwrap();
        assert_eq!(reading.down.goodput_bps.map(f64::round), Some(45_714_286.0));
        assert_eq!((reading.down.window, reading.down.flows), (Window::LastSeconds(7.0), Some(3)));
        assert_eq!((reading.up.bytes, reading.up.flows), (Some(20_000_000), Some(1)));
        assert_eq!(reading.idle_ms, Some(42.9));
        assert!(parse(&["All download threads failed".into()]).is_err());
    }
}
