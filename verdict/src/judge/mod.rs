//! The judge: every rule looks at sample and context, and objects or not.

mod figures;
mod network;
mod place;
mod trust;

use ispeed_protocol::sample::{Outcome, Sample};
use ispeed_protocol::verdict::Verdict;

use crate::RULES_VERSION;
use crate::context::Context;
use crate::reason::Reason;

pub use place::standing_place;

/// What a rule group says its objections to.
pub(crate) struct Objections(Vec<Reason>);

impl Objections {
    /// Objects for `reason` if `wrong`.
    pub(crate) fn when(&mut self, wrong: bool, reason: Reason) {
        if wrong {
            self.0.push(reason);
        }
    }
}

/// Judges a sample. Never fails: whatever the sample holds, the answer is a verdict.
pub fn judge(sample: &Sample, context: &Context) -> Verdict {
    let mut objections = Objections(Vec::new());
    trust::judge(sample, context, &mut objections);
    figures::judge(sample, context, &mut objections);
    network::judge(sample, context, &mut objections);
    place::judge(sample, context, &mut objections);

    let mut reasons = objections.0;
    reasons.retain(|reason| reason.rule().sides.includes(context.side));
    reasons.sort_unstable();
    reasons.dedup();
    Verdict {
        counts: reasons.is_empty(),
        reasons: reasons.into_iter().map(|reason| reason.code().to_owned()).collect(),
        rules: RULES_VERSION,
    }
}

/// Whether a server took part to the point of a figure, so that clock, server and evidence must be there.
pub(crate) fn has_figures(sample: &Sample) -> bool {
    matches!(sample.outcome, Outcome::Complete | Outcome::Partial)
}
