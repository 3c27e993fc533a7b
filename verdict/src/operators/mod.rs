//! Operators: PLMN and AS tables, and which operator a sample is reported under.
//!
//! Two questions are kept apart: the *serving operator* is the radio network that carried the packets and the one a report
//! counts by; the *brand* is what the SIM says. An iTel SIM on VinaPhone's radio is a VinaPhone sample of brand iTel.

mod asn;
mod plmn;

use ispeed_protocol::device::TransportKind;
use ispeed_protocol::sample::Sample;
use serde::{Deserialize, Serialize};

pub use asn::{ASNS, AsnEntry, asn_entry, mobile_operator_of_asn};
pub use plmn::{PLMNS, Plmn, PlmnEntry, PlmnState, plmn_entry};

/// A radio network of Vietnam.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Viettel Telecom.
    Viettel,
    /// VNPT's VinaPhone.
    Vinaphone,
    /// MobiFone.
    Mobifone,
    /// Hanoi Telecom's Vietnamobile.
    Vietnamobile,
    /// GTEL Mobile.
    Gmobile,
    /// A Vietnamese network (MCC 452) this table does not list.
    Other,
    /// Not known.
    Unknown,
}

impl Operator {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 7] =
        [Self::Viettel, Self::Vinaphone, Self::Mobifone, Self::Vietnamobile, Self::Gmobile, Self::Other, Self::Unknown];

    /// Stable code, as it is serialised.
    pub fn code(self) -> &'static str {
        match self {
            Self::Viettel => "viettel",
            Self::Vinaphone => "vinaphone",
            Self::Mobifone => "mobifone",
            Self::Vietnamobile => "vietnamobile",
            Self::Gmobile => "gmobile",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }

    /// Name in reports; small, unlisted and unknown networks share a line.
    pub fn report_name(self) -> &'static str {
        match self {
            Self::Viettel => "Viettel",
            Self::Vinaphone => "VinaPhone (VNPT)",
            Self::Mobifone => "MobiFone",
            Self::Vietnamobile => "Vietnamobile",
            Self::Gmobile | Self::Other | Self::Unknown => "Khác",
        }
    }
}

/// The operator a sample is reported under: by the serving PLMN; where the device names none (iOS), by the autonomous
/// system the measuring end saw, and then only over cellular, since Viettel and VNPT run fixed lines in the same one.
pub fn serving_operator(sample: &Sample) -> Operator {
    serving_operator_of(sample, None)
}

/// [`serving_operator`], with the autonomous system of the upload as a last resort.
pub fn serving_operator_of(sample: &Sample, upload_asn: Option<u32>) -> Operator {
    if let Some(text) = sample.transport.serving_plmn.as_deref() {
        return Plmn::parse(text).map_or(Operator::Unknown, Plmn::operator);
    }
    if sample.transport.kind != TransportKind::Cellular {
        return Operator::Unknown;
    }
    seen_asn(sample).or(upload_asn).and_then(mobile_operator_of_asn).unwrap_or(Operator::Unknown)
}

/// The autonomous system of the sample as a server saw it: the signed word first.
pub fn seen_asn(sample: &Sample) -> Option<u32> {
    let signed = sample.evidence.iter().find_map(|evidence| evidence.asn);
    signed.or_else(|| sample.server.as_ref().and_then(|server| server.asn))
}

/// The brand of the SIM: its service provider name in the usual spelling, else the brand of its PLMN.
///
/// The name comes first because Local, VNSKY and FPT have no PLMN of their own.
pub fn sim_brand(sample: &Sample) -> Option<&str> {
    let name = sample.transport.sim_brand.as_deref().map(str::trim).filter(|name| !name.is_empty());
    if let Some(name) = name {
        return Some(BRANDS.iter().find(|brand| brand.eq_ignore_ascii_case(name)).copied().unwrap_or(name));
    }
    let plmn = Plmn::parse(sample.transport.sim_plmn.as_deref()?)?;
    plmn_entry(plmn).map(|entry| entry.brand)
}

/// Brands in the spelling of their owners; phones write them in any case.
const BRANDS: [&str; 11] =
    ["Viettel", "VinaPhone", "MobiFone", "Vietnamobile", "Gmobile", "iTel", "Wintel", "Reddi", "Local", "VNSKY", "FPT"];
