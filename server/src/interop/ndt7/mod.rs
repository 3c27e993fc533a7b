//! ndt7, Measurement Lab's test (its specification, version 0.11): one WebSocket a direction.
//!
//! A download is messages of random bytes that double from 2^13 to 2^20 bytes while they are a sixteenth of what was
//! sent; an upload is the client's, counted. Either way this end tells what its kernel counts, at random times. No result
//! is kept.

mod download;
mod frame;
mod measurement;
mod upload;

use std::time::Duration;

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;
use ispeed_wire::{LoadStream, NOTSENT_LOWAT_BYTES};
use tokio::time::Instant;

use super::answers;
use super::query::parameter;
use crate::limits;
use crate::measure::{Connection, GuestLoad, Measure, names, upgrade};
use measurement::{Measurer, Test};

const DOWNLOAD: &str = "/ndt/v7/download";
const UPLOAD: &str = "/ndt/v7/upload";
const SUBPROTOCOL: &str = "net.measurementlab.ndt.v7";
/// The one value that `early_exit` may have: a download ends after so many MB.
const EARLY_EXIT: &str = "250";
const EARLY_EXIT_BYTES: u64 = 250_000_000;
/// Close frame of a test that went as it should: code 1000.
const NORMAL_CLOSURE: [u8; 2] = 1_000u16.to_be_bytes();
/// Time for a close that nobody waits for.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

pub(super) fn serves(path: &str) -> bool {
    [DOWNLOAD, UPLOAD].contains(&path)
}

/// A test on its raw connection.
#[derive(Debug)]
struct Run {
    measurer: Measurer,
    load: GuestLoad,
    /// Payload after which a download ends; the time ends it before where there is none.
    max_bytes: Option<u64>,
}

impl Run {
    /// When the test is over.
    fn end(&self) -> Instant {
        self.measurer.started + limits::NDT7_TIME
    }

    /// When the connection is cut.
    fn hard_end(&self) -> Instant {
        self.measurer.started + limits::NDT7_TIME_MAX
    }
}

pub(super) fn answer(measure: &Measure, request: Request<Incoming>, connection: Connection) -> Response<Body> {
    open(measure, request, connection).unwrap_or_else(|refusal| *refusal)
}

fn open(
    measure: &Measure,
    request: Request<Incoming>,
    connection: Connection,
) -> Result<Response<Body>, Box<Response<Body>>> {
    if request.method() != Method::GET {
        return Err(Box::new(answers::method(request.method(), "GET")));
    }
    let max_bytes = check(&request).map_err(|wrong| Box::new(answers::bad_request(wrong)))?;
    let mut response =
        upgrade::websocket_answer(&request).map_err(|refusal| Box::new(answers::bad_request(refusal.detail())))?;
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let load = measure.admit_guest(connection.peer.ip())?;
    let test = if request.uri().path() == UPLOAD { Test::Upload } else { Test::Download };
    if test == Test::Download {
        // Refused where the kernel has it not; the test goes on with the system's own.
        let _ = connection.probe.set_congestion_control(measure.wanted_congestion_control());
        let _ = connection.probe.set_notsent_lowat(NOTSENT_LOWAT_BYTES);
    }
    let on_upgrade = hyper::upgrade::on(request);
    let measure = measure.clone();
    tokio::spawn(async move {
        let ends = (connection.peer, connection.local);
        let Some(raw) = upgrade::raw(on_upgrade, connection.place).await else { return };
        let measurer = Measurer::new(test, raw.stream.probe().clone(), ends, measure.now());
        let run = Run { measurer, load, max_bytes };
        match test {
            Test::Download => download::serve(run, raw).await,
            Test::Upload => upload::serve(run, raw).await,
        }
    });
    Ok(response)
}

/// What the specification answers with 400; else the bytes after which a download is to end.
fn check(request: &Request<Incoming>) -> Result<Option<u64>, String> {
    let query = request.uri().query();
    if let Some(bytes) = query.map(str::len).filter(|bytes| *bytes > limits::NDT7_QUERY_MAX_BYTES) {
        return Err(format!("query: {bytes} bytes; expected at most {}", limits::NDT7_QUERY_MAX_BYTES));
    }
    if !names(request.headers(), header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err(format!("Sec-WebSocket-Protocol; expected {SUBPROTOCOL}"));
    }
    match parameter(query, "early_exit") {
        None => Ok(None),
        Some(EARLY_EXIT) => Ok(Some(EARLY_EXIT_BYTES)),
        Some(wrong) => Err(format!("early_exit: {wrong:?}; expected {EARLY_EXIT}")),
    }
}

/// The end of a connection: closed where the test came to its end, else reset, so that a peer that goes on is told.
async fn finish(mut stream: LoadStream, in_order: bool) {
    use tokio::io::AsyncWriteExt as _;

    if !in_order || !matches!(tokio::time::timeout(CLOSE_WAIT, stream.shutdown()).await, Ok(Ok(()))) {
        stream.reset();
    }
}
