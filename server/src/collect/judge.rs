//! Everything the collector finds about a sample, and the verdict that follows inside the store's transaction.

use ispeed_meter::params;
use ispeed_protocol::UtcMicros;
use ispeed_protocol::plan::PlanCalendar;
use ispeed_protocol::sample::Sample;
use ispeed_protocol::verdict::Verdict;
use ispeed_verdict::{Context, ServerState, judge};

use super::communes::PlaceFindings;
use super::evidence::{self, EvidenceFindings};
use super::plan::Repeats;
use super::{Collector, recompute};
use crate::store::Standing;

/// What was found before the store was asked.
pub(crate) struct Findings {
    pub(crate) evidence: EvidenceFindings,
    pub(crate) place: PlaceFindings,
    /// Start on the server's clock: decides month and day.
    pub(crate) started_at: UtcMicros,
    context: Context,
}

impl Findings {
    /// Checks evidence, figures and place.
    pub(crate) fn gather(
        collector: &Collector,
        sample: &Sample,
        signed: bool,
        upload_asn: Option<u32>,
        received_at: UtcMicros,
    ) -> Self {
        let evidence =
            evidence::check(sample, &collector.servers, sample.simulated && collector.config.accept_simulated);
        let (figures, differs) = recompute::check(sample);
        for cause in [&evidence.cause, &differs].into_iter().flatten() {
            tracing::info!(sample = %sample.id, cause, "a sample does not hold");
        }
        let place = collector.communes.findings(sample);
        let started_at = evidence::corrected(sample, sample.started_at);
        let mut context = Context::collector(received_at);
        context.accept_simulated = collector.config.accept_simulated;
        context.server_place.clone_from(&place.place);
        context.cell_in_commune = place.cell_in_commune;
        context.commune_area_km2 = place.area_km2;
        context.left_commune = place.left_commune;
        context.evidence = evidence.state;
        context.recompute = figures;
        context.server = sample.server.as_ref().map_or(ServerState::NotChecked, |server| {
            collector.servers.approved(&server.id).map_or(ServerState::NotApproved, |a| ServerState::Approved(a.class))
        });
        context.signed = Some(signed);
        context.oldest_method = collector.config.oldest_method;
        context.newest_method = params::METHOD_VERSION;
        context.oldest_version = Some(collector.config.oldest_version.clone());
        context.spacing = collector.config.plan.spacing;
        context.cutoff = Some(cutoff(started_at, collector.config.plan.upload_cutoff_day));
        context.upload_asn = upload_asn;
        Self { evidence, place, started_at, context }
    }

    /// Commune the sample is tallied under: the one that stands, if the table knows it.
    pub(crate) fn commune(&self, collector: &Collector, sample: &Sample) -> Option<String> {
        let standing = self.place.place.as_ref().unwrap_or(&sample.place);
        standing.code.clone().filter(|code| collector.communes.get(code).is_some())
    }

    /// The verdict, with what only the store knows.
    pub(crate) fn verdict(mut self, sample: &Sample, commune: Option<&str>, standing: &Standing) -> Verdict {
        let repeats = Repeats::of(self.started_at, commune, sample.cell, &standing.counted_nearby);
        self.context.device_counted_today_in_commune = repeats.today_in_commune;
        self.context.seconds_to_nearest_counted = repeats.seconds;
        self.context.metres_to_nearest_counted_today = repeats.metres_today;
        self.context.duplicate = standing.same_start;
        judge(sample, &self.context)
    }
}

/// When samples of the month of an instant begin to be late: the end of this day of the next one (UTC+7).
fn cutoff(started_at: UtcMicros, day: u8) -> UtcMicros {
    PlanCalendar::of(started_at.month(), day, started_at).upload_until
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_late_when_the_eighth_of_the_next_month_is_over_in_vietnam() {
        let start: UtcMicros = "2026-11-30T16:59:59Z".parse().unwrap();
        assert_eq!(cutoff(start, 8).to_string(), "2026-12-08T17:00:00.000000Z");
        assert_eq!(cutoff(start, 9).to_string(), "2026-12-09T17:00:00.000000Z");
    }
}
