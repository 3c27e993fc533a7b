//! Who gets in: tokens, sessions, places.

use std::time::{Duration, Instant};

use http::StatusCode;
use ispeed_protocol::control::ClientMessage;
use ispeed_protocol::direction::Direction;
use ispeed_protocol::signing::SecretKey;
use ispeed_protocol::token::{self, TokenClaims};
use ispeed_server::measure::MeasureLimits;
use tokio::time::{sleep, timeout};

use crate::client::{Lab, PATIENCE};

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
