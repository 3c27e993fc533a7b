//! Several collectors on one PostgreSQL, over HTTP: nothing lost, nothing doubled.
//!
//! `ISPEED_UPLOADS=100000` for the number of the full run; build with `--release` then.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]
#![allow(clippy::print_stdout, reason = "the rate is printed for people")]

mod common;
#[path = "common/postgres.rs"]
mod postgres_server;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{SignedBody, device, remote_evidence_key, sample, signed};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use ispeed_protocol::UtcMicros;
use ispeed_protocol::receipt::{Submitted, verify_chain};
use ispeed_protocol::servers::{ServerClass, ServerEntry, ServerList};
use ispeed_protocol::signing::PublicKey;
use ispeed_server::server::{Certificate, Config, Running, start};
use ispeed_server::store::{MonthQuery, Store, open};
use postgres_server::Postgres;
use uuid::Uuid;

/// A collector in a folder of its own, with keys of its own, on a database.
async fn collector(folder: &std::path::Path, database: &str) -> Running {
    let servers = ServerList {
        servers: vec![ServerEntry {
            id: "hcm-vnix-1".into(),
            name: "hcm-vnix-1".into(),
            place: "TP. Hồ Chí Minh".into(),
            host_network: "VNIX".into(),
            class: ServerClass::Vnix,
            url: "https://hcm-vnix-1.example".into(),
            udp_port: None,
            public_key: remote_evidence_key().public().text(),
        }],
    };
    std::fs::create_dir_all(folder).unwrap();
    let list = folder.join("servers.json");
    std::fs::write(&list, serde_json::to_vec(&servers).unwrap()).unwrap();
    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    let mut config = Config { certificate: Certificate::Plain, ..Config::new(listen, folder) };
    config.database = Some(database.to_owned());
    config.servers = Some(list);
    start(config).await.unwrap()
}

/// A client that keeps its connection, and makes another when it is lost.
struct Client {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    async fn once(&mut self, body: &SignedBody) -> Result<(u16, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let mut sender = match self.sender.take() {
            Some(sender) => sender,
            None => {
                let stream = tokio::net::TcpStream::connect(self.address).await?;
                let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                sender
            }
        };
        let (mut parts, _) = body.request().into_parts();
        parts.headers.insert("host", self.address.to_string().parse()?);
        let request = http::Request::from_parts(parts, Full::new(Bytes::from(body.bytes.clone())));
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await?.to_bytes();
        self.sender = Some(sender);
        Ok((status, bytes))
    }

    /// As a phone does: 503 and a lost connection mean later, anything else but a receipt is a fault.
    async fn put(&mut self, body: &SignedBody, retries: &AtomicUsize) -> Bytes {
        let began = Instant::now();
        loop {
            match self.once(body).await {
                Ok((200, bytes)) => return bytes,
                Ok((503, _)) | Err(_) => {
                    retries.fetch_add(1, Ordering::Relaxed);
                    assert!(began.elapsed() < Duration::from_secs(180), "it comes back");
                    tokio::time::sleep(Duration::from_millis(30)).await;
                }
                Ok((status, bytes)) => panic!("{status}: {}", String::from_utf8_lossy(&bytes)),
            }
        }
    }
}

/// The sample of a number: of one of 200 devices, five minutes after its last one.
fn body(n: usize, since: UtcMicros) -> SignedBody {
    let key = device((n % 200) as u8);
    let start = since.plus_micros(-((n / 200) as i64) * 5 * common::MINUTE_US);
    signed(&sample(n as u128, start, &key), &key)
}

/// Hands `uploads` samples to both collectors from many clients, each tenth to both at once, while `meanwhile` happens.
async fn hand_in(
    running: &[Running],
    uploads: usize,
    since: UtcMicros,
    meanwhile: impl Future<Output = ()>,
) -> BTreeMap<Uuid, Submitted> {
    let addresses: Vec<SocketAddr> = running.iter().map(|r| r.local_addrs()[0]).collect();
    let (next, retries) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (addresses, next, retries) = (addresses.clone(), Arc::clone(&next), Arc::clone(&retries));
            tokio::spawn(async move {
                let mut clients = [Client::new(addresses[0]), Client::new(addresses[1])];
                let mut given = Vec::new();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= uploads {
                        return given;
                    }
                    let body = body(n, since);
                    let answer = if n.is_multiple_of(10) {
                        let [one, two] = &mut clients;
                        let (first, second) = tokio::join!(one.put(&body, &retries), two.put(&body, &retries));
                        assert_eq!(first, second, "the same sample has one receipt, byte for byte");
                        first
                    } else {
                        clients[(n / 10) % 2].put(&body, &retries).await
                    };
                    let submitted: Submitted = serde_json::from_slice(&answer).unwrap();
                    submitted.receipt.covers(body.id, &body.bytes).unwrap();
                    given.push((body.id, submitted));
                }
            })
        })
        .collect();
    let began = Instant::now();
    meanwhile.await;
    let mut all = BTreeMap::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    let (seconds, retries) = (began.elapsed().as_secs_f64(), retries.load(Ordering::Relaxed));
    println!("{uploads} uploads in {seconds:.1} s, {:.0} a second, {retries} retries", uploads as f64 / seconds);
    all
}

/// What was answered is what is held: one receipt a sample, chains without gaps, tallies equal to a recount.
async fn is_whole(store: &dyn Store, given: &BTreeMap<Uuid, Submitted>, keys: &[PublicKey]) {
    let mut held = BTreeMap::new();
    let heads = store.chain_heads().await.unwrap();
    assert_eq!(heads.len(), keys.len(), "both took samples in");
    for head in heads {
        let key = PublicKey::parse(&head.key).unwrap();
        assert!(keys.contains(&key));
        let receipts = store.receipts(head.key, 0, u32::MAX >> 1).await.unwrap();
        assert_eq!((receipts[0].sequence, receipts.len() as u64), (1, head.sequence), "no gap");
        verify_chain(&receipts).unwrap();
        for receipt in receipts {
            assert!(held.insert(receipt.sample_id, receipt).is_none(), "one receipt a sample");
        }
    }
    assert_eq!(held.len(), given.len(), "nothing lost, nothing doubled");
    for (id, submitted) in given {
        assert_eq!(held.get(id), Some(&submitted.receipt));
    }
    let mut rows = Vec::new();
    let months: std::collections::BTreeSet<_> =
        given.values().map(|s| s.receipt.received_at.month()).flat_map(|m| [previous(m), m]).collect();
    for month in months {
        let mut recount: BTreeMap<(Option<String>, Option<String>), u32> = BTreeMap::new();
        let mut query = MonthQuery::new(month, 5_000);
        loop {
            let page = store.month_samples(query.clone()).await.unwrap();
            let Some(last) = page.last() else { break };
            query.after = Some(last.owned_order());
            for row in &page {
                *recount.entry((row.commune.clone(), row.reasons.first().cloned())).or_default() += 1;
            }
            rows.extend(page);
        }
        let mut tallied: BTreeMap<(Option<String>, Option<String>), u32> = BTreeMap::new();
        for tally in store.tallies(month, None).await.unwrap().tallies {
            *tallied.entry((tally.commune, tally.reason)).or_default() += tally.samples;
        }
        assert_eq!(tallied, recount, "{month}");
    }
    assert_eq!(rows.len(), given.len());
    for row in rows {
        let submitted = &given[&row.id];
        assert_eq!((row.counts, &row.reasons), (submitted.verdict.counts, &submitted.verdict.reasons));
        assert_eq!((&row.receipt_key, row.receipt_sequence), (&submitted.receipt.key, submitted.receipt.sequence));
    }
}

fn previous(month: ispeed_protocol::Month) -> ispeed_protocol::Month {
    month.start().plus_micros(-1).month()
}

fn uploads(usual: usize) -> usize {
    std::env::var("ISPEED_UPLOADS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn an_hour_ago() -> UtcMicros {
    UtcMicros(jiff::Timestamp::now().as_microsecond()).plus_micros(-60 * common::MINUTE_US)
}

fn public_key(running: &Running) -> PublicKey {
    running.collector().receipt_key()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL: cargo xtask store"]
async fn two_collectors_take_uploads_at_once_and_nothing_is_lost_or_doubled() {
    let server = Postgres::start();
    let database = server.database("uploads");
    let folder = tempfile::tempdir().unwrap();
    let running =
        [collector(&folder.path().join("a"), &database).await, collector(&folder.path().join("b"), &database).await];
    let given = hand_in(&running, uploads(600), an_hour_ago(), async {}).await;
    let store = open(Some(&database), folder.path()).await.unwrap();
    is_whole(&*store, &given, &[public_key(&running[0]), public_key(&running[1])]).await;
    for running in running {
        running.shutdown().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL: cargo xtask store"]
async fn uploads_go_on_after_the_database_crashed_in_the_middle() {
    let mut server = Postgres::start();
    let database = server.database("crash");
    let folder = tempfile::tempdir().unwrap();
    let running =
        [collector(&folder.path().join("a"), &database).await, collector(&folder.path().join("b"), &database).await];
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        server.crash();
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.start_again();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        server.cut_connections();
    };
    let given = hand_in(&running, uploads(600).min(5_000), an_hour_ago(), meanwhile).await;
    let store = open(Some(&database), folder.path()).await.unwrap();
    is_whole(&*store, &given, &[public_key(&running[0]), public_key(&running[1])]).await;
    for running in running {
        running.shutdown().await.unwrap();
    }
}
