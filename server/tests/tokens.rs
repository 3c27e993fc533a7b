//! `POST /v1/tokens`.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

mod common;

use std::time::Duration;

use axum::body::Body;
use common::{Answer, Options, World, at};
use http::Request;
use ispeed_protocol::signing::PublicKey;
use ispeed_protocol::token::{TokenResponse, verify};
use ispeed_server::collect::{Rate, TokenLimits};
use serde_json::{Value, json};

const SAMPLE: &str = "01a20738-1094-7c3e-9d21-000000000001";

async fn ask(world: &World, body: &Value) -> Answer {
    let request = Request::post("/v1/tokens").header("content-type", "application/json; charset=utf-8");
    world.send(request.body(Body::from(body.to_string())).unwrap()).await
}

fn device(n: u8) -> String {
    format!("{n:032x}")
}

#[tokio::test]
async fn one_token_for_each_known_server_with_the_budgets_of_the_method() {
    let world = World::new().await;
    let asked =
        json!({"sample_id": SAMPLE, "device_id": device(1), "servers": ["hcm-vnix-1", "local", "unknown", "local"]});
    let answer: TokenResponse = ask(&world, &asked).await.json();
    let servers: Vec<_> = answer.tokens.iter().map(|t| t.server.as_str()).collect();
    assert_eq!(servers, ["hcm-vnix-1", "local"]);
    let issuer = PublicKey::parse(&world.receipt_key()).unwrap();
    for granted in &answer.tokens {
        let now = answer.server_time;
        let claims = verify(&granted.token, std::slice::from_ref(&issuer), &granted.server, now).unwrap();
        assert_eq!(claims, granted.claims);
        assert_eq!(claims.start_by, now.plus_micros(60_000_000));
        assert!((250_000_000..=350_000_000).contains(&claims.max_bytes_down), "{}", claims.max_bytes_down);
        assert!((100_000_000..=150_000_000).contains(&claims.max_bytes_up), "{}", claims.max_bytes_up);
        assert!(claims.max_streams >= 16);
    }
    let (one, two) = (&answer.tokens[0].claims, &answer.tokens[1].claims);
    assert_ne!(one.id, two.id);

    let long: TokenResponse =
        ask(&world, &json!({"sample_id": SAMPLE, "device_id": device(1), "long": true})).await.json();
    assert_eq!(long.tokens.len(), 1, "no server named: the one that answers");
    assert_eq!(long.tokens[0].server, "local");
    assert!(long.tokens[0].claims.max_bytes_down > one.max_bytes_down);
    assert!(long.tokens[0].claims.max_seconds > one.max_seconds);
    assert_eq!(long.server_time, at("2026-11-23T08:00:00Z"));
}

#[tokio::test]
async fn wrong_requests_are_named() {
    let world = World::new().await;
    let too_many = ["a", "b", "c", "d", "e", "f"];
    for (body, kind, pointer) in [
        (json!({"sample_id": SAMPLE, "device_id": "x"}), "token_request_invalid", "/device_id"),
        (
            json!({"sample_id": SAMPLE, "device_id": device(1).to_uppercase().replace('0', "A")}),
            "token_request_invalid",
            "/device_id",
        ),
        (json!({"device_id": device(1)}), "token_request_invalid", "/sample_id"),
        (
            json!({"sample_id": SAMPLE, "device_id": device(1), "servers": too_many}),
            "token_request_invalid",
            "/servers",
        ),
        (json!({"sample_id": SAMPLE, "device_id": device(1), "servers": ["moon"]}), "server_unknown", "/servers"),
        (json!([]), "token_request_invalid", ""),
    ] {
        let answer = ask(&world, &body).await;
        assert_eq!(answer.problem(), (422, kind.into()), "{body}");
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    let long = json!({"sample_id": SAMPLE, "device_id": device(1), "padding": "x".repeat(5_000)});
    assert_eq!(ask(&world, &long).await.problem(), (413, "too_large".into()));
    let plain = Request::post("/v1/tokens").body(Body::from("{}")).unwrap();
    assert_eq!(world.send(plain).await.problem(), (415, "media_type".into()));
}

#[tokio::test]
async fn an_installation_is_limited_and_is_told_when_to_come_back() {
    let hour = Duration::from_secs(3_600);
    let token_limits =
        TokenLimits { device: Some(Rate { burst: 3, period: hour }), prefix: Rate { burst: 10, period: hour } };
    let world = World::with(Options { token_limits, ..Options::default() }).await;
    let asked = |n| json!({"sample_id": SAMPLE, "device_id": device(n)});
    for _ in 0..3 {
        assert_eq!(ask(&world, &asked(1)).await.status, 200);
    }
    let answer = ask(&world, &asked(1)).await;
    assert_eq!(answer.problem(), (429, "too_many_tokens".into()));
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=3_600).contains(&seconds), "{seconds}");
    assert_eq!(ask(&world, &asked(2)).await.status, 200, "a neighbour behind the same address");
    for n in 3..=7 {
        assert_eq!(ask(&world, &asked(n)).await.status, 200);
    }
    let answer = ask(&world, &asked(8)).await;
    assert_eq!(answer.problem().0, 429, "the ceiling of the network");
    let text = world.get("/metrics").await.text();
    assert!(text.contains("ispeed_token_requests_total{outcome=\"granted\"} 9"), "{text}");
    assert!(text.contains("ispeed_token_requests_total{outcome=\"limited_device\"} 1"));
    assert!(text.contains("ispeed_token_requests_total{outcome=\"limited_network\"} 1"));
}
