//! The shape of Cloudflare's test.

use http::{Method, StatusCode};
use ispeed_server::interop::Interop;

use crate::client::{HERE, Lab, chunked, empty, read, request, whole};

/// The milliseconds of `server-timing`, as its client reads them.
fn duration_ms(timing: &str) -> f64 {
    let (name, value) = timing.split_once(";dur=").unwrap();
    assert_eq!(name, "cfRequestDuration");
    value.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_with_the_headers_its_client_reads() {
    let lab = Lab::start(&[Interop::Cloudflare]).await;
    let mut kept = lab.http(HERE).await;
    for (method, path, body, bytes) in [
        (Method::GET, "/__down?bytes=0", empty(), 0),
        (Method::GET, "/__down", empty(), 0),
        (Method::GET, "/__down?bytes=100001&during=upload", empty(), 100_001),
        (Method::GET, "/__down?measId=1&bytes=5000000", empty(), 5_000_000),
        (Method::POST, "/__up", whole(vec![48; 2_000_000]), 0),
        (Method::POST, "/__up?bytes=1500000", chunked(30, 50_000), 0),
        (Method::POST, "/__up", empty(), 0),
    ] {
        let asked = format!("{method} {path}");
        let answer = read(&mut kept, request(method, path, body)).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, bytes), "{asked}");
        let ms = duration_ms(answer.header("server-timing"));
        assert!((0.0..1_000.0).contains(&ms), "{asked}: {ms}");
        assert!(answer.body.is_ascii(), "its client makes a text of it");
        for name in ["access-control-allow-origin", "timing-allow-origin"] {
            assert_eq!(answer.header(name), "*", "{asked}: {name}");
        }
        assert!(answer.header("access-control-expose-headers").contains("server-timing"), "{asked}");
    }
    let stats = lab.stats();
    assert_eq!((stats.bytes_sent, stats.bytes_received), (5_100_001, 3_500_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_does_not_have_is_told() {
    let lab = Lab::start(&[Interop::Cloudflare]).await;
    let (status, _, detail) = lab.get("/__down?bytes=1000000001").await.problem();
    assert_eq!((status, detail.as_str()), (400, "bytes: 1000000001; expected at most 1000000000"));
    let (status, _, detail) = lab.get("/__up").await.problem();
    assert_eq!((status, detail.as_str()), (405, "GET; expected POST, OPTIONS"));
    let preflight = lab.send(request(Method::OPTIONS, "/__up", empty())).await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (StatusCode::OK, "*"));
    let trace = lab.get("/cdn-cgi/trace").await;
    let lines = String::from_utf8(trace.body.to_vec()).unwrap();
    for line in ["h=localhost:4443", "ip=127.0.0.1", "visit_scheme=https", "colo=local", "http=http/1.1"] {
        assert!(lines.lines().any(|found| found == line), "{line} in {lines}");
    }
}
