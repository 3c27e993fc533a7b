use super::*;
use crate::demo::link::goodput_bps;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn link(down_mbps: f64, up_mbps: f64, round_trip_ms: u64) -> Link {
    Link {
        down_bps: down_mbps * 1e6,
        up_bps: up_mbps * 1e6,
        round_trip: Duration::from_millis(round_trip_ms),
        ..Link::default()
    }
}

/// A relay before a fresh TCP listener and a UDP echo.
async fn setup(link: &Link) -> (Relay, TcpListener) {
    let listener = TcpListener::bind(LOCAL).await.unwrap();
    let echo = UdpSocket::bind(LOCAL).await.unwrap();
    let relay = Relay::start(LOCAL, listener.local_addr().unwrap(), echo.local_addr().unwrap(), link).unwrap();
    tokio::spawn(async move {
        let mut buffer = [0u8; 2_048];
        while let Ok((n, from)) = echo.recv_from(&mut buffer).await {
            let _ = echo.send_to(&buffer[..n], from).await;
        }
    });
    (relay, listener)
}

async fn pair(relay: &Relay, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let (client, server) = tokio::join!(TcpStream::connect(relay.address()), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

/// Fills `stream` until it fails.
fn flood(mut stream: TcpStream) -> tokio::task::JoinHandle<TcpStream> {
    tokio::spawn(async move {
        let block = vec![7u8; 64 * 1024];
        while stream.write_all(&block).await.is_ok() {}
        stream
    })
}

/// Payload bits a second that arrive on all `streams` together over `window`, after 400 ms.
async fn arrival_bps(streams: Vec<TcpStream>, window: Duration) -> (f64, Vec<u64>) {
    let from = Instant::now() + Duration::from_millis(400);
    let readers = streams.into_iter().map(|mut stream| async move {
        let (mut buffer, mut bytes) = (vec![0u8; 64 * 1024], 0u64);
        while let Ok(Ok(n)) = tokio::time::timeout_at(from + window, stream.read(&mut buffer)).await {
            if n == 0 {
                break;
            }
            if Instant::now() >= from {
                bytes += n as u64;
            }
        }
        bytes
    });
    let each = futures_util::future::join_all(readers).await;
    (each.iter().sum::<u64>() as f64 * 8.0 / window.as_secs_f64(), each)
}

/// Round trips in milliseconds of `count` datagrams, one each 20 ms; lost ones are left out.
async fn echo_ms(relay: &Relay, count: usize) -> Vec<f64> {
    let socket = UdpSocket::bind(LOCAL).await.unwrap();
    socket.connect(relay.address()).await.unwrap();
    let mut round_trips = Vec::new();
    let mut buffer = [0u8; 64];
    for i in 0..count {
        let sent = Instant::now();
        socket.send(&(i as u64).to_be_bytes()).await.unwrap();
        let answer = async {
            loop {
                let n = socket.recv(&mut buffer).await.unwrap();
                if buffer[..n] == (i as u64).to_be_bytes() {
                    return;
                }
            }
        };
        if timeout(Duration::from_secs(2), answer).await.is_ok() {
            round_trips.push(sent.elapsed().as_secs_f64() * 1e3);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    round_trips.sort_by(f64::total_cmp);
    round_trips
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_arrives_at_the_goodput_of_the_link_down() {
    let link = link(40.0, 20.0, 40);
    let (relay, listener) = setup(&link).await;
    let (client, server) = pair(&relay, &listener).await;
    let _server = flood(server);
    let (bps, _) = arrival_bps(vec![client], Duration::from_secs(1)).await;
    let ratio = bps / goodput_bps(link.down_bps);
    assert!((0.99..1.01).contains(&ratio), "{ratio}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_arrives_at_the_goodput_of_the_link_up_and_flows_share_it_fairly() {
    let link = link(40.0, 20.0, 40);
    let (relay, listener) = setup(&link).await;
    let mut servers = Vec::new();
    for _ in 0..4 {
        let (client, server) = pair(&relay, &listener).await;
        flood(client);
        servers.push(server);
    }
    let (bps, each) = arrival_bps(servers, Duration::from_secs(1)).await;
    let ratio = bps / goodput_bps(link.up_bps);
    assert!((0.99..1.01).contains(&ratio), "{ratio}");
    let (least, most) = (each.iter().min().unwrap(), each.iter().max().unwrap());
    assert!(*least as f64 > 0.8 * *most as f64, "{each:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_directions_are_links_of_their_own() {
    let link = link(30.0, 10.0, 20);
    let (relay, listener) = setup(&link).await;
    let (down_client, down_server) = pair(&relay, &listener).await;
    let (up_client, up_server) = pair(&relay, &listener).await;
    let _loads = (flood(down_server), flood(up_client));
    let window = Duration::from_secs(1);
    let ((down, _), (up, _)) =
        tokio::join!(arrival_bps(vec![down_client], window), arrival_bps(vec![up_server], window));
    assert!((0.985..1.015).contains(&(down / goodput_bps(link.down_bps))), "{down}");
    assert!((0.985..1.015).contains(&(up / goodput_bps(link.up_bps))), "{up}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn udp_sees_the_round_trip_when_idle_and_the_queue_under_tcp_load() {
    let link = link(20.0, 20.0, 40);
    let (relay, listener) = setup(&link).await;
    let idle = echo_ms(&relay, 15).await;
    assert_eq!(idle.len(), 15, "an idle link loses nothing");
    let median = idle[idle.len() / 2];
    assert!(idle[0] >= 40.0 && median < 60.0, "{idle:?}");

    let (client, server) = pair(&relay, &listener).await;
    let _server = flood(server);
    let reading = tokio::spawn(arrival_bps(vec![client], Duration::from_secs(4)));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let loaded = echo_ms(&relay, 8).await;
    let queue_ms = link.queue.as_secs_f64() * 1e3;
    assert!(loaded.len() >= 6, "TCP leaves room for datagrams: {loaded:?}");
    let grown = loaded[loaded.len() / 2] - median;
    assert!((0.8 * queue_ms..1.5 * queue_ms).contains(&grown), "idle {idle:?} loaded {loaded:?}");
    reading.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_is_passed_on_as_a_reset_after_the_delay() {
    let (relay, listener) = setup(&link(20.0, 20.0, 60)).await;
    for from_client in [true, false] {
        let (client, server) = pair(&relay, &listener).await;
        let (near, mut far) = if from_client { (client, server) } else { (server, client) };
        near.set_zero_linger().unwrap();
        let sent = Instant::now();
        drop(near);
        let error = far.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "from client: {from_client}");
        assert!(sent.elapsed() >= Duration::from_millis(30), "it takes the way of a packet");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_under_load_ends_the_sender() {
    let (relay, listener) = setup(&link(20.0, 20.0, 20)).await;
    let (mut client, server) = pair(&relay, &listener).await;
    let sender = flood(server);
    client.read_exact(&mut vec![0u8; 200_000]).await.unwrap();
    client.set_zero_linger().unwrap();
    drop(client);
    timeout(Duration::from_secs(5), sender).await.expect("the sender learns of the reset").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_of_stream_follows_the_data() {
    let (relay, listener) = setup(&link(20.0, 20.0, 20)).await;
    let (mut client, mut server) = pair(&relay, &listener).await;
    let sent: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
    server.write_all(&sent).await.unwrap();
    server.shutdown().await.unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, sent);
    client.write_all(b"still open").await.unwrap();
    drop(client);
    let mut back = String::new();
    server.read_to_string(&mut back).await.unwrap();
    assert_eq!(back, "still open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_holds_its_sender_back_and_harms_no_other_flow() {
    let link = link(20.0, 20.0, 20);
    let (relay, listener) = setup(&link).await;
    let (stalled, stalled_server) = pair(&relay, &listener).await;
    let _stalled_load = flood(stalled_server);
    tokio::time::sleep(Duration::from_millis(3_000)).await;
    let (client, server) = pair(&relay, &listener).await;
    let _load = flood(server);
    let (bps, _) = arrival_bps(vec![client], Duration::from_secs(1)).await;
    let ratio = bps / goodput_bps(link.down_bps);
    assert!(ratio > 0.9, "{ratio}");
    drop(stalled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_is_a_refused_connection() {
    let closed = TcpListener::bind(LOCAL).await.unwrap().local_addr().unwrap();
    let relay = Relay::start(LOCAL, closed, closed, &Link::default()).unwrap();
    let refused = match TcpStream::connect(relay.address()).await {
        Ok(mut client) => client.read_u8().await.is_err(),
        Err(_) => true,
    };
    assert!(refused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_for_udp_is_refused_when_it_was_asked_for() {
    let taken = UdpSocket::bind(LOCAL).await.unwrap();
    let asked = taken.local_addr().unwrap();
    let error = Relay::start(asked, asked, asked, &Link::default()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}
