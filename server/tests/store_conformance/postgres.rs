//! The store in PostgreSQL: the suite, and what only a server and several collectors can do wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ispeed_protocol::receipt::verify_chain;
use ispeed_protocol::signing::SecretKey;
use ispeed_server::store::{Known, MonthQuery, PostgresStore, Store, StoreError, Submission, open};
use uuid::Uuid;

use super::postgres_server::{Postgres, give_to_server};
use super::support::*;

async fn connect(address: &str) -> Arc<dyn Store> {
    open(Some(address), std::path::Path::new("/nowhere")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL: cargo xtask store"]
async fn postgres_keeps_every_promise() {
    let server = Postgres::start();
    let made = AtomicUsize::new(0);
    super::suite(|| {
        let address = server.database(&format!("suite_{}", made.fetch_add(1, Ordering::Relaxed)));
        async move { connect(&address).await }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL: cargo xtask store"]
async fn stores_on_one_database_share_chains_devices_and_months() {
    let server = Postgres::start();
    let address = server.database("shared");
    // They start together: one makes the tables, the others wait.
    let opened = (0..4).map(|_| {
        let address = address.clone();
        tokio::spawn(async move { connect(&address).await })
    });
    let mut stores = Vec::new();
    for task in opened.collect::<Vec<_>>() {
        stores.push(task.await.unwrap());
    }
    // Two stores of one key, two of keys of their own; every sample is handed to all four; eight devices; five months.
    let keys = [key(), key(), SecretKey::from_bytes(&[6; 32]), SecretKey::from_bytes(&[7; 32])];
    let tasks: Vec<_> = (0..12_usize)
        .map(|task| {
            let (store, key) = (Arc::clone(&stores[task % 4]), keys[task % 4].clone());
            tokio::spawn(async move {
                for i in 0..40_u128 {
                    let n = (i + task as u128 * 13) % 40;
                    let month = november().start().plus_micros((n as i64 % 5) * 31 * 24 * 60 * MINUTE_US);
                    let mut one = sample(n, &format!("d{}", n % 8), Some("25195"), month);
                    one.facts.received_at = november().start();
                    loop {
                        match store.submit(key.public().text(), one.clone(), decide_by(&one, None, &key)).await {
                            Ok(_) => break,
                            Err(StoreError::Busy) => tokio::task::yield_now().await,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut receipts = 0;
    for key in &keys[1..] {
        let chain = stores[0].receipts(key.public().text(), 0, 1_000).await.unwrap();
        verify_chain(&chain).unwrap();
        assert!(chain.first().is_none_or(|first| first.sequence == 1));
        receipts += chain.len();
    }
    assert_eq!(receipts, 40, "each id has one receipt, whoever took it in");
    assert_eq!(stores[0].export(0, 100).await.unwrap().len(), 40);
    let november = stores[3].tallies(november(), None).await.unwrap();
    assert_eq!(sums(&november).values().sum::<u32>(), 8);
    let parts = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname LIKE 'body_20%' AND relkind = 'r'";
    assert_eq!(server.sql("shared", parts), "body_2026_11 body_2026_12", "far months share the part `other`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL: cargo xtask store"]
async fn of_one_device_one_sample_is_judged_at_a_time() {
    let server = Postgres::start();
    let address = server.database("standing");
    let stores = [connect(&address).await, connect(&address).await];
    let tasks: Vec<_> = (0..40_u128)
        .map(|n| {
            let store = Arc::clone(&stores[n as usize % 2]);
            // Chains apart: nothing but the device keeps them in line.
            let key = SecretKey::from_bytes(&[10 + (n % 2) as u8; 32]);
            tokio::spawn(async move {
                let one = sample(n, "a", Some("25195"), start().plus_micros(n as i64));
                let inner = decide_by(&one, None, &key);
                let (seen, standing) = std::sync::mpsc::channel();
                let spying: ispeed_server::store::Decide = Box::new(move |standing| {
                    seen.send(standing.counted_nearby.len()).unwrap();
                    inner(standing)
                });
                store.submit(key.public().text(), one, spying).await.unwrap();
                standing.recv().unwrap()
            })
        })
        .collect();
    let mut seen = Vec::new();
    for task in tasks {
        seen.push(task.await.unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..40).collect::<Vec<_>>(), "each saw all that came before it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL: cargo xtask store"]
async fn what_got_a_receipt_is_there_after_the_database_crashed() {
    let mut server = Postgres::start();
    let store = connect(&server.database("crash")).await;
    let kept = Arc::new(AtomicUsize::new(0));
    let writing = {
        let (store, kept) = (Arc::clone(&store), Arc::clone(&kept));
        tokio::spawn(async move {
            let (mut given, mut failed) = (Vec::new(), Vec::new());
            for n in 0.. {
                let one = sample(n, &format!("d{n}"), Some("25195"), start());
                match store.submit(chain_key(), one.clone(), decide(&one, None)).await {
                    Ok(Submission::Stored(held)) => {
                        given.push((n, held));
                        kept.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(known) => panic!("{known:?}"),
                    Err(StoreError::Unreachable { database, .. }) => {
                        assert!(database.ends_with("/crash"), "{database}");
                        failed.push(one);
                        if failed.len() == 3 {
                            break;
                        }
                    }
                    Err(other) => panic!("one kind of error: {other}"),
                }
            }
            (given, failed)
        })
    };
    // In the middle of it, however slow the machine is.
    while kept.load(Ordering::Relaxed) < 20 && !writing.is_finished() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    server.crash();
    let (given, failed) = writing.await.unwrap();
    assert!(!given.is_empty(), "it was writing when the power went");
    assert!(matches!(store.check().await, Err(StoreError::Unreachable { .. })));
    server.start_again();
    for (n, held) in &given {
        let found = store.find(Uuid::from_u128(*n)).await.unwrap();
        assert_eq!(found, Some(Known::Held(held.clone())), "sample {n}");
    }
    // Clients hand in again what got no receipt; a commit whose answer was lost is found.
    for one in &failed {
        keep(&*store, one, None).await;
    }
    let receipts = chain(&*store).await;
    verify_chain(&receipts).unwrap();
    assert_eq!(receipts.len(), given.len() + failed.len(), "nothing lost, doubled or half-written");
    let tallied = sums(&store.tallies(november(), None).await.unwrap()).values().sum::<u32>();
    assert_eq!(tallied as usize, receipts.len());
    let rows = store.month_samples(MonthQuery::new(november(), 100_000)).await.unwrap();
    assert_eq!(rows.len(), receipts.len());

    // An administrator ends the connections: the next call makes new ones.
    server.cut_connections();
    let one = sample(u128::MAX, "z", None, start());
    let mut attempts = 0;
    while store.submit(chain_key(), one.clone(), decide(&one, None)).await.is_err() {
        attempts += 1;
        assert!(attempts < 10, "it connects again");
    }
    store.check().await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask store"]
async fn a_foreign_newer_or_absent_database_is_refused_and_left_alone() {
    let mut server = Postgres::start();
    let refused = |address: String| async move { PostgresStore::open(&address).await.err().unwrap() };
    let foreign = server.database("others");
    server.sql("others", "CREATE TABLE song (title text)");
    let error = refused(foreign).await;
    assert!(matches!(error, StoreError::Foreign(_)), "{error}");
    assert_eq!(server.sql("others", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1");

    let newer = server.database("newer");
    connect(&newer).await.close().await.unwrap();
    server.sql("newer", "UPDATE ispeed_schema SET version = 99");
    let error = refused(newer).await;
    assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error}");

    let error = refused(server.address("nosuch")).await.to_string();
    assert!(error.contains("nosuch") && error.contains("does not exist"), "{error}");
    server.stop();
    let error = refused(server.address("newer")).await;
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask store"]
async fn the_connection_is_encrypted_and_the_certificate_verified() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let settings = ["ssl=on", &format!("port={port}"), "listen_addresses=localhost"];
    let server = Postgres::with(&settings, |data| {
        use std::os::unix::fs::PermissionsExt;
        for (name, text) in [("server.crt", &cert), ("server.key", &key)] {
            let path = data.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            give_to_server(&path);
        }
    });
    let roots = server.folder().join("roots.pem");
    std::fs::write(&roots, &cert).unwrap();
    let address = format!("postgres://ispeed@localhost:{port}/postgres");
    let trusted = format!("{address}?sslmode=require&sslrootcert={}", roots.display());
    let store = PostgresStore::open(&trusted).await.unwrap();
    let ssl =
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'ispeed'";
    assert_ne!(server.sql("postgres", ssl), "0");
    store.close().await.unwrap();
    let error = PostgresStore::open(&format!("{address}?sslmode=require")).await.err().unwrap().to_string();
    assert!(error.contains("certificate"), "nobody vouches for it: {error}");
}
