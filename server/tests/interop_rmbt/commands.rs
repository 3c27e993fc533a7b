//! What the server does on a test connection.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use ispeed_server::interop::Interop;
use ispeed_server::server::Certificate;

use crate::client::{ACCEPT, Lab};

/// Chunks as a client sends them: zeros but for the last byte of the last.
fn upload(chunk_bytes: usize, chunks: usize) -> Vec<u8> {
    let mut bytes = vec![0; chunk_bytes * chunks];
    *bytes.last_mut().unwrap() = 0xFF;
    bytes
}

#[tokio::test]
async fn chunks_are_random_and_the_last_is_marked() {
    let lab = Lab::start().await;
    let mut talk = lab.open(&lab.token().await).await;
    let mut seen = HashSet::new();
    for (chunks, chunk_bytes) in [(1, 4_096), (8, 4_096), (2, 5_000), (3, 200_000), (2, 4_194_304)] {
        talk.command(&format!("GETCHUNKS {chunks} {chunk_bytes}")).await;
        for n in 1..=chunks {
            let chunk = talk.chunk(chunk_bytes).await;
            assert_eq!(chunk[chunk_bytes - 1], if n == chunks { 0xFF } else { 0x00 }, "{n} of {chunks}");
            let different: HashSet<&[u8]> = chunk[..4_000].chunks(8).collect();
            assert_eq!(different.len(), 500, "eight random bytes never come again");
            seen.insert(chunk[..16].to_vec());
        }
        talk.say("OK").await;
        assert!(talk.time().await > 0);
    }
    assert_eq!(seen.len(), 16, "no two chunks are alike");
    talk.quit().await;
}

#[tokio::test]
async fn a_size_once_named_holds_for_the_commands_after_it() {
    let lab = Lab::start().await;
    let mut talk = lab.open(&lab.token().await).await;
    for (command, chunk_bytes) in [("GETCHUNKS 1", 4_096), ("GETCHUNKS 1 6000", 6_000), ("GETCHUNKS 1", 6_000)] {
        talk.command(command).await;
        assert_eq!(talk.chunk(chunk_bytes).await[chunk_bytes - 1], 0xFF, "{command}");
        talk.say("OK").await;
        talk.time().await;
    }
    talk.quit().await;
}

#[tokio::test]
async fn a_download_takes_its_seconds_and_tells_them() {
    let lab = Lab::start().await;
    let mut talk = lab.open(&lab.token().await).await;
    let began = Instant::now();
    talk.command("GETTIME 1 65536").await;
    let mut chunks = 0u32;
    while *talk.chunk(65_536).await.last().unwrap() != 0xFF {
        chunks += 1;
    }
    talk.say("OK").await;
    let told = Duration::from_nanos(talk.time().await);
    let took = began.elapsed();
    assert!(chunks > 10, "{chunks}");
    assert!(told >= Duration::from_secs(1) && told <= took, "{told:?} of {took:?}");
    talk.quit().await;
}

#[tokio::test]
async fn a_ping_is_answered_and_timed_by_the_server() {
    let lab = Lab::start().await;
    let mut talk = lab.open(&lab.token().await).await;
    for wait in [Duration::ZERO, Duration::from_millis(120)] {
        talk.command("PING").await;
        assert_eq!(talk.line().await, "PONG");
        tokio::time::sleep(wait).await;
        talk.say("OK").await;
        let told = Duration::from_nanos(talk.time().await);
        assert!(told >= wait && told < wait + Duration::from_secs(5), "{told:?}");
    }
    talk.quit().await;
}

#[tokio::test]
async fn an_upload_without_reports_has_one_time() {
    let lab = Lab::start().await;
    let mut talk = lab.open(&lab.token().await).await;
    for (chunk_bytes, chunks) in [(4_096, 1), (20_480, 50), (524_288, 8)] {
        talk.command(&format!("PUTNORESULT {chunk_bytes}")).await;
        assert_eq!(talk.line().await, "OK");
        talk.send(&upload(chunk_bytes, chunks)).await;
        assert!(talk.time().await > 0);
    }
    // Chunks before OK, as some clients send a pre-test's.
    talk.command("PUTNORESULT 4096").await;
    talk.send(&upload(4_096, 3)).await;
    assert_eq!(talk.line().await, "OK");
    talk.time().await;
    talk.quit().await;
}

#[tokio::test]
async fn an_upload_with_reports_tells_bytes_and_does_not_flood() {
    let lab = Lab::start().await;
    let mut talk = lab.open(&lab.token().await).await;
    talk.command("PUT 4096").await;
    assert_eq!(talk.line().await, "OK");
    let began = Instant::now();
    let mut sent_chunks = 0u64;
    while began.elapsed() < Duration::from_millis(300) {
        talk.send(&[0; 4_096]).await;
        sent_chunks += 1;
    }
    talk.send(&upload(4_096, 1)).await;
    let (mut reports, mut last) = (0, (0, 0));
    let total_ns = loop {
        let line = talk.line().await;
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["TIME", ns, "BYTES", bytes] => {
                let now: (u64, u64) = (ns.parse().unwrap(), bytes.parse().unwrap());
                assert!(now.0 > last.0 && now.1 > last.1 && now.1.is_multiple_of(4_096), "{now:?} after {last:?}");
                (reports, last) = (reports + 1, now);
            }
            ["TIME", ns] => break ns.parse::<u64>().unwrap(),
            _ => panic!("{line}"),
        }
    };
    let most = total_ns / 10_000_000 + 1;
    assert!((3..=most).contains(&reports), "{reports} reports, at most {most}");
    assert!(last.0 <= total_ns && last.1 <= (sent_chunks + 1) * 4_096);
    talk.quit().await;
}

#[tokio::test]
async fn without_tls_the_client_is_told_so_and_served_the_same() {
    let lab = Lab::with(Certificate::Plain, vec![Interop::Rmbt]).await;
    let test = lab.ask("testRequest", &serde_json::json!({})).await;
    assert_eq!(test["test_server_encryption"], false);
    let mut talk = lab.open(test["test_token"].as_str().unwrap()).await;
    talk.command("GETCHUNKS 2 100000").await;
    assert_eq!(talk.chunk(100_000).await[99_999], 0x00);
    assert_eq!(talk.chunk(100_000).await[99_999], 0xFF);
    talk.say("OK").await;
    talk.time().await;
    talk.command("PUTNORESULT 100000").await;
    assert_eq!(talk.line().await, "OK");
    talk.send(&upload(100_000, 30)).await;
    talk.time().await;
    assert_eq!(talk.line().await, ACCEPT);
    talk.say("QUIT").await;
    assert_eq!(talk.line().await, "BYE");
}
