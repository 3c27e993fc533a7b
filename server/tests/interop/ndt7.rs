//! ndt7.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use ispeed_server::interop::Interop;
use ispeed_server::measure::MeasureLimits;
use ispeed_wire::LoadStream;
use serde_json::Value;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::client::{Answer, Body, HERE, Lab, PATIENCE, THERE, empty};

const SUBPROTOCOL: &str = "net.measurementlab.ndt.v7";
const KIB: usize = 1 << 10;

fn handshake(path: &str, subprotocol: Option<&str>) -> Request<Body> {
    let mut request = Request::get(path)
        .header(header::HOST, "localhost")
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, generate_key());
    if let Some(subprotocol) = subprotocol {
        request = request.header(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    request.body(empty()).unwrap()
}

/// Opens a test, or has it refused.
async fn open(lab: &Lab, path: &str, from: IpAddr) -> Result<WebSocketStream<LoadStream>, Answer> {
    let mut sender = lab.http(from).await;
    let response = sender.send_request(handshake(path, Some(SUBPROTOCOL))).await.unwrap();
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        return Err(Answer { status: parts.status, headers: parts.headers, body });
    }
    assert_eq!(response.headers()[header::SEC_WEBSOCKET_PROTOCOL], SUBPROTOCOL);
    let parts = hyper::upgrade::on(response).await.unwrap().downcast::<TokioIo<LoadStream>>().unwrap();
    let config = WebSocketConfig::default().max_message_size(Some(1 << 24)).max_frame_size(Some(1 << 24));
    let stream = parts.io.into_inner();
    Ok(WebSocketStream::from_partially_read(stream, parts.read_buf.to_vec(), Role::Client, Some(config)).await)
}

/// What a whole test brought.
#[derive(Default)]
struct Heard {
    messages: Vec<usize>,
    measurements: Vec<Value>,
    close: Option<u16>,
}

impl Heard {
    fn bytes(&self) -> u64 {
        self.messages.iter().map(|bytes| *bytes as u64).sum()
    }

    fn last(&self) -> &Value {
        self.measurements.last().unwrap()
    }
}

/// Listens until the server closes; `pause` after each message of load.
async fn listen(socket: &mut WebSocketStream<LoadStream>, pause: Duration) -> Heard {
    let mut heard = Heard::default();
    while let Some(message) = timeout(PATIENCE, socket.next()).await.expect("the test goes on") {
        match message.unwrap() {
            Message::Binary(payload) => {
                heard.messages.push(payload.len());
                sleep(pause).await;
            }
            Message::Text(text) => heard.measurements.push(serde_json::from_str(&text).unwrap()),
            Message::Close(frame) => heard.close = frame.map(|frame| frame.code.into()),
            other => panic!("unexpected {other:?}"),
        }
    }
    heard
}

fn check_measurements(heard: &Heard, test: &str) {
    let all = &heard.measurements;
    // Ten seconds at random gaps of 228 ms in the mean.
    assert!((20..=90).contains(&all.len()), "{} measurements", all.len());
    let elapsed: Vec<u64> = all.iter().map(|m| m["AppInfo"]["ElapsedTime"].as_u64().unwrap()).collect();
    assert!(elapsed.is_sorted() && (9_900_000..13_000_000).contains(elapsed.last().unwrap()), "{elapsed:?}");
    for (i, measurement) in all.iter().enumerate() {
        assert_eq!((&measurement["Origin"], &measurement["Test"]), (&"server".into(), &test.into()));
        assert_eq!(measurement.get("ConnectionInfo").is_some(), i == 0, "in the first only");
        let tcp = &measurement["TCPInfo"];
        assert!(tcp["ElapsedTime"].is_u64(), "{tcp}");
        if cfg!(target_os = "linux") {
            for name in [
                "BusyTime",
                "BytesAcked",
                "BytesReceived",
                "BytesSent",
                "BytesRetrans",
                "MinRTT",
                "RTT",
                "RTTVar",
                "RWndLimited",
                "SndBufLimited",
            ] {
                assert!(tcp[name].is_u64(), "{name} in {tcp}");
            }
        }
    }
    let connection = &all[0]["ConnectionInfo"];
    assert!(connection["Client"].as_str().unwrap().starts_with("127.0.0.1:"), "{connection}");
    assert!(connection["Server"].is_string() && connection["UUID"].is_string(), "{connection}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_doubles_its_messages_tells_its_counters_and_closes_after_ten_seconds() {
    let lab = Lab::start(&[Interop::Ndt7]).await;
    let mut socket = open(&lab, "/ndt/v7/download?client_name=test&access_token=x", HERE).await.unwrap();
    let heard = listen(&mut socket, Duration::from_millis(20)).await;
    assert_eq!(heard.close, Some(1000));
    let (mut sent, mut size) = (0, 8 * KIB);
    for (i, bytes) in heard.messages.iter().enumerate() {
        assert_eq!(*bytes, size, "message {i} after {sent} bytes");
        sent += bytes;
        if size < KIB * KIB && size <= sent / 16 {
            size *= 2;
        }
    }
    check_measurements(&heard, "download");
    assert_eq!(heard.last()["AppInfo"]["NumBytes"], heard.bytes());
    assert_eq!(lab.stats().bytes_sent, heard.bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_ends_early_where_its_client_asks_for_it() {
    let lab = Lab::start(&[Interop::Ndt7]).await;
    let began = Instant::now();
    let mut socket = open(&lab, "/ndt/v7/download?early_exit=250", HERE).await.unwrap();
    let heard = listen(&mut socket, Duration::ZERO).await;
    assert!(heard.bytes() >= 250_000_000 || began.elapsed() > Duration::from_secs(10), "{}", heard.bytes());
    assert_eq!(heard.close, Some(1000));
    if heard.bytes() > 400_000_000 {
        // The bytes are looked at with each measurement, at most 625 ms apart.
        let elapsed: Vec<u64> =
            heard.measurements.iter().map(|m| m["AppInfo"]["ElapsedTime"].as_u64().unwrap()).collect();
        let over = heard.measurements.iter().position(|m| m["TCPInfo"]["BytesAcked"].as_u64() >= Some(250_000_000));
        assert!(over.is_some_and(|over| over + 2 >= elapsed.len()), "{elapsed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_counted_and_told_until_ten_seconds_have_passed() {
    let lab = Lab::start(&[Interop::Ndt7]).await;
    let mut socket = open(&lab, "/ndt/v7/upload", HERE).await.unwrap();
    let mut sent = 0;
    for size in [8 * KIB, 64 * KIB, KIB * KIB, 4 * KIB * KIB] {
        for _ in 0..10 {
            timeout(PATIENCE, socket.send(Message::binary(Bytes::from(vec![3; size])))).await.unwrap().unwrap();
            sent += size as u64;
        }
    }
    let own = r#"{"AppInfo":{"ElapsedTime":1,"NumBytes":2},"Origin":"client","Test":"upload"}"#;
    socket.send(Message::text(own)).await.unwrap();
    sent += own.len() as u64;
    let heard = listen(&mut socket, Duration::ZERO).await;
    assert_eq!((heard.close, heard.messages.len()), (Some(1000), 0));
    check_measurements(&heard, "upload");
    assert_eq!(heard.last()["AppInfo"]["NumBytes"], sent);
    assert_eq!(lab.stats().bytes_received, sent);
    if let Some(kernel) = heard.last()["TCPInfo"]["BytesReceived"].as_u64() {
        // TLS, frames and the handshake on top.
        assert!((sent..sent + sent / 50 + 20_000).contains(&kernel), "{kernel} for {sent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_are_answered_and_a_close_is() {
    let lab = Lab::start(&[Interop::Ndt7]).await;
    for path in ["/ndt/v7/upload", "/ndt/v7/download"] {
        let mut socket = open(&lab, path, HERE).await.unwrap();
        socket.send(Message::Ping(Bytes::from_static(b"are you there"))).await.unwrap();
        let pong = async {
            loop {
                if let Message::Pong(payload) = socket.next().await.unwrap().unwrap() {
                    return payload;
                }
            }
        };
        assert_eq!(timeout(PATIENCE, pong).await.unwrap(), "are you there", "{path}");
        let began = Instant::now();
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = timeout(PATIENCE, socket.next()).await.unwrap() {}
        assert!(began.elapsed() < Duration::from_secs(5), "{path}: {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_specification_refuses_is_a_bad_request() {
    let lab = Lab::start(&[Interop::Ndt7]).await;
    let long = format!("/ndt/v7/upload?metadata={}", "x".repeat(4_096));
    for (path, subprotocol, expected) in [
        ("/ndt/v7/download?early_exit=300", Some(SUBPROTOCOL), "early_exit: \"300\"; expected 250"),
        ("/ndt/v7/download?a=b&early_exit=", Some(SUBPROTOCOL), "early_exit: \"\"; expected 250"),
        ("/ndt/v7/download", None, "Sec-WebSocket-Protocol; expected net.measurementlab.ndt.v7"),
        ("/ndt/v7/upload", Some("chat"), "Sec-WebSocket-Protocol; expected net.measurementlab.ndt.v7"),
        (&long, Some(SUBPROTOCOL), "query: 4105 bytes; expected at most 4096"),
    ] {
        let (status, _, detail) = lab.send(handshake(path, subprotocol)).await.problem();
        assert_eq!((status, detail.as_str()), (400, expected), "{path}");
    }
    let mut plain = handshake("/ndt/v7/upload", Some(SUBPROTOCOL));
    plain.headers_mut().remove(header::UPGRADE);
    assert_eq!(lab.send(plain).await.problem().0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_breaks_off_leaves_its_place_and_one_that_breaks_the_protocol_is_cut() {
    let lab = Lab::with(&[Interop::Ndt7], |config| {
        config.measure_limits = MeasureLimits { runs_max: 1, ..MeasureLimits::default() };
    })
    .await;
    for (path, from) in [("/ndt/v7/download", HERE), ("/ndt/v7/upload", THERE), ("/ndt/v7/download", HERE)] {
        let entered = async {
            loop {
                match open(&lab, path, from).await {
                    Ok(socket) => return socket,
                    Err(refused) => assert_eq!(refused.problem().1, "busy"),
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        // The place of the one before is kept for two seconds, and no longer than that.
        let mut socket = timeout(Duration::from_secs(10), entered).await.expect("a place");
        if path.ends_with("upload") {
            socket.send(Message::binary(Bytes::from(vec![3; KIB * KIB]))).await.unwrap();
        } else {
            assert!(socket.next().await.unwrap().is_ok());
        }
        // Dropped in the middle of a message.
    }
    sleep(Duration::from_millis(200)).await;
    let mut socket = open(&lab, "/ndt/v7/download", HERE).await.unwrap();
    let began = Instant::now();
    socket.send(Message::binary(Bytes::from_static(b"load the wrong way"))).await.unwrap();
    while let Some(Ok(_)) = timeout(PATIENCE, socket.next()).await.unwrap() {}
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
