//! The echo over UDP and its fallback.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use ispeed_protocol::control::EchoTrain;
use ispeed_protocol::echo::{ECHO_TRAIN_BYTES, EchoKind, EchoPacket, probe_key};
use ispeed_protocol::signing::SecretKey;
use ispeed_protocol::token::{self, TokenClaims};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Lab, PATIENCE, Run};

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
    // The server forgets a session a moment after it has told its end.
    for attempt in 0.. {
        socket.send(&valid).await.unwrap();
        if answers(&socket).await.is_empty() {
            break;
        }
        assert!(attempt < 20, "the session is over");
    }
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
