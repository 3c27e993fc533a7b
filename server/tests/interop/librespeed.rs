//! LibreSpeed's `garbage`, `empty` and `getIP`.

use http::{Method, StatusCode};
use ispeed_server::interop::Interop;

use crate::client::{HERE, Lab, chunked, empty, read, request, whole};

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_random_and_as_long_as_asked_for() {
    let lab = Lab::start(&[Interop::LibreSpeed]).await;
    for (path, mib) in [
        ("/garbage?ckSize=1", 1),
        ("/garbage.php?r=0.7&ckSize=2", 2),
        ("/backend/garbage.php", 4),
        ("/backend/garbage?ckSize=0&cors=true", 4),
    ] {
        let answer = lab.get(path).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, mib * MIB), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), if path.contains("cors") { "*" } else { "" });
        assert!(answer.header("cache-control").contains("no-transform"), "{path}");
        let mut seen = [false; 256];
        answer.body.iter().for_each(|byte| seen[usize::from(*byte)] = true);
        assert!(seen.iter().all(|seen| *seen), "every byte value is in a random MiB");
    }
    assert_eq!(lab.stats().bytes_sent, 11 * MIB as u64);
    let head = lab.send(request(Method::HEAD, "/garbage?ckSize=2000", empty())).await;
    assert_eq!(head.header("content-length"), (1_024 * MIB).to_string(), "1,024 MiB are the most");
    let (status, kind, detail) = lab.get("/garbage?ckSize=many").await.problem();
    assert_eq!((status, kind.as_str()), (400, "request"));
    assert_eq!(detail, "ckSize: \"many\"; expected a whole number, 0 or more");
    assert_eq!(lab.send(request(Method::POST, "/garbage", empty())).await.header("allow"), "GET, HEAD, OPTIONS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_are_read_to_their_end_on_a_kept_connection() {
    let lab = Lab::start(&[Interop::LibreSpeed]).await;
    let mut kept = lab.http(HERE).await;
    for (method, path, body) in [
        (Method::POST, "/empty.php?cors=true", whole(vec![1; 3_000_000])),
        (Method::POST, "/backend/empty", chunked(40, 50_000)),
        (Method::GET, "/empty", empty()),
        (Method::PUT, "/empty", whole(vec![1; 10])),
        (Method::OPTIONS, "/empty.php", empty()),
    ] {
        let asked = format!("{method} {path}");
        let preflight = method == Method::OPTIONS;
        let answer = read(&mut kept, request(method, path, body)).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0), "{asked}");
        let open = preflight || path.contains("cors");
        assert_eq!(answer.header("access-control-allow-origin"), if open { "*" } else { "" }, "{asked}");
        assert_eq!(answer.header("access-control-allow-methods").contains("POST"), open, "{asked}");
    }
    // The ten bytes are no load.
    assert_eq!(lab.stats().bytes_received, 5_000_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_ip_tells_the_socket_and_believes_no_header() {
    let lab = Lab::start(&[Interop::LibreSpeed]).await;
    let mut asked = request(Method::GET, "/getIP.php?isp=true&distance=km", empty());
    asked.headers_mut().insert("x-forwarded-for", "8.8.8.8".parse().unwrap());
    let answer = lab.send(asked).await.json();
    assert_eq!(answer["processedString"], "127.0.0.1 - localhost IPv4 access");
    assert!(answer.get("rawIspInfo").is_some(), "{answer}");
}
