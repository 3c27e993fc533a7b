//! Position and commune.

use ispeed_protocol::consent::Share;
use ispeed_protocol::place::{Fix, FixSource, Place, PlaceVerdict};
use ispeed_protocol::sample::Sample;

use super::Objections;
use crate::context::Context;
use crate::fixes::{accuracy_m, age_ms};
use crate::limits::{DENSE_COMMUNE_KM2, FIX_MAX_ACCURACY_DENSE_M, FIX_MAX_ACCURACY_M, FIX_MAX_AGE_MS};
use crate::reason::Reason;

/// The place that stands: the collector's own where it resolved the shared point, else the phone's.
pub fn standing_place<'a>(sample: &'a Sample, context: &'a Context) -> &'a Place {
    context.server_place.as_ref().unwrap_or(&sample.place)
}

pub(super) fn judge(sample: &Sample, context: &Context, out: &mut Objections) {
    // Without a shared commune everything below is missing because of that one choice, which has its own reason.
    if sample.consent.share == Share::None {
        return;
    }
    position(sample, context, out);
    commune(sample, context, out);
}

fn position(sample: &Sample, context: &Context, out: &mut Objections) {
    let fixes: Vec<&Fix> = sample.fixes.iter().collect();
    if fixes.is_empty() {
        out.when(true, Reason::PositionMissing);
        return;
    }
    let any = |source| fixes.iter().any(|fix| fix.source == source);
    out.when(any(FixSource::Declared), Reason::PositionDeclared);
    out.when(any(FixSource::Simulated) && !context.accept_simulated, Reason::PositionSimulated);
    out.when(fixes.iter().any(|fix| fix.mock == Some(true)), Reason::PositionMocked);

    let max_accuracy_m = match context.commune_area_km2 {
        Some(area_km2) if area_km2 < DENSE_COMMUNE_KM2 => FIX_MAX_ACCURACY_DENSE_M,
        _ => FIX_MAX_ACCURACY_M,
    };
    let fresh = |fix: &&Fix| age_ms(fix, sample.ended_at).is_some_and(|age_ms| age_ms <= FIX_MAX_AGE_MS);
    let accurate = |fix: &&Fix| accuracy_m(fix).is_some_and(|m| m <= max_accuracy_m);
    let stale = !fixes.iter().any(fresh);
    out.when(stale, Reason::PositionStale);
    // One fix has to be both; where none is fresh, the age is said once and the radius judged for itself.
    out.when(!fixes.iter().any(|fix| (stale || fresh(fix)) && accurate(fix)), Reason::PositionInaccurate);
}

fn commune(sample: &Sample, context: &Context, out: &mut Objections) {
    let place = standing_place(sample, context);
    match place.verdict {
        PlaceVerdict::Certain => out.when(place.code.is_none(), Reason::PlaceUnknown),
        PlaceVerdict::Ambiguous => out.when(true, Reason::PlaceAmbiguous),
        PlaceVerdict::Outside => out.when(true, Reason::PlaceOutside),
        PlaceVerdict::Approximate => out.when(true, Reason::PlaceApproximate),
        PlaceVerdict::Unknown => out.when(true, Reason::PlaceUnknown),
    }
    let resolved_here = context.server_place.is_some();
    out.when(!resolved_here && context.cell_in_commune == Some(false), Reason::PlaceInconsistent);
    out.when(context.left_commune, Reason::PlaceLeft);
}
