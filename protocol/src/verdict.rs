//! The verdict as it is stored; the rules are in the crate `ispeed-verdict`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a sample counts towards the 300, and if not why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// It counts.
    pub counts: bool,
    /// Reason codes, in the order of the rule table; empty when it counts.
    pub reasons: Vec<String>,
    /// Version of the rule set that judged.
    pub rules: u32,
}
