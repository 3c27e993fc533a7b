//! The real client, `rmbt-client` of the Python package index, where `cargo xtask lab --peers` has installed it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ispeed_server::interop::Interop;
use ispeed_server::server::Certificate;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::client::Lab;

#[tokio::test]
async fn the_real_client_completes_a_test() {
    for certificate in [Certificate::SelfSigned, Certificate::Plain] {
        let lab = Lab::with(certificate, vec![Interop::Rmbt]).await;
        let Some(output) = run(&lab).await else { return };
        for (name, unit) in [("Ping (median):", "ms"), ("Download:", "Mbit/s"), ("Upload:", "Mbit/s")] {
            let line = output.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}\n{output}"));
            let words: Vec<&str> = line[name.len()..].split_whitespace().collect();
            assert_eq!(words[1], unit, "{line}");
            assert!(words[0].parse::<f64>().unwrap() > 0.0, "{line}");
        }
        assert!(!output.contains("skipping") && !output.contains("Warning"), "{output}");
    }
}

/// What the client printed; `None` where it is not installed.
async fn run(lab: &Lab) -> Option<String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers/rmbt/bin/rmbt-client");
    if !program.exists() {
        eprintln!("skipped: {} is not installed", program.display());
        return None;
    }
    let url = lab.running.as_ref().unwrap().url();
    let mut command = Command::new(program);
    command.args(["--host", url, "--duration", "1", "--threads", "3"]);
    // It keeps its id in the home folder and takes no certificate by an option.
    command.env("HOME", lab.dir.path()).env("SSL_CERT_FILE", lab.dir.path().join("cert.pem"));
    command.stdin(Stdio::null());
    let ran = spawn_blocking(move || command.output());
    let output = timeout(Duration::from_secs(90), ran).await.expect("the client ends").unwrap().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    Some(format!("{out}\n{err}"))
}
