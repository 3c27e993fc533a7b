//! What the judge knows beside the sample.

use ispeed_protocol::UtcMicros;
use ispeed_protocol::place::Place;
use ispeed_protocol::plan::Spacing;
use ispeed_protocol::servers::ServerClass;

use crate::limits::SPACING;

/// Who judges.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// The device that measured, before it sends.
    Phone,
    /// The collector, when it receives; its verdict stands.
    Collector,
}

/// What the collector found about the evidence of the measuring end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum EvidenceState {
    /// Nobody looked (phone).
    #[default]
    NotChecked,
    /// Signed by an approved server, and it agrees with the sample, in every direction that has a figure.
    Valid,
    /// A direction has a figure and no evidence.
    Missing,
    /// A signature is wrong, the key is not approved, or bytes, times, ids or the hash of the series disagree.
    Mismatch,
}

/// What the collector found when it computed the figures again from the sample's own series.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum RecomputeState {
    /// Nobody computed.
    #[default]
    NotChecked,
    /// The stated figures follow from the series.
    Agrees,
    /// They do not.
    Differs,
}

/// Where the server of the sample stands in the judge's list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ServerState {
    /// The judge has no list; the class the sample itself states is used.
    #[default]
    NotChecked,
    /// On the list, with its class there.
    Approved(ServerClass),
    /// Not on the list.
    NotApproved,
}

/// What the judge knows beside the sample. Start from [`Context::phone`] or [`Context::collector`], which know nothing, and
/// set what is known: a rule whose fact is absent does not object.
#[derive(Clone, PartialEq, Debug)]
pub struct Context {
    /// Who judges.
    pub side: Side,
    /// Phone: now. Collector: when the sample was received.
    pub received_at: UtcMicros,
    /// Simulated facts and laboratory servers count here (demo).
    pub accept_simulated: bool,
    /// The collector's own resolution of the shared point; stands in place of the sample's.
    pub server_place: Option<Place>,
    /// Without a point: whether the sample's 200 m cell meets the commune the phone names.
    pub cell_in_commune: Option<bool>,
    /// Area of that commune, km²: small ones demand a better fix.
    pub commune_area_km2: Option<f64>,
    /// Another fix of the same run lies with certainty in another commune.
    pub left_commune: bool,
    /// Evidence.
    pub evidence: EvidenceState,
    /// Figures.
    pub recompute: RecomputeState,
    /// Server.
    pub server: ServerState,
    /// The body carries the device's valid signature; `None`: nobody looked. (A wrong one is refused, not judged.)
    pub signed: Option<bool>,
    /// The same measurement is already held under another id, or this id with another body.
    pub duplicate: bool,
    /// Samples of this device that count already in this commune on this day (UTC+7), this one excluded.
    pub device_counted_today_in_commune: u32,
    /// Seconds between the start of this sample and the nearest start, before or after, of a counted sample of the same
    /// device; queues empty out of order.
    pub seconds_to_nearest_counted: Option<u64>,
    /// Metres between the 200 m cell of this sample and the nearest cell of a counted sample of the same device on the same day
    /// (UTC+7); `None` where one of them has no cell, or there is no other.
    pub metres_to_nearest_counted_today: Option<f64>,
    /// What counts of one device at this collector.
    pub spacing: Spacing,
    /// Oldest method that counts; 0: any.
    pub oldest_method: u32,
    /// Newest method the judge knows; `u32::MAX`: any.
    pub newest_method: u32,
    /// Oldest version of the core that counts, semantic; `None`: any.
    pub oldest_version: Option<String>,
    /// When the sample's month was closed; what arrives later is flagged, not merged.
    pub cutoff: Option<UtcMicros>,
    /// Autonomous system of the upload's source address, for devices that cannot name their operator (iOS).
    pub upload_asn: Option<u32>,
}

impl Context {
    /// A phone that judges before it sends.
    pub fn phone(now: UtcMicros) -> Self {
        Self::new(Side::Phone, now)
    }

    /// A collector that judges what it received.
    pub fn collector(received_at: UtcMicros) -> Self {
        Self::new(Side::Collector, received_at)
    }

    fn new(side: Side, received_at: UtcMicros) -> Self {
        Self {
            side,
            received_at,
            accept_simulated: false,
            server_place: None,
            cell_in_commune: None,
            commune_area_km2: None,
            left_commune: false,
            evidence: EvidenceState::NotChecked,
            recompute: RecomputeState::NotChecked,
            server: ServerState::NotChecked,
            signed: None,
            duplicate: false,
            device_counted_today_in_commune: 0,
            seconds_to_nearest_counted: None,
            metres_to_nearest_counted_today: None,
            spacing: SPACING,
            oldest_method: 0,
            newest_method: u32::MAX,
            oldest_version: None,
            cutoff: None,
            upload_asn: None,
        }
    }
}
