//! Does the sample agree with what the measuring ends signed?

use ispeed_protocol::UtcMicros;
use ispeed_protocol::direction::{Direction, DirectionResult, Series};
use ispeed_protocol::evidence::{Evidence, series_sha256};
use ispeed_protocol::sample::Sample;
use ispeed_verdict::EvidenceState;

use super::servers::Servers;

/// Version of the evidence this collector reads.
const EVIDENCE_VERSION: u32 = 1;
/// Clocks agree this well after correction: the exchange's own error and the second a run may hang before its first byte.
const CLOCK_SLACK_MICROS: i64 = 10_000_000;
/// Without an exchange of clocks the device's may be off by as much as a sample may be at all (`verdict`).
const UNKNOWN_CLOCK_SLACK_MICROS: i64 = 600_000_000;
/// What may still be under way when a direction stops, seconds of its rate: queues of 1 s are seen on 3G and LTE.
const TAIL_SECONDS: f64 = 2.0;
/// ... and what a sender may have handed to TCP beyond that, a flow: the largest send buffer Linux grows to by default.
const TAIL_FLOW_BYTES: u64 = 4 * 1024 * 1024;
/// TLS records, handshakes and HTTP heads are counted by kernels and not by programs: 22 bytes in 16 KB and a few KB a flow.
const FRAMING_SHARE: f64 = 0.01;
const FRAMING_FLOW_BYTES: u64 = 32 * 1024;

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct EvidenceFindings {
    pub(crate) state: EvidenceState,
    /// There is evidence, and all of it holds.
    pub(crate) attested: bool,
    /// What disagrees, for the log.
    pub(crate) cause: Option<String>,
}

/// Checks all evidence of a sample.
///
/// `times_made_up`: a demo spreads its runs over simulated hours, so their times say nothing.
pub(crate) fn check(sample: &Sample, servers: &Servers, times_made_up: bool) -> EvidenceFindings {
    let disagrees = |cause| EvidenceFindings { state: EvidenceState::Mismatch, attested: false, cause: Some(cause) };
    for (index, evidence) in sample.evidence.iter().enumerate() {
        let times = if times_made_up { Ok(()) } else { times(sample, evidence) };
        if let Err(cause) = times.and_then(|()| one(sample, evidence, servers)) {
            return disagrees(format!("evidence[{index}]: {cause}"));
        }
    }
    if sample.evidence.windows(2).any(|pair| pair[0].token_id != pair[1].token_id) {
        return disagrees("the directions were paid for by different tokens".to_owned());
    }
    for direction in [Direction::Down, Direction::Up] {
        let found = sample.evidence.iter().filter(|e| e.direction == direction).count();
        if found > 1 {
            return disagrees(format!("{found} evidences of one direction"));
        }
        let has_figure = result(sample, direction).is_some_and(|r| r.goodput_bps.is_some());
        if has_figure && found == 0 {
            let cause = Some(format!("no evidence for {direction:?}"));
            return EvidenceFindings { state: EvidenceState::Missing, attested: false, cause };
        }
    }
    EvidenceFindings { state: EvidenceState::Valid, attested: !sample.evidence.is_empty(), cause: None }
}

fn result(sample: &Sample, direction: Direction) -> Option<&DirectionResult> {
    match direction {
        Direction::Down => sample.down.as_ref(),
        Direction::Up => sample.up.as_ref(),
    }
}

fn one(sample: &Sample, evidence: &Evidence, servers: &Servers) -> Result<(), String> {
    identity(sample, evidence, servers)?;
    // Only a demo's collector gets here with a simulated sample, and its times may be made up, the evidence's are not.
    if !sample.simulated {
        times(sample, evidence)?;
    }
    // A direction without a result was begun and lost: the evidence stands for itself.
    let Some(result) = result(sample, evidence.direction) else { return Ok(()) };
    let series = match evidence.direction {
        Direction::Up => Some(&result.series),
        Direction::Down => sample.down_sender_series.as_ref(),
    };
    hash(evidence, series)?;
    bytes(result, evidence)
}

fn identity(sample: &Sample, evidence: &Evidence, servers: &Servers) -> Result<(), String> {
    if evidence.v != EVIDENCE_VERSION {
        return Err(format!("version {}, expected {EVIDENCE_VERSION}", evidence.v));
    }
    if evidence.sample_id != sample.id {
        return Err(format!("is of sample {}", evidence.sample_id));
    }
    if sample.server.as_ref().is_some_and(|server| server.id != evidence.server_id) {
        return Err(format!("is of server {:?}, the sample of another", evidence.server_id));
    }
    let approved = servers
        .approved(&evidence.server_id)
        .ok_or_else(|| format!("server {:?} is not approved", evidence.server_id))?;
    if !approved.keys.iter().any(|key| key.text() == evidence.key) {
        return Err(format!("key {} is not one of server {:?}", evidence.key, evidence.server_id));
    }
    evidence.verify().map_err(|e| e.to_string())
}

fn times(sample: &Sample, evidence: &Evidence) -> Result<(), String> {
    let (started, ended) = (corrected(sample, sample.started_at), corrected(sample, sample.ended_at));
    let slack = if sample.clock.is_some() { CLOCK_SLACK_MICROS } else { UNKNOWN_CLOCK_SLACK_MICROS };
    let before = started.micros_since(evidence.started_at);
    let after = evidence.ended_at.micros_since(ended);
    if evidence.ended_at < evidence.started_at || before.max(after) > slack {
        return Err(format!(
            "{} to {} does not lie within the sample's {started} to {ended}",
            evidence.started_at, evidence.ended_at
        ));
    }
    Ok(())
}

/// A time of the sample on the server's clock, as far as the sample knows it.
pub(crate) fn corrected(sample: &Sample, at: UtcMicros) -> UtcMicros {
    match &sample.clock {
        Some(clock) if !clock.corrected && clock.offset_ms.is_finite() => {
            at.plus_micros((clock.offset_ms * 1_000.0) as i64)
        }
        _ => at,
    }
}

fn hash(evidence: &Evidence, series: Option<&Series>) -> Result<(), String> {
    let series = series.ok_or("the series it hashes is not in the sample")?;
    let actual = series_sha256(series);
    if actual == evidence.series_sha256 {
        Ok(())
    } else {
        Err(format!("series hash {}, the sample's series has {actual}", evidence.series_sha256))
    }
}

/// Down: what the server sent holds what the client received, and not much more than a tail. Up: what arrived at the stop,
/// and at most a tail after it.
fn bytes(result: &DirectionResult, evidence: &Evidence) -> Result<(), String> {
    let flows = u64::from(result.flows.max(evidence.flows).max(1));
    let framing = (result.bytes as f64 * FRAMING_SHARE) as u64 + flows * FRAMING_FLOW_BYTES;
    // A run that ended before anything could be estimated had a rate as well, and a tail of it.
    let overall_bps = result.bytes as f64 * 8_000.0 / result.duration_ms;
    let rate_bps = result.goodput_bps.unwrap_or(overall_bps);
    let rate_bps = if rate_bps.is_finite() && rate_bps > 0.0 { rate_bps } else { 0.0 };
    let tail = (rate_bps / 8.0 * TAIL_SECONDS) as u64 + flows * TAIL_FLOW_BYTES;
    let least = result.bytes.saturating_sub(framing);
    let most = result.bytes.saturating_add(framing).saturating_add(tail);
    if (least..=most).contains(&evidence.bytes) {
        Ok(())
    } else {
        Err(format!("{} bytes, the sample's {} allow {least} to {most}", evidence.bytes, result.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_too_short_for_a_figure_has_a_tail_all_the_same() {
        let sample: Sample = serde_json::from_str(include_str!("../../../protocol/vectors/sample.json")).unwrap();
        let mut result = sample.up.unwrap();
        (result.goodput_bps, result.bytes, result.duration_ms) = (None, 57_814_466, 50.351);
        let mut evidence = sample.evidence.into_iter().find(|e| e.direction == Direction::Up).unwrap();
        evidence.bytes = 133_114_511;
        assert_eq!(bytes(&result, &evidence), Ok(()), "what one run over loopback gave");
        evidence.bytes = 10_000_000_000;
        assert!(bytes(&result, &evidence).is_err(), "more than two seconds of its rate");
        result.duration_ms = 0.0;
        assert!(bytes(&result, &evidence).is_err(), "no time, no rate");
    }
}
