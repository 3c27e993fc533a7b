//! `PUT /v1/samples/{id}`: a sample comes in, a receipt goes out.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ispeed_protocol::evidence::evidence_sha256;
use ispeed_protocol::identity::{SAMPLE_DOMAIN, SIGNATURE_HEADER};
use ispeed_protocol::problem::{FieldError, Problem};
use ispeed_protocol::receipt::{Receipt, ReceiptKind, Submitted};
use ispeed_protocol::sample::Sample;
use ispeed_protocol::signing::{PublicKey, SecretKey, sha256_hex};
use ispeed_protocol::validate::validate;
use ispeed_protocol::{PROTOCOL_VERSION, UtcMicros};
use uuid::Uuid;

use super::body::{self, Media};
use super::error::ApiError;
use super::judge::Findings;
use super::metrics::SampleOutcome;
use super::prefix::PeerAddress;
use super::{Collector, parse};
use crate::facts::{self, Found};
use crate::limits;
use crate::store::{ChainLink, Decide, Decision, Held, Known, NewSample, Submission};

/// Hand in a sample. The same body again is answered with the identical receipt.
#[utoipa::path(
    put, path = "/v1/samples/{id}", tag = "samples", request_body = Sample,
    params(
        ("id" = Uuid, Path, description = "Id of the sample, as in its body"),
        ("ispeed-signature" = Option<String>, Header, description = "The device's Ed25519 signature over the body, base64url"),
    ),
    responses(
        (status = 200, body = Submitted, description = "The collector holds the sample"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "Another body is held under this id"),
        (status = 410, body = Problem, content_type = "application/problem+json", description = "Its owner had it deleted"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Wrong members, each with its JSON Pointer; a wrong signature; made-up facts"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Busy; see Retry-After"),
    )
)]
pub(super) async fn put_sample(
    State(collector): State<Arc<Collector>>,
    peer: PeerAddress,
    Path(id): Path<String>,
    media: Media,
    headers: HeaderMap,
    request: Body,
) -> Result<Json<Submitted>, ApiError> {
    let began = Instant::now();
    let result = submit(&collector, peer, &id, &media, &headers, request).await;
    let outcome = match &result {
        Ok((outcome, _)) => *outcome,
        Err(error) => SampleOutcome::of_status(error.status()),
    };
    collector.metrics.samples.add(outcome as usize);
    collector.metrics.submission_seconds.observe(began.elapsed().as_secs_f64());
    if let Ok((SampleOutcome::Stored, submitted)) = &result {
        collector.metrics.judged(&submitted.verdict, submitted.receipt.received_at);
    }
    result.map(|(_, submitted)| Json(submitted))
}

async fn submit(
    collector: &Arc<Collector>,
    peer: PeerAddress,
    id: &str,
    media: &Media,
    headers: &HeaderMap,
    request: Body,
) -> Result<(SampleOutcome, Submitted), ApiError> {
    let id = path_id(id)?;
    media.expect_json()?;
    media.expect_at_most(limits::SAMPLE_MAX_BYTES)?;
    let bytes = body::read(request, limits::SAMPLE_MAX_BYTES).await?;
    let _permit = collector
        .submissions
        .try_acquire()
        .map_err(|_| ApiError::busy("many samples are being checked; hand it in again later"))?;

    // A repeated hand-in costs a hash and a look-up, not the checks.
    let sha256 = sha256_hex(&bytes);
    if let Some(known) = collector.store.find(id).await? {
        return answer_known(known, &sha256);
    }
    let signature = header_text(headers)?;
    let received_at = (collector.config.clock)();
    let checked = {
        let (collector, sha256) = (Arc::clone(collector), sha256.clone());
        // Off the threads that keep time for the measuring end.
        tokio::task::spawn_blocking(move || check(&collector, peer, id, &bytes, sha256, signature, received_at))
    };
    let (new, decide) = checked.await.map_err(|e| {
        tracing::error!(error = %e, sample = %id, "checking a sample panicked");
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "check_failed",
            "The collector could not check the sample",
            "this is a fault of the collector; nothing was kept",
        )
    })??;
    let chain_key = collector.config.keys.receipt.public().text();
    match collector.store.submit(chain_key, new, decide).await? {
        Submission::Stored(held) => Ok((SampleOutcome::Stored, submitted(held))),
        Submission::Known(known) => answer_known(known, &sha256),
    }
}

fn path_id(text: &str) -> Result<Uuid, ApiError> {
    let id = Uuid::parse_str(text).ok().filter(|id| id.to_string() == text);
    id.ok_or_else(|| {
        let error = FieldError {
            pointer: "/id".into(),
            value: parse::excerpt(&text.into()),
            expected: "in the address, a UUID in its hyphenated lower-case form".into(),
        };
        ApiError::fields("sample_invalid", "The address does not name a sample", vec![error])
    })
}

fn submitted(held: Held) -> Submitted {
    Submitted { receipt: held.receipt, verdict: held.verdict, place: held.place }
}

fn answer_known(known: Known, sha256: &str) -> Result<(SampleOutcome, Submitted), ApiError> {
    match known {
        Known::Held(held) if held.sha256 == sha256 => Ok((SampleOutcome::Repeated, submitted(held))),
        Known::Held(held) => Err(ApiError::new(
            StatusCode::CONFLICT,
            "sample_conflict",
            "Another sample is held under this id",
            format!("the body's SHA-256 is {sha256}, the one held is {}; nothing was changed", held.sha256),
        )),
        Known::Deleted { .. } => Err(ApiError::new(
            StatusCode::GONE,
            "sample_deleted",
            "The sample was deleted by its owner",
            "its id and hash are kept, and it is not taken in again",
        )),
    }
}

fn header_text(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(SIGNATURE_HEADER) else { return Ok(None) };
    value.to_str().map(|text| Some(text.to_owned())).map_err(|_| signature_error("it is not text"))
}

fn signature_error(detail: impl std::fmt::Display) -> ApiError {
    ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "signature_invalid",
        "The device's signature does not hold",
        format!("header {SIGNATURE_HEADER}: {detail}; expected the signature of device.key over the body as sent"),
    )
}

/// Everything that needs no store: form, signature, evidence, figures, place.
fn check(
    collector: &Arc<Collector>,
    peer: PeerAddress,
    id: Uuid,
    bytes: &Bytes,
    sha256: String,
    signature: Option<String>,
    received_at: UtcMicros,
) -> Result<(NewSample, Decide), ApiError> {
    let wrong = |errors| ApiError::fields("sample_invalid", "The sample has wrong members", errors);
    let sample: Sample = parse::record(bytes).map_err(wrong)?;
    let errors = wrong_members(&sample, id);
    if !errors.is_empty() {
        return Err(wrong(errors));
    }
    refuse_made_up(collector, &sample)?;
    if let Some(signature) = &signature {
        PublicKey::parse(&sample.device.key)
            .and_then(|key| key.verify(SAMPLE_DOMAIN, bytes, signature))
            .map_err(signature_error)?;
    }
    let upload_asn = collector.config.as_table.as_ref().and_then(|table| table.find(peer.0));
    let findings = Findings::gather(collector, &sample, signature.is_some(), upload_asn, received_at);
    let commune = findings.commune(collector, &sample);
    let found = Found {
        sha256: &sha256,
        started_at: findings.started_at,
        received_at,
        attested: findings.evidence.attested,
        province: commune.as_deref().and_then(|code| collector.communes.get(code)).map(|c| c.province_code.as_str()),
        commune: commune.as_deref(),
        upload_asn,
    };
    let new = NewSample { facts: facts::of(&sample, &found), body: bytes.to_vec() };
    let unsigned = Receipt {
        v: PROTOCOL_VERSION,
        kind: ReceiptKind::Sample,
        sample_id: id,
        sample_sha256: sha256,
        device_signature: signature,
        evidence_sha256: evidence_sha256(&sample.evidence),
        attested: findings.evidence.attested,
        received_at,
        collector: collector.config.name.clone(),
        sequence: 0,
        previous: String::new(),
        key: String::new(),
        signature: String::new(),
    };
    let key = collector.config.keys.receipt.clone();
    let decide: Decide = Box::new(move |standing| {
        let place = findings.place.place.clone();
        let verdict = findings.verdict(&sample, commune.as_deref(), standing);
        Ok(Decision { verdict, place, receipt: link(unsigned, &standing.link, &key)? })
    });
    Ok((new, decide))
}

/// Puts a receipt at its place in the chain and signs it.
pub(super) fn link(
    receipt: Receipt,
    link: &ChainLink,
    key: &SecretKey,
) -> Result<Receipt, ispeed_protocol::signing::SignatureError> {
    Receipt { sequence: link.sequence, previous: link.previous.clone(), ..receipt }.sign(key)
}

fn wrong_members(sample: &Sample, id: Uuid) -> Vec<FieldError> {
    let mut errors = validate(sample);
    if sample.id != id {
        let expected = format!("{id}, as in the address");
        errors.push(FieldError { pointer: "/id".into(), value: sample.id.to_string(), expected });
    }
    if !sample.consent.upload {
        let expected = "true: what nobody agreed to hand in is not taken".into();
        errors.push(FieldError { pointer: "/consent/upload".into(), value: "false".into(), expected });
    }
    errors.truncate(limits::FIELD_ERRORS_MAX);
    errors
}

/// Made-up facts are for a demo's own database; anywhere else they are not even kept.
fn refuse_made_up(collector: &Collector, sample: &Sample) -> Result<(), ApiError> {
    if collector.config.accept_simulated {
        return Ok(());
    }
    let refused = [(sample.synthetic, "/synthetic", "synthetic"), (sample.simulated, "/simulated", "simulated")];
    match refused.into_iter().find(|(made_up, ..)| *made_up) {
        None => Ok(()),
        Some((_, pointer, kind)) => {
            let error = FieldError {
                pointer: pointer.into(),
                value: "true".into(),
                expected: "false: this collector keeps real samples only".into(),
            };
            Err(ApiError::fields(kind, "The sample is made up", vec![error]))
        }
    }
}
