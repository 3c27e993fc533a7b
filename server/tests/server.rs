//! A whole server out of a folder and an address.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use ispeed_protocol::servers::{Info, ServerList};
use ispeed_protocol::signing::PublicKey;
use ispeed_protocol::token::{TokenResponse, verify};
use ispeed_server::server::{Certificate, Config, Running, ServerError, start};
use rustls::pki_types::ServerName;

fn loopback() -> Vec<SocketAddr> {
    vec!["127.0.0.1:0".parse().unwrap()]
}

/// Sends a request over anything and reads until the server closes.
fn exchange(mut stream: impl std::io::Read + std::io::Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A close without TLS's own goodbye is an error to rustls and the end to us.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

async fn plain(running: &Running, request: String) -> String {
    let addr = running.local_addrs()[0];
    let answer =
        tokio::task::spawn_blocking(move || exchange(TcpStream::connect(addr).unwrap(), &request)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_answers_keeps_its_keys_and_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config { certificate: Certificate::Plain, ..Config::new(loopback(), folder.path()) };
    let running = start(config()).await.unwrap();
    let info: Info = serde_json::from_str(&plain(&running, get("/v1/info")).await).unwrap();
    assert_eq!((info.udp_port, info.name.as_str()), (running.udp_port(), "localhost"));
    let list: ServerList = serde_json::from_str(&plain(&running, get("/v1/servers")).await).unwrap();
    assert_eq!(list.servers[0].url, format!("http://{}", running.local_addrs()[0]));
    assert_eq!(list.servers[0].public_key, info.evidence_key);
    assert_eq!(running.measure().evidence_public_key().text(), info.evidence_key);

    let body = r#"{"sample_id":"01a20738-1094-7c3e-9d21-000000000001","device_id":"00000000000000000000000000000001"}"#;
    let request = format!(
        "POST /v1/tokens HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let tokens: TokenResponse = serde_json::from_str(&plain(&running, request).await).unwrap();
    let issuer = PublicKey::parse(&info.public_key).unwrap();
    verify(&tokens.tokens[0].token, &[issuer], "local", tokens.server_time).unwrap();
    let metrics = plain(&running, get("/metrics")).await;
    assert!(metrics.contains("ispeed_runs_active 0") && metrics.contains("ispeed_up 1"), "{metrics}");
    running.shutdown().await.unwrap();

    let running = start(config()).await.unwrap();
    let again: Info = serde_json::from_str(&plain(&running, get("/v1/info")).await).unwrap();
    assert_eq!((again.public_key, again.evidence_key), (info.public_key, info.evidence_key));
    running.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_own_certificate_is_what_ca_takes() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(Config::new(loopback(), folder.path())).await.unwrap();
    assert!(running.url().starts_with("https://127.0.0.1:"), "{}", running.url());
    let ca = std::fs::read(running.ca().unwrap()).unwrap();
    let config = ispeed_wire::tls::client_config(Some(&ca)).unwrap();
    let addr = running.local_addrs()[0];
    let answer = tokio::task::spawn_blocking(move || {
        let name = ServerName::try_from("localhost").unwrap();
        let client = rustls::ClientConnection::new(Arc::clone(&config), name).unwrap();
        exchange(rustls::StreamOwned::new(client, TcpStream::connect(addr).unwrap()), &get("/healthz"))
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let config = || Config { certificate: Certificate::Plain, ..Config::new(loopback(), folder.path()) };
    let table = [
        (Config { servers: Some(file("servers.json", "{}")), ..config() }, "missing field `servers`"),
        (Config { servers: Some("/nowhere/servers.json".into()), ..config() }, "server list /nowhere/servers.json"),
        (Config { as_table: Some(file("as.tsv", "x")), ..config() }, "AS table, line 1"),
        (Config { boundaries: Some(file("wrong.bundle", "not a bundle")), ..config() }, "boundary bundle"),
        (Config { boundaries: Some("/nowhere/b".into()), ..config() }, "boundary bundle /nowhere/b"),
    ];
    for (config, expected) in table {
        let error: ServerError = start(config).await.err().expect(expected);
        assert!(error.to_string().contains(expected), "{error} / {expected}");
    }
}
