//! What all of them have in common: off unless asked for, places, peers that stall, shutdown.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use ispeed_server::interop::Interop;
use ispeed_server::measure::MeasureLimits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::{HERE, Lab, PATIENCE, THERE, begin, empty, read, request, whole};

const ALL: [(Interop, &[&str]); 4] = [
    (Interop::Ndt7, &["/ndt/v7/download", "/ndt/v7/upload"]),
    (Interop::LibreSpeed, &["/garbage", "/garbage.php", "/backend/empty.php", "/empty", "/getIP", "/getIP.php"]),
    (Interop::Cloudflare, &["/__down?bytes=1", "/__up", "/cdn-cgi/trace"]),
    (Interop::Nq, &["/.well-known/nq", "/nq/small", "/nq/large", "/nq/upload"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_is_there_unless_asked_for() {
    let mut on: Vec<Vec<Interop>> = ALL.iter().map(|(known, _)| vec![*known]).collect();
    on.push(Vec::new());
    for on in on {
        let lab = Lab::start(&on).await;
        for (known, paths) in ALL {
            for path in paths {
                for method in [Method::GET, Method::POST] {
                    let body = whole(if method == Method::POST { vec![1; 5_000] } else { Vec::new() });
                    let mut connection = lab.http(HERE).await;
                    let answer = connection.send_request(request(method.clone(), path, body)).await.unwrap();
                    let there = answer.status() != StatusCode::NOT_FOUND;
                    assert_eq!(there, on.contains(&known), "{method} {path} with {on:?}: {}", answer.status());
                }
            }
        }
        if on.is_empty() {
            let stats = lab.stats();
            assert_eq!((stats.load_flows, stats.bytes_sent, stats.bytes_received), (0, 0, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_take_the_places_of_runs_and_probes_take_none() {
    let lab = Lab::with(&[Interop::Cloudflare, Interop::Nq, Interop::LibreSpeed], |config| {
        config.measure_limits = MeasureLimits { runs_max: 1, ..MeasureLimits::default() };
    })
    .await;
    let mut first = lab.http(HERE).await;
    let (status, body) = begin(&mut first, "/nq/large").await;
    assert_eq!(status, StatusCode::OK);
    // More streams of the same client share its place.
    let second = lab.get("/garbage?ckSize=1").await;
    assert_eq!(second.status, StatusCode::OK);

    let mut other = lab.http(THERE).await;
    for (method, path, body) in [(Method::GET, "/__down?bytes=100000", empty()), (Method::GET, "/garbage", empty())] {
        let refused = read(&mut other, request(method, path, body)).await;
        assert_eq!((refused.problem().0, refused.problem().1.as_str()), (503, "busy"), "{path}");
        assert_eq!(refused.header("retry-after"), "5", "{path}");
    }
    for path in ["/__down?bytes=0", "/nq/small", "/empty", "/getIP", "/.well-known/nq"] {
        assert_eq!(read(&mut other, request(Method::GET, path, empty())).await.status, StatusCode::OK, "{path}");
    }
    drop((first, body));
    let free = async {
        while read(&mut other, request(Method::GET, "/__down?bytes=100000", empty())).await.status != StatusCode::OK {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, free).await.expect("the place comes back");
    let refused = read(&mut lab.http(HERE).await, request(Method::POST, "/__up", whole(vec![1; 50_000]))).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "uploads take places too");
    let refused = lab.stats().refused;
    assert!(refused.iter().any(|(kind, n)| *kind == "busy" && *n >= 3), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_is_cut() {
    let lab = Lab::start(&[Interop::LibreSpeed]).await;
    let mut not_reading = lab.connect(HERE).await;
    not_reading.write_all(b"GET /garbage?ckSize=1024 HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    not_reading.flush().await.unwrap();
    let mut not_sending = lab.connect(HERE).await;
    not_sending
        .write_all(b"POST /empty HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nhalf of it")
        .await
        .unwrap();
    not_sending.flush().await.unwrap();
    let began = Instant::now();
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(30), not_sending.read_to_end(&mut answer)).await.expect("the server closes");
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("nothing of the body for 12 s"), "{answer}");
    assert!((11.0..20.0).contains(&began.elapsed().as_secs_f64()), "{:?}", began.elapsed());
    assert_eq!(lab.stats().flows_stalled, 1);
    // The other was cut at about the same time; what its kernel holds is all that is left of it.
    sleep(Duration::from_secs(4)).await;
    let (mut sink, mut got) = (vec![0; 1 << 20], 0);
    while let Ok(Ok(n @ 1..)) = timeout(Duration::from_secs(2), not_reading.read(&mut sink)).await {
        got += n;
    }
    assert!(got < 64 << 20, "the answer was cut: {got}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_lets_loads_end_and_begins_no_other() {
    let mut lab = Lab::start(&[Interop::Cloudflare]).await;
    let mut kept = lab.http(HERE).await;
    let (_, mut body) = begin(&mut kept, "/__down?bytes=30000000").await;
    let mut other = lab.http(HERE).await;
    let mut shutdown = tokio::spawn(lab.running.take().unwrap().shutdown());
    let refused = async {
        loop {
            let answer = read(&mut other, request(Method::GET, "/__down?bytes=2000", empty())).await;
            if answer.status != StatusCode::OK {
                return assert_eq!(answer.problem().1, "shutdown");
            }
        }
    };
    timeout(PATIENCE, refused).await.expect("no new load");
    assert!(timeout(Duration::from_millis(200), &mut shutdown).await.is_err(), "it waits for the load");
    let mut got = 0;
    while let Some(frame) = timeout(PATIENCE, body.frame()).await.unwrap() {
        got += frame.unwrap().data_ref().unwrap().len();
    }
    assert_eq!(got, 30_000_000, "the load under way is whole");
    drop((kept, other));
    timeout(PATIENCE, shutdown).await.expect("it ends").unwrap().unwrap();
    assert!(TcpStream::connect(lab.addr).await.is_err());
}
