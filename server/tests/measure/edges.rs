//! The server's edges: peers that stall, shutdown, places for connections.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use ispeed_protocol::control::{ClientMessage, GO, GO_CUBIC, ServerMessage};
use ispeed_protocol::direction::Direction;
use ispeed_protocol::echo::{ECHO_MIN_BYTES, EchoKind, EchoPacket};
use ispeed_server::measure::MeasureLimits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::{Lab, PATIENCE, Run, next};
use crate::flows::{check_evidence, delivered, open_up, send_on};

/// Reads until the peer closes; how long that took.
async fn closed_after(mut stream: impl tokio::io::AsyncRead + Unpin) -> Duration {
    let began = Instant::now();
    let mut sink = Vec::new();
    // A reset is an end too.
    let _ = timeout(Duration::from_secs(30), stream.read_to_end(&mut sink)).await.expect("the server closes");
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_half_a_header_or_nothing_is_closed_within_fifteen_seconds() {
    let lab = Lab::start().await;
    let silent = TcpStream::connect(lab.addr).await.unwrap();
    let mut half_hello = TcpStream::connect(lab.addr).await.unwrap();
    half_hello.write_all(&[0x16, 0x03, 0x01, 0x02]).await.unwrap();
    let quiet_tls = lab.connect().await;
    let mut half_header = lab.connect().await;
    half_header.write_all(b"GET /v1/measure HTTP/1.1\r\nHos").await.unwrap();
    half_header.flush().await.unwrap();
    let times = tokio::join!(
        closed_after(silent),
        closed_after(half_hello),
        closed_after(quiet_tls),
        closed_after(half_header)
    );
    let longest = times.0.max(times.1).max(times.2).max(times.3);
    assert!(longest < Duration::from_secs(15), "{times:?}");
    lab.run(&lab.claims()).await.unwrap().finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_reading_is_cut() {
    let lab = Lab::start().await;
    let mut run = lab.run(&lab.claims()).await.unwrap();
    run.start(Direction::Down).await;
    let flows = lab.go(&run, 1).await;
    let mut answer = lab.connect().await;
    answer.write_all(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    answer.flush().await.unwrap();
    timeout(PATIENCE, async {
        while lab.measure.stats().snapshot().flows_stalled == 0 {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("the load flow is given up");
    drop(flows);
    // The other one is left unread too; its kernel knows when the server has closed it.
    sleep(Duration::from_secs(10)).await;
    let mut sink = vec![0; 1 << 20];
    let mut read = 0;
    while let Ok(Ok(n @ 1..)) = timeout(Duration::from_secs(2), answer.read(&mut sink)).await {
        read += n;
    }
    assert!(read < 64 << 20, "the answer was cut: {read}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_finishes_a_running_test_and_admits_no_other() {
    let mut lab = Lab::start().await;
    let claims = lab.claims();
    let mut run = lab.run(&claims).await.unwrap();
    run.start(Direction::Up).await;
    let running = lab.running.take().unwrap();
    let mut shutdown = tokio::spawn(running.shutdown());
    timeout(PATIENCE, async {
        loop {
            match lab.run(&lab.claims()).await {
                Err(refused) => return assert_eq!((refused.kind.as_str(), refused.retry_after), ("shutdown", true)),
                Ok(run) => drop(run.finish().await),
            }
        }
    })
    .await
    .expect("no new run");
    // The running test still opens its flows, moves its bytes and gets its evidence.
    let (flows, meter) = open_up(&lab, &run, 2).await;
    let ended = send_on(flows, 2_000_000, CancellationToken::new()).await;
    delivered(&ended).await;
    ended.into_iter().for_each(|(stream, _)| stream.reset());
    let stopped = run.stop(Direction::Up).await;
    check_evidence(&lab, &claims, &stopped, Direction::Up);
    assert_eq!(stopped.bytes, meter.written_bytes());
    assert!(timeout(Duration::from_millis(100), &mut shutdown).await.is_err(), "it waits for the test");
    run.finish().await;
    timeout(PATIENCE, shutdown).await.expect("it ends after the test").unwrap();
    assert!(TcpStream::connect(lab.addr).await.is_err(), "nothing listens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_does_not_end_is_cut_at_shutdown() {
    let mut lab = Lab::start().await;
    let mut run = lab.run(&lab.claims()).await.unwrap();
    run.start(Direction::Down).await;
    let mut flows = lab.go(&run, 1).await;
    flows[0].read_u8().await.unwrap();
    let running = lab.running.take().unwrap();
    let short = Duration::from_millis(200);
    tokio::spawn(running.shutdown_within(short, Duration::from_secs(5)));
    run.stopped().await.evidence.verify().unwrap();
    assert_eq!(run.error().await, "shutdown");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_is_filled_by_cubic_where_the_client_says_so() {
    let reno = MeasureLimits { congestion_control: "reno".into(), ..MeasureLimits::default() };
    let lab = Lab::with(reno, |_| {}).await;
    for (byte, expected) in [(GO, "reno"), (GO_CUBIC, "cubic")] {
        let mut run = lab.run(&lab.claims()).await.unwrap();
        run.start(Direction::Down).await;
        let mut flow = lab.flow(&run.session, "down", 0).await.unwrap();
        flow.write_all(&[byte]).await.unwrap();
        flow.read_u8().await.expect("it is filled");
        let stopped = run.stop(Direction::Down).await;
        assert_eq!(stopped.congestion_control.as_deref(), Some(expected));
        run.finish().await;
    }
    let mut run = lab.run(&lab.claims()).await.unwrap();
    run.start(Direction::Down).await;
    let mut flow = lab.flow(&run.session, "down", 0).await.unwrap();
    flow.write_all(b"X").await.unwrap();
    assert!(timeout(PATIENCE, flow.read_u8()).await.unwrap().is_err(), "any other byte ends the flow");
    run.stop(Direction::Down).await;
    run.finish().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_runs_is_sent_by_cubic_from_where_the_client_says_so() {
    let reno = MeasureLimits { congestion_control: "reno".into(), ..MeasureLimits::default() };
    let lab = Lab::with(reno, |_| {}).await;
    let mut run = lab.run(&lab.claims()).await.unwrap();
    run.start(Direction::Down).await;
    let mut flows = lab.go(&run, 2).await;
    flows[1].read_u8().await.unwrap();
    flows[0].read_u8().await.unwrap();
    run.tell(&ClientMessage::SendByCubic).await;
    flows[0].read_exact(&mut vec![0; 1_000_000]).await.expect("it goes on");
    let stopped = run.stop(Direction::Down).await;
    assert_eq!(stopped.congestion_control.as_deref(), Some("cubic"));
    run.tell(&ClientMessage::SendByCubic).await;
    assert_eq!(run.error().await, "protocol", "no download runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_is_held_by_an_upgraded_connection_and_then_given_back() {
    let lab = Lab::with(MeasureLimits::default(), |config| config.connections_max = 2).await;
    let mut run = lab.run(&lab.claims()).await.unwrap();
    let mut flow = lab.flow(&run.session, "down", 0).await.unwrap();
    let mut third = TcpStream::connect(lab.addr).await.unwrap();
    let refused = timeout(PATIENCE, third.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(refused, Ok(0) | Err(_)), "closed at once: {refused:?}");
    flow.write_all(&[GO]).await.unwrap();
    drop(flow);
    run.start(Direction::Down).await;
    run.stop(Direction::Down).await;
    timeout(PATIENCE, async {
        loop {
            let mut stream = TcpStream::connect(lab.addr).await.unwrap();
            // A place is free again when the server waits for a handshake instead of closing.
            if timeout(Duration::from_millis(200), stream.read(&mut [0; 1])).await.is_err() {
                return;
            }
        }
    })
    .await
    .expect("the flow's place came back");
    run.tell(&ClientMessage::Finish).await;
    assert!(matches!(next(&mut run.socket).await, ServerMessage::Echoes { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wildcard_address_serves_both_families_on_one_port() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    let both = "[::]:0".parse().unwrap();
    let mut lab = Lab::with(MeasureLimits::default(), |config| config.listen = vec![both]).await;
    let port = lab.addr.port();
    assert_eq!(lab.udp.port(), port);

    // As IPv4 the peer is an IPv4 one, whatever the socket's family and whatever a header claims.
    lab.addr = (Ipv4Addr::LOCALHOST, port).into();
    let run = lab.run(&lab.claims()).await.unwrap();
    let mut stream = lab.connect().await;
    let request = b"GET /peer HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 8.8.8.8\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("\r\n\r\n127.0.0.1:"), "{answer}");

    // Connected sockets take answers from the address they asked only.
    // Only Linux takes all of 127.0.0.0/8 for this machine.
    let other = if cfg!(target_os = "linux") { [127, 9, 8, 7] } else { [127, 0, 0, 1] };
    for (bind, ask) in [("127.0.0.1:0", IpAddr::from(other)), ("[::1]:0", Ipv6Addr::LOCALHOST.into())] {
        let socket = UdpSocket::bind(bind).await.unwrap();
        socket.connect((ask, port)).await.unwrap();
        socket.send(&request_packet(&run)).await.unwrap();
        let answered = timeout(PATIENCE, socket.recv(&mut [0; 64])).await;
        assert_eq!(answered.expect("an answer").unwrap(), ECHO_MIN_BYTES, "{ask}");
    }
    run.finish().await;
}

fn request_packet(run: &Run) -> Vec<u8> {
    let packet = EchoPacket {
        kind: EchoKind::Request,
        train: 1,
        echo_id: run.echo_id,
        sequence: 1,
        client_send_us: 1,
        server_receive_us: 0,
        server_send_us: 0,
    };
    packet.encode(&run.echo_key, ECHO_MIN_BYTES, b"")
}

/// Not a check of every build but of a release: `cargo test -p ispeed-server --test measure -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute and 15,000 descriptors: cargo xtask slow"]
async fn honest_tests_succeed_among_thousands_that_send_half_a_header() {
    const CROWD: usize = 7_000;
    let lab = Lab::start().await;
    let mut crowd = Vec::new();
    for n in 0..CROWD {
        let mut stream = TcpStream::connect(lab.addr).await.unwrap();
        // Half a TLS record, or nothing.
        if n % 2 == 0 {
            stream.write_all(&[0x16, 0x03, 0x01, 0x02]).await.unwrap();
        }
        crowd.push(tokio::spawn(closed_after(stream)));
    }
    let mut slowest_welcome = Duration::ZERO;
    for _ in 0..20 {
        let asked = Instant::now();
        let mut run = lab.run(&lab.claims()).await.expect("an honest test is admitted");
        slowest_welcome = slowest_welcome.max(asked.elapsed());
        run.start(Direction::Up).await;
        let (flows, meter) = open_up(&lab, &run, 1).await;
        let ended = send_on(flows, 200_000, CancellationToken::new()).await;
        delivered(&ended).await;
        ended.into_iter().for_each(|(stream, _)| stream.reset());
        assert_eq!(run.stop(Direction::Up).await.bytes, meter.written_bytes());
        run.finish().await;
    }
    let mut longest = Duration::ZERO;
    for waiting in crowd {
        longest = longest.max(waiting.await.unwrap());
    }
    println!(
        "{CROWD} half headers: all closed within {longest:.1?}; 20 of 20 tests done, slowest admission {slowest_welcome:.1?}"
    );
    assert!(longest < Duration::from_secs(15), "{longest:?}");
}
