//! What the server does not take: one line that says why, and the end.

use std::time::{Duration, Instant};

use ispeed_server::interop::Interop;
use tokio::time::{sleep, timeout};

use crate::client::{Lab, PATIENCE, UPGRADE};

#[tokio::test]
async fn a_wrong_token_opens_nothing() {
    let (lab, other) = (Lab::start().await, Lab::start().await);
    let token = lab.token().await;
    let (signed, mac) = token.rsplit_once('_').unwrap();
    let (test, issued) = signed.split_once('_').unwrap();
    let later = issued.parse::<u64>().unwrap() + 1;
    for wrong in [
        String::new(),
        "x".to_owned(),
        other.token().await,
        format!("{test}_{later}_{mac}"),
        format!("{}_{issued}_{mac}", lab.token().await.split_once('_').unwrap().0),
        format!("{signed}_"),
    ] {
        let mut talk = lab.greeted().await;
        talk.say(&format!("TOKEN {wrong}")).await;
        let told = talk.refusal().await;
        assert!(told.starts_with("ERR token: not of this server"), "{wrong}: {told}");
    }
    lab.open(&token).await.quit().await;
}

#[tokio::test]
async fn nothing_is_served_before_the_token() {
    let lab = Lab::start().await;
    for line in ["GETTIME 1", "PING", "", "TOKEN", "token x"] {
        let mut talk = lab.greeted().await;
        talk.say(line).await;
        let told = talk.refusal().await;
        assert!(told.contains(&format!("\"{line}\" after the greeting; expected TOKEN")), "{told}");
    }
    let mut talk = lab.greeted().await;
    talk.say("QUIT").await;
    assert_eq!(talk.line().await, "BYE");
    assert_eq!(talk.line_or_end().await, None);
}

#[tokio::test]
async fn a_bad_command_gets_one_line_and_the_end() {
    let lab = Lab::start().await;
    let token = lab.token().await;
    for (line, told) in [
        ("", "command \"\""),
        ("DROP TABLE samples", "command \"DROP TABLE samples\""),
        ("TOKEN again", "command \"TOKEN again\""),
        ("GETTIME", "GETTIME: 0 arguments"),
        ("GETTIME 31", "GETTIME: seconds \"31\"; expected a whole number from 1 to 30"),
        ("GETTIME 7 9999999", "GETTIME: chunk size \"9999999\"; expected a whole number from 4096 to 4194304"),
        ("GETCHUNKS 1000 4194304", "GETCHUNKS: 4194304000 bytes"),
        ("PUT 12", "PUT: chunk size \"12\""),
        ("PING now", "PING: 1 arguments"),
        ("\u{7}", "command \"\\u{7}\""),
    ] {
        let mut talk = lab.open(&token).await;
        talk.command(line).await;
        let refusal = talk.refusal().await;
        assert!(refusal.starts_with(&format!("ERR {told}")), "{line}: {refusal}");
    }
}

#[tokio::test]
async fn a_line_without_end_or_text_is_refused() {
    let lab = Lab::start().await;
    let token = lab.token().await;
    let mut talk = lab.open(&token).await;
    talk.command(&"A".repeat(300)).await;
    assert!(talk.refusal().await.contains("line longer than 256 bytes"));
    let mut talk = lab.greeted().await;
    talk.send(&[b'A'; 100_000]).await;
    assert!(talk.refusal().await.contains("line longer than 256 bytes"));
    let mut talk = lab.greeted().await;
    talk.send(b"TOKEN \xff\xfe\n").await;
    assert!(talk.refusal().await.contains("not ASCII"));
}

#[tokio::test]
async fn answers_that_do_not_fit_are_refused() {
    let lab = Lab::start().await;
    let token = lab.token().await;
    let mut talk = lab.open(&token).await;
    talk.command("PING").await;
    assert_eq!(talk.line().await, "PONG");
    talk.say("KO").await;
    assert!(talk.refusal().await.contains("\"KO\" after PONG; expected OK"));

    let mut talk = lab.open(&token).await;
    talk.command("GETCHUNKS 1").await;
    talk.chunk(4_096).await;
    talk.say("QUIT").await;
    assert!(talk.refusal().await.contains("\"QUIT\" after the last chunk; expected OK"));

    let mut talk = lab.open(&token).await;
    talk.command("PUTNORESULT 4096").await;
    assert_eq!(talk.line().await, "OK");
    talk.send_perhaps(&[b'U'; 300_000]).await;
    assert!(talk.refusal().await.contains("last byte of a chunk 0x55; expected 0x00"));
}

#[tokio::test]
async fn a_token_opens_so_many_connections_at_once() {
    let lab = Lab::start().await;
    let token = lab.token().await;
    let mut open = Vec::new();
    for _ in 0..22 {
        open.push(lab.open(&token).await);
    }
    let mut talk = lab.greeted().await;
    talk.say(&format!("TOKEN {token}")).await;
    assert!(talk.refusal().await.contains("22 connections open"));
    lab.open(&lab.token().await).await.quit().await;
    open.pop().unwrap().quit().await;
    lab.open(&token).await.quit().await;
}

#[tokio::test]
async fn a_test_takes_one_of_the_servers_places() {
    let lab = Lab::configured(|config| {
        config.interop = vec![Interop::Rmbt];
        config.measure_limits.runs_max = 0;
    })
    .await;
    lab.token().await;
    let request = UPGRADE.replace("Connection: Upgrade", "Connection: Upgrade, close");
    let (status, told) = lab.request(request.as_bytes()).await;
    assert_eq!(status, 503, "{told}");
    assert!(told.contains("all places for tests are taken"), "{told}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let lab = Lab::start().await;
    let mut talk = lab.open(&lab.token().await).await;
    talk.command("GETTIME 30 65536").await;
    let stats = lab.running.as_ref().unwrap().measure().stats().clone();
    assert_eq!(stats.snapshot().flows_stalled, 0);
    let began = Instant::now();
    while stats.snapshot().flows_stalled == 0 {
        assert!(began.elapsed() < Duration::from_secs(25), "sending to nobody");
        sleep(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() >= Duration::from_secs(14), "{:?}", began.elapsed());
    assert!(stats.snapshot().bytes_sent > 65_536);
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let lab = Lab::start().await;
    let began = Instant::now();
    let told = lab.greeted().await.refusal().await;
    assert!(told.contains("no line for 15 s"), "{told}");
    assert!(began.elapsed() >= Duration::from_secs(14), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_server_ends_after_the_test_that_runs() {
    let mut lab = Lab::start().await;
    let mut talk = lab.open(&lab.token().await).await;
    talk.command("GETTIME 1 65536").await;
    talk.chunk(65_536).await;
    let ended = tokio::spawn(lab.running.take().unwrap().shutdown());
    while *talk.chunk(65_536).await.last().unwrap() != 0xFF {}
    talk.say("OK").await;
    assert!(talk.time().await >= 1_000_000_000);
    talk.quit().await;
    timeout(PATIENCE, ended).await.expect("nothing is waited for any more").unwrap().unwrap();
}
