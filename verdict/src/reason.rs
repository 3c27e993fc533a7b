//! Reasons why a sample does not count.

use crate::table::{Rule, TABLE};

/// Why a sample does not count. Declared in order of severity, which is the order in a verdict: a report that shows one
/// reason a sample shows the first. The meaning of each is in [`TABLE`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs, reason = "each variant's meaning, in two languages, is its row of TABLE")]
#[non_exhaustive]
pub enum Reason {
    // Not a measurement of this person, or not as it happened.
    Synthetic,
    Simulated,
    Duplicate,
    ConsentMissing,
    UploadNotAgreed,
    EvidenceMismatch,
    RecomputeMismatch,
    Implausible,
    // No pair of figures.
    Aborted,
    NoService,
    ServerFailed,
    Partial,
    FiguresMissing,
    // Not by a method this judge knows.
    MethodOutdated,
    MethodUnknown,
    ProgramOutdated,
    ProgramUnknown,
    // Not over a Vietnamese mobile network.
    NotCellular,
    TransportUnknown,
    TransportChanged,
    CaptivePortal,
    Vpn,
    ForeignNetwork,
    Roaming,
    OperatorUnknown,
    NetworkInconsistent,
    // Not against an approved server, or nobody vouches for it.
    ServerUnknown,
    ServerAbroad,
    ServerLab,
    EvidenceMissing,
    SignatureMissing,
    // Not in a known commune.
    CommuneNotShared,
    PositionMissing,
    PositionDeclared,
    PositionSimulated,
    PositionMocked,
    PositionStale,
    PositionInaccurate,
    PlaceUnknown,
    PlaceOutside,
    PlaceApproximate,
    PlaceAmbiguous,
    PlaceInconsistent,
    PlaceLeft,
    // Not at a known time.
    ClockUnknown,
    ClockWrong,
    Late,
    // The figure does not speak of the network.
    CpuLimited,
    ServerLimited,
    RwndLimited,
    Proxy,
    Unsaturated,
    // Enough of this device already.
    SurplusInterval,
    SurplusDistance,
    SurplusDay,
}

impl Reason {
    /// The row of the table.
    pub fn rule(self) -> &'static Rule {
        &TABLE[self as usize]
    }

    /// The stable code, such as `not_cellular`.
    pub fn code(self) -> &'static str {
        self.rule().code
    }

    /// The reason of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        TABLE.iter().find(|rule| rule.code == code).map(|rule| rule.reason)
    }
}
