//! The measuring end over real loopback sockets with TLS, from a small hand-written client.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "measure/client.rs"]
mod client;

use std::time::{Duration, Instant};

use client::{Lab, PATIENCE, Run, Stopped, next};
use futures_util::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use ispeed_protocol::control::{ClientMessage, EchoTrain, GO, ServerMessage};
use ispeed_protocol::direction::Direction;
use ispeed_protocol::echo::{ECHO_TRAIN_BYTES, EchoKind, EchoPacket, probe_key};
use ispeed_protocol::evidence::series_sha256;
use ispeed_protocol::signing::SecretKey;
use ispeed_protocol::token::{self, TokenClaims};
use ispeed_server::measure::MeasureLimits;
use ispeed_wire::{Budget, LoadStream, Meter, Payload, SendEnd, SendLimits, drain, send};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

/// Sends on all flows until a budget is used up or `stop`; the streams come back.
async fn send_on(flows: Vec<LoadStream>, bytes: u64, stop: CancellationToken) -> Vec<(LoadStream, SendEnd)> {
    let budget = Budget::new(bytes);
    let tasks: Vec<_> = flows
        .into_iter()
        .map(|mut stream| {
            let limits = SendLimits {
                budget: budget.clone(),
                deadline: tokio::time::Instant::now() + PATIENCE,
                progress_timeout: PATIENCE,
            };
            let stop = stop.clone();
            tokio::spawn(async move {
                let end = send(&mut stream, &mut Payload::new().unwrap(), &limits, &stop).await;
                (stream, end)
            })
        })
        .collect();
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await.unwrap());
    }
    ended
}

async fn open_up(lab: &Lab, run: &Run, flows: u8) -> (Vec<LoadStream>, Meter) {
    let meter = Meter::new();
    let mut streams = Vec::new();
    for number in 0..flows {
        let stream = lab.flow(&run.session, "up", number).await.unwrap();
        meter.add(stream.probe().clone());
        streams.push(stream);
    }
    (streams, meter)
}

/// Waits until the peer's kernel has everything.
async fn delivered(flows: &[(LoadStream, SendEnd)]) {
    for (stream, _) in flows {
        while stream.probe().outstanding_bytes().is_some_and(|bytes| bytes > 0) {
            sleep(Duration::from_millis(2)).await;
        }
    }
}

fn check_evidence(lab: &Lab, claims: &TokenClaims, stopped: &Stopped, direction: Direction) {
    let evidence = &stopped.evidence;
    evidence.verify().unwrap();
    assert_eq!(evidence.key, lab.measure.evidence_public_key().text());
    assert_eq!((evidence.token_id, evidence.sample_id), (claims.id, claims.sample_id));
    assert_eq!((evidence.direction, evidence.bytes), (direction, stopped.bytes));
    assert_eq!(evidence.series_sha256, series_sha256(&stopped.series));
    assert_eq!(evidence.network_prefix, "127.0.0.0/24");
    assert!(evidence.started_at <= evidence.ended_at);
    assert!(evidence.started_at >= claims.issued_at);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_counted_to_the_byte() {
    let lab = Lab::start().await;
    let claims = lab.claims();
    let mut run = lab.run(&claims).await.unwrap();
    let (flows, meter) = open_up(&lab, &run, 4).await;
    run.start(Direction::Up).await;
    sleep(Duration::from_millis(60)).await;
    let ended = send_on(flows, 20_000_000, CancellationToken::new()).await;
    delivered(&ended).await;
    // Several bins, the last of them without traffic.
    sleep(Duration::from_millis(130)).await;
    let sent = meter.written_bytes();
    assert!((20_000_000..20_100_000).contains(&sent), "payload and its TLS records: {sent}");
    ended.into_iter().for_each(|(stream, _)| stream.reset());

    let stopped = run.stop(Direction::Up).await;
    check_evidence(&lab, &claims, &stopped, Direction::Up);
    assert_eq!(stopped.bytes, sent);
    assert_eq!(stopped.evidence.flows, 4);
    let series = &stopped.series;
    assert_eq!(series.app_bytes.iter().sum::<u64>(), sent);
    assert_eq!(series.flow_steps.last().unwrap().flows, 4);
    if cfg!(target_os = "linux") {
        assert_eq!(series.kernel_bytes.as_ref().unwrap().iter().sum::<u64>(), sent);
        assert!(series.segments.as_ref().unwrap().iter().map(|n| u64::from(*n)).sum::<u64>() > 0);
        assert!(stopped.mss_bytes.is_some());
    }

    // One message closed each bin, cumulative; what the client saw is the beginning of what was signed.
    let arrivals: Vec<(u64, u64)> = run
        .side_messages
        .iter()
        .map(|message| match message {
            ServerMessage::Arrivals { t_us, app_bytes, .. } => (*t_us, *app_bytes),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(arrivals.len() >= 2, "{arrivals:?}");
    let mut total = 0;
    for ((t_us, app_bytes), (bin_t_us, bin_bytes)) in arrivals.iter().zip(series.t_us.iter().zip(&series.app_bytes)) {
        total += bin_bytes;
        assert_eq!((*t_us, *app_bytes), (u64::from(*bin_t_us), total));
    }
    assert!(series.t_us.windows(2).take(arrivals.len() - 1).all(|w| w[1] - w[0] >= 50_000), "{:?}", series.t_us);
    assert_eq!(lab.measure.stats().snapshot().bytes_received, sent);
    run.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_cut_off_in_full_flow_reports_its_tail() {
    let lab = Lab::start().await;
    let claims = lab.claims();
    let mut run = lab.run(&claims).await.unwrap();
    let (flows, meter) = open_up(&lab, &run, 4).await;
    run.start(Direction::Up).await;
    let stop = CancellationToken::new();
    let sending = tokio::spawn(send_on(flows, u64::MAX, stop.clone()));
    sleep(Duration::from_millis(200)).await;
    stop.cancel();
    sending.await.unwrap().into_iter().for_each(|(stream, _)| stream.reset());
    let reset_at = Instant::now();
    let stopped = run.stop(Direction::Up).await;
    let took = reset_at.elapsed();
    check_evidence(&lab, &claims, &stopped, Direction::Up);
    assert!(took < Duration::from_millis(450), "the resets arrived, nothing waited for them: {took:?}");
    // At least what the server acknowledged before the reset, at most what was handed to the kernel.
    let (acked, written) = (meter.totals().bytes_acked.unwrap_or(0), meter.written_bytes());
    assert!(acked > 0 && stopped.bytes >= acked && stopped.bytes <= written, "{acked} {} {written}", stopped.bytes);
    run.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_is_counted_tail_included() {
    let lab = Lab::start().await;
    // More than loopback carries in half a second.
    let claims = TokenClaims { max_bytes_down: 50_000_000_000, ..lab.claims() };
    let mut run = lab.run(&claims).await.unwrap();
    run.start(Direction::Down).await;
    let meter = Meter::new();
    let stop = CancellationToken::new();
    let mut tasks = Vec::new();
    for mut stream in lab.go(&run, 4).await {
        meter.add(stream.probe().clone());
        let stop = stop.clone();
        tasks.push(tokio::spawn(async move {
            let end = drain(&mut stream, &stop).await;
            stream.reset();
            end
        }));
    }
    sleep(Duration::from_millis(450)).await;
    stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    let stopped = run.stop(Direction::Down).await;
    check_evidence(&lab, &claims, &stopped, Direction::Down);
    assert_eq!(stopped.evidence.flows, 4);
    let (kernel, app) = {
        let reading = meter.reading(0);
        (reading.kernel_bytes.unwrap_or(0), reading.app_bytes)
    };
    assert!(app > 1_000_000, "{app}");
    assert!(stopped.bytes >= app && stopped.bytes >= kernel, "{} {kernel} {app}", stopped.bytes);
    let reports: Vec<u64> = run
        .side_messages
        .iter()
        .map(|message| match message {
            ServerMessage::Sender { bytes_sent, .. } => *bytes_sent,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(reports.len() >= 2 && reports.is_sorted(), "{reports:?}");
    let sender = stopped.sender.unwrap();
    if cfg!(target_os = "linux") {
        assert!(sender.segments_sent.unwrap() > 100 && sender.rtt_us.is_some(), "{sender:?}");
        let acked: u64 = stopped.series.kernel_bytes.unwrap().iter().sum();
        assert!(acked <= stopped.bytes && acked * 10 >= stopped.bytes * 9, "{acked} {}", stopped.bytes);
    }
    run.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_for_this_server_for_now_and_for_once() {
    let lab = Lab::start().await;
    let refused = async |token: String| lab.run_with(&token).await.unwrap_err();
    let good = lab.claims();
    let stranger = SecretKey::from_bytes(&[9; 32]);
    let wrong_server = TokenClaims { audience: "other".into(), ..lab.claims() };
    let expired = TokenClaims {
        issued_at: good.issued_at.plus_micros(-70_000_000),
        start_by: good.issued_at.plus_micros(-10_000_000),
        ..lab.claims()
    };
    let early = TokenClaims {
        issued_at: good.issued_at.plus_micros(30_000_000),
        start_by: good.issued_at.plus_micros(60_000_000),
        ..lab.claims()
    };
    let foreign = TokenClaims { issuer: stranger.public().text(), ..lab.claims() };
    let forged = token::issue(&lab.claims(), &stranger);
    for (token, status, kind) in [
        (lab.token(&wrong_server), 403, "token_audience"),
        (lab.token(&expired), 401, "token_expired"),
        (lab.token(&early), 401, "token_times"),
        (token::issue(&foreign, &stranger), 401, "token_unknown_issuer"),
        (forged, 401, "token_signature"),
        ("ispeed1.nonsense".into(), 401, "token_malformed"),
    ] {
        let refusal = refused(token).await;
        assert_eq!((refusal.status.as_u16(), refusal.kind.as_str()), (status, kind));
    }
    let run = lab.run(&good).await.unwrap();
    let again = refused(lab.token(&good)).await;
    assert_eq!((again.status, again.kind.as_str()), (StatusCode::FORBIDDEN, "token_used"));
    run.finish().await;
    assert_eq!(refused(lab.token(&good)).await.kind, "token_used", "after its run has ended too");
    let refusals = lab.measure.stats().snapshot().refused;
    assert!(refusals.contains(&("token_used", 2)) && refusals.contains(&("token_audience", 1)), "{refusals:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_flows_need_their_session_and_stay_within_the_token() {
    let lab = Lab::start().await;
    let claims = TokenClaims { max_streams: 2, ..lab.claims() };
    let mut run = lab.run(&claims).await.unwrap();
    let session = run.session.clone();
    let kind = async |session: &str, direction, number| lab.flow(session, direction, number).await.unwrap_err().kind;
    assert_eq!(kind("guess", "down", 0).await, "session");
    assert_eq!(kind(&session, "sideways", 0).await, "flow");
    assert_eq!(kind(&session, "down", 2).await, "flow");
    let _held = lab.flow(&session, "down", 1).await.unwrap();
    assert_eq!(kind(&session, "down", 1).await, "flow_open");
    let plain = http::Request::get("/v1/load/down/0")
        .header("host", "localhost")
        .header("authorization", format!("Bearer {session}"))
        .body(http_body_util::Empty::new())
        .unwrap();
    assert_eq!(lab.upgrade(plain).await.unwrap_err().status, StatusCode::UPGRADE_REQUIRED);
    run.tell(&ClientMessage::Start { direction: Direction::Up }).await;
    run.tell(&ClientMessage::Start { direction: Direction::Down }).await;
    assert_eq!(run.error().await, "protocol");
    timeout(PATIENCE, async {
        while lab.flow(&session, "up", 0).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the session ends with its control channel");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_keeps_reading_gets_its_budget_and_no_more() {
    let lab = Lab::start().await;
    let claims = TokenClaims { max_bytes_down: 3_000_000, ..lab.claims() };
    let mut run = lab.run(&claims).await.unwrap();
    run.start(Direction::Down).await;
    let mut plain_bytes = 0;
    let mut tasks = Vec::new();
    for mut stream in lab.go(&run, 8).await {
        tasks.push(tokio::spawn(async move {
            let (mut buffer, mut read) = (vec![0; 65_536], 0);
            loop {
                match stream.read(&mut buffer).await {
                    Ok(n) if n > 0 => read += n as u64,
                    // The end of the stream: the server has no more to give.
                    Ok(_) => return (stream, read),
                    Err(e) => panic!("expected an end in order: {e}"),
                }
            }
        }));
    }
    let mut held = Vec::new();
    for task in tasks {
        let (stream, read) = timeout(PATIENCE, task).await.unwrap().unwrap();
        plain_bytes += read;
        held.push(stream);
    }
    assert_eq!(plain_bytes, 3_000_000);
    let stopped = run.stop(Direction::Down).await;
    assert!((3_000_000..3_150_000).contains(&stopped.bytes), "{}", stopped.bytes);
    run.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_keeps_sending_is_cut_at_its_budget() {
    let lab = Lab::start().await;
    let claims = TokenClaims { max_bytes_up: 40_000_000, ..lab.claims() };
    let mut run = lab.run(&claims).await.unwrap();
    let (flows, _meter) = open_up(&lab, &run, 4).await;
    run.start(Direction::Up).await;
    let ended = timeout(PATIENCE, send_on(flows, u64::MAX, CancellationToken::new())).await.unwrap();
    assert!(ended.iter().all(|(_, end)| matches!(end, SendEnd::Broken(_))), "every flow was reset");
    let stopped = run.stop(Direction::Up).await;
    let read: u64 = stopped.series.app_bytes.iter().sum();
    // A flow that finds the rest granted to another for a moment ends a little early; none reads beyond.
    assert!((38_000_000..=40_000_000).contains(&read), "{read}");
    run.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_ends_with_its_seconds() {
    let lab = Lab::start().await;
    let claims = TokenClaims { max_seconds: 2, ..lab.claims() };
    let began = Instant::now();
    let mut run = lab.run(&claims).await.unwrap();
    run.start(Direction::Down).await;
    let mut tasks = Vec::new();
    for mut stream in lab.go(&run, 2).await {
        tasks.push(tokio::spawn(async move { drain(&mut stream, &CancellationToken::new()).await }));
    }
    for task in tasks {
        timeout(PATIENCE, task).await.unwrap().unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let stopped = run.stopped().await;
    check_evidence(&lab, &claims, &stopped, Direction::Down);
    assert_eq!(run.error().await, "budget");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_are_reserved_and_who_is_refused_keeps_the_token() {
    let lab = Lab::with(MeasureLimits { runs_max: 2, ..MeasureLimits::default() }, |_| {}).await;
    let first = lab.run(&lab.claims()).await.unwrap();
    let _second = lab.run(&lab.claims()).await.unwrap();
    let waiting = lab.claims();
    let asked = Instant::now();
    let refused = lab.run(&waiting).await.unwrap_err();
    assert_eq!((refused.status, refused.kind.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "busy"));
    assert!(refused.retry_after);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    first.finish().await;
    let run = timeout(PATIENCE, async {
        loop {
            if let Ok(run) = lab.run(&waiting).await {
                return run;
            }
            sleep(Duration::from_millis(10)).await;
        }
    });
    run.await.expect("the place is free again").finish().await;
}

/// What a UDP client receives within a wide margin of loopback's latency.
async fn answers(socket: &UdpSocket) -> Vec<Vec<u8>> {
    let mut buffer = [0; 2_048];
    let mut all = Vec::new();
    while let Ok(n) = timeout(Duration::from_millis(150), socket.recv(&mut buffer)).await {
        all.push(buffer[..n.unwrap()].to_vec());
    }
    all
}

fn request(run: &Run, train: u16, sequence: u32) -> EchoPacket {
    EchoPacket {
        kind: EchoKind::Request,
        train,
        echo_id: run.echo_id,
        sequence,
        client_send_us: 1_000 + u64::from(sequence),
        server_receive_us: 0,
        server_send_us: 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_echo_answers_valid_packets_and_nothing_else() {
    let lab = Lab::start().await;
    let run = lab.run(&lab.claims()).await.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(lab.udp).await.unwrap();
    let valid = request(&run, 3, 0).encode(&run.echo_key, ECHO_TRAIN_BYTES, b"");

    // Garbage of every length, each changed byte of a valid packet, each truncation, wrong kinds, a stranger's key.
    for len in (0..1_400).step_by(7) {
        let noise: Vec<u8> = (0..len).map(|i| (i * 31 + len) as u8).collect();
        socket.send(&noise).await.unwrap();
    }
    for i in 0..valid.len() {
        let mut changed = valid.clone();
        changed[i] ^= 0x40;
        socket.send(&changed).await.unwrap();
        socket.send(&valid[..i]).await.unwrap();
    }
    let reply_kind = EchoPacket { kind: EchoKind::Reply, ..request(&run, 3, 0) };
    socket.send(&reply_kind.encode(&run.echo_key, 100, b"")).await.unwrap();
    socket.send(&request(&run, 3, 0).encode(&[0; 32], 100, b"")).await.unwrap();
    let elsewhere = EchoPacket { echo_id: run.echo_id ^ 1, ..request(&run, 3, 0) };
    socket.send(&elsewhere.encode(&run.echo_key, 100, b"")).await.unwrap();
    assert_eq!(answers(&socket).await, Vec::<Vec<u8>>::new());

    // Valid ones: same length, own times, logged by train; two of ten never sent.
    for sequence in (0..10).filter(|n| *n != 4 && *n != 5) {
        socket.send(&request(&run, 3, sequence).encode(&run.echo_key, ECHO_TRAIN_BYTES, b"")).await.unwrap();
    }
    socket.send(&request(&run, 9, 7).encode(&run.echo_key, 64, b"")).await.unwrap();
    let replies = answers(&socket).await;
    assert_eq!(replies.len(), 9);
    for packet in &replies {
        let reply = EchoPacket::decode(packet, &run.echo_key).expect("a valid MAC");
        assert_eq!(reply.kind, EchoKind::Reply);
        assert_eq!(reply.client_send_us, 1_000 + u64::from(reply.sequence));
        assert_eq!(packet.len(), if reply.train == 3 { ECHO_TRAIN_BYTES } else { 64 });
        assert!(reply.server_receive_us > 0 && reply.server_receive_us <= reply.server_send_us, "{reply:?}");
    }
    let trains = run.finish().await;
    let expected =
        [EchoTrain { train: 3, received: vec![[0, 3], [6, 9]] }, EchoTrain { train: 9, received: vec![[7, 7]] }];
    assert_eq!(trains, expected);
    socket.send(&valid).await.unwrap();
    assert!(answers(&socket).await.is_empty(), "the session is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_need_a_valid_token_and_do_not_use_it_up() {
    let lab = Lab::start().await;
    let claims = lab.claims();
    let token = lab.token(&claims);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(lab.udp).await.unwrap();
    let header = EchoPacket {
        kind: EchoKind::Probe,
        train: 0,
        echo_id: 0,
        sequence: 1,
        client_send_us: 5,
        server_receive_us: 0,
        server_send_us: 0,
    };
    let probe = |token: &str| header.encode(&probe_key(token), 0, token.as_bytes());
    let elsewhere = lab.token(&TokenClaims { audience: "other".into(), ..lab.claims() });
    let forged = token::issue(&lab.claims(), &SecretKey::from_bytes(&[9; 32]));
    for bad in [elsewhere.as_str(), forged.as_str(), "", "ispeed1.x.y"] {
        socket.send(&probe(bad)).await.unwrap();
    }
    assert!(answers(&socket).await.is_empty());

    for _ in 0..20 {
        socket.send(&probe(&token)).await.unwrap();
    }
    let replies = answers(&socket).await;
    assert!(!replies.is_empty() && replies.len() < 20, "a few replies a token: {}", replies.len());
    for packet in &replies {
        assert!(packet.len() < probe(&token).len());
        let reply = EchoPacket::decode(packet, &probe_key(&token)).unwrap();
        assert_eq!((reply.kind, reply.sequence, reply.client_send_us), (EchoKind::ProbeReply, 1, 5));
    }
    lab.run(&claims).await.expect("the token is still good").finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fallback_echo_answers_with_the_same_packets() {
    let lab = Lab::start().await;
    let run = lab.run(&lab.claims()).await.unwrap();
    assert_eq!(lab.websocket("/v1/echo", "nobody").await.unwrap_err().kind, "session");
    let mut echo = lab.websocket("/v1/echo", &run.session).await.unwrap();
    for sequence in 0..3 {
        let packet = request(&run, 1, sequence).encode(&run.echo_key, 64, b"");
        echo.send(Message::binary(packet)).await.unwrap();
        let Some(Ok(Message::Binary(packet))) = timeout(PATIENCE, echo.next()).await.unwrap() else {
            panic!("expected a packet");
        };
        let reply = EchoPacket::decode(&packet, &run.echo_key).unwrap();
        assert_eq!((reply.kind, reply.sequence, packet.len()), (EchoKind::Reply, sequence, 64));
        assert!(reply.server_receive_us > 0);
    }
    echo.send(Message::binary(request(&run, 1, 9).encode(&[1; 32], 64, b""))).await.unwrap();
    let end = timeout(PATIENCE, echo.next()).await.unwrap();
    assert!(matches!(end, None | Some(Ok(Message::Close(_)) | Err(_))), "a wrong MAC ends it: {end:?}");
    assert!(run.finish().await.is_empty(), "only UDP is a train");
}

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
