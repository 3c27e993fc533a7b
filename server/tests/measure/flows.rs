//! Load flows of the test client.

use std::time::Duration;

use ispeed_protocol::direction::Direction;
use ispeed_protocol::evidence::series_sha256;
use ispeed_protocol::token::TokenClaims;
use ispeed_wire::{Budget, LoadStream, Meter, Payload, SendEnd, SendLimits, send};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::client::{Lab, PATIENCE, Run, Stopped};

/// Sends on all flows until a budget is used up or `stop`; the streams come back.
pub(crate) async fn send_on(flows: Vec<LoadStream>, bytes: u64, stop: CancellationToken) -> Vec<(LoadStream, SendEnd)> {
    let budget = Budget::new(bytes);
    let tasks: Vec<_> = flows
        .into_iter()
        .map(|mut stream| {
            let limits = SendLimits {
                budget: budget.clone(),
                deadline: tokio::time::Instant::now() + PATIENCE,
                progress_timeout: PATIENCE,
            };
            let stop = stop.clone();
            tokio::spawn(async move {
                let end = send(&mut stream, &mut Payload::new().unwrap(), &limits, &stop).await;
                (stream, end)
            })
        })
        .collect();
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await.unwrap());
    }
    ended
}

pub(crate) async fn open_up(lab: &Lab, run: &Run, flows: u8) -> (Vec<LoadStream>, Meter) {
    let meter = Meter::new();
    let mut streams = Vec::new();
    for number in 0..flows {
        let stream = lab.flow(&run.session, "up", number).await.unwrap();
        meter.add(stream.probe().clone());
        streams.push(stream);
    }
    (streams, meter)
}

/// Waits until the peer's kernel has everything.
pub(crate) async fn delivered(flows: &[(LoadStream, SendEnd)]) {
    for (stream, _) in flows {
        while stream.probe().outstanding_bytes().is_some_and(|bytes| bytes > 0) {
            sleep(Duration::from_millis(2)).await;
        }
    }
}

pub(crate) fn check_evidence(lab: &Lab, claims: &TokenClaims, stopped: &Stopped, direction: Direction) {
    let evidence = &stopped.evidence;
    evidence.verify().unwrap();
    assert_eq!(evidence.key, lab.measure.evidence_public_key().text());
    assert_eq!((evidence.token_id, evidence.sample_id), (claims.id, claims.sample_id));
    assert_eq!((evidence.direction, evidence.bytes), (direction, stopped.bytes));
    assert_eq!(evidence.series_sha256, series_sha256(&stopped.series));
    assert_eq!(evidence.network_prefix, "127.0.0.0/24");
    assert!(evidence.started_at <= evidence.ended_at);
    assert!(evidence.started_at >= claims.issued_at);
}
