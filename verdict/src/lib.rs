//! Sample in, verdict with reason codes out: one rule set, versioned, called by the phone before it sends and by the
//! collector when it receives.
//!
//! Pure: what the caller knows beside the sample (its list of approved servers, what it counted of the device today, its
//! own look at the place) comes in as a [`Context`]. A sample counts towards the 300 of its commune exactly when no rule of
//! [`TABLE`] objects; a sample that does not count is kept all the same, with its reasons.
//!
//! ```
//! use ispeed_verdict::{Lang, TABLE, explain};
//!
//! assert_eq!(explain("vpn", Lang::Vi), Some("Phép đo đi qua VPN. Hãy tắt VPN trước khi đo rồi đo lại."));
//! assert!(TABLE.iter().all(|rule| explain(rule.code, Lang::En).is_some()));
//! ```
#![warn(missing_docs)]

mod context;
pub mod fixes;
mod judge;
pub mod limits;
pub mod operators;
mod reason;
mod table;

pub use context::{Context, EvidenceState, RecomputeState, ServerState, Side};
pub use judge::{judge, standing_place};
pub use operators::{Operator, serving_operator, sim_brand};
pub use reason::Reason;
pub use table::{Lang, Rule, Sides, TABLE, explain};

/// Version of the rule set, stored with every verdict. Raised whenever a sample may be judged differently than before.
///
/// 2: spacing of one device is a setting of the collector, a distance may be part of it (`surplus_distance`).
pub const RULES_VERSION: u32 = 2;
