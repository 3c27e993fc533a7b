//! Consent, provenance, program, clock, repetition.

use ispeed_protocol::consent::Share;
use ispeed_protocol::sample::Sample;

use super::{Objections, has_figures};
use crate::context::{Context, EvidenceState, RecomputeState};
use crate::limits::{CLOCK_MAX_OFFSET_MS, PROGRAMS, SPACING_SLACK_M};
use crate::reason::Reason;

pub(super) fn judge(sample: &Sample, context: &Context, out: &mut Objections) {
    out.when(sample.synthetic, Reason::Synthetic);
    out.when(sample.simulated && !context.accept_simulated, Reason::Simulated);
    out.when(context.duplicate, Reason::Duplicate);
    consent(sample, context, out);
    out.when(context.evidence == EvidenceState::Mismatch, Reason::EvidenceMismatch);
    out.when(context.evidence == EvidenceState::Missing && has_figures(sample), Reason::EvidenceMissing);
    out.when(context.recompute == RecomputeState::Differs, Reason::RecomputeMismatch);
    out.when(context.signed == Some(false), Reason::SignatureMissing);
    program(sample, context, out);
    clock(sample, context, out);
    surplus(context, out);
}

/// Enough of this device already: stored, not counted.
fn surplus(context: &Context, out: &mut Objections) {
    let spacing = context.spacing;
    let too_soon = context.seconds_to_nearest_counted.is_some_and(|s| s < u64::from(spacing.seconds));
    let too_near = context
        .metres_to_nearest_counted_today
        .is_some_and(|metres| metres + SPACING_SLACK_M < f64::from(spacing.metres));
    out.when(too_soon, Reason::SurplusInterval);
    out.when(too_near, Reason::SurplusDistance);
    out.when(context.device_counted_today_in_commune >= spacing.per_day, Reason::SurplusDay);
}

fn consent(sample: &Sample, context: &Context, out: &mut Objections) {
    let consent = &sample.consent;
    // Both times are of the device's clock, but only `started_at` may have been corrected against a server.
    let after_the_run =
        !times_made_up(sample, context) && consent.at.micros_since(sample.ended_at) > ms_to_us(CLOCK_MAX_OFFSET_MS);
    out.when(!consent.run || after_the_run, Reason::ConsentMissing);
    out.when(!consent.upload, Reason::UploadNotAgreed);
    out.when(consent.share == Share::None, Reason::CommuneNotShared);
}

/// A demo spreads its runs over simulated hours before now; consent and evidence are of now.
fn times_made_up(sample: &Sample, context: &Context) -> bool {
    sample.simulated && context.accept_simulated
}

fn program(sample: &Sample, context: &Context, out: &mut Objections) {
    out.when(sample.method < context.oldest_method, Reason::MethodOutdated);
    out.when(sample.method == 0 || sample.method > context.newest_method, Reason::MethodUnknown);
    let known = PROGRAMS.contains(&sample.program.name.as_str());
    match version(&sample.program.version) {
        Some(found) if known => {
            let oldest = context.oldest_version.as_deref().and_then(version);
            out.when(oldest.is_some_and(|oldest| found < oldest), Reason::ProgramOutdated);
        }
        _ => out.when(true, Reason::ProgramUnknown),
    }
}

/// Major, minor, patch; what follows a `-` or `+` does not order releases here.
fn version(text: &str) -> Option<[u32; 3]> {
    let release = text.split(['-', '+']).next()?;
    let mut parts = release.split('.').map(|part| part.parse::<u32>().ok());
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}

fn clock(sample: &Sample, context: &Context, out: &mut Objections) {
    let limit_us = ms_to_us(CLOCK_MAX_OFFSET_MS);
    let off = match &sample.clock {
        // A NaN offset is an offset nobody knows.
        Some(clock) => !clock.corrected && (clock.offset_ms.is_nan() || clock.offset_ms.abs() > CLOCK_MAX_OFFSET_MS),
        None => false,
    };
    let from_the_future = sample.ended_at.micros_since(context.received_at) > limit_us;
    let against_evidence = !times_made_up(sample, context)
        && sample.evidence.iter().any(|evidence| {
            evidence.started_at.micros_since(sample.ended_at) > limit_us
                || sample.started_at.micros_since(evidence.ended_at) > limit_us
        });
    out.when(sample.clock.is_none() && has_figures(sample), Reason::ClockUnknown);
    out.when(off || from_the_future || against_evidence, Reason::ClockWrong);
    out.when(context.cutoff.is_some_and(|cutoff| context.received_at > cutoff), Reason::Late);
}

#[allow(clippy::cast_possible_truncation, reason = "constants of this crate, far below i64::MAX")]
const fn ms_to_us(ms: f64) -> i64 {
    (ms * 1_000.0) as i64
}
