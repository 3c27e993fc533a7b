//! The control requests.

use ispeed_server::interop::Interop;
use ispeed_server::server::Certificate;
use serde_json::json;

use crate::client::{Lab, UPGRADE};

#[tokio::test]
async fn a_client_gets_an_id_a_test_and_an_answer_to_its_result() {
    let lab = Lab::start().await;
    let settings = lab.ask("settings", &json!({ "name": "RMBT", "type": "DESKTOP" })).await;
    let id = settings["settings"][0]["uuid"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 36);
    let again = lab.ask("settings", &json!({ "uuid": id })).await;
    assert_eq!(again["settings"][0]["uuid"], id.as_str());

    let body = json!({ "uuid": id, "client": "RMBT", "capabilities": { "RMBThttp": true } });
    let (test, other) = (lab.ask("testRequest", &body).await, lab.ask("testRequest", &body).await);
    assert_eq!(test["test_server_address"], "localhost");
    assert_eq!(test["test_server_port"], lab.addr.port());
    assert_eq!(test["test_server_encryption"], true);
    assert_eq!(
        (&test["test_duration"], &test["test_numthreads"], &test["test_wait"]),
        (&json!(7), &json!(5), &json!(0))
    );
    assert!(test["test_token"].as_str().unwrap().starts_with(test["test_uuid"].as_str().unwrap()));
    assert_ne!(test["test_uuid"], other["test_uuid"]);
    assert!(test.get("open_test_uuid").is_none(), "there is no page of it to point to");

    let detail: Vec<_> = (0..20_000).map(|n| json!({ "direction": "download", "thread": 1, "time": n })).collect();
    let result = lab.ask("result", &json!({ "test_token": test["test_token"], "speed_detail": detail })).await;
    assert_eq!(result, json!({ "error": [] }));
}

#[tokio::test]
async fn a_result_is_not_a_sample() {
    let lab = Lab::start().await;
    lab.ask("result", &json!({ "test_speed_download": 1_000_000, "geoLocations": [] })).await;
    let metrics = lab.request(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.1;
    let samples: Vec<&str> = metrics.lines().filter(|l| l.starts_with("ispeed_samples")).collect();
    assert!(!samples.is_empty(), "{metrics}");
    assert!(samples.iter().all(|line| line.ends_with(" 0")), "{samples:?}");
}

#[tokio::test]
async fn a_request_that_is_not_one_is_refused() {
    let lab = Lab::start().await;
    for (name, body, status, told) in [
        ("testRequest", "{", 400, "JSON"),
        ("settings", "[]", 400, "JSON"),
        ("testRequest", r#"{"uuid":7}"#, 400, "JSON"),
        ("history", "{}", 404, "history"),
        ("testRequest/", "{}", 404, "testRequest/"),
    ] {
        let (answered, text) = lab.post(name, body).await;
        assert_eq!(answered, status, "{name} {body}: {text}");
        assert!(text.contains(told) && text.contains("expected "), "{name} {body}: {text}");
    }
    let (status, _) = lab.post("testRequest", &" ".repeat(20_000)).await;
    assert_eq!(status, 413);
    let (status, _) = lab.post("result", &" ".repeat(5 << 20)).await;
    assert_eq!(status, 413);
    let get = b"GET /RMBTControlServer/settings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(lab.request(get).await.0, 405);
    let hostless = b"POST /RMBTControlServer/testRequest HTTP/1.1\r\nHost: \r\nConnection: close\r\n\
        Content-Length: 2\r\n\r\n{}";
    assert_eq!(lab.request(hostless).await.0, 400);
}

#[tokio::test]
async fn the_websocket_variant_is_refused_by_name() {
    let lab = Lab::start().await;
    let told = lab.ask("testRequest", &json!({ "client": "RMBTws" })).await;
    assert!(told["error"][0].as_str().unwrap().contains("\"RMBTws\"; expected RMBT"), "{told}");
    assert!(told.get("test_token").is_none());
    for upgrade in ["websocket", "h2c"] {
        let request = UPGRADE.replace("Upgrade: RMBT", &format!("Upgrade: {upgrade}"));
        let request = request.replace("Connection: Upgrade", "Connection: Upgrade, close");
        assert_eq!(lab.request(request.as_bytes()).await.0, 426, "{upgrade}");
    }
}

#[tokio::test]
async fn nothing_of_it_is_there_unless_asked_for() {
    let lab = Lab::with(Certificate::SelfSigned, vec![Interop::Ndt7]).await;
    let (status, _) = lab.post("testRequest", "{}").await;
    assert_eq!(status, 404);
    let request = UPGRADE.replace("Connection: Upgrade", "Connection: Upgrade, close");
    assert_eq!(lab.request(request.as_bytes()).await.0, 404);
}
