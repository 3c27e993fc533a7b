//! Load: counted right at both ends, within what the token allows.

use std::time::{Duration, Instant};

use ispeed_protocol::control::ServerMessage;
use ispeed_protocol::direction::Direction;
use ispeed_protocol::token::TokenClaims;
use ispeed_wire::{LoadStream, Meter, SendEnd, drain};
use tokio::io::AsyncReadExt as _;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::{Lab, PATIENCE};
use crate::flows::{check_evidence, delivered, open_up, send_on};

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
    assert!(series.t_us.windows(2).take(arrivals.len() - 1).all(|w| w[1] - w[0] >= 45_000), "{:?}", series.t_us);
    assert_eq!(lab.measure.stats().snapshot().bytes_received, sent);
    run.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flows_that_are_open_and_silent_carry_no_load() {
    let lab = Lab::start().await;
    let mut run = lab.run(&lab.claims()).await.unwrap();
    let (mut flows, _) = open_up(&lab, &run, 4).await;
    run.start(Direction::Up).await;
    let silent = flows.split_off(1);
    let ended = send_on(flows, 200_000, CancellationToken::new()).await;
    delivered(&ended).await;
    ended.into_iter().for_each(|(stream, _)| stream.reset());
    silent.into_iter().for_each(LoadStream::reset);
    let stopped = run.stop(Direction::Up).await;
    assert_eq!(stopped.evidence.flows, 1);
    assert!(stopped.series.flow_steps.iter().all(|step| step.flows <= 1), "{:?}", stopped.series.flow_steps);
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
    let claims = TokenClaims { max_bytes_up: 400_000_000, ..lab.claims() };
    let mut run = lab.run(&claims).await.unwrap();
    let (flows, _meter) = open_up(&lab, &run, 4).await;
    run.start(Direction::Up).await;
    let ended = timeout(PATIENCE, send_on(flows, u64::MAX, CancellationToken::new())).await.unwrap();
    assert!(ended.iter().all(|(_, end)| matches!(end, SendEnd::Broken(_))), "every flow was reset");
    let stopped = run.stop(Direction::Up).await;
    let read: u64 = stopped.series.app_bytes.iter().sum();
    // The bin of the cut is not in the series, and a flow that finds the rest granted to another for a moment ends a little
    // early; none reads beyond.
    assert!((250_000_000..=400_000_000).contains(&read), "{read}");
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
