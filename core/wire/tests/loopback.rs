//! Load connections over real loopback sockets, with TLS and without.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ispeed_wire::{
    Budget, DrainEnd, LoadSocket, LoadStream, Meter, Payload, Poller, SendEnd, SendLimits, drain, drain_load, send, tls,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

struct Ends {
    listener: TcpListener,
    tls: Option<(TlsAcceptor, TlsConnector)>,
}

impl Ends {
    async fn plain() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), tls: None }
    }

    async fn tls() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let server = tls::server_config(cert.pem().as_bytes(), signing_key.serialize_pem().as_bytes()).unwrap();
        let client = tls::client_config(Some(cert.pem().as_bytes())).unwrap();
        Self { tls: Some((TlsAcceptor::from(server), TlsConnector::from(client))), ..Self::plain().await }
    }

    /// Ends that have only these suites to agree on.
    async fn tls_of(suites: &[rustls::CipherSuite]) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let whole = tls::server_config(cert.pem().as_bytes(), signing_key.serialize_pem().as_bytes()).unwrap();
        let mut provider = tls::provider().as_ref().clone();
        provider.cipher_suites.retain(|suite| suites.contains(&suite.suite()));
        let versions: &[_] = if provider.cipher_suites.iter().any(|suite| suite.tls13().is_some()) {
            &[&rustls::version::TLS13]
        } else {
            &[&rustls::version::TLS12]
        };
        let mut server = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&whole.cert_resolver));
        server.enable_secret_extraction = whole.enable_secret_extraction;
        let client = tls::client_config(Some(cert.pem().as_bytes())).unwrap();
        let tls = Some((TlsAcceptor::from(Arc::new(server)), TlsConnector::from(client)));
        Self { tls, ..Self::plain().await }
    }

    /// A connected pair: client, server.
    async fn pair(&self) -> (LoadStream, LoadStream) {
        self.pair_with(TcpSocket::new_v4().unwrap()).await
    }

    /// The same, of this client.
    async fn pair_with(&self, client: TcpSocket) -> (LoadStream, LoadStream) {
        let addr = self.listener.local_addr().unwrap();
        let (client, server) = tokio::join!(client.connect(addr), self.listener.accept());
        let (client, server) = (LoadSocket::new(client.unwrap()), LoadSocket::new(server.unwrap().0));
        let Some((acceptor, connector)) = &self.tls else {
            return (LoadStream::Plain(client), LoadStream::Plain(server));
        };
        let name = tls::server_name("localhost").unwrap();
        let (client, server) = tokio::join!(connector.connect(name, client), acceptor.accept(server));
        (LoadStream::TlsClient(Box::new(client.unwrap())), LoadStream::TlsServer(Box::new(server.unwrap())))
    }
}

fn limits(bytes: u64) -> SendLimits {
    SendLimits {
        budget: Budget::new(bytes),
        deadline: tokio::time::Instant::now() + PATIENCE,
        progress_timeout: PATIENCE,
    }
}

/// Makes both ends have done their handshake, tickets included.
async fn settle(client: &mut LoadStream, server: &mut LoadStream) {
    server.write_all(b"hello").await.unwrap();
    server.flush().await.unwrap();
    let mut hello = [0; 5];
    client.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"hello");
}

async fn both_ends_count_the_same(ends: Ends, for_load: bool) {
    let (mut client, mut server) = ends.pair().await;
    settle(&mut client, &mut server).await;
    if for_load {
        (client, server) = (client.for_load().unwrap(), server.for_load().unwrap());
        assert_eq!((client.resumed(), server.resumed()), (Some(false), Some(false)));
    }
    let (sent, received) = (Meter::new(), Meter::new());
    sent.add(server.probe().clone());
    received.add(client.probe().clone());
    assert_eq!((received.loaded(), received.reading(0).app_bytes), (0, 0), "the handshake lies before the baseline");

    let draining = tokio::spawn(async move {
        let end = drain(&mut client, &CancellationToken::new()).await;
        (client, end)
    });
    let end = send(&mut server, &mut Payload::new().unwrap(), &limits(5_000_000), &CancellationToken::new()).await;
    assert!(matches!(end, SendEnd::Budget), "{end:?}");
    let counted = timeout(PATIENCE, async {
        while received.reading(0).app_bytes < sent.written_bytes() {
            sleep(Duration::from_millis(1)).await;
        }
    });
    counted.await.unwrap();
    let (written, reading, totals) = (sent.written_bytes(), received.reading(7), sent.totals());
    assert!((5_000_000..5_010_000).contains(&written), "{written}");
    assert_eq!((reading.t_us, reading.app_bytes), (7, written));
    if cfg!(target_os = "linux") {
        assert_eq!(reading.kernel_bytes, Some(written));
        let segments = reading.segments.unwrap();
        assert!(segments > 0 && segments <= written / 500, "{segments}");
        assert_eq!(totals.bytes_left(), Some(written));
        assert!(totals.rtt_us.is_some() && totals.send_mss_bytes.is_some() && totals.busy_us.is_some(), "{totals:?}");
    }

    // A closed flow keeps its last counters, at both ends.
    drop(server);
    let (client, end) = timeout(PATIENCE, draining).await.unwrap().unwrap();
    assert!(matches!(end, DrainEnd::Closed | DrainEnd::Broken(_)), "{end:?}");
    drop(client);
    assert_eq!((received.open(), received.loaded(), received.loaded_open()), (0, 1, 0));
    assert_eq!((received.receiving(), sent.receiving()), (1, 0), "what is written does not arrive here");
    assert_eq!(received.reading(7), reading);
    assert_eq!(sent.totals().bytes_left(), totals.bytes_left());
}

#[tokio::test]
async fn plain_ends_count_the_same() {
    both_ends_count_the_same(Ends::plain().await, false).await;
}

#[tokio::test]
async fn tls_ends_count_the_same() {
    both_ends_count_the_same(Ends::tls().await, false).await;
}

#[tokio::test]
async fn ends_that_handle_their_records_count_the_same() {
    both_ends_count_the_same(Ends::tls().await, true).await;
}

/// Each end by rustls and by the records alone: what one wrote the other reads, in every cipher.
#[tokio::test]
async fn records_are_those_of_rustls() {
    for suite in tls::provider().cipher_suites.iter().filter(|suite| suite.tls13().is_some()) {
        let ends = Ends::tls_of(&[suite.suite()]).await;
        for (client_records, server_records) in [(true, false), (false, true), (true, true)] {
            let (mut client, mut server) = ends.pair().await;
            settle(&mut client, &mut server).await;
            if client_records {
                client = client.for_load().unwrap();
            }
            if server_records {
                server = server.for_load().unwrap();
            }
            assert_eq!(matches!(client, LoadStream::Records(_)), client_records);
            // Three records and a part of one, then an end in order.
            let sent: Vec<u8> = (0..3 * 16_384 + 5_000_u32).map(|i| (i % 251) as u8).collect();
            let expected = sent.clone();
            let writing = tokio::spawn(async move {
                client.write_all(&sent).await.unwrap();
                client.shutdown().await.unwrap();
                let mut answer = Vec::new();
                client.read_to_end(&mut answer).await.unwrap();
                answer
            });
            let mut came = Vec::new();
            server.read_to_end(&mut came).await.unwrap();
            assert_eq!(came, expected, "{suite:?}");
            server.write_all(b"all of it").await.unwrap();
            server.shutdown().await.unwrap();
            let answer = timeout(PATIENCE, writing).await.unwrap().unwrap();
            assert_eq!(answer, b"all of it");
        }
    }
}

/// What is sent without a copy is random all the same: no record is like another.
#[tokio::test]
async fn records_of_a_load_differ() {
    let (mut client, mut server) = Ends::tls().await.pair().await;
    settle(&mut client, &mut server).await;
    let mut client = client.for_load().unwrap();
    let sending = tokio::spawn(async move {
        let end = send(&mut client, &mut Payload::new().unwrap(), &limits(1_000_000), &CancellationToken::new()).await;
        client.shutdown().await.unwrap();
        end
    });
    let mut came = Vec::new();
    timeout(PATIENCE, server.read_to_end(&mut came)).await.unwrap().unwrap();
    assert!(matches!(sending.await.unwrap(), SendEnd::Budget));
    assert_eq!(came.len(), 1_000_000, "the budget is exact");
    let records: std::collections::HashSet<&[u8]> = came.chunks(16).collect();
    assert_eq!(records.len(), came.len().div_ceil(16), "sixteen random bytes never come twice");
}

#[tokio::test]
async fn records_that_were_changed_or_do_not_belong_are_refused() {
    let ends = Ends::tls().await;
    // A byte of one record changed under way.
    let (mut client, mut server) = ends.pair().await;
    settle(&mut client, &mut server).await;
    let LoadStream::TlsServer(tls) = server else { unreachable!("a server with TLS") };
    let (mut raw, _) = tls.into_inner();
    let mut client = client.for_load().unwrap();
    let mut forged = vec![23, 3, 3, 0, 100];
    forged.extend([7; 100]);
    raw.write_all(&forged).await.unwrap();
    let end = drain(&mut client, &CancellationToken::new()).await;
    assert!(matches!(&end, DrainEnd::Broken(e) if e.kind() == std::io::ErrorKind::InvalidData), "{end:?}");

    // A length no record has.
    let (mut client, mut server) = ends.pair().await;
    settle(&mut client, &mut server).await;
    let LoadStream::TlsServer(tls) = server else { unreachable!("a server with TLS") };
    let (mut raw, _) = tls.into_inner();
    let mut client = client.for_load().unwrap();
    raw.write_all(&[23, 3, 3, 0xff, 0xff]).await.unwrap();
    let end = drain(&mut client, &CancellationToken::new()).await;
    assert!(matches!(&end, DrainEnd::Broken(e) if e.to_string().contains("65535")), "{end:?}");

    // Load that came before it was asked for.
    let (mut client, mut server) = ends.pair().await;
    settle(&mut client, &mut server).await;
    server.write_all(b"early and more").await.unwrap();
    server.flush().await.unwrap();
    client.read_exact(&mut [0; 5]).await.unwrap();
    assert!(client.for_load().unwrap_err().to_string().contains("9 bytes read"));
}

#[tokio::test]
async fn under_tls_12_rustls_keeps_its_records() {
    let ends = Ends::tls_of(&[rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]).await;
    let (mut client, mut server) = ends.pair().await;
    settle(&mut client, &mut server).await;
    let client = client.for_load().unwrap();
    assert!(matches!(client, LoadStream::TlsClient(_)));
}

#[tokio::test]
async fn a_reset_reaches_the_peer_although_probes_are_held() {
    let (client, mut server) = Ends::tls().await.pair().await;
    let probes = [client.probe().clone(), client.probe().clone()];
    let sending = tokio::spawn(async move {
        send(&mut server, &mut Payload::new().unwrap(), &limits(u64::MAX), &CancellationToken::new()).await
    });
    sleep(Duration::from_millis(50)).await;
    assert!(!sending.is_finished(), "nobody reads");
    client.reset();
    let began = Instant::now();
    let end = timeout(PATIENCE, sending).await.unwrap().unwrap();
    assert!(matches!(end, SendEnd::Broken(_)), "{end:?}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(!probes[0].is_open() && probes[1].set_reset_on_close().is_err());
}

#[tokio::test]
async fn a_peer_that_stops_reading_is_given_up_and_signals_are_obeyed() {
    let ends = Ends::plain().await;
    let (_client, mut server) = ends.pair().await;
    let hurried = SendLimits { progress_timeout: Duration::from_millis(200), ..limits(u64::MAX) };
    let mut payload = Payload::new().unwrap();
    let end = send(&mut server, &mut payload, &hurried, &CancellationToken::new()).await;
    assert!(matches!(end, SendEnd::Stalled), "{end:?}");

    let (_client, mut server) = ends.pair().await;
    let due = SendLimits { deadline: tokio::time::Instant::now() + Duration::from_millis(100), ..limits(u64::MAX) };
    let end = send(&mut server, &mut payload, &due, &CancellationToken::new()).await;
    assert!(matches!(end, SendEnd::Deadline), "{end:?}");

    let stop = CancellationToken::new();
    stop.cancel();
    let end = send(&mut server, &mut payload, &limits(u64::MAX), &stop).await;
    assert!(matches!(end, SendEnd::Stopped), "{end:?}");
}

#[tokio::test]
async fn a_peer_that_reads_slowly_is_waited_for() {
    let receiver = TcpSocket::new_v4().unwrap();
    // A large one would open its window again only when half of it was read, once in half a second.
    receiver.set_recv_buffer_size(32 * 1024).unwrap();
    let (mut client, mut server) = Ends::tls().await.pair_with(receiver).await;
    settle(&mut client, &mut server).await;
    server = server.for_load().unwrap();
    let reading = tokio::spawn(async move {
        let mut some = [0; 8 * 1024];
        while client.read(&mut some).await.is_ok_and(|n| n > 0) {
            sleep(Duration::from_millis(40)).await;
        }
    });
    // 128 KiB at 200 kB/s last longer than a peer that takes nothing is waited for.
    let hurried = SendLimits {
        progress_timeout: Duration::from_millis(500),
        deadline: tokio::time::Instant::now() + Duration::from_secs(4),
        ..limits(u64::MAX)
    };
    let end = send(&mut server, &mut Payload::new().unwrap(), &hurried, &CancellationToken::new()).await;
    assert!(matches!(end, SendEnd::Deadline), "{end:?}");
    server.reset();
    reading.await.unwrap();
}

#[tokio::test]
async fn a_receiver_ends_at_its_budget_and_at_its_deadline() {
    let ends = Ends::tls().await;
    for for_load in [false, true] {
        receiver_ends(&ends, for_load).await;
    }
}

async fn receiver_ends(ends: &Ends, for_load: bool) {
    let (mut client, mut server) = ends.pair().await;
    settle(&mut client, &mut server).await;
    if for_load {
        client = client.for_load().unwrap();
    }
    let sending = tokio::spawn(async move {
        send(&mut server, &mut Payload::new().unwrap(), &limits(u64::MAX), &CancellationToken::new()).await
    });
    let far = tokio::time::Instant::now() + PATIENCE;
    let before = client.probe().read_bytes();
    let end = drain_load(&mut client, &Budget::new(10_000_000), far, &CancellationToken::new()).await;
    assert!(matches!(end, DrainEnd::Budget), "{end:?}");
    let read = client.probe().read_bytes() - before;
    assert_eq!(read, 10_000_000);
    client.reset();
    assert!(matches!(timeout(PATIENCE, sending).await.unwrap().unwrap(), SendEnd::Broken(_)));

    let (mut client, _server) = ends.pair().await;
    let due = tokio::time::Instant::now() + Duration::from_millis(50);
    let end = drain_load(&mut client, &Budget::new(u64::MAX), due, &CancellationToken::new()).await;
    assert!(matches!(end, DrainEnd::Deadline), "{end:?}");
}

#[tokio::test]
async fn one_full_handshake_pays_for_the_flows_after_it() {
    let ends = Ends::tls().await;
    let (mut client, mut server) = ends.pair().await;
    settle(&mut client, &mut server).await;
    assert_eq!(client.resumed(), Some(false));
    let mut held = Vec::new();
    for flow in 0..16 {
        let (mut client, mut server) = ends.pair().await;
        settle(&mut client, &mut server).await;
        assert_eq!((client.resumed(), server.resumed()), (Some(true), Some(true)), "flow {flow}");
        held.push((client, server));
    }
}

#[tokio::test]
async fn certificates_are_checked() {
    let trusted = Ends::tls().await;
    let other = Ends::tls().await;
    let (acceptor, _) = trusted.tls.as_ref().unwrap();
    let (_, connector) = other.tls.as_ref().unwrap();
    let addr = trusted.listener.local_addr().unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(addr), trusted.listener.accept());
    let name = tls::server_name("localhost").unwrap();
    let (client, server) = tokio::join!(
        connector.connect(name, LoadSocket::new(client.unwrap())),
        acceptor.accept(LoadSocket::new(server.unwrap().0))
    );
    assert!(client.is_err() && server.is_err(), "a certificate of somebody else");
    assert!(tls::server_config(b"nothing", b"nothing").is_err());
    assert!(tls::client_config(Some(b"nothing")).unwrap_err().to_string().contains("CA file"));
    assert!(tls::server_name("[::1]").is_ok() && tls::server_name("a b").is_err());
}

#[test]
fn the_poller_keeps_its_pace_and_ends_when_told() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    let poller = Poller::spawn(Meter::new(), Instant::now(), move |reading| {
        seen.lock().unwrap().push(reading.t_us);
        ControlFlow::Continue(())
    })
    .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    poller.stop();
    let times = times.lock().unwrap();
    assert!(times.len() >= 5 && times.len() <= 31, "{times:?}");
    assert!(times.is_sorted());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn options_of_a_socket_owned_elsewhere() {
    let (client, server) = Ends::plain().await.pair().await;
    let probe = client.probe().clone();
    let names = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control").unwrap();
    for name in names.split_whitespace() {
        if probe.set_congestion_control(name).is_ok() {
            assert_eq!(probe.congestion_control().as_deref(), Some(name));
        }
    }
    assert!(probe.set_congestion_control("no-such").is_err());
    probe.set_notsent_lowat(65_536).unwrap();
    assert_eq!(probe.outstanding_bytes(), Some(0));
    drop((client, server));
    assert_eq!((probe.congestion_control(), probe.outstanding_bytes()), (None, None));
}

/// Not a check but a figure: what a poll of sixteen flows costs, as part of one core.
#[tokio::test]
#[ignore = "prints a figure"]
async fn cost_of_metering() {
    let ends = Ends::plain().await;
    let meter = Meter::new();
    let mut held = Vec::new();
    for _ in 0..16 {
        let (client, server) = ends.pair().await;
        meter.add(client.probe().clone());
        held.push((client, server));
    }
    const POLLS: u64 = 20_000;
    let before = ispeed_wire::sys::thread_cpu_us().unwrap();
    for t_us in 0..POLLS {
        std::hint::black_box(meter.reading(t_us));
    }
    let us = (ispeed_wire::sys::thread_cpu_us().unwrap() - before) as f64 / POLLS as f64;
    println!("a poll of 16 flows takes {us:.1} us of CPU: {:.3} % of a core at 100 polls a second", us / 100.0);
}
