//! Bodies of control requests.

use std::error::Error;

use axum::body::Body;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use tokio::time::timeout;

use super::control::Client;
use super::limits::{REQUEST_MAX_BYTES, RESULT_MAX_BYTES};
use super::wrong;
use crate::limits::BODY_DEADLINE;

type Refused = Box<Response<Body>>;

/// What the client says of itself.
pub(super) async fn client(body: Incoming) -> Result<Client, Refused> {
    let bytes =
        in_time(REQUEST_MAX_BYTES, async { Ok(Limited::new(body, REQUEST_MAX_BYTES).collect().await?.to_bytes()) });
    read(&bytes.await?)
}

/// Reads a result and keeps nothing of it.
pub(super) async fn forget(body: Incoming) -> Result<(), Refused> {
    in_time(RESULT_MAX_BYTES, async {
        let mut body = Limited::new(body, RESULT_MAX_BYTES);
        while let Some(frame) = body.frame().await {
            frame?;
        }
        Ok(())
    })
    .await
}

fn read(bytes: &Bytes) -> Result<Client, Refused> {
    serde_json::from_slice(bytes).map_err(|e| {
        let told = format!("not JSON of this request: {e}; expected an object with uuid and client as text");
        Box::new(wrong(StatusCode::BAD_REQUEST, "json", told))
    })
}

async fn in_time<T>(
    max_bytes: usize,
    reading: impl Future<Output = Result<T, Box<dyn Error + Send + Sync>>>,
) -> Result<T, Refused> {
    let refused = match timeout(BODY_DEADLINE, reading).await {
        Ok(Ok(read)) => return Ok(read),
        Ok(Err(e)) if e.is::<LengthLimitError>() => {
            wrong(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("expected at most {max_bytes} bytes"))
        }
        Ok(Err(e)) => wrong(StatusCode::BAD_REQUEST, "body", format!("{e}; expected a whole body")),
        Err(_) => {
            let told = format!("not complete after {} s; expected a whole body", BODY_DEADLINE.as_secs());
            wrong(StatusCode::REQUEST_TIMEOUT, "timeout", told)
        }
    };
    Err(Box::new(refused))
}
